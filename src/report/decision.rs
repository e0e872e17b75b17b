//! Whether models meet a condition, and what it took to know.

use serde::Serialize;

use super::table::grouped;

/// Whether models meet a condition, and what it took to know.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionReport {
    /// [`DecisionReport::SCHEMA`].
    pub schema: &'static str,
    /// The condition, as the user wrote it.
    pub condition: String,
    /// Probability of a wrong verdict, at most; 0 to 1.
    pub error_rate: f64,
    /// Images of the data.
    pub images: u64,
    /// One for each model but the baseline.
    pub models: Vec<DecisionRow>,
    /// Inferences that were needed, those of the baseline included.
    pub inferences: u64,
    /// Inferences of the whole grid.
    pub of: u64,
}

/// One model.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionRow {
    /// File of the model.
    pub file: String,
    /// Whether the condition holds.
    pub holds: bool,
    /// The figure less the limit, in the figure's unit.
    pub distance: f64,
    /// Half of the width of its confidence interval at all looks together; 0 if all images were seen.
    pub half_width: f64,
    /// Images that were seen.
    pub images: u64,
}

impl DecisionReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.decision/1";

    /// A line for each model, then what it took.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for row in &self.models {
            text += &format!(
                "{}: {} {}; figure - limit is {:+.4} ± {:.4} after {} of {} images\n",
                row.file,
                self.condition,
                if row.holds { "holds" } else { "does not hold" },
                row.distance,
                row.half_width,
                grouped(row.images),
                grouped(self.images)
            );
        }
        text + &format!(
            "{} inferences of {}: {:.1} times fewer; wrong in at most {} % of such runs\n",
            grouped(self.inferences),
            grouped(self.of),
            self.of as f64 / self.inferences.max(1) as f64,
            100.0 * self.error_rate
        )
    }
}
