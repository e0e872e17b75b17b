//! What boards answered.

use serde::Serialize;

use super::table::{Align, Table};
use crate::firmware::{BoardFacts, Use};

/// What boards answered.
#[derive(Clone, Debug, Serialize)]
pub struct BoardReport {
    /// [`BoardReport::SCHEMA`].
    pub schema: &'static str,
    /// One for each board and model.
    pub rows: Vec<BoardRow>,
}

/// A model on a board.
#[derive(Clone, Debug, Serialize)]
pub struct BoardRow {
    /// The board.
    pub board: String,
    /// What it is, and what runs its programs.
    pub device: BoardFacts,
    /// The model's file.
    pub file: String,
    /// Its hash, in hex.
    pub sha256: String,
    /// Whose integers.
    pub arithmetic: &'static str,
    /// Kernels.
    pub isa: &'static str,
    /// Images.
    pub n: u64,
    /// Share with the right answer.
    pub top1: f64,
    /// Its 95 % interval (Wilson).
    pub ci95: [f64; 2],
    /// Bytes of the file, in a zip archive, in flash and in RAM.
    pub size: BoardSize,
    /// What the program used.
    pub used: Use,
    /// Cycles of an image, where the board counts them.
    pub cycles: Option<f64>,
}

/// Bytes of a model.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BoardSize {
    /// The file.
    pub raw: u64,
    /// In a zip archive, level 6.
    pub zip6: u64,
    /// Code, weights and tables.
    pub flash: u32,
    /// Statics, the arena among them, and the stack that was used.
    pub ram: u32,
}

impl BoardReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.boards/1";

    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let left = ["board", "model", "isa"].map(|name| (name, Align::Left));
        let right = ["images", "top-1", "95 %", "file KiB", "zip-6 KiB", "flash KiB", "RAM KiB", "cycles"];
        let columns: Vec<(&str, Align)> = left.into_iter().chain(right.map(|name| (name, Align::Right))).collect();
        let mut table = Table::new(&columns);
        let kib = |bytes: u64| format!("{:.1}", bytes as f64 / 1024.0);
        for row in &self.rows {
            let [lo, hi] = row.ci95;
            table.row([
                row.board.clone(),
                row.file.clone(),
                row.isa.to_owned(),
                row.n.to_string(),
                format!("{:.2} %", 100.0 * row.top1),
                format!("{:.2} – {:.2}", 100.0 * lo, 100.0 * hi),
                kib(row.size.raw),
                kib(row.size.zip6),
                kib(row.size.flash.into()),
                kib(row.size.ram.into()),
                row.cycles.map_or_else(|| "–".into(), |cycles| format!("{cycles:.0}")),
            ]);
        }
        let mut text = table.to_text();
        let mut known: Vec<&BoardFacts> = Vec::new();
        for BoardRow { device, .. } in &self.rows {
            if !known.contains(&device) {
                text += &format!("\n{}: {}", device.board, device.to_text());
                known.push(device);
            }
        }
        if !known.is_empty() {
            text.push('\n');
        }
        text
    }
}
