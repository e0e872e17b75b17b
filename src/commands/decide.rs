//! `edgebench eval --until-decided`: images in random order until a condition is decided.

use std::collections::BTreeSet;
use std::ops::Range;

use anyhow::{Result, bail, ensure};

use super::rendering::baseline;
use super::robust::Ledger;
use super::talk::Talk;
use super::{Outcome, print};
use crate::metrics::ce::ErrorTable;
use crate::metrics::criterion::{Criterion, Limit, Quantity};
use crate::metrics::sequential::{Estimate, Follower, Unit, shuffled};
use crate::report::decision::{DecisionReport, DecisionRow};
use crate::report::robust::Baseline;
use crate::robust::condition::Condition;
use crate::robust::run::{Agenda, Measurement};

/// Blocks that are measured between two looks.
const STEP: usize = 5;

/// What the user wants to know, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub(super) criterion: &'a Criterion,
    pub(super) error_rate: f64,
    pub(super) threads: usize,
    pub(super) json: bool,
}

/// What was found, and the images it took.
type Decided = (Estimate, u64);

/// Where the baseline's errors come from.
enum Base {
    None,
    Subject(usize),
    Known(Vec<f64>),
}

pub(super) fn run(
    measurement: &Measurement<'_>,
    wish: &Wish<'_>,
    name: Option<&str>,
    (ledger, talk): (&mut Ledger, Talk),
) -> Result<Outcome> {
    let conditions: Vec<Condition> = measurement.grid.conditions().collect();
    let base = find(measurement, wish, name, ledger)?;
    let blocks: Vec<Range<u64>> = measurement.grid.blocks().collect();
    let order = shuffled(blocks.len(), 0);
    let subjects: Vec<usize> =
        (0..measurement.subjects.len()).filter(|at| !matches!(base, Base::Subject(b) if b == *at)).collect();
    ensure!(!subjects.is_empty(), "--until-decided: name a model beside the baseline");
    let corruptions: Vec<Option<usize>> = conditions.iter().map(|condition| index(measurement, *condition)).collect();
    let follower = Follower {
        criterion: wish.criterion,
        corruption_of: &corruptions,
        known_base: if let Base::Known(errors) = &base { Some(errors) } else { None },
        error_rate: wish.error_rate,
    };

    let bar = talk.progress(blocks.len(), "blocks (all of them at most)");
    let mut units: Vec<Vec<Unit>> = vec![Vec::new(); subjects.len()];
    let mut found: Vec<Option<Decided>> = vec![None; subjects.len()];
    let mut seen = 0;
    for part in order.chunks(STEP) {
        let starts: BTreeSet<u64> = part.iter().map(|&at| blocks[at].start).collect();
        let agenda = Agenda::of(measurement, |key| ledger.store.contains(key), |range| starts.contains(&range.start));
        agenda.run(wish.threads, |key, counts| ledger.put(key, counts), |_| ())?;
        bar.advance_by(part.len() as u64);
        seen += part.iter().map(|&at| blocks[at].end - blocks[at].start).sum::<u64>();
        for (row, &subject) in subjects.iter().enumerate() {
            for &at in part {
                units[row].push(unit(measurement, ledger, (&conditions, &blocks[at]), (subject, &base)));
            }
            if found[row].is_none() {
                let estimate = follower.look(&units[row], blocks.len());
                found[row] = estimate.verdict.map(|_| (estimate, seen));
            }
        }
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    bar.finish();
    report(measurement, wish, (&subjects, &found), (ledger, seen * conditions.len() as u64))
}

fn report(
    measurement: &Measurement<'_>,
    wish: &Wish<'_>,
    (subjects, found): (&[usize], &[Option<Decided>]),
    (ledger, each): (&Ledger, u64),
) -> Result<Outcome> {
    let mut models = Vec::new();
    for (&subject, found) in subjects.iter().zip(found) {
        let file = file_of(measurement, ledger, subject);
        let Some((Estimate { verdict: Some(holds), distance, half_width }, images)) = *found else {
            bail!("{file}: {} cannot be decided, the baseline makes no error under a corruption", wish.criterion);
        };
        models.push(DecisionRow { file, holds, distance, half_width, images });
    }
    let all = measurement.grid.images * measurement.grid.conditions().count() as u64;
    let n = measurement.subjects.len() as u64;
    let report = DecisionReport {
        schema: DecisionReport::SCHEMA,
        condition: wish.criterion.to_string(),
        error_rate: wish.error_rate,
        images: measurement.grid.images,
        inferences: each * n,
        of: all * n,
        models,
    };
    print(&report, wish.json, || report.to_text())?;
    Ok(if report.models.iter().all(|model| model.holds) { Outcome::Done } else { Outcome::Missed })
}

fn file_of(measurement: &Measurement<'_>, ledger: &Ledger, subject: usize) -> String {
    let fact = ledger.store.models().get(&measurement.subjects[subject].key);
    fact.map_or_else(String::new, |fact| fact.file.clone())
}

fn index(measurement: &Measurement<'_>, condition: Condition) -> Option<usize> {
    match condition {
        Condition::Clean => None,
        Condition::Corrupted(kind, _) => measurement.grid.kinds.iter().position(|other| *other == kind),
    }
}

fn find(measurement: &Measurement<'_>, wish: &Wish<'_>, name: Option<&str>, ledger: &Ledger) -> Result<Base> {
    let criterion = wish.criterion;
    if !matches!(criterion.quantity, Quantity::Clean | Quantity::MeanError | Quantity::Mce) {
        bail!("--until-decided {criterion}: expected clean, mean_error or mce");
    }
    let needed = criterion.quantity == Quantity::Mce || matches!(criterion.limit, Limit::Base(_));
    ensure!(needed <= name.is_some(), "--until-decided {criterion}: needs --baseline");
    match baseline(name.filter(|_| needed), &ledger.store)? {
        None => Ok(Base::None),
        Some(Baseline::Table { table, .. }) => known(measurement, &table).map(Base::Known),
        Some(Baseline::Model(name)) => {
            let bare = |file: &str| file.strip_suffix(".tflite").unwrap_or(file).to_owned();
            let mut names = (0..measurement.subjects.len()).map(|at| (at, file_of(measurement, ledger, at)));
            match names.find(|(_, file)| bare(file) == bare(&name)) {
                Some((at, _)) => Ok(Base::Subject(at)),
                None => bail!("--baseline {name}: is none of the models; name it beside the others"),
            }
        }
    }
}

/// The baseline's error rates in the order of the conditions.
fn known(measurement: &Measurement<'_>, table: &ErrorTable) -> Result<Vec<f64>> {
    let mut errors = Vec::new();
    for condition in measurement.grid.conditions() {
        if condition == Condition::Clean {
            errors.push(table.clean);
            continue;
        }
        let row = table.row(condition.name());
        let at = row.and_then(|row| row.severities.iter().position(|&level| level == condition.level()));
        match row.zip(at) {
            Some((row, at)) => errors.push(row.errors[at]),
            None => bail!("the baseline was not measured under {condition}; measure it with the same --corruptions"),
        }
    }
    Ok(errors)
}

fn unit(
    measurement: &Measurement<'_>,
    ledger: &Ledger,
    (conditions, range): (&[Condition], &Range<u64>),
    (subject, base): (usize, &Base),
) -> Unit {
    let wrong = |subject: usize| -> Vec<f64> {
        let of = |condition: &Condition| {
            let counts = ledger.store.get(&measurement.key(subject, *condition, range));
            counts.map_or(f64::NAN, |counts| counts.answers.len() as f64 - counts.hits as f64)
        };
        conditions.iter().map(of).collect()
    };
    let base = if let Base::Subject(base) = base { wrong(*base) } else { Vec::new() };
    Unit { images: (range.end - range.start) as f64, model: wrong(subject), base }
}
