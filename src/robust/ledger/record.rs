//! What a ledger holds, as its lines say it.

use edgebench_corrupt::Severity;
use serde::{Deserialize, Serialize};

use super::hex;
use crate::firmware::{BoardFacts, Use};
use crate::remote::facts::Facts;
use crate::robust::cell::{BINS, Bin, CellKey, Counts, ModelKey, Origin};
use crate::robust::condition::{Condition, Kind};

/// Name and version of the format.
pub const FORMAT: &str = "edgebench.ledger/1";

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The first line: [`FORMAT`].
    Ledger(String),
    /// Data that cells are about.
    Data(DataFact),
    /// A model that cells are about.
    Model(ModelFact),
    /// What was to be measured.
    Grid(GridFact),
    /// A machine that measured.
    Device(Box<DeviceFact>),
    /// A board that measured.
    Board(Box<BoardFact>),
    /// What was measured.
    Cell(Box<CellRecord>),
}

/// Labelled data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DataFact {
    /// Hash over samples and labels.
    pub sha256: String,
    /// Short name.
    pub name: String,
    /// The part, where the data have parts.
    pub split: Option<String>,
    /// Samples.
    pub n: u64,
    /// Classes.
    pub classes: u64,
    /// Names of the classes, where the data name them.
    pub class_names: Option<Vec<String>>,
    /// Text to be shown with figures from these data.
    pub attribution: Option<String>,
    /// Label of every sample.
    #[serde(with = "hex")]
    pub labels: Vec<u16>,
}

/// A model as it was run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModelFact {
    /// Hash of the file.
    pub sha256: String,
    /// Whose integers.
    pub arithmetic: String,
    /// Hash over how a pixel becomes an input.
    pub preprocess: String,
    /// Name of the file, without its directory.
    pub file: String,
    /// What a pixel means: `unit`, …
    pub pixels: String,
    /// Height, width and channels of the images that are corrupted.
    pub image: Vec<u64>,
    /// Scores.
    pub classes: u64,
    /// Bytes of the file.
    pub raw_bytes: u64,
    /// Bytes of a zip archive with the file alone, zlib level 6.
    pub zip6_bytes: u64,
    /// Multiply-accumulates of one image.
    pub macs: u64,
}

/// A machine that measured, before or after it did.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceFact {
    /// Its address.
    pub host: String,
    /// Hash of the program that ran there.
    pub program: String,
    /// When.
    pub moment: Moment,
    /// What it told.
    pub facts: Facts,
}

/// A board that measured, and what a model's program used there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BoardFact {
    /// The board.
    pub facts: BoardFacts,
    /// The model's file, without its directory.
    pub file: String,
    /// Its hash.
    pub model: String,
    /// Whose integers.
    pub arithmetic: String,
    /// Bytes; the workspace of corruptions is among the statics.
    pub used: Use,
}

/// When a machine told about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before a run.
    Before,
    /// After it.
    After,
}

/// What was to be measured on some data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GridFact {
    /// Hash of the data.
    pub data: String,
    /// How the images were corrupted.
    #[serde(flatten)]
    pub setting: Setting,
    /// Names, in the order of the paper.
    pub corruptions: Vec<String>,
    /// Levels.
    pub severities: Vec<u8>,
}

/// How images were corrupted, all kinds alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "origin")]
pub enum Setting {
    /// On the way, by edgebench.
    Generated {
        /// Name of the set of constants.
        constants: String,
        /// Seed of the random numbers.
        seed: u64,
        /// Version of the rules.
        generator: u32,
        /// Hash over the photographs of frost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        photographs: Option<String>,
    },
    /// By whoever made the files.
    Files,
}

impl GridFact {
    /// The conditions that were to be measured, clean images first.
    pub fn conditions(&self) -> impl Iterator<Item = Condition> + '_ {
        let corrupted = |name: &String| {
            let kind = Kind::by_name(name);
            let level = move |&level: &u8| Some(Condition::Corrupted(kind?, Severity::new(level).ok()?));
            self.severities.iter().filter_map(level)
        };
        std::iter::once(Condition::Clean).chain(self.corruptions.iter().flat_map(corrupted))
    }
}

