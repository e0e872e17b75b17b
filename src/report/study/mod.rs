//! What a sweep has found. A pure function of the models, of what is known of their trainings, and of the cells in the ledgers: it does
//! not depend on how, where or in how many parts the sweep was run.

mod bounds;
mod build;
pub mod csv;
mod front;
pub mod html;
pub mod markdown;
mod notes;
mod points;
pub mod text;

use serde::Serialize;

pub use bounds::judge;
pub use build::{Made, Parts, Reference, build};
pub use front::Place;

use super::robust::{BaselineRow, CellRow, Figure, ImagesRow};
use crate::study::facts::EpochRow;

/// What a sweep has found.
#[derive(Clone, Debug, Serialize)]
pub struct StudyReport {
    /// [`StudyReport::SCHEMA`].
    pub schema: &'static str,
    /// Version of the program that made the report.
    pub edgebench: &'static str,
    /// What the study is called.
    pub name: String,
    /// The images.
    pub data: DataRow,
    /// How test images were corrupted.
    pub images: ImagesRow,
    /// Names, in the order of the benchmark.
    pub corruptions: Vec<String>,
    /// Levels, ascending.
    pub severities: Vec<u8>,
    /// Seeds.
    pub seeds: Vec<u64>,
    /// The recipes, the network as it was trained first.
    pub recipes: Vec<RecipeRow>,
    /// What the common mCE is relative to.
    pub reference: Option<BaselineRow>,
    /// The networks.
    pub networks: Vec<NetworkRow>,
    /// One for each network and recipe: means over seeds.
    pub points: Vec<PointRow>,
    /// One for each network, recipe and seed.
    pub models: Vec<ModelRow>,
    /// Trainings of stages; recipes that begin with the same stages share them.
    pub stages: Vec<StageRow>,
    /// Differences that are taken for noise.
    pub tolerance: ToleranceRow,
    /// One for each network, and of all together.
    pub fronts: Vec<FrontRow>,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// Which recipes keep within `--bounds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<BoundsRow>,
}

impl StudyReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &'static str = "edgebench/study/1";
}

/// The images.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct DataRow {
    pub name: String,
    pub classes: usize,
    /// Images that were trained on.
    pub training: usize,
    /// Images that chose the best epochs.
    pub validation: usize,
    /// Images that chose nothing: all figures are theirs.
    pub test: usize,
    /// Of the training part as it was read.
    pub training_sha256: String,
    /// Of the test part as it was read.
    pub test_sha256: String,
    /// Text to be shown with figures from these data.
    pub attribution: Option<String>,
}

/// A recipe.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct RecipeRow {
    pub recipe: String,
    /// Its number in the study on compressed networks.
    pub code: Option<u8>,
    pub about: String,
    pub export: &'static str,
    pub stages: Vec<&'static str>,
}

/// A network.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct NetworkRow {
    pub network: String,
    /// Its architecture, if it was trained here.
    pub arch: Option<String>,
    /// The file, if it was brought.
    pub file: Option<String>,
    pub input: String,
    pub parameters: usize,
    pub macs: u64,
    /// What pixels mean.
    pub preprocess: &'static str,
    /// Trainings of the network, by seed.
    pub trainings: Vec<TrainingRow>,
    /// The control of this network.
    pub control: Option<ControlRow>,
}

/// A training of a network.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct TrainingRow {
    pub seed: u64,
    pub sha256: String,
    pub best_epoch: Option<usize>,
    pub epochs: Vec<EpochRow>,
}

/// How long the control trains.
#[derive(Clone, Debug, Serialize)]
pub struct ControlRow {
    /// Passes over the images.
    pub epochs: usize,
    /// Steps of the optimiser.
    pub steps: usize,
    /// The recipe that trains longest.
    pub longest: String,
    /// Its epochs, all stages together.
    pub longest_epochs: usize,
    /// Its steps.
    pub longest_steps: usize,
}

/// A stage of some recipes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct StageRow {
    pub fingerprint: String,
    pub network: String,
    pub seed: u64,
    /// This stage after those before it: `prune + cluster`.
    pub name: String,
    pub best_epoch: Option<usize>,
    pub steps: u32,
    /// Promises that were looked at in what it has made.
    pub kept: Vec<String>,
    pub epochs: Vec<EpochRow>,
}

/// One model.
#[derive(Clone, Debug, Serialize)]
pub struct ModelRow {
    /// Its network.
    pub network: String,
    /// Its recipe.
    pub recipe: String,
    /// The recipe's number in the study on compressed networks.
    pub code: Option<u8>,
    /// Its random numbers.
    pub seed: u64,
    /// Its name in `models/`.
    pub file: String,
    /// Of the file.
    pub sha256: String,
    /// Clean images.
    pub clean: CellRow,
    /// Mean error over all corrupted cells, 0 to 1.
    pub mean_error: Option<Figure>,
    /// Mean corruption error, per cent of that of the network itself (recipe `original`, same seed).
    pub mce: Option<Figure>,
    /// Relative mean corruption error, per cent of that of the network itself.
    pub relative_mce: Option<Figure>,
    /// Mean corruption error, per cent of that of the common reference.
    pub reference_mce: Option<f64>,
    /// Against the control of the same network and seed.
    pub against_control: Option<ControlDifference>,
    /// Points of accuracy that were lost against the network itself.
    pub drop: f64,
    /// Sizes.
    pub size: SizeRow,
    /// Error by severity, clean images first, 0 to 1.
    pub error_by_severity: Vec<f64>,
    /// CE of each corruption, per cent of that of the network itself, in the order of the study.
    pub ce: Vec<Option<f64>>,
    /// Fingerprints of its stages.
    pub stages: Vec<String>,
    /// What `edgebench inspect` objects to in its file, by name.
    pub lints: Vec<&'static str>,
}

