//! Trainings: what was trained, how it went, how fast it is.

use edgebench_train::fit::Epoch;
use serde::Serialize;

use super::table::{Align, Table};
use crate::machine::Machine;

/// What `edgebench train` did.
#[derive(Clone, Debug, Serialize)]
pub struct TrainReport {
    /// Always [`TrainReport::SCHEMA`].
    pub schema: &'static str,
    /// The model that was written.
    pub file: String,
    /// Of the file.
    pub sha256: String,
    /// The network.
    pub net: TrainedNet,
    /// Name of the data.
    pub data: String,
    /// Of the training part as it was read.
    pub data_sha256: String,
    /// Images that were trained on.
    pub images: usize,
    /// Images that chose the best epoch.
    pub validation: usize,
    /// What pixels mean.
    pub preprocess: &'static str,
    /// Names all random numbers.
    pub seed: u64,
    /// Threads.
    pub threads: usize,
    /// What computed: `cpu`, `torch` or `torch:cuda:N`.
    pub executor: String,
    /// The epoch whose numbers were kept, if it is not the last.
    pub best_epoch: Option<usize>,
    /// All epochs.
    pub epochs: Vec<Epoch>,
    /// Accuracy on images that chose nothing.
    pub test: Option<TestRow>,
}

/// A network.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct TrainedNet {
    pub arch: String,
    pub input: String,
    pub classes: usize,
    pub parameters: usize,
    pub macs: u64,
}

/// Accuracy on the test images.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TestRow {
    /// Images.
    pub n: u64,
    /// Share whose class was found.
    pub accuracy: f64,
    /// Wilson's 95 % interval of it.
    pub ci95: [f64; 2],
    /// Mean cross entropy.
    pub loss: f64,
}

impl TrainReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &'static str = "edgebench/train/1";

    /// For people.
    #[must_use]
    pub fn to_text(&self, _width: usize) -> String {
        let net = &self.net;
        let mut text = format!(
            "{}: {} {}, {} classes, {} parameters, {:.1} million multiply-accumulates\n",
            self.file,
            net.arch,
            net.input,
            net.classes,
            net.parameters,
            net.macs as f64 / 1e6
        );
        let seconds: f64 = self.epochs.iter().map(|epoch| epoch.seconds).sum();
        text += &format!(
            "trained on {} images of {} for {} epochs, {:.0} s with {} threads{}, seed {}\n",
            self.images,
            self.data,
            self.epochs.len(),
            seconds,
            self.threads,
            on(&self.executor),
            self.seed
        );
        let best = self.best_epoch.and_then(|best| self.epochs.get(best - 1));
        if let Some((epoch, share)) = best.and_then(|best| Some((best.epoch, best.valid_accuracy?))) {
            text += &format!("kept: epoch {epoch}, {:.2} % of {} validation images\n", 100.0 * share, self.validation);
        }
        if let Some(test) = &self.test {
            let [lo, hi] = test.ci95.map(|share| 100.0 * share);
            text += &format!("test: {:.2} % ({lo:.2} – {hi:.2}) of {} images\n", 100.0 * test.accuracy, test.n);
        }
        text
    }
}

/// The architectures.
#[derive(Clone, Debug, Serialize)]
pub struct ArchitecturesReport {
    /// Always [`ArchitecturesReport::SCHEMA`].
    pub schema: &'static str,
    /// For images of 32×32×3 and ten classes.
    pub architectures: Vec<ArchitectureRow>,
}

/// An architecture.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct ArchitectureRow {
    pub name: &'static str,
    pub about: &'static str,
    pub parameters: usize,
    pub macs: u64,
}

impl ArchitecturesReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &'static str = "edgebench/architectures/1";

    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut table = Table::new(&[
            ("architecture", Align::Left),
            ("parameters", Align::Right),
            ("MMAC", Align::Right),
            ("", Align::Left),
        ]);
        for row in &self.architectures {
            table.row([
                row.name.to_owned(),
                row.parameters.to_string(),
                format!("{:.1}", row.macs as f64 / 1e6),
                row.about.to_owned(),
            ]);
        }
        table.to_text() + "\nfor images of 32×32×3 and ten classes\n"
    }
}

/// Speed of training steps.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct SpeedReport {
    pub schema: &'static str,
    pub machine: Machine,
    pub arch: String,
    /// Multiply-accumulates of an image, forward.
    pub macs: u64,
    pub batch: usize,
    pub threads: usize,
    /// What computed: `cpu`, `torch` or `torch:cuda:N`.
    pub executor: String,
    pub steps: u32,
    /// With simulated quantisation, batch normalisation folded.
    pub qat: bool,
    /// Forward, backward and a step of the optimiser.
    pub images_per_second: SpeedRow,
    pub peak_rss_bytes: Option<u64>,
}

/// Images a second.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs)]
pub struct SpeedRow {
    pub best: f64,
    pub median: f64,
}

impl SpeedReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &'static str = "edgebench/train-speed/1";

    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let SpeedRow { best, median } = self.images_per_second;
        let memory =
            self.peak_rss_bytes.map_or(String::new(), |bytes| format!(", {:.0} MB of memory", bytes as f64 / 1e6));
        // Backward takes twice the products of forward.
        let gflops = 6.0 * self.macs as f64 * median / 1e9;
        format!(
            "{}{}: {median:.0} images/s (best {best:.0}), batches of {}, {} threads{}, {gflops:.0} GFLOP/s{memory}\n",
            self.arch,
            if self.qat { " with simulated quantisation" } else { "" },
            self.batch,
            self.threads,
            on(&self.executor)
        )
    }
}

/// ` on torch`, if it was not this crate's own engine.
fn on(executor: &str) -> String {
    if executor == "cpu" { String::new() } else { format!(" on {executor}") }
}
