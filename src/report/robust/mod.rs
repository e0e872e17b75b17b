//! How well models hold up under corruptions. A pure function of a ledger: the same cells give the same bytes.

mod assemble;
mod build;
pub mod csv;
mod devices;
pub mod gates;
pub mod html;
mod intervals;
pub mod junit;
pub mod markdown;
pub mod text;

use serde::{Deserialize, Serialize};

pub use assemble::BuildError;
pub use build::{Baseline, Options, build};

use crate::metrics::ce::{ErrorRow, ErrorTable};
use crate::robust::ledger::record::{BoardFact, DeviceFact};

/// How well models hold up under corruptions. As JSON it names no machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RobustReport {
    /// [`RobustReport::SCHEMA`].
    pub schema: String,
    /// Version of the program that made the report.
    pub edgebench: String,
    /// One for each data set and way of corrupting it.
    pub studies: Vec<Study>,
    /// What machines that were not this one told before and after they measured; for people only: no figure depends on it.
    #[serde(skip)]
    pub devices: Vec<DeviceFact>,
    /// Boards that measured, and what models took there; for people only.
    #[serde(skip)]
    pub boards: Vec<BoardFact>,
}

impl RobustReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.robustness/1";
}

/// Models on one data set, corrupted in one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// The clean data.
    pub data: DataRow,
    /// How images were corrupted.
    pub images: ImagesRow,
    /// Names, in the order of the paper.
    pub corruptions: Vec<String>,
    /// Levels, ascending.
    pub severities: Vec<u8>,
    /// `"exact"` or `"paper"`.
    pub rounding: String,
    /// What CE is relative to; absent without a baseline.
    pub baseline: Option<BaselineRow>,
    /// The baseline first, the others by name.
    pub models: Vec<RobustModel>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// The clean data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataRow {
    /// Short name.
    pub name: String,
    /// The part, where the data have parts.
    pub split: Option<String>,
    /// Images.
    pub n: u64,
    /// Classes.
    pub classes: u64,
    /// Hash over images and labels, in hex.
    pub sha256: String,
    /// Text to be shown with figures from these data.
    pub attribution: Option<String>,
}

/// How images were corrupted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImagesRow {
    /// `"generated"` or `"files"`.
    pub origin: String,
    /// Set of constants.
    pub constants: Option<String>,
    /// Seed of the random numbers.
    pub seed: Option<u64>,
    /// Version of the generator's rules.
    pub generator: Option<u32>,
    /// SHA-256 of each file of corrupted images, by corruption.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<[String; 2]>,
}

/// What CE is relative to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineRow {
    /// Name of a file, or `alexnet`.
    pub name: String,
    /// `"model"` (measured beside the others), `"result"` or `"published"`.
    pub origin: String,
}

/// A figure with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// 95 % interval (bootstrap over images); absent while cells are missing.
    pub ci95: Option<[f64; 2]>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RobustModel {
    /// Name of the file.
    pub file: String,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// Whose integers.
    pub arithmetic: String,
    /// What a pixel means to it.
    pub pixels: String,
    /// Height, width, channels of the images that were corrupted.
    pub image: Vec<u64>,
    /// Bytes of the file.
    pub raw_bytes: u64,
    /// Bytes of a zip archive with the file alone, zlib level 6.
    pub zip6_bytes: u64,
    /// `zip6_bytes` of the baseline over its own; absent where the baseline is no model of the ledger.
    pub compression: Option<f64>,
    /// Multiply-accumulates of one image.
    pub macs: u64,
    /// Inferences that are in the ledger.
    pub inferences: u64,
    /// Inferences that are not.
    pub missing: u64,
    /// Clean images.
    pub clean: CellRow,
    /// One for each corruption of the study that has cells.
    pub corruptions: Vec<CorruptionRow>,
    /// Mean error over all corrupted cells, 0 to 1 (needs no baseline).
    pub mean_error: Option<Figure>,
    /// Mean corruption error, per cent of the baseline's.
    pub mce: Option<Figure>,
    /// Relative mean corruption error, per cent of the baseline's.
    pub relative_mce: Option<Figure>,
    /// Difference of mCE to the baseline, paired; absent for the baseline and where its answers are not known.
    pub mce_difference: Option<Figure>,
    /// Confidence on clean images.
    pub calibration_clean: CalibrationRow,
    /// Confidence on corrupted images.
    pub calibration_corrupted: Option<CalibrationRow>,
    /// Answers against those of the baseline on clean images.
    pub flips_clean: Option<FlipsRow>,
    /// Answers against those of the baseline on corrupted images.
    pub flips_corrupted: Option<FlipsRow>,
    /// Whether no other model of the study is at least as good in clean accuracy, mCE (else mean error) and zip size, and better
    /// in one.
    pub on_front: bool,
}

impl RobustModel {
    /// Its error rates alone.
    #[must_use]
    pub fn errors(&self) -> ErrorTable {
        let row = |row: &CorruptionRow| ErrorRow {
            name: row.name.clone(),
            severities: row.cells.iter().map(|cell| cell.severity).collect(),
            errors: row.cells.iter().map(|cell| cell.error).collect(),
        };
        ErrorTable { clean: self.clean.error, rows: self.corruptions.iter().map(row).collect() }
    }
}

/// One corruption.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorruptionRow {
    /// Name.
    pub name: String,
    /// By severity.
    pub cells: Vec<CellRow>,
    /// Mean of their errors, 0 to 1.
    pub error: f64,
    /// Corruption error, per cent of the baseline's.
    pub ce: Option<Figure>,
    /// Relative corruption error, per cent of the baseline's.
    pub relative_ce: Option<f64>,
}

/// One condition.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellRow {
    /// 1 to 5; 0 for clean images.
    pub severity: u8,
    /// Images.
    pub n: u64,
    /// Images with the right answer.
    pub hits: u64,
    /// Share of wrong answers, 0 to 1.
    pub error: f64,
    /// 95 % interval of `error` (Wilson).
    pub ci95: [f64; 2],
    /// Share of images with the label among the best five, 0 to 1.
    pub top5: f64,
}

/// Whether confidence means what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationRow {
    /// Expected calibration error, 0 to 1, 15 bins.
    pub ece: f64,
    /// Maximum calibration error, 0 to 1.
    pub maximum: f64,
    /// `[answers, right answers, mean confidence]` by bin of confidence, ascending.
    pub bins: Vec<(u64, u64, f64)>,
}

/// Answers against those of the baseline on the same images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlipsRow {
    /// Images.
    pub n: u64,
    /// Share of equal answers, 0 to 1.
    pub agreement: f64,
    /// The baseline was right, the model is wrong.
    pub lost: u64,
    /// The baseline was wrong, the model is right.
    pub won: u64,
    /// McNemar's test; on clean images only, since corrupted ones show the same image many times.
    pub p: Option<f64>,
}
