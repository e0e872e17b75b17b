//! What can go wrong while data are read, and who is at fault.

use std::io;
use std::path::{Path, PathBuf};

/// Every way in which reading or writing a data set or an array can fail.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// The file is not what it claims to be, or was cut.
    #[error("{path}: {problem}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        problem: String,
    },
    /// The file is sound but of a kind that is not read here.
    #[error("{path}: {found}; {advice}", path = path.display())]
    Unsupported {
        /// The file or directory.
        path: PathBuf,
        /// What was found.
        found: String,
        /// What to do.
        advice: String,
    },
    /// More than one reading is possible.
    #[error("{path}: could be {found}; {advice}", path = path.display())]
    Ambiguous {
        /// The file or directory.
        path: PathBuf,
        /// The possible readings.
        found: String,
        /// How to choose.
        advice: String,
    },
    /// A file that belongs to the data is not there.
    #[error("{path}: {what} is missing; {advice}", path = path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// What is missing.
        what: String,
        /// What to do.
        advice: String,
    },
    /// Parts that are sound by themselves do not belong together.
    #[error("{path}: {problem}", path = path.display())]
    Inconsistent {
        /// The file or directory.
        path: PathBuf,
        /// What was compared and what was found.
        problem: String,
    },
    /// A size above what is read into memory.
    #[error("{path}: {what} takes {bytes} bytes, the limit is {limit}; read fewer samples at a time", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is too large.
        what: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
}

/// What the readers return.
pub type Result<T> = std::result::Result<T, DataError>;

impl DataError {
    pub(crate) fn malformed(path: &Path, problem: impl Into<String>) -> Self {
        Self::Malformed { path: path.into(), problem: problem.into() }
    }

    pub(crate) fn inconsistent(path: &Path, problem: impl Into<String>) -> Self {
        Self::Inconsistent { path: path.into(), problem: problem.into() }
    }

    pub(crate) fn unsupported(path: &Path, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Unsupported { path: path.into(), found: found.into(), advice: advice.into() }
    }

    pub(crate) fn missing(path: &Path, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Missing { path: path.into(), what: what.into(), advice: advice.into() }
    }
}

/// Attaches the path to an input or output error.
pub(crate) trait At<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| DataError::Io { path: path.into(), source })
    }
}
