//! What `edgebench quantise` did.

use std::fmt::Write;

use serde::Serialize;

use super::eval::SizeRow;
use super::table::{Align, NARROW, Table, bytes, shorten, wrap};

/// What `edgebench quantise` did.
#[derive(Clone, Debug, Serialize)]
pub struct QuantiseReport {
    /// [`QuantiseReport::SCHEMA`].
    pub schema: &'static str,
    /// The float model, as given.
    pub file: String,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// The int8 model that was written.
    pub written: String,
    /// Its SHA-256, in hex.
    pub written_sha256: String,
    /// What was calibrated on.
    pub calibration: CalibrationRow,
    /// Type of the int8 model's inputs and outputs.
    pub io: &'static str,
    /// Whether each output of a FULLY_CONNECTED has a scale of its own.
    pub per_channel_dense: bool,
    /// Equalisation, if it was asked for.
    pub equalisation: Option<EqualisationRow>,
    /// Bias correction, if it was asked for.
    pub bias_correction: Option<BiasCorrectionRow>,
    /// Operators of both models.
    pub operators: OperatorsRow,
    /// Operators of the float model in their order.
    pub layers: Vec<LayerRow>,
    /// Sizes of both files.
    pub size: SizesRow,
    /// Accuracy of both models; absent where there are no labels for the model's classes.
    pub accuracy: Option<AccuracyRow>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// Time for all of it.
    pub seconds: f64,
}

/// What was calibrated on, and how.
#[derive(Clone, Debug, Serialize)]
pub struct CalibrationRow {
    /// Name of the data.
    pub data: String,
    /// The part, where the data have parts.
    pub split: Option<&'static str>,
    /// Samples.
    pub samples: usize,
    /// How ranges follow from values.
    pub method: &'static str,
    /// Share of the values within the range, for percentile.
    pub percentile: Option<f64>,
    /// What a pixel means to the model; absent for arrays.
    pub preprocess: Option<&'static str>,
}

/// What was equalised.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct EqualisationRow {
    /// Pairs of layers with rescaled channels.
    pub pairs: usize,
    /// Times that all pairs were gone through.
    pub rounds: usize,
    /// Largest factor of a channel.
    pub largest: f64,
}

/// What was corrected.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BiasCorrectionRow {
    /// Layers.
    pub layers: usize,
    /// Largest change of a bias.
    pub largest: f64,
}

/// Numbers of operators.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OperatorsRow {
    /// Of the float model.
    pub float: usize,
    /// Of the int8 model.
    pub int8: usize,
    /// QUANTIZE and DEQUANTIZE among those.
    pub conversions: usize,
}

/// What one operator lost.
#[derive(Clone, Debug, Serialize)]
pub struct LayerRow {
    /// Its position in the float model.
    pub operator: usize,
    /// Its name in the schema.
    pub op: &'static str,
    /// Name of its result.
    pub output: String,
    /// Signal to noise of its weights; `null` without weights or without noise.
    pub weights_db: Option<f64>,
    /// Signal to noise of its result; `null` if it was fused away or has no noise.
    pub output_db: Option<f64>,
}

/// Sizes of both files.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SizesRow {
    /// The float model.
    pub float: SizeRow,
    /// The int8 model.
    pub int8: SizeRow,
}

/// Accuracy of both models on the same samples.
#[derive(Clone, Debug, Serialize)]
pub struct AccuracyRow {
    /// The part of the data, where they have parts.
    pub split: Option<&'static str>,
    /// Samples.
    pub n: u64,
    /// The float model, as it was given.
    pub float: Top1Row,
    /// The int8 model.
    pub int8: Top1Row,
    /// Samples on which both give the same class.
    pub agree: u64,
}

/// Accuracy of one model.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Top1Row {
    /// Share of samples whose best class is their label.
    pub top1: f64,
    /// 95 % interval.
    pub ci95: [f64; 2],
}

/// Layers that people see.
const WORST: usize = 10;

