//! What can go wrong with a board.

use std::io;
use std::path::PathBuf;

/// What can go wrong with a board.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FirmwareError {
    /// The source of the firmware was not found.
    #[error(
        "the firmware's source was not found; expected the directory `firmware` of an edgebench checkout here or above, or its path in \
         EDGEBENCH_FIRMWARE"
    )]
    NoSource,
    /// A board that there is no directory for.
    #[error("{name} is no board{nearest}; there are {known} (docs/boards.md says how to add one)")]
    UnknownBoard {
        /// What was asked for.
        name: String,
        /// What may have been meant, as a question; empty if nothing is near.
        nearest: String,
        /// Those that are there.
        known: String,
    },
    /// A board's file that is wrong.
    #[error("{path}: {problem}", path = path.display())]
    Board {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what is expected.
        problem: String,
    },
    /// A file or program that the operating system refuses.
    #[error("{what}: {source}")]
    Io {
        /// The file, or what was to be done.
        what: String,
        /// The system's own words.
        source: io::Error,
    },
    /// The network needs more than the board has.
    #[error(
        "{board}: the network needs {needed} bytes of {memory} ({parts}), the board has {there}; nothing was built"
    )]
    TooSmall {
        /// The board.
        board: String,
        /// Flash or RAM.
        memory: &'static str,
        /// What the network needs.
        needed: usize,
        /// What it is needed for.
        parts: String,
        /// What there is.
        there: usize,
    },
    /// Nothing there runs programs of the board.
    #[error(
        "{board}: {runner} was not found, which runs its programs; install it (on Debian: apt install qemu-system-arm), or name \
         another command as `run` in board.toml"
    )]
    NoRunner {
        /// The board.
        board: String,
        /// The command.
        runner: String,
    },
    /// The program was not built.
    #[error("the firmware for {board} was not built:\n{output}")]
    Build {
        /// The board.
        board: String,
        /// The last lines of what the build said.
        output: String,
    },
    /// The program ended in another way than it should.
    #[error("{board}: the program ended with {status} after {answers} answers{said}")]
    Ended {
        /// The board.
        board: String,
        /// Exit code or signal.
        status: String,
        /// Answers that had come.
        answers: usize,
        /// What it said.
        said: String,
    },
    /// Nothing came for too long.
    #[error("{board}: nothing came for {seconds} seconds; --on-patience waits longer")]
    Silent {
        /// The board.
        board: String,
        /// How long.
        seconds: u64,
    },
    /// An answer that is none.
    #[error("{board}: {problem}")]
    Protocol {
        /// The board.
        board: String,
        /// What is wrong.
        problem: String,
    },
    /// A model that cannot be lowered or written.
    #[error(transparent)]
    Model(#[from] edgebench_models::Error),
}

impl FirmwareError {
    /// As a function of the system's error.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