impl ModelFact {
    /// What its cells call it.
    #[must_use]
    pub fn key(&self) -> ModelKey {
        let (sha256, arithmetic) = (self.sha256.clone(), self.arithmetic.clone());
        ModelKey { sha256, arithmetic, preprocess: self.preprocess.clone() }
    }
}

/// A cell as a line says it: [`CellKey`] and [`Counts`] side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellRecord {
    data: String,
    model: String,
    arithmetic: String,
    preprocess: String,
    corruption: String,
    severity: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    constants: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generator: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    photographs: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    first: u64,
    end: u64,
    hits: u64,
    top5: u64,
    bins: Vec<[u64; 3]>,
    #[serde(with = "hex")]
    answers: Vec<u16>,
}

impl CellRecord {
    /// The line of a cell.
    #[must_use]
    pub fn new(key: &CellKey, counts: &Counts) -> Self {
        let (mut constants, mut seed, mut generator, mut photographs, mut file) = (None, None, None, None, None);
        match key.origin.clone() {
            Origin::Clean => {}
            Origin::File { sha256 } => file = Some(sha256),
            Origin::Generated { constants: set, seed: number, generator: version, photographs: hash } => {
                (constants, seed, generator, photographs) = (Some(set), Some(number), Some(version), hash);
            }
        }
        Self {
            data: key.data.clone(),
            model: key.model.sha256.clone(),
            arithmetic: key.model.arithmetic.clone(),
            preprocess: key.model.preprocess.clone(),
            corruption: key.condition.name().into(),
            severity: key.condition.level(),
            constants,
            seed,
            generator,
            photographs,
            file,
            first: key.first,
            end: key.end,
            hits: counts.hits,
            top5: counts.top5,
            bins: counts.bins.iter().map(|bin| [bin.n, bin.hits, bin.confidence]).collect(),
            answers: counts.answers.clone(),
        }
    }

    /// The cell of a line.
    ///
    /// # Errors
    /// What does not belong together, in words.
    pub fn into_cell(self) -> Result<(CellKey, Counts), String> {
        let condition = Condition::by_name(&self.corruption, self.severity)
            .ok_or_else(|| format!("unknown corruption {:?} with severity {}", self.corruption, self.severity))?;
        let n = self.answers.len() as u64;
        if self.end.checked_sub(self.first) != Some(n) || n == 0 {
            return Err(format!("{n} answers for images {} to {}", self.first, self.end));
        }
        let bins: &[[u64; 3]; BINS] =
            self.bins[..].try_into().map_err(|_| format!("{} bins of confidence, expected {BINS}", self.bins.len()))?;
        let bins = bins.map(|[n, hits, confidence]| Bin { n, hits, confidence });
        let sum = |value: fn(&Bin) -> u64| bins.iter().map(value).fold(0, u64::saturating_add);
        if sum(|bin| bin.n) != n || sum(|bin| bin.hits) != self.hits || self.hits > n || self.top5 > n {
            return Err(format!(
                "{} hits, {} among the best five, bins of {} for {n} images",
                self.hits,
                self.top5,
                sum(|bin| bin.n)
            ));
        }
        let origin = match (self.constants, self.seed, self.generator, self.file) {
            (Some(constants), Some(seed), Some(generator), None) => {
                Origin::Generated { constants, seed, generator, photographs: self.photographs }
            }
            (None, None, None, Some(sha256)) => Origin::File { sha256 },
            (None, None, None, None) if condition == Condition::Clean => Origin::Clean,
            _ => return Err("neither clean, nor generated (constants, seed, generator), nor of a file".into()),
        };
        let model = ModelKey { sha256: self.model, arithmetic: self.arithmetic, preprocess: self.preprocess };
        let key = CellKey { data: self.data, model, condition, origin, first: self.first, end: self.end };
        Ok((key, Counts { hits: self.hits, top5: self.top5, bins, answers: self.answers }))
    }
}
