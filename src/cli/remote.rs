//! Other machines as types: `--on`, and the hidden command that works at the other end.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};

use crate::remote::Address;
use crate::remote::host::Manner;

/// Where a command runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Other machines")]
pub struct OnArgs {
    /// Run on this machine: ssh://user@host:port, or on a board in an emulator: qemu:BOARD; several times for several machines
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub on: Vec<On>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub there: ThereArgs,
}

/// Where a command runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// A machine that OpenSSH reaches.
    Ssh(Address),
    /// A board, by its name.
    Board(String),
}

impl FromStr for On {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("qemu:") {
            Some("") => Err("expected qemu:BOARD, such as qemu:mps2-an386".into()),
            Some(board) => Ok(Self::Board(board.into())),
            None => text.parse().map(Self::Ssh),
        }
    }
}

/// How programs run on other machines.
#[derive(Debug, Args)]
#[command(next_help_heading = "Other machines")]
pub struct ThereArgs {
    /// The program to send [default: edgebench-TARGET beside this one or in EDGEBENCH_PROGRAMS, else this one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub on_program: Option<PathBuf>,
    /// Start the program by this command there: "taskset -c 3", "nice", "qemu-aarch64 -cpu cortex-a76"
    #[arg(long, value_name = "COMMAND", value_parser = with)]
    pub on_with: Option<String>,
    /// Seconds after which a lost connection is given up
    #[arg(long, value_name = "S", default_value = "300")]
    pub on_patience: u64,
}

impl OnArgs {
    /// Whether another machine is asked for.
    #[must_use]
    pub fn wanted(&self) -> bool {
        !self.on.is_empty()
    }

    /// Machines that OpenSSH reaches.
    pub fn machines(&self) -> impl Iterator<Item = &Address> {
        self.on.iter().filter_map(|on| match on {
            On::Ssh(address) => Some(address),
            On::Board(_) => None,
        })
    }

    /// Boards.
    pub fn boards(&self) -> impl Iterator<Item = &str> {
        self.on.iter().filter_map(|on| match on {
            On::Board(name) => Some(name.as_str()),
            On::Ssh(_) => None,
        })
    }

    /// Whether what is said of other machines has one.
    ///
    /// # Errors
    /// The option that has none.
    pub fn check(&self) -> anyhow::Result<()> {
        if self.boards().next().is_some() && self.machines().next().is_some() {
            anyhow::bail!("--on with boards and with other machines: run them one after the other, with one --ledger");
        }
        let given = [("--on-program", self.there.on_program.is_some()), ("--on-with", self.there.on_with.is_some())];
        match given.iter().find(|(_, given)| *given && !self.wanted()) {
            Some((name, _)) => anyhow::bail!("{name} is about another machine: give --on ssh://user@host"),
            None => Ok(()),
        }
    }
}

impl ThereArgs {
    /// How jobs are run there.
    #[must_use]
    pub fn manner(&self) -> Manner<'_> {
        Manner {
            program: self.on_program.as_deref(),
            with: self.on_with.as_deref(),
            patience: Duration::from_secs(self.on_patience),
        }
    }
}

/// A command and its arguments: words of letters, digits and a few signs, so that no shell changes them.
fn with(text: &str) -> Result<String, String> {
    let sound = |c: char| c.is_ascii_alphanumeric() || " %+,-./:=@_".contains(c);
    match text.chars().find(|&c| !sound(c)) {
        None if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        None => Err("expected a command".into()),
        Some(c) => Err(format!("{c:?} is not passed on; write a script there and name it")),
    }
}

/// `edgebench host`: the other end of `--on`.
#[derive(Debug, Args)]
pub struct HostArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: HostCommand,
}

/// What to do at the other end.
#[derive(Debug, Subcommand)]
pub enum HostCommand {
    /// Do the job in a directory, unless somebody else does
    Run {
        /// The directory
        dir: PathBuf,
    },
    /// Tell how the job in a directory goes, line by line
    Follow {
        /// The directory
        dir: PathBuf,
        /// Bytes of its ledger that are known
        #[arg(long, default_value = "0")]
        ledger: u64,
        /// Bytes of its standard error that are known
        #[arg(long, default_value = "0")]
        said: u64,
    },
    /// Tell what this machine is
    Facts,
}
