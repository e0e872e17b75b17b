//! What is known of a board: what its file says, and what runs its programs.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::board::Board;
use super::error::FirmwareError;

/// A board, and what runs its programs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BoardFacts {
    /// Its name.
    pub board: String,
    /// Its processor core.
    pub core: String,
    /// What the core has beside the base instructions: `dsp`, `mve`.
    pub features: Vec<String>,
    /// What the compiler builds for.
    pub target: String,
    /// Bytes for code and weights.
    pub flash_bytes: u64,
    /// Bytes for tensors and stack.
    pub ram_bytes: u64,
    /// The command that runs programs, without its options.
    pub runner: String,
    /// The emulator's version, in its own words; absent where a probe runs the programs of real hardware.
    pub emulator: Option<String>,
}

impl BoardFacts {
    /// Of this board.
    ///
    /// # Errors
    /// The command that runs programs is not there.
    pub fn of(board: &Board) -> Result<Self, FirmwareError> {
        let runner = runner(board)?.to_owned();
        let emulator = Some(&runner).filter(|name| name.contains("qemu")).and_then(|name| {
            let output = Command::new(name).arg("--version").stdin(Stdio::null()).output().ok()?;
            let text = String::from_utf8_lossy(&output.stdout);
            text.lines().next().map(|line| line.trim().to_owned())
        });
        Ok(Self {
            board: board.name.clone(),
            core: board.core.name().into(),
            features: board.features.clone(),
            target: board.target.clone(),
            flash_bytes: board.flash as u64,
            ram_bytes: board.ram as u64,
            runner,
            emulator,
        })
    }

    /// In a line.
    #[must_use]
    pub fn to_text(&self) -> String {
        let features = if self.features.is_empty() { "no extensions".into() } else { self.features.join(" ") };
        let [flash, ram] = [self.flash_bytes, self.ram_bytes].map(|bytes| bytes / 1024);
        let by = self.emulator.as_ref().unwrap_or(&self.runner);
        format!("{} ({features}), {flash} KiB of flash, {ram} KiB of RAM, run by {by}", self.core)
    }
}

/// The command that runs programs, if it is there.
///
/// # Errors
/// It is not.
pub fn runner(board: &Board) -> Result<&str, FirmwareError> {
    let name = board.run.first().ok_or_else(|| FirmwareError::Protocol {
        board: board.name.clone(),
        problem: "board.toml: run is empty, expected the command that runs a program".into(),
    })?;
    let there = |directory: &Path| directory.join(name).is_file();
    let found = match name.contains('/') {
        true => Path::new(name).is_file(),
        false => env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|directory| there(&directory))),
    };
    if found {
        return Ok(name);
    }
    Err(FirmwareError::NoRunner { board: board.name.clone(), runner: name.clone() })
}
