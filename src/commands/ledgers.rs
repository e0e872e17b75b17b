//! `edgebench report` and `edgebench merge`: ledgers without measuring.

use std::path::PathBuf;

use anyhow::Result;

use super::talk::Talk;
use super::{Outcome, print, rendering};
use crate::cli::robust::{MergeArgs, ReportArgs};
use crate::machine;
use crate::report::merge::MergeReport;
use crate::robust::ledger::{self, Store};

pub(super) fn report(args: &ReportArgs, talk: Talk) -> Result<Outcome> {
    let store = read(&args.ledgers, talk)?;
    let threads = args.threads.map_or_else(machine::cpus, usize::from);
    rendering::render(&store, &args.rendering, rendering::Style { json: args.json, threads, samples: None }, talk)
}

pub(super) fn merge(args: &MergeArgs, talk: Talk) -> Result<Outcome> {
    let store = read(&args.ledgers, talk)?;
    ledger::write(&args.output, &store)?;
    let report = MergeReport {
        schema: MergeReport::SCHEMA,
        ledgers: args.ledgers.len(),
        models: store.models().len(),
        cells: store.len(),
        inferences: store.cells().map(|(key, _)| key.end - key.first).sum(),
        written: args.output.display().to_string(),
    };
    if args.json {
        print(&report, true, String::new)?;
    } else {
        talk.note(&report.to_text());
    }
    Ok(Outcome::Done)
}

fn read(paths: &[PathBuf], talk: Talk) -> Result<Store> {
    let mut store = Store::default();
    for path in paths {
        let reading = ledger::read(path, &mut store)?;
        if reading.torn > 0 {
            talk.warn(&format!("{}: the last line is unfinished (a run was stopped); it is left out", path.display()));
        }
    }
    Ok(store)
}
