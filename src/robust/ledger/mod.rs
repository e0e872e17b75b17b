//! Journaled cells: a run resumes where it stopped, shards write anywhere, merging is the union of sets.
//!
//! A ledger is a text file of JSON lines, each with a checksum. It only grows; a line is on the disk before the next cell is
//! written. Killed at any moment it ends with a part of a line at most, which the next run cuts off.

mod error;
mod hex;
mod journal;
mod line;
pub mod record;
mod store;

pub use error::LedgerError;
pub use journal::{Journal, Reading, read, write};
pub use line::read as read_line;
pub use store::{Place, Store};
