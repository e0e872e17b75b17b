//! What became of ledgers that were joined.

use serde::Serialize;

use super::table::grouped;

/// What became of ledgers that were joined.
#[derive(Clone, Debug, Serialize)]
pub struct MergeReport {
    /// [`MergeReport::SCHEMA`].
    pub schema: &'static str,
    /// Files that were read.
    pub ledgers: usize,
    /// Models in them.
    pub models: usize,
    /// Different cells.
    pub cells: usize,
    /// Inferences that those stand for.
    pub inferences: u64,
    /// Where the union is.
    pub written: String,
}

impl MergeReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.merge/1";

    /// One line.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!(
            "{} ledgers joined in {}: {} cells of {} models, {} inferences",
            self.ledgers,
            self.written,
            grouped(self.cells as u64),
            self.models,
            grouped(self.inferences)
        )
    }
}
