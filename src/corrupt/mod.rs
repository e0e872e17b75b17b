//! Corrupted images of a data set, on many threads.
//!
//! The corruptions themselves are [`edgebench_corrupt`]'s; here are the data they are applied to, photographs of frost, and
//! the files that the result is written to.

mod font;
mod frost;
mod generator;
mod sheet;
mod write;

pub use frost::read_photographs;
pub use generator::{CorruptError, Generator, corrupt_one, default_constants};
pub use sheet::contact_sheet;
pub use write::{write_labels, write_npy, write_png_folder, write_sheet};
