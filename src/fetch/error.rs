//! What can go wrong with published data.

use std::io;
use std::path::{Path, PathBuf};

/// Why data could not be fetched or checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The operating system refused.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// No answer.
    #[error("{url}: no connection ({problem}); what has arrived is kept, the same command goes on from there")]
    Connection {
        /// The address.
        url: String,
        /// What happened.
        problem: String,
    },
    /// An answer that is no file.
    #[error("{url}: the server answers {status}, expected 200 or 206; is the address still right? --url takes another")]
    Status {
        /// The address.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// Fewer or more bytes than were announced.
    #[error("{url}: {found} bytes arrived, {expected} were announced; the same command goes on from there")]
    Length {
        /// The address.
        url: String,
        /// Announced.
        expected: u64,
        /// Arrived.
        found: u64,
    },
    /// Not the published file.
    #[error("{path}: MD5 is {found}, the published file has {expected}; it was removed, fetch it again or get it from another --url", path = path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Published.
        expected: &'static str,
        /// Of this file.
        found: String,
    },
    /// An archive that is damaged, or wants to write where it must not.
    #[error("{path}: {problem}; nothing was unpacked", path = path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Something else is there already.
    #[error("{path}: is there already and is left as it is; check it with edgebench data verify, or choose another --dir", path = path.display())]
    InTheWay {
        /// What is there.
        path: PathBuf,
    },
}

impl FetchError {
    pub(super) fn io(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.into(), source }
    }
}
