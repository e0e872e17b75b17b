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
    /// What the core has beside the base instructions.
    pub features: Vec<String>,
    /// What the compiler builds for.
    pub target: String,
    /// Bytes for code and weights.
    pub flash: usize,
    /// Bytes for tensors and stack.
    pub ram: usize,
    /// Bytes of `ram` that are the stack's.
    pub stack: usize,
    /// The command that runs a program, whose path is added.
    pub run: Vec<String>,
}

#[derive(Deserialize)]
struct File {
    core: String,
    #[serde(default)]
    features: String,
    #[serde(default)]
    target: String,
    flash: String,
    ram: String,
    stack: String,
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
            let known = known(&source);
            let nearest = nearest(name, &known).map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
            return Err(FirmwareError::UnknownBoard { name: name.into(), nearest, known: known.join(" ") });
        }
        let text = fs::read_to_string(&path).map_err(FirmwareError::io(path.display().to_string()))?;
        let problem = |problem: String| FirmwareError::Board { path: path.clone(), problem };
        let file: File = toml::from_str(&text).map_err(|error| problem(error.message().to_owned()))?;
        let size = |what: &str, text: &str| bytes(text).map_err(|wrong| problem(format!("{what}: {wrong}")));
        Ok(Self {
            name: name.into(),
            core: file.core.parse().map_err(|wrong| problem(format!("core: {wrong}")))?,
            features: file.features.split_whitespace().map(str::to_owned).collect(),
            target: file.target,
            flash: size("flash", &file.flash)?,
            ram: size("ram", &file.ram)?,
            stack: size("stack", &file.stack)?,
            run: file.run.split_whitespace().map(str::to_owned).collect(),
            source,
        })
    }

    /// Whether a network fits, and `workspace` bytes for corruptions.
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

fn known(source: &Path) -> Vec<String> {
    let entries = fs::read_dir(source.join("boards")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The known name that differs least from `name`, if it differs in less than half of its letters.
fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a String> {
    let near = known.iter().map(|other| (distance(name, other), other)).min()?;
    (2 * near.0 < name.chars().count()).then_some(near.1)
}

/// Letters to be added, left out or exchanged to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let exchanged = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = exchanged.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
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
    fn a_slip_of_the_pen_is_seen() {
        let known = ["mps2-an386", "mps2-an500", "mps3-an547"].map(str::to_owned);
        let near = |name| nearest(name, &known).map(String::as_str);
        assert_eq!((near("mps2an386"), near("MPS2-an500")), (Some("mps2-an386"), Some("mps2-an500")));
        assert_eq!((near("mps3-an574"), near("stm32")), (Some("mps3-an547"), None));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (flash, ram, stack) = (100_000, 60_000, 4096);
        let (name, source, run) = ("b".to_owned(), PathBuf::new(), Vec::new());
        let (features, target) = (Vec::new(), String::new());
        let board = Board { name, source, core: Core::M4, features, target, flash, ram, stack, run };
        assert!(board.check(90_000, 50_000, 0).is_ok());
        let refused = |result: Result<(), FirmwareError>| result.expect_err("too large").to_string();
        assert!(refused(board.check(100_001, 50_000, 0)).contains("100001 bytes of flash"));
        assert!(refused(board.check(90_000, 56_000, 0)).contains("60096 bytes of RAM"));
        assert!(refused(board.check(90_000, 50_000, 9_000)).contains("9000 for corruptions"));
    }
}
