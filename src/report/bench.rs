//! How long models and their operators take.

use serde::Serialize;

use crate::machine::Machine;

/// How long models and their operators take.
#[derive(Clone, Debug, Serialize)]
pub struct BenchReport {
    /// [`BenchReport::SCHEMA`].
    pub schema: &'static str,
    /// Where it was measured.
    pub machine: Machine,
    /// Largest peak of the runs: 10⁹ multiply-accumulates per second on registers alone.
    pub peak_gmacs: f64,
    /// Every model on every instruction set.
    pub runs: Vec<BenchRow>,
}

/// One model on one instruction set.
#[derive(Clone, Debug, Serialize)]
pub struct BenchRow {
    /// The file, as given.
    pub file: String,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Whose integers.
    pub arithmetic: &'static str,
    /// Instruction set.
    pub isa: &'static str,
    /// Threads.
    pub threads: usize,
    /// Threads that work on one image together.
    pub threads_per_image: usize,
    /// Images of one run.
    pub batch: usize,
    /// Images that a thread computes at once.
    pub images_at_once: usize,
    /// Timed runs.
    pub runs: usize,
    /// Median time of a run, in milliseconds.
    pub ms_median: f64,
    /// One run in ten is faster.
    pub ms_p10: f64,
    /// One run in ten is slower.
    pub ms_p90: f64,
    /// Share of runs that are far from the median.
    pub outliers: f64,
    /// Images per second at the median.
    pub images_per_s: f64,
    /// Multiply-accumulates of one image.
    pub macs: u64,
    /// 10⁹ multiply-accumulates per second at the median.
    pub gmacs: f64,
    /// The machine's peak with this instruction set, type of number and number of threads.
    pub peak_gmacs: f64,
    /// `gmacs / peak_gmacs`
    pub peak_share: f64,
    /// Bytes of activations and scratch memory of each thread, or of all together where they share an image.
    pub arena_bytes: usize,
    /// Every operator on one thread; empty with `--profile=none`.
    pub operators: Vec<OperatorRow>,
}

/// One operator on one thread.
#[derive(Clone, Debug, Serialize)]
pub struct OperatorRow {
    /// Position in the file.
    pub index: usize,
    /// Its name.
    pub op: &'static str,
    /// Shape of its first output.
    pub shape: Vec<usize>,
    /// Median time, in milliseconds.
    pub ms: f64,
    /// Share of the time of all operators.
    pub share: f64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// 10⁹ multiply-accumulates per second.
    pub gmacs: f64,
    /// Share of the peak of one thread.
    pub peak_share: f64,
}

impl BenchReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.bench/1";
}
