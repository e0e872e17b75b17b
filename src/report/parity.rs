//! Whether two targets compute the same.

use std::fmt::Write;

use serde::Serialize;

use super::table::{Align, Table, shorten};
use crate::parity::element::Element;
use crate::parity::trace::Layer;

/// Whether two targets compute the same.
#[derive(Clone, Debug, Serialize)]
pub struct ParityReport {
    /// [`ParityReport::SCHEMA`].
    pub schema: &'static str,
    /// The model's file, as given.
    pub file: String,
    /// Hash of it.
    pub sha256: String,
    /// What the inputs were, in words.
    pub inputs: String,
    /// Samples that were compared.
    pub samples: usize,
    /// The one target.
    pub a: String,
    /// The other.
    pub b: String,
    /// Whether every layer that both compute was the same for every sample.
    pub same: bool,
    /// The first layer that was not.
    pub first: Option<Difference>,
    /// All layers, in the order in which they are computed.
    pub layers: Vec<LayerRow>,
}

/// A layer, over all samples.
#[derive(Clone, Debug, Serialize)]
pub struct LayerRow {
    /// The tensor, and what computes it.
    #[serde(flatten)]
    pub about: Layer,
    /// Samples in which both targets compute it.
    pub compared: usize,
    /// Samples in which they compute different values.
    pub differ: usize,
}

impl LayerRow {
    /// Nothing is compared yet.
    #[must_use]
    pub const fn new(about: Layer) -> Self {
        Self { about, compared: 0, differ: 0 }
    }
}

/// The first difference.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// Its place in `layers`.
    pub layer: usize,
    /// The tensor, and what computes it.
    #[serde(flatten)]
    pub about: Layer,
    /// The first sample in which it differs.
    pub sample: usize,
    /// Digest of the one target.
    pub digest_a: String,
    /// Digest of the other.
    pub digest_b: String,
    /// The first element; `null` where a trace has digests only.
    pub element: Option<ElementRow>,
}

/// The first element that differs.
#[derive(Clone, Debug, Serialize)]
pub struct ElementRow {
    /// Its index, outermost first.
    pub index: Vec<usize>,
    /// Its place among all elements.
    pub flat: usize,
    /// Its value in the one target.
    pub a: Element,
    /// Its value in the other.
    pub b: Element,
    /// Elements that differ.
    pub differ: usize,
    /// Elements of the tensor.
    pub of: usize,
    /// The largest difference of two.
    pub largest: f64,
}

impl ParityReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.parity/1";

    /// For people: all layers, or those that differ.
    #[must_use]
    pub fn to_text(&self, all: bool) -> String {
        let mut text = format!("A  {}\nB  {}\n", self.a, self.b);
        let samples = if self.samples == 1 { "1 sample".into() } else { format!("{} samples", self.samples) };
        let _ = writeln!(text, "{} on {samples} ({})\n", self.file, self.inputs);
        let shown = |row: &&LayerRow| all || row.differ > 0;
        if self.layers.iter().any(|row| shown(&row)) {
            text += &table(self.layers.iter().filter(shown));
            text.push('\n');
        }
        let compared = self.layers.iter().filter(|row| row.compared > 0).count();
        let left_out = self.layers.len() - compared;
        let _ = match &self.first {
            None => writeln!(text, "Same: all {compared} tensors, bit for bit."),
            Some(first) => writeln!(text, "{}", first.to_text()),
        };
        if left_out > 0 {
            let _ = writeln!(text, "{left_out} tensors are not computed by both (constants, for example).");
        }
        text
    }
}

fn table<'a>(rows: impl Iterator<Item = &'a LayerRow>) -> String {
    let mut table = Table::new(&[
        ("#", Align::Right),
        ("operator", Align::Left),
        ("tensor", Align::Left),
        ("type", Align::Left),
        ("differs in", Align::Right),
    ]);
    for LayerRow { about, compared, differ } in rows {
        let differs = match (compared, differ) {
            (0, _) => "not compared".into(),
            (_, 0) => "–".into(),
            _ => format!("{differ} of {compared}"),
        };
        table.row([
            about.operator.map_or_else(String::new, |at| at.to_string()),
            about.op.clone(),
            shorten(&about.name, 32),
            about.dtype.clone(),
            differs,
        ]);
    }
    table.to_text()
}

impl Difference {
    fn to_text(&self) -> String {
        let about = Layer { name: shorten(&self.about.name, 48), ..self.about.clone() };
        let mut text = format!("First difference: {about}, sample {}", self.sample);
        let _ = match &self.element {
            Some(ElementRow { index, a, b, differ, of, largest, .. }) => write!(
                text,
                ",\nelement {index:?}: A has {a}, B has {b}; {differ} of {of} elements differ, by {largest} at most."
            ),
            None => write!(
                text,
                ":\ndigest {} in A, {} in B. Record traces with --values to see elements.",
                self.digest_a, self.digest_b
            ),
        };
        text
    }
}
