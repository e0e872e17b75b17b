//! The study's technique 10, cause by cause.

use serde::Serialize;

use super::table::{Align, Table};
use crate::train::emulate::CauseRow;

/// What `edgebench compress --emulate-paper` found.
#[derive(Clone, Debug, Serialize)]
pub struct EmulateReport {
    /// Always [`EmulateReport::SCHEMA`].
    pub schema: &'static str,
    /// Name of the network.
    pub net: String,
    /// Name of the data.
    pub data: String,
    /// What pixels mean.
    pub preprocess: &'static str,
    /// Test images.
    pub images: usize,
    /// Epochs of technique 9.
    pub epochs: usize,
    /// Its steps.
    pub steps: u32,
    /// Names all random numbers.
    pub seed: u64,
    /// Accuracy of technique 9: the simulation, in float.
    pub simulated: f64,
    /// Technique 10 with no cause, one, two, all.
    pub rows: Vec<CauseRow>,
}

impl EmulateReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &'static str = "edgebench/emulate/1";

    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let text = format!(
            "{}, {} pixels, {} test images of {}\ntechnique 9 (simulated, float): {:.2} % after {} epochs, {} steps, seed {}\n\n",
            self.net,
            self.preprocess,
            self.images,
            self.data,
            100.0 * self.simulated,
            self.epochs,
            self.steps,
            self.seed
        );
        let mut table = Table::new(&[
            ("technique 10", Align::Left),
            ("input wraps", Align::Left),
            ("range from ±6", Align::Left),
            ("unfolded BN", Align::Left),
            ("top-1 %", Align::Right),
            ("inputs beyond", Align::Right),
        ]);
        let mark = |on: bool| if on { "yes" } else { "·" }.to_owned();
        for row in &self.rows {
            let causes = [row.wrapped_input, row.averaged_range, row.unfolded_batch_norm];
            let name = match causes.iter().filter(|on| **on).count() {
                0 => "as it should be",
                3 => "as the study had it",
                _ => "",
            };
            let [wraps, range, norm] = causes.map(mark);
            let (top1, outside) = (format!("{:.2}", 100.0 * row.top1), format!("{:.2} %", 100.0 * row.outside));
            table.row([name.to_owned(), wraps, range, norm, top1, outside]);
        }
        text + &table.to_text()
    }
}