impl QuantiseReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &'static str = "edgebench.quantise/1";

    /// The report as text, in `width` columns.
    #[must_use]
    pub fn to_text(&self, width: usize) -> String {
        let mut text = self.head(width);
        text += &self.sizes();
        text.push('\n');
        text += &self.worst(width);
        text
    }

    fn head(&self, width: usize) -> String {
        let calibration = &self.calibration;
        let part = calibration.split.map_or(String::new(), |split| format!(", {split} part"));
        let share = calibration.percentile.map_or(String::new(), |p| format!(" {} %", 100.0 * p));
        let mut done = format!(
            "calibrated on {} samples of {}{part}, {}{share}; inputs and outputs {}",
            calibration.samples, calibration.data, calibration.method, self.io
        );
        if let Some(e) = self.equalisation {
            let _ = write!(done, "; {} pairs of layers equalised, channels by up to {:.3}", e.pairs, e.largest);
        }
        if let Some(b) = self.bias_correction {
            let _ = write!(done, "; biases of {} layers corrected, by up to {:.2e}", b.layers, b.largest);
        }
        let _ = write!(done, "; {} operators became {}", self.operators.float, self.operators.int8);
        if self.operators.conversions > 0 {
            let _ = write!(done, ", {} of them QUANTIZE or DEQUANTIZE", self.operators.conversions);
        }
        wrap(&done, width.min(100)) + "\n"
    }

    fn sizes(&self) -> String {
        let mut table = Table::new(&[
            ("model", Align::Left),
            ("raw", Align::Right),
            ("zip-6", Align::Right),
            ("top-1 %", Align::Right),
            ("95 % interval", Align::Right),
        ]);
        let rows = [
            ("float", self.size.float, self.accuracy.as_ref().map(|a| a.float)),
            ("int8", self.size.int8, self.accuracy.as_ref().map(|a| a.int8)),
        ];
        for (name, size, top1) in rows {
            let percent = |share: f64| format!("{:.2}", 100.0 * share);
            table.row([
                name.to_owned(),
                bytes(size.raw),
                bytes(size.zip6),
                top1.map_or("–".into(), |t| percent(t.top1)),
                top1.map_or("–".into(), |t| format!("{} – {}", percent(t.ci95[0]), percent(t.ci95[1]))),
            ]);
        }
        let mut text = table.to_text();
        if let Some(accuracy) = &self.accuracy {
            let part = accuracy.split.map_or(String::new(), |split| format!(" of the {split} part"));
            let _ = writeln!(text, "on {} samples{part}; both say the same of {}", accuracy.n, accuracy.agree);
        }
        text
    }

    /// The layers that lose most, by their results, then by their weights.
    fn worst(&self, width: usize) -> String {
        let mut layers: Vec<&LayerRow> = self.layers.iter().collect();
        let key = |db: Option<f64>| db.unwrap_or(f64::INFINITY);
        layers.sort_by(|a, b| {
            key(a.output_db).total_cmp(&key(b.output_db)).then(key(a.weights_db).total_cmp(&key(b.weights_db)))
        });
        let mut table = Table::new(&[
            ("#", Align::Left),
            ("operator", Align::Left),
            ("weights dB", Align::Right),
            ("result dB", Align::Right),
            ("result", Align::Left),
        ]);
        let db = |db: Option<f64>| db.map_or("–".into(), |db| format!("{db:.1}"));
        for layer in layers.iter().take(WORST) {
            let name = shorten(&layer.output, 30 + width.saturating_sub(NARROW));
            table.row([
                layer.operator.to_string(),
                layer.op.to_owned(),
                db(layer.weights_db),
                db(layer.output_db),
                name,
            ]);
        }
        let head = match layers.len() {
            n if n > WORST => format!("signal to noise, the worst {WORST} of {n} operators\n"),
            _ => "signal to noise, the worst operator first\n".to_owned(),
        };
        head + &table.to_text()
    }
}
