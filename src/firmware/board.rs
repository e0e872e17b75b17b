//! Boards: directories of `firmware/boards` with a memory map and a `board.toml`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::core::Core;
use super::error::FirmwareError;

/// A board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// As on the command line.
    pub name: String,
    /// The directory `firmware`.
    pub source: PathBuf,
    /// Its processor core.
    pub core: Core,
    /// Bytes for code and weights.
    pub flash: usize,
    /// Bytes for tensors and stack.
    pub ram: usize,
    /// Bytes of `ram` that are the stack's.
    pub stack: usize,
    /// Bytes of `ram` that corruptions may work in.
    pub workspace: usize,
    /// The command that runs a program, whose path is added.
    pub run: Vec<String>,
}

#[derive(Deserialize)]
struct File {
    core: String,
    flash: String,
    ram: String,
    stack: String,
    #[serde(default)]
    workspace: String,
    run: String,
}

impl Board {
    /// The board of this name, or in the directory of this path.
    ///
    /// # Errors
    /// No such board, or one whose file is wrong.
    pub fn open(name: &str) -> Result<Self, FirmwareError> {
        let source = source()?;
        let directory = if name.contains('/') { PathBuf::from(name) } else { source.join("boards").join(name) };
        let path = directory.join("board.toml");
        if !path.is_file() {
            return Err(FirmwareError::UnknownBoard { name: name.into(), known: known(&source) });
        }
        let text = fs::read_to_string(&path).map_err(FirmwareError::io(path.display().to_string()))?;
        let problem = |problem: String| FirmwareError::Board { path: path.clone(), problem };
        let file: File = toml::from_str(&text).map_err(|error| problem(error.message().to_owned()))?;
        let size = |what: &str, text: &str| bytes(text).map_err(|wrong| problem(format!("{what}: {wrong}")));
        Ok(Self {
            name: name.into(),
            core: file.core.parse().map_err(|wrong| problem(format!("core: {wrong}")))?,
            flash: size("flash", &file.flash)?,
            ram: size("ram", &file.ram)?,
            stack: size("stack", &file.stack)?,
            workspace: if file.workspace.is_empty() { 0 } else { size("workspace", &file.workspace)? },
            run: file.run.split_whitespace().map(str::to_owned).collect(),
            source,
        })
    }

    /// Whether a network fits.
    ///
    /// # Errors
    /// What does not.
    pub fn check(&self, weights: usize, arena: usize, workspace: usize) -> Result<(), FirmwareError> {
        let ram = arena + self.stack + workspace;
        let mut parts = format!("{arena} of arena, {} of stack", self.stack);
        if workspace > 0 {
            parts += &format!(", {workspace} for corruptions");
        }
        let flash = ("flash", weights, "weights, code not counted".to_owned(), self.flash);
        for (memory, needed, parts, there) in [flash, ("RAM", ram, parts, self.ram)] {
            if needed > there {
                return Err(FirmwareError::TooSmall { board: self.name.clone(), memory, needed, parts, there });
            }
        }
        Ok(())
    }
}

/// A size: bytes, or KiB with K, MiB with M.
///
/// # Errors
/// What it is instead, in words.
pub fn bytes(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.strip_suffix(['K', 'k']) {
        Some(rest) => (rest, 1 << 10),
        None => text.strip_suffix(['M', 'm']).map_or((text, 1), |rest| (rest, 1 << 20)),
    };
    let size = digits.trim().parse::<usize>().ok().and_then(|n| n.checked_mul(unit));
    size.ok_or_else(|| format!("{text:?} is no size, expected bytes, or a number with K or M"))
}

/// The directory `firmware`: as the environment says, or here or above.
fn source() -> Result<PathBuf, FirmwareError> {
    let is_it = |path: &Path| path.join("build.sh").is_file() && path.join("boards").is_dir();
    if let Some(path) = env::var_os("EDGEBENCH_FIRMWARE").map(PathBuf::from) {
        return Some(path).filter(|path| is_it(path)).ok_or(FirmwareError::NoSource);
    }
    let here = env::current_dir().map_err(FirmwareError::io("the current directory"))?;
    let found = here.ancestors().map(|above| above.join("firmware")).find(|path| is_it(path));
    found.ok_or(FirmwareError::NoSource)
}

fn known(source: &Path) -> String {
    let entries = fs::read_dir(source.join("boards")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!((bytes("512"), bytes("4K"), bytes("2M")), (Ok(512), Ok(4096), Ok(2 << 20)));
        assert!(bytes("4G").is_err() && bytes("").is_err() && bytes("K").is_err());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (flash, ram, stack) = (100_000, 60_000, 4096);
        let (name, source, run) = ("b".to_owned(), PathBuf::new(), Vec::new());
        let board = Board { name, source, core: Core::M4, flash, ram, stack, workspace: 0, run };
        assert!(board.check(90_000, 50_000, 0).is_ok());
        let refused = |result: Result<(), FirmwareError>| result.expect_err("too large").to_string();
        assert!(refused(board.check(100_001, 50_000, 0)).contains("100001 bytes of flash"));
        assert!(refused(board.check(90_000, 56_000, 0)).contains("60096 bytes of RAM"));
        assert!(refused(board.check(90_000, 50_000, 9_000)).contains("9000 for corruptions"));
    }
}
