//! What `edgebench run` did.

use serde::Serialize;

/// What `edgebench run` did.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    /// [`RunReport::SCHEMA`].
    pub schema: &'static str,
    /// The model, as given.
    pub file: String,
    /// Its SHA-256, in hex; the text does not tell it.
    pub sha256: Option<String>,
    /// Whose integers.
    pub arithmetic: &'static str,
    /// Instruction set.
    pub isa: &'static str,
    /// How many times the model ran.
    pub samples: usize,
    /// Time of all runs together.
    pub seconds: f64,
    /// The file that was written.
    pub written: String,
    /// What is in it.
    pub outputs: Vec<ArrayRow>,
    /// Intermediate tensors that were written, if they were asked for.
    pub traced: Option<usize>,
}

/// One output.
#[derive(Clone, Debug, Serialize)]
pub struct ArrayRow {
    /// Name of the tensor.
    pub name: String,
    /// Element type.
    pub dtype: &'static str,
    /// Shape, all runs along the leading dimension.
    pub shape: Vec<usize>,
}

impl RunReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.run/1";

    /// For people, in one line.
    #[must_use]
    pub fn to_text(&self) -> String {
        let outputs: Vec<String> = self.outputs.iter().map(|o| format!("{} {:?}", o.dtype, o.shape)).collect();
        let traced = self.traced.map_or(String::new(), |n| format!(", {n} intermediate tensors traced"));
        format!(
            "{} samples in {:.3} s ({}, {}): {} in {}{traced}",
            self.samples,
            self.seconds,
            self.arithmetic,
            self.isa,
            outputs.join(", "),
            self.written
        )
    }
}
