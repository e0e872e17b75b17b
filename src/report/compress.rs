//! What recipes made of a network.

use serde::Serialize;

use super::table::{Align, Table};
use crate::train::deployed::Accuracy;

/// What `edgebench compress` did.
#[derive(Clone, Debug, Serialize)]
pub struct CompressReport {
    /// Always [`CompressReport::SCHEMA`].
    pub schema: &'static str,
    /// The network as it was given.
    pub base: ProductRow,
    /// Name of the data.
    pub data: String,
    /// Of the training part as it was read.
    pub data_sha256: String,
    /// Images that were trained on.
    pub images: usize,
    /// Images that chose the best epochs.
    pub validation: usize,
    /// What pixels mean.
    pub preprocess: &'static str,
    /// Names all random numbers.
    pub seed: u64,
    /// Where stages are kept.
    pub work: String,
    /// A row for each recipe.
    pub products: Vec<ProductRow>,
}

/// A file.
#[derive(Clone, Debug, Serialize)]
pub struct ProductRow {
    /// Name of the recipe.
    pub recipe: String,
    /// Its number in the study.
    pub code: Option<u8>,
    /// In a sentence.
    pub about: String,
    /// The file.
    pub file: String,
    /// Of the file.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
    /// Size of a zip archive (zlib, level 6) with it alone.
    pub zip6: u64,
    /// On the test images, as the file answers.
    pub accuracy: Accuracy,
    /// Its stages.
    pub stages: Vec<StageRow>,
}

/// A stage.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct StageRow {
    pub kind: &'static str,
    /// Names the stage and all that it depends on.
    pub fingerprint: String,
    pub epochs: usize,
    pub best_epoch: Option<usize>,
    /// Of the best epoch.
    pub valid_accuracy: Option<f64>,
    pub steps: u32,
    pub seconds: f64,
    /// Promises that were looked at in what it has made.
    pub kept: Vec<String>,
}

impl CompressReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &'static str = "edgebench/compress/1";

    /// For people.
    #[must_use]
    pub fn to_text(&self, _width: usize) -> String {
        let mut table = Table::new(&[
            ("", Align::Right),
            ("recipe", Align::Left),
            ("top-1 %", Align::Right),
            ("95 % interval", Align::Right),
            ("change", Align::Right),
            ("raw KiB", Align::Right),
            ("zip-6 KiB", Align::Right),
            ("ratio", Align::Right),
        ]);
        let base = &self.base;
        for row in std::iter::once(base).chain(&self.products) {
            let [lo, hi] = row.accuracy.ci95.map(|share| 100.0 * share);
            table.row([
                row.code.map_or(String::new(), |code| code.to_string()),
                row.recipe.clone(),
                format!("{:.2}", 100.0 * row.accuracy.top1),
                format!("{lo:.2} – {hi:.2}"),
                format!("{:+.2}", 100.0 * (row.accuracy.top1 - base.accuracy.top1)),
                format!("{:.1}", row.bytes as f64 / 1024.0),
                format!("{:.1}", row.zip6 as f64 / 1024.0),
                format!("{:.2}", base.zip6 as f64 / row.zip6 as f64),
            ]);
        }
        let mut text = table.to_text();
        text += &format!(
            "\n{} test images of {}; ratio: of zip-6 sizes; {} images trained on, {} chose the best epochs, seed {}\n",
            base.accuracy.n, self.data, self.images, self.validation, self.seed
        );
        for row in &self.products {
            for stage in row.stages.iter().filter(|stage| !stage.kept.is_empty()) {
                text += &format!("{} ({}): {}\n", row.recipe, stage.kind, stage.kept.join("; "));
            }
        }
        text
    }
}

/// The built-in recipes.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct RecipesReport {
    pub schema: &'static str,
    pub recipes: Vec<RecipeRow>,
}

/// A recipe.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct RecipeRow {
    pub number: &'static str,
    pub name: &'static str,
    pub stages: Vec<&'static str>,
    pub export: &'static str,
    pub about: String,
}

impl RecipesReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &'static str = "edgebench/recipes/1";

    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let head = [("", Align::Right), ("recipe", Align::Left), ("file", Align::Left), ("", Align::Left)];
        let mut table = Table::new(&head);
        for row in &self.recipes {
            table.row([row.number, row.name, row.export, &row.about]);
        }
        table.to_text()
    }
}
