//! Instruction sets of this build on this machine.

use std::fmt::Write;

use serde::Serialize;

use super::table::{Align, Table};
use crate::machine::Machine;

/// Instruction sets of this build on this machine.
#[derive(Clone, Debug, Serialize)]
pub struct IsaReport {
    /// [`IsaReport::SCHEMA`].
    pub schema: &'static str,
    /// Where it was asked.
    pub machine: Machine,
    /// All of them, fastest first.
    pub isas: Vec<IsaRow>,
}

/// One instruction set.
#[derive(Clone, Debug, Serialize)]
pub struct IsaRow {
    /// As on the command line.
    pub name: &'static str,
    /// Whether this build contains kernels for it.
    pub built: bool,
    /// Whether this CPU can run them.
    pub runs_here: bool,
    /// Whether it is the one that is used.
    pub chosen: bool,
}

impl IsaReport {
    /// Name and version of the JSON.
    pub const SCHEMA: &str = "edgebench.isa/1";

    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let Machine { cpu, cpus, .. } = &self.machine;
        let _ = writeln!(text, "{cpu}, {cpus} hardware threads\n");
        let mut table =
            Table::new(&[("isa", Align::Left), ("built", Align::Left), ("runs here", Align::Left), ("", Align::Left)]);
        let yes = |b: bool| if b { "yes" } else { "no" };
        for row in &self.isas {
            let mark = if row.chosen { "<-- chosen" } else { "" };
            table.row([row.name, yes(row.built), yes(row.runs_here), mark]);
        }
        text + &table.to_text()
    }
}
