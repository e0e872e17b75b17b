//! A measurement of robustness by other machines: each takes a part of the cells, all go into the ledger here.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Result, ensure};

use super::{Ready, after, args, ready, relay};
use crate::cli::EvalArgs;
use crate::commands::robust::Ledger;
use crate::commands::talk::Talk;
use crate::remote::RemoteError;
use crate::remote::facts::Facts;
use crate::remote::line::Line;
use crate::report::table::grouped;
use crate::robust::cell::CellKey;
use crate::robust::ledger::record::{DeviceFact, Moment, Record};
use crate::robust::ledger::{LedgerError, read_line};
use crate::robust::run::{Agenda, Measurement};
use crate::robust::shard::Shard;

/// What stops a machine's part.
#[derive(Debug, thiserror::Error)]
enum PartError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What all parts share.
struct Shared<'a, 'b> {
    ledger: Mutex<&'a mut Ledger>,
    /// Cells of this measurement.
    wanted: BTreeSet<CellKey>,
    advance: &'b (dyn Fn(u64) + Sync),
    talk: Talk,
}

/// Measures what the ledger does not have.
pub(in crate::commands) fn measure(
    eval: &EvalArgs,
    measurement: &Measurement<'_>,
    ledger: &mut Ledger,
    talk: Talk,
) -> Result<()> {
    let agenda = Agenda::new(measurement, |key| ledger.store.contains(key));
    if agenda.known > 0 {
        talk.note(&format!(
            "{} cells are in the ledger, {} are left",
            grouped(agenda.known as u64),
            grouped(agenda.cells() as u64)
        ));
    }
    if agenda.cells() == 0 {
        return Ok(());
    }
    let machines = ready(&eval.on, talk)?;
    for machine in &machines {
        ledger.note(device(machine, Moment::Before, machine.before.clone()))?;
    }
    let bar = talk.progress(usize::try_from(agenda.inferences()).unwrap_or(usize::MAX), "images");
    let advance = |n| bar.advance_by(n);
    let wanted = measurement.keys().collect();
    let shared = Shared { ledger: Mutex::new(ledger), wanted, advance: &advance, talk };
    let count = machines.len() as u64;
    let parts = machines.iter().zip(0..).map(|(machine, at)| {
        // Every count-th piece of the pieces that are this run's.
        let Shard { index, count: of } = measurement.shard;
        (machine, Shard { index: index + of * at, count: of * count })
    });
    let results: Vec<Result<()>> = thread::scope(|scope| {
        let start = |(machine, shard)| {
            let shared = &shared;
            scope.spawn(move || part(eval, machine, shard, shared))
        };
        let handles: Vec<_> = parts.map(start).collect();
        handles.into_iter().map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    bar.finish();
    // One machine that fails does not cost what the others have measured: it is in the ledger.
    results.into_iter().collect::<Result<Vec<()>>>()?;
    let left = Agenda::new(measurement, |key| ledger.store.contains(key)).cells();
    ensure!(left == 0, "{left} cells were not measured by any of the machines; run the same command again");
    Ok(())
}

fn part(eval: &EvalArgs, machine: &Ready, shard: Shard, shared: &Shared<'_, '_>) -> Result<()> {
    let Shared { talk, .. } = *shared;
    let host = &machine.host;
    let name = host.name();
    let job = args::cells(eval, shard)?;
    super::send(host, &job, talk)?;
    let running = host.start(&job)?;
    let ended = host.follow(&running, |line| match line {
        Line::Ledger { line, .. } => shared.take(&name, &line),
        Line::Said { line, .. } => {
            relay(&name, &line, false, talk);
            Ok(())
        }
        _ => Ok(()),
    })?;
    super::tell_cuts(&name, ended.cuts, talk);
    let facts = after(machine, talk)?;
    shared.lock().note(device(machine, Moment::After, facts))?;
    Ok(())
}

impl<'a> Shared<'a, '_> {
    fn lock(&self) -> std::sync::MutexGuard<'_, &'a mut Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line of a ledger there becomes a line of the ledger here.
    fn take(&self, host: &str, line: &str) -> Result<(), PartError> {
        let protocol = |problem: String| RemoteError::Protocol { host: host.to_owned(), problem };
        let record = read_line(line.as_bytes()).map_err(|problem| protocol(format!("a damaged line: {problem}")))?;
        // Facts about model and data are known here; what was measured is not.
        let Record::Cell(cell) = record else { return Ok(()) };
        let (key, counts) = cell.into_cell().map_err(|problem| protocol(format!("a cell that is none: {problem}")))?;
        if !self.wanted.contains(&key) {
            return Err(protocol(format!(
                "a cell of another measurement ({} on images {} to {}); are model and data the same there?",
                key.condition, key.first, key.end
            ))
            .into());
        }
        let images = key.end - key.first;
        if self.lock().take(key, counts)? {
            (self.advance)(images);
        }
        Ok(())
    }
}

fn device(Ready { host, .. }: &Ready, moment: Moment, facts: Facts) -> Record {
    Record::Device(Box::new(DeviceFact { host: host.name(), program: host.program.clone(), moment, facts }))
}
