//! Published data sets: where they are, whether a copy is whole, and how to get one.

mod download;
mod error;
mod extract;
mod sets;
mod verify;

pub use download::{Download, download};
pub use error::FetchError;
pub use extract::extract;
pub use sets::{Archive, SETS};
pub use verify::{Finding, Verdict, md5_of, verify};
