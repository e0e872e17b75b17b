//! What `edgebench emit` wrote.

use serde::Serialize;

/// What `edgebench emit` wrote.
#[derive(Clone, Debug, Serialize)]
pub struct EmitReport {
    /// [`EmitReport::SCHEMA`].
    pub schema: &'static str,
    /// The model's file.
    pub file: String,
    /// Its hash, in hex.
    pub sha256: String,
    /// The core.
    pub target: &'static str,
    /// Whose integers.
    pub arithmetic: &'static str,
    /// What the weights are packed for.
    pub isa: &'static str,
    /// Steps of the plan.
    pub steps: usize,
    /// Bytes of weights and tables, which lie in flash.
    pub weight_bytes: usize,
    /// Bytes of activations and scratch space, which lie in RAM.
    pub arena_bytes: usize,
    /// Where it was written.
    pub directory: String,
}

impl EmitReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.emit/1";

    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let kib = |bytes: usize| bytes as f64 / 1024.0;
        format!(
            "{}: {} steps for {} ({}, {}), {:.1} KiB of weights in flash, {:.1} KiB of arena in RAM\nwritten to {}\n",
            self.file,
            self.steps,
            self.target,
            self.isa,
            self.arithmetic,
            kib(self.weight_bytes),
            kib(self.arena_bytes),
            self.directory
        )
    }
}
