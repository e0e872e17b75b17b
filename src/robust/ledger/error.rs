//! What can be wrong with a ledger.

use std::io;
use std::path::{Path, PathBuf};

use super::store::Place;

/// Every way in which reading, writing or merging ledgers can fail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// Another kind of file; it is left as it is.
    #[error("{path}: not a ledger ({found}); choose another file", path = path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
        /// What it begins with.
        found: String,
    },
    /// A damaged line that is not the last one.
    #[error(
        "{place}: the line is damaged: {problem}; take the file from a backup, or remove this line (its cell is then measured again)"
    )]
    Corrupt {
        /// File and line.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// Two results for the same thing.
    #[error(
        "{first} and {second} contradict each other: {cell}, {differ} answers differ; \
         float models may differ between instruction sets, anything else is a defect of a machine or of a file"
    )]
    Contradiction {
        /// The cell.
        cell: String,
        /// Images with different answers.
        differ: usize,
        /// File and line of one.
        first: String,
        /// File and line of the other.
        second: String,
    },
    /// Cells of different sizes over the same images.
    #[error("{first} and {second} overlap: {cell} and images {other}; they were measured with different --block")]
    Overlap {
        /// The cell.
        cell: String,
        /// Images of the other.
        other: String,
        /// File and line of one.
        first: String,
        /// File and line of the other.
        second: String,
    },
    /// Somebody else writes to it.
    #[error("{path}: another process is writing to this ledger; give every process its own and merge them", path = path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
}

impl LedgerError {
    pub(super) fn corrupt(place: &Place, problem: String) -> Self {
        Self::Corrupt { place: place.to_string(), problem }
    }

    pub(super) fn io(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.into(), source }
    }
}
