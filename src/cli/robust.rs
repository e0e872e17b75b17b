//! Robustness as types: the part of `edgebench eval` that measures it, `edgebench report` and `edgebench merge`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use edgebench_corrupt::Constants;

use super::corrupt::{Kinds, Severities, constants_parser, kinds_parser, severities};
use crate::metrics::criterion::Criterion;
use crate::robust::grid::{BLOCK, SMALL_BLOCK};
use crate::robust::shard::ShardChoice;

/// What `edgebench eval` measures beside clean accuracy.
#[derive(Debug, Args)]
#[command(next_help_heading = "Robustness")]
pub struct RobustArgs {
    /// Corruptions, separated by commas, or all (19), benchmark (15: the ones of mCE) or extra (4)
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = kinds_parser())]
    pub corruptions: Vec<Kinds>,
    /// Severities: 1-5, 3 or 1,3,5
    #[arg(long, value_name = "LEVELS", default_value = "1-5", value_parser = severities)]
    pub severity: Severities,
    /// Take corrupted images from a directory like CIFAR-10-C (NAME.npy, labels.npy) [default: corrupt --data on the way]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = ["constants", "frost_dir"])]
    pub corrupted: Option<PathBuf>,
    /// Constants of the corruptions [default: cifar up to 64 pixels, imagenet for larger images]
    #[arg(long, value_name = "SET", value_parser = constants_parser())]
    pub constants: Option<Constants>,
    /// Seed of the corruptions' random numbers
    #[arg(long, value_name = "N", default_value = "0")]
    pub seed: u64,
    /// Photographs of frost (.png, .jpg) [default: frost is drawn, as frost-synthetic]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub frost_dir: Option<PathBuf>,
    /// Keep every measured cell in this file; a run that was stopped goes on where it was
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub ledger: Option<PathBuf>,
    /// Measure part i of n only, or the part that Slurm, Kubernetes or a CI matrix gives this process (auto)
    #[arg(long, value_name = "I/N|auto", requires = "ledger")]
    pub shard: Option<ShardChoice>,
    /// Images of a cell; the same for all shards [default: 1000, with --until-decided 20]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub block: Option<u64>,
    /// Measure images in random order until this is decided: "mce<=BASE+2", "clean>=84%"; exit with 1 if it does not hold
    #[arg(long, value_name = "CONDITION", conflicts_with_all = ["shard", "fail_if", "html", "csv", "markdown", "junit", "result"])]
    pub until_decided: Option<Criterion>,
    /// Probability of a wrong verdict of --until-decided, at most
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = error_rate, requires = "until_decided")]
    pub error_rate: f64,
}

fn error_rate(text: &str) -> Result<f64, String> {
    let value = super::share(text)?;
    if (1e-6..=0.5).contains(&value) { Ok(value) } else { Err("expected 0.0001% to 50%".into()) }
}

impl RobustArgs {
    /// Images of a cell.
    #[must_use]
    pub fn block(&self) -> u64 {
        self.block.unwrap_or(if self.until_decided.is_some() { SMALL_BLOCK } else { BLOCK })
    }

    /// Whether robustness is to be measured at all.
    #[must_use]
    pub fn wanted(&self) -> bool {
        !self.corruptions.is_empty() || self.corrupted.is_some()
    }
}

/// How robustness is told.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub struct Rendering {
    /// What CE is relative to: a model (file name), a result (.json of an earlier report), or alexnet (ImageNet only)
    #[arg(long, value_name = "MODEL|FILE|alexnet")]
    pub baseline: Option<String>,
    /// Round CE to integers before the mean, as the study on compressed networks does
    #[arg(long)]
    pub paper_rounding: bool,
    /// Samples of the bootstrap intervals; 0: none
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub bootstrap: u32,
    /// Exit with 1 if a model meets this: "mce>105", "clean<84%", "mce>BASE+2", "zip>100KB"; may be given several times
    #[arg(long, value_name = "CONDITION")]
    pub fail_if: Vec<Criterion>,
    /// Write one HTML file with heat maps and plots
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
    /// Write one line for each cell
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub csv: Option<PathBuf>,
    /// Write tables for a README or a pull request
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub markdown: Option<PathBuf>,
    /// Write --fail-if as tests that a CI system shows
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub junit: Option<PathBuf>,
    /// Write the result, a --baseline for later
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub result: Option<PathBuf>,
}

/// `edgebench report`.
#[derive(Debug, Args)]
#[command(after_help = "\
Nothing is measured: a report is a function of the cells in the ledgers, and the same cells give the same bytes.

Examples:
  edgebench report run.ledger --baseline float32 --html report.html
  edgebench report shard-*.ledger --csv cells.csv --fail-if \"mce>105\"")]
pub struct ReportArgs {
    /// Ledgers that edgebench eval wrote
    #[arg(value_name = "LEDGER", required = true, value_hint = ValueHint::FilePath)]
    pub ledgers: Vec<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub rendering: Rendering,
    /// Threads for the bootstrap [default: the CPUs of this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// `edgebench merge`.
#[derive(Debug, Args)]
#[command(after_help = "\
Merging is the union of sets: cells that are in several ledgers must agree, and the order of the files does not matter.

Examples:
  edgebench merge shard-*.ledger --output all.ledger")]
pub struct MergeArgs {
    /// Ledgers that edgebench eval wrote
    #[arg(value_name = "LEDGER", required = true, value_hint = ValueHint::FilePath)]
    pub ledgers: Vec<PathBuf>,
    /// Where to write the merged ledger; it may be one of them
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Print what was done as JSON
    #[arg(long)]
    pub json: bool,
}
