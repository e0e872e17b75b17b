//! `edgebench isa`: which instruction sets are built, run here, and are chosen.

use anyhow::{Result, bail};
use edgebench_kernels::Isa;

use super::{Outcome, print};
use crate::cli::IsaArgs;
use crate::machine::Machine;
use crate::report::isa::{IsaReport, IsaRow};

pub(super) fn run(args: &IsaArgs) -> Result<Outcome> {
    let chosen = choose(args.isa)?;
    let row = |isa: Isa| IsaRow {
        name: isa.name(),
        built: isa.is_built(),
        // Those of microcontrollers are portable Rust here.
        runs_here: isa.kernels().is_some() && !isa.is_for_microcontrollers(),
        chosen: isa == chosen,
    };
    let report = IsaReport {
        schema: IsaReport::SCHEMA,
        machine: Machine::here(),
        isas: Isa::ALL.into_iter().map(row).collect(),
    };
    print(&report, args.json, || report.to_text())?;
    Ok(Outcome::Done)
}

/// The instruction set that was asked for, if it runs here; else the fastest that does.
pub(super) fn choose(asked: Option<Isa>) -> Result<Isa> {
    match asked {
        None => Ok(Isa::detect()),
        Some(isa) if isa.kernels().is_some() => Ok(isa),
        Some(isa) => {
            let why = if isa.is_built() { "this CPU does not have it" } else { "this build does not contain it" };
            let able: Vec<&str> = Isa::available().map(Isa::name).collect();
            bail!("instruction set {isa} cannot run here: {why}; those that can: {}", able.join(", "))
        }
    }
}
