//! The program for a board: a plan as source, built.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use edgebench_models::emit::{Emitted, SOURCE, WEIGHTS, emit};
use edgebench_models::{Arithmetic, Graph, LowerOptions, Plan, lower};

use super::board::Board;
use super::error::FirmwareError;
use super::facts::runner;
use super::scratch::Scratch;

/// A program that runs a network on a board.
#[derive(Debug)]
pub struct Program {
    /// The board.
    pub board: Board,
    /// The plan that it runs.
    pub plan: Arc<Plan>,
    /// Hash of the model's file, in hex, which the program tells when it begins.
    pub sha256: String,
    /// See [`Emitted::layers`].
    pub layers: Vec<bool>,
    /// The program.
    pub elf: PathBuf,
    _scratch: Scratch,
}

/// What a program is made of, and for.
#[derive(Clone, Copy, Debug)]
pub struct Recipe<'a> {
    /// The board.
    pub board: &'a Board,
    /// Whose integers.
    pub arithmetic: Arithmetic,
    /// Bytes for images and their corruptions; 0 for a program that cannot corrupt images.
    pub workspace: usize,
}

impl Program {
    /// Lowers `graph` for the board, and builds the program. `name` and `sha256` are the model file's.
    ///
    /// # Errors
    /// A network that cannot be lowered, or does not fit; a program that cannot be built.
    pub fn build(recipe: Recipe<'_>, graph: &Graph, (name, sha256): (&str, &str)) -> Result<Self, FirmwareError> {
        let Recipe { board, arithmetic, workspace } = recipe;
        // Nobody waits for a program that cannot be run.
        runner(board)?;
        let options = LowerOptions { arithmetic, isa: board.core.isa(), ..LowerOptions::default() };
        let plan = lower(graph, &options)?;
        let emitted = emit(graph, &plan, name, sha256)?;
        board.check(emitted.weights.len(), plan.arena_len, workspace)?;
        let scratch = Scratch::new()?;
        write(&emitted, scratch.path())?;
        let elf = build(board, scratch.path(), workspace)?;
        Ok(Self {
            board: board.clone(),
            plan: Arc::new(plan),
            sha256: sha256.into(),
            layers: emitted.layers,
            elf,
            _scratch: scratch,
        })
    }
}

fn write(emitted: &Emitted, to: &Path) -> Result<(), FirmwareError> {
    for (file, bytes) in [(SOURCE, emitted.source.as_bytes()), (WEIGHTS, &emitted.weights)] {
        let path = to.join(file);
        fs::write(&path, bytes).map_err(FirmwareError::io(path.display().to_string()))?;
    }
    Ok(())
}

/// Builds what lies in `plan`; the program lies there too.
fn build(board: &Board, plan: &Path, workspace: usize) -> Result<PathBuf, FirmwareError> {
    let script = board.source.join("build.sh");
    let mut command = Command::new(&script);
    command.arg(&board.name).arg(plan).arg(cache().join(board.name.replace('/', "_"))).stdin(Stdio::null());
    if workspace > 0 {
        command.arg(format!("corrupt={workspace}"));
    }
    let output = command.output().map_err(FirmwareError::io(script.display().to_string()))?;
    let failed = |said: &[u8]| {
        let text = String::from_utf8_lossy(said);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let output = lines[lines.len().saturating_sub(20)..].join("\n");
        FirmwareError::Build { board: board.name.clone(), output }
    };
    if !output.status.success() {
        return Err(failed(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let built = text.lines().last().map(PathBuf::from).filter(|path| path.is_file());
    let built = built.ok_or_else(|| failed(b"build.sh does not say where the program is"))?;
    // The next build replaces it.
    let elf = plan.join("firmware.elf");
    fs::copy(&built, &elf).map_err(FirmwareError::io(built.display().to_string()))?;
    Ok(elf)
}

/// Where builds leave what the next build can use.
fn cache() -> PathBuf {
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home).unwrap_or_else(env::temp_dir);
    cache.join("edgebench").join("firmware")
}
