//! Studies: networks × recipes × seeds × corruptions, from one file.
//!
//! ```text
//! study.toml ─► StudyFile ─► units (network, recipe, seed) ─► models and what is known of them ─► cells in a ledger ─► report
//! ```
//! Every file that a sweep leaves in its folder is written whole, and beside it stands the name of all that it depends on. So a sweep
//! that was killed goes on where it was, parts of it may be made on different machines, and the report does not depend on how it was
//! run.

pub mod bounds;
pub mod control;
pub mod facts;
pub mod file;
pub mod folder;
pub mod stages;
pub mod units;

pub use bounds::Bounds;
pub use file::StudyFile;
pub use folder::Folder;

/// Why a study cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A study that says what cannot be.
    #[error("{file}: {problem}")]
    Study {
        /// Its name.
        file: String,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// A file of the sweep that cannot be read or written.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A recipe, a network or images.
    #[error(transparent)]
    Train(#[from] crate::train::Error),
}
