//! What can go wrong with another machine.

use std::io;
use std::path::PathBuf;

/// What can go wrong with another machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// No OpenSSH here.
    #[error("{program}: cannot be started; --on needs OpenSSH's client")]
    NoSsh {
        /// What was tried.
        program: String,
        /// The system's own words.
        source: io::Error,
    },
    /// No way there.
    #[error("{host}: cannot be reached ({words}); check that it is on, its name and its port: ssh must work by itself")]
    Unreachable {
        /// The machine.
        host: String,
        /// What ssh said.
        words: String,
    },
    /// It may be another machine.
    #[error(
        "{host}: its host key is not the one that is known ({words}). It may have been installed anew, or somebody stands in \
         between. If you are sure: ssh-keygen -R with its name, then connect once with ssh; nothing was sent"
    )]
    HostKey {
        /// The machine.
        host: String,
        /// What ssh said.
        words: String,
    },
    /// It does not let us in.
    #[error("{host}: refuses to log in ({words}); use a key that needs no password here (ssh-agent)")]
    Refused {
        /// The machine.
        host: String,
        /// What ssh said.
        words: String,
    },
    /// Not a machine that there is a program for.
    #[error("{host}: runs {found}; expected Linux on x86_64, aarch64 or armv7")]
    Platform {
        /// The machine.
        host: String,
        /// What it is.
        found: String,
    },
    /// No program for it.
    #[error(
        "{host}: is {arch}, and there is no edgebench for {arch} here (looked at: {looked}). Build one with \
         scripts/cross.sh build {target}, or take one from a release, and name it with --on-program FILE"
    )]
    NoProgram {
        /// The machine.
        host: String,
        /// Its architecture.
        arch: String,
        /// What to build.
        target: &'static str,
        /// Files that would have been taken.
        looked: String,
    },
    /// A program for another machine.
    #[error("{path}: is a program for {found}, {host} is {wanted}; build one with scripts/cross.sh build {target}", path = path.display())]
    WrongProgram {
        /// The program.
        path: PathBuf,
        /// Its architecture.
        found: String,
        /// The machine.
        host: String,
        /// Its architecture.
        wanted: String,
        /// What to build.
        target: &'static str,
    },
    /// The program does not start there.
    #[error(
        "{host}: edgebench does not start there: {words}; static programs run anywhere: scripts/cross.sh, or a release"
    )]
    DoesNotStart {
        /// The machine.
        host: String,
        /// What it said.
        words: String,
    },
    /// No room.
    #[error(
        "{host}: no room in {dir}: {needed} bytes are needed, {free} are free; make room, or set XDG_CACHE_HOME there"
    )]
    Full {
        /// The machine.
        host: String,
        /// The directory.
        dir: String,
        /// Bytes to be sent, and some more.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A command there failed.
    #[error("{host}: {what} failed: {words}")]
    Command {
        /// The machine.
        host: String,
        /// What was to be done.
        what: &'static str,
        /// What it said.
        words: String,
    },
    /// The connection broke, once.
    #[error("the connection to {host} was lost ({words})")]
    Lost {
        /// The machine.
        host: String,
        /// What ssh said.
        words: String,
    },
    /// The connection broke for good.
    #[error(
        "{host}: the connection was lost and does not come back ({words}); the run goes on there, the same command resumes it"
    )]
    Gone {
        /// The machine.
        host: String,
        /// What ssh said.
        words: String,
    },
    /// The run there ended without a result.
    #[error("{host}: edgebench stopped there with exit code {code}: {words}")]
    Failed {
        /// The machine.
        host: String,
        /// Its exit code.
        code: i32,
        /// What it said last.
        words: String,
    },
    /// The run there was killed again and again.
    #[error("{host}: edgebench was killed there {times} times (too little memory?); its last words: {words}")]
    Killed {
        /// The machine.
        host: String,
        /// How often.
        times: u32,
        /// What it said last.
        words: String,
    },
    /// The other end says what cannot be.
    #[error("{host}: sent {problem}")]
    Protocol {
        /// The machine.
        host: String,
        /// What.
        problem: String,
    },
    /// A file here.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// A directory that cannot be packed.
    #[error("{path}: {problem}", path = path.display())]
    Pack {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

impl RemoteError {
    /// Whether it is worth trying again.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Unreachable { .. })
    }

    pub(super) fn io(path: &std::path::Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.into(), source }
    }
}
