//! One file a command: parse, decide, do, print.

mod answers;
mod arrays;
mod bench;
#[cfg(feature = "train")]
mod compress;
mod corrupt;
#[cfg(feature = "fetch")]
mod data;
mod decide;
mod emit;
#[cfg(feature = "train")]
mod emulate;
mod eval;
mod host;
mod inspect;
mod isa;
mod ledgers;
mod on;
mod parity;
mod quantise;
mod rendering;
mod robust;
mod run;
mod samples;
#[cfg(feature = "train")]
mod sweep;
mod talk;
#[cfg(feature = "train")]
mod train;
#[cfg(feature = "train")]
mod train_bench;
#[cfg(feature = "train")]
mod train_watch;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser};
use edgebench_models::Many;
use serde::Serialize;

use crate::cli::{Cli, Command};
use talk::{Talk, paint, plain};

/// How a command ended when it could be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As asked.
    Done,
    /// Done, but a threshold that was asked for is missed.
    Missed,
}

/// The command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(std::env::args_os().collect::<Vec<OsString>>()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, everything else could not be done; a closed pipe changes neither.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    ExitCode::from(end(&cli, run(&cli)))
}

/// The exit code of a command; an error is told.
fn end(cli: &Cli, result: Result<Outcome>) -> u8 {
    match result {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Missed) => 1,
        Err(error) if is_broken_pipe(&error) => 0,
        Err(error) => {
            let mut stderr = io::stderr().lock();
            let colour = Talk::new(cli.quiet, cli.color).colour;
            let mut said = plain(&error.to_string());
            let _ = writeln!(stderr, "{} {said}", paint("error:", "31", colour));
            for cause in error.chain().skip(1).map(|cause| plain(&cause.to_string())) {
                // Some messages already end with what their cause says.
                if !said.ends_with(&cause) {
                    let _ = writeln!(stderr, "  cause: {cause}");
                }
                said = cause;
            }
            2
        }
    }
}

/// Does what the command line says.
///
/// # Errors
/// Whatever made it impossible.
pub fn run(cli: &Cli) -> Result<Outcome> {
    let talk = Talk::new(cli.quiet, cli.color);
    match &cli.command {
        Command::Bench(args) => bench::run(args, talk),
        Command::Corrupt(args) => corrupt::run(args, talk),
        #[cfg(feature = "fetch")]
        Command::Data(args) => data::run(args, talk),
        Command::Emit(args) => emit::run(args, talk),
        Command::Eval(args) => eval::run(args, talk),
        Command::Host(args) => host::run(args),
        Command::Inspect(args) => inspect::run(args, talk),
        Command::Quantise(args) => quantise::run(args, talk),
        Command::Report(args) => ledgers::report(args, talk),
        Command::Merge(args) => ledgers::merge(args, talk),
        Command::Run(args) => run::run(args, talk),
        #[cfg(feature = "train")]
        Command::Train(args) => train::run(args, talk),
        #[cfg(feature = "train")]
        Command::Compress(args) => compress::run(args, talk),
        #[cfg(feature = "train")]
        Command::Sweep(args) => sweep::run(args, talk),
        #[cfg(feature = "train")]
        Command::Demo(args) => sweep::demo(args, talk),
        Command::Parity(args) => parity::run(args, talk),
        Command::Isa(args) => isa::run(args),
        Command::Completions { shell } => completions(*shell),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "edgebench", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Outcome::Done)
}

/// Whether a plan for several images at once is worth asking for.
fn several(at_once: bool) -> Many {
    if at_once { Many::IfFaster } else { Many::Never }
}

/// Prints a result: as JSON, or as text for people.
fn print(result: &impl Serialize, json: bool, text: impl FnOnce() -> String) -> Result<()> {
    let mut stdout = io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut stdout, result)?;
        stdout.write_all(b"\n")?;
    } else {
        stdout.write_all(plain(&text()).as_bytes())?;
    }
    stdout.flush()?;
    Ok(())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(broken)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|e| e.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}
