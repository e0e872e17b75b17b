//! Robustness: a model on clean and corrupted images, cell by cell, in a ledger that survives everything.
//!
//! ```text
//! grid (conditions × blocks of images) ─► shard ─► run (source paints, sessions answer) ─► ledger of cells
//! ```
//! A cell is one model on a block of images under one condition. Its content depends on nothing but its key, so that cells of
//! different machines, thread counts and shards belong together; what is made of them ([`crate::report`]) is a function of the
//! set of cells.

pub mod cell;
pub mod condition;
pub mod confidence;
pub mod files;
pub mod grid;
pub mod ledger;
pub mod run;
pub mod shard;
pub mod source;
