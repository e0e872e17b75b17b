//! `edgebench sweep` and `edgebench demo` as types.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use edgebench_train::exec::Executor;

use crate::cli::train::executor_parser;
use crate::robust::shard::ShardChoice;
use crate::study::Bounds;

/// `edgebench sweep`.
#[derive(Debug, Args)]
#[command(after_help = "\
The folder gets networks/ and models/ (.tflite, with what is known of each beside it), stages/ (trainings, to go on with), ledgers/ (measured \
cells), study.json, report.html, report.md and models.csv. A sweep that is killed goes on where it was when the same command runs again. \
Shards may write to one folder or to folders of their own that are copied together afterwards; the command without --shard then writes \
the report, which does not depend on how the sweep was run. What a study file holds: docs/study.md.

Bounds: drop (points of accuracy lost), mce (number, or +2 for 102), accuracy, flash, ram, zip (bytes, K, M).

Examples:
  edgebench sweep study.toml -o digits/
  edgebench sweep study.toml -o digits/ --shard 1/4
  edgebench sweep study.toml -o digits/ --bounds \"drop<=0.5,mce<=+2,flash<=64K,ram<=48K\"")]
pub struct SweepArgs {
    /// The study
    #[arg(value_name = "STUDY", value_hint = ValueHint::FilePath)]
    pub study: PathBuf,
    /// The folder of the sweep [default: the study's name]
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
    /// Make and measure part i of n only, or the part that Slurm, Kubernetes or a CI matrix gives this process (auto)
    #[arg(long, value_name = "I/N|auto", conflicts_with_all = ["bounds", "html", "json"])]
    pub shard: Option<ShardChoice>,
    /// Name the recipes that keep within bounds; exit with 1 if none does
    #[arg(long, value_name = "BOUNDS")]
    pub bounds: Option<Bounds>,
    /// Write the page to this file too, with the verdict on --bounds
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// Threads; do not change the result [default: the CPUs of this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// What trains: cpu, torch, torch:cuda or torch:cuda:N (built with `--features torch`)
    #[arg(long, value_name = "NAME", default_value = "cpu", value_parser = executor_parser())]
    pub executor: Executor,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// `edgebench demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
A study of the embedded digits: trains a small network, makes the sixteen compressed forms of the study on compressed networks and a \
control, measures each under 15 corruptions, and writes a page. Two runs give identical results; `edgebench sweep` does the same with your \
networks and images.

Examples:
  edgebench demo
  edgebench demo -o /tmp/demo --seed 2")]
pub struct DemoArgs {
    /// The folder of the results
    #[arg(long, short, value_name = "DIR", default_value = "edgebench-demo", value_hint = ValueHint::DirPath)]
    pub output: PathBuf,
    /// Names all random numbers
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Name the recipes that keep within bounds; exit with 1 if none does
    #[arg(long, value_name = "BOUNDS")]
    pub bounds: Option<Bounds>,
    /// Threads; do not change the result [default: the CPUs of this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// At most this many images of each part, two epochs, one severity: for tests of this command
    #[arg(long, value_name = "N", hide = true)]
    pub limit: Option<usize>,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}