/// Against the control.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ControlDifference {
    /// Points of accuracy: above 0, the model is better.
    pub accuracy: f64,
    /// mCE (own baseline) less that of the control: below 0, the model is better.
    pub mce: Option<f64>,
    /// Mean corruption error, per cent of that of the control.
    pub mce_of_control: Option<f64>,
}

/// Sizes of a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SizeRow {
    /// Bytes of the file: what lies in flash memory.
    pub raw: u64,
    /// Bytes of a zip archive with the file alone, zlib level 6.
    pub zip6: u64,
    /// What no code without memory goes below: entropy of its constants, in bytes.
    pub entropy: u64,
    /// `zip6` of the network itself over its own.
    pub ratio: f64,
    /// Bytes of flash memory; the file as it is.
    pub flash: u64,
    /// Bytes of memory for activations: the arena.
    pub ram: u64,
}

/// A figure over seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Mean {
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation; absent for one seed.
    pub spread: Option<f64>,
}

/// A recipe on a network, over seeds.
#[derive(Clone, Debug, Serialize)]
pub struct PointRow {
    /// The network.
    pub network: String,
    /// The recipe.
    pub recipe: String,
    /// Its number in the study on compressed networks.
    pub code: Option<u8>,
    /// Seeds.
    pub seeds: usize,
    /// Accuracy on clean images in per cent.
    pub accuracy: Mean,
    /// 95 % interval of it (Wilson), all seeds' images together as if they were one test.
    pub ci95: [f64; 2],
    /// Points of accuracy that were lost against the network itself.
    pub drop: Mean,
    /// Mean error over all corrupted cells in per cent.
    pub mean_error: Option<Mean>,
    /// mCE against the network itself.
    pub mce: Option<Mean>,
    /// Relative mCE against the network itself.
    pub relative_mce: Option<Mean>,
    /// mCE against the common reference.
    pub reference_mce: Option<Mean>,
    /// Points of accuracy against the control.
    pub control_accuracy: Option<Mean>,
    /// mCE less that of the control.
    pub control_mce: Option<Mean>,
    /// zip-6 of the network itself over that of the model.
    pub ratio: Mean,
    /// Bytes.
    pub raw: Mean,
    /// Bytes.
    pub zip6: Mean,
    /// Bytes.
    pub entropy: Mean,
    /// Bytes.
    pub ram: Mean,
    /// Error by severity in per cent, clean images first.
    pub error_by_severity: Vec<f64>,
    /// Its place among the recipes of its network.
    pub place: Place,
}

/// Differences that are taken for noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ToleranceRow {
    /// Points of accuracy.
    pub accuracy: f64,
    /// Of mCE.
    pub mce: f64,
    /// Of the ratio, as a share of it.
    pub ratio: f64,
}

/// A Pareto front: accuracy up, mCE down, ratio of zip-6 sizes up.
#[derive(Clone, Debug, Serialize)]
pub struct FrontRow {
    /// A network, or `pooled`.
    pub scope: String,
    /// What mCE and ratio are relative to: `own` (each network itself) or `reference` (the common one).
    pub relative_to: &'static str,
    /// Third figure where there is no mCE: `mce` or `mean_error`.
    pub fragility: &'static str,
    /// `network/recipe` of points that no other dominates, on figures that are not rounded.
    pub front: Vec<String>,
    /// Of those, the ones that are there by a difference within the tolerance.
    pub by_noise: Vec<String>,
    /// Points that are not on the front, but not worse than it by more than the tolerance.
    pub near: Vec<String>,
    /// Volume that the front dominates in front of `reference_point`; absent without mCE.
    pub hypervolume: Option<f64>,
    /// Accuracy in per cent, mCE, ratio.
    pub reference_point: [f64; 3],
}

/// Which recipes keep within bounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BoundsRow {
    /// The bounds as they were given.
    pub bounds: Vec<BoundRow>,
    /// Those that meet all, the smallest archive first.
    pub met_by: Vec<BoundValues>,
}

/// One bound.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BoundRow {
    /// As it was given.
    pub bound: String,
    /// The figure.
    pub figure: &'static str,
    /// In the figure's unit.
    pub limit: f64,
    /// Recipes that meet this bound, whatever the others say.
    pub met_by: usize,
    /// The best value of all, met or not.
    pub closest: Option<BoundValue>,
    /// Recipes that meet all bounds but this one, the closest first.
    pub only_this_fails: Vec<BoundValue>,
}

/// A value of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct BoundValue {
    pub network: String,
    pub recipe: String,
    pub value: f64,
}

/// All bounded values of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct BoundValues {
    pub network: String,
    pub recipe: String,
    /// In the order of the bounds.
    pub values: Vec<f64>,
    pub zip6: f64,
}
