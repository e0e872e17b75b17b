//! How good, how large and how fast models are on some data.

use serde::Serialize;

use crate::machine::Machine;
use crate::metrics::paired::Flips;

/// How good, how large and how fast models are on some data.
#[derive(Clone, Debug, Serialize)]
pub struct EvalReport {
    /// [`EvalReport::SCHEMA`].
    pub schema: &'static str,
    /// Where it was measured.
    pub machine: Machine,
    /// On what.
    pub data: DataRow,
    /// One for each model, in the order of the command line.
    pub models: Vec<ModelRow>,
}

/// The data.
#[derive(Clone, Debug, Serialize)]
pub struct DataRow {
    /// Short name.
    pub name: String,
    /// What it was read from.
    pub source: String,
    /// The part, where the data have parts.
    pub split: Option<&'static str>,
    /// Number of samples.
    pub n: usize,
    /// Number of classes.
    pub classes: usize,
    /// Hash over samples and labels, in hex.
    pub sha256: String,
    /// Conversions made, parts chosen.
    pub notes: Vec<String>,
    /// Text to be shown with figures from these data.
    pub attribution: Option<&'static str>,
}

/// One model.
#[derive(Clone, Debug, Serialize)]
pub struct ModelRow {
    /// The file, as given.
    pub file: String,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Whose integers.
    pub arithmetic: &'static str,
    /// Instruction set.
    pub isa: &'static str,
    /// Samples.
    pub n: u64,
    /// Share of samples whose best class is their label, 0 to 1.
    pub top1: f64,
    /// Share of samples whose label is among the five best classes; absent for five classes or fewer.
    pub top5: Option<f64>,
    /// 95 % interval of `top1` (Wilson).
    pub ci95: [f64; 2],
    /// Accuracy of every class.
    pub per_class: Vec<ClassRow>,
    /// `confusion[label][answer]`, counts.
    pub confusion: Vec<Vec<u64>>,
    /// Bytes of the file.
    pub size: SizeRow,
    /// Bytes of activations and scratch memory while one sample runs.
    pub arena_bytes: usize,
    /// Largest resident set of the process during this model, in bytes; absent where the system does not tell.
    pub rss_bytes: Option<u64>,
    /// One sample on one thread, without preprocessing.
    pub latency_ms: LatencyRow,
    /// Samples per second with `threads` threads, preprocessing included.
    pub images_per_s: f64,
    /// Threads.
    pub threads: usize,
    /// Multiply-accumulates of one sample.
    pub macs: u64,
    /// What a pixel means to the model; absent for arrays.
    pub preprocess: Option<PreprocessRow>,
    /// Share of the input values that were outside the range of a quantised input.
    pub clipped: f64,
    /// Where its answers are not those of the first model; absent for the first.
    pub flips: Option<FlipsRow>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Two models on the same samples.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FlipsRow {
    /// Samples with another best class.
    pub differ: u64,
    /// Samples that only the first model gets right.
    pub lost: u64,
    /// Samples that only this model gets right.
    pub won: u64,
    /// McNemar's test: the probability of `lost` and `won` at least as unequal as these if both models were equally good.
    pub p: f64,
}

impl FlipsRow {
    /// As counted.
    #[must_use]
    pub fn of(flips: Flips) -> Self {
        Self { differ: flips.differ, lost: flips.lost, won: flips.won, p: flips.mcnemar() }
    }
}

/// Accuracy of a class.
#[derive(Clone, Debug, Serialize)]
pub struct ClassRow {
    /// Its number.
    pub class: usize,
    /// Its name, where the data name it.
    pub name: Option<String>,
    /// Samples of it.
    pub n: u64,
    /// Of those, samples with the right answer.
    pub hits: u64,
    /// `hits / n`; absent without samples.
    pub accuracy: Option<f64>,
}

/// Bytes of a file.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SizeRow {
    /// As it lies.
    pub raw: u64,
    /// In a zip archive of its own, zlib level 6.
    pub zip6: u64,
}

/// Time of one sample on one thread.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LatencyRow {
    /// Half are faster.
    pub p50: f64,
    /// Nine of ten are faster.
    pub p90: f64,
    /// Measurements.
    pub runs: usize,
}

/// What a pixel means to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PreprocessRow {
    /// As on the command line.
    pub name: &'static str,
    /// Who said so.
    pub origin: &'static str,
}

impl EvalReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.eval/1";
}
