//! Evaluations on boards: the program is built for each board and model, images go there, and what comes back is counted here.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use edgebench_corrupt::Corruptor;

use super::board::{program, tell};
use crate::cli::EvalArgs;
use crate::commands::eval::Candidate;
use crate::commands::robust::Ledger;
use crate::commands::talk::Talk;
use crate::commands::{Outcome, print};
use crate::data::Values;
use crate::eval::accuracy::{Answer, Counts as Accuracy, answer};
use crate::eval::size::zip6;
use crate::eval::statistics::wilson95;
use crate::firmware::{Board, BoardFacts, Device, Program, Use};
use crate::model::ModelFile;
use crate::report::board::{BoardReport, BoardRow, BoardSize};
use crate::robust::cell::{CellKey, Counts};
use crate::robust::condition::Condition;
use crate::robust::ledger::record::{BoardFact, Record};
use crate::robust::run::{Measurement, Subject};
use crate::robust::source::Source;

/// Number of a corruption that is none.
const CLEAN: u32 = u32::MAX;

/// `edgebench eval --on qemu:BOARD`: accuracy and size.
pub(in crate::commands) fn eval(args: &EvalArgs, candidates: &[Candidate], talk: Talk) -> Result<Outcome> {
    let boards = args.on.boards().map(Board::open).collect::<Result<Vec<_>, _>>()?;
    let (mut rows, mut outcome) = (Vec::new(), Outcome::Done);
    for board in &boards {
        let facts = BoardFacts::of(board)?;
        for candidate in candidates {
            let row = one(args, (board, &facts), candidate, talk)?;
            if args.min_accuracy.is_some_and(|wanted| row.top1 < wanted) {
                talk.warn(&format!("{} on {}: top-1 is below --min-accuracy", row.file, row.board));
                outcome = Outcome::Missed;
            }
            rows.push(row);
        }
    }
    let report = BoardReport { schema: BoardReport::SCHEMA, rows };
    print(&report, args.json, || report.to_text())?;
    Ok(outcome)
}

fn one(args: &EvalArgs, (board, facts): (&Board, &BoardFacts), candidate: &Candidate, talk: Talk) -> Result<BoardRow> {
    let Candidate { model, data, preparation, .. } = candidate;
    let program = program(board, args.lowering.arithmetic, model, 0)?;
    let mut device = Device::new(&program, args.on.there.manner().patience, false);
    for at in 0..data.len() {
        let mut input = Vec::new();
        preparation.pipeline.append(&data.sample(at)?, &mut input)?;
        device.inputs(&[input]);
    }
    let bar = talk.progress(data.len(), &format!("{} on {}", model.name(), board.name));
    let (answers, used) = device.run(&mut |n| bar.advance_by(n))?;
    bar.finish();
    tell(board, &used, talk);
    let dtype = program.plan.outputs[0].dtype;
    let of = |(found, &label): (&crate::firmware::Answer, &u32)| -> Result<Answer> {
        let found = answer(dtype, &found.outputs, label as usize);
        found.map_err(|name| anyhow::anyhow!("{}: scores of type {name}", model.file))
    };
    let found = answers.iter().zip(&data.labels).map(of).collect::<Result<Vec<_>>>()?;
    let scores: usize = program.plan.outputs[0].shape.iter().product();
    let counts = Accuracy::of(scores, &data.labels, &found);
    let (n, hits) = (counts.n(), counts.hits());
    let (lo, hi) = wilson95(hits, n);
    let cycles: Option<u64> = answers.iter().map(|answer| answer.cycles).sum();
    Ok(BoardRow {
        board: board.name.clone(),
        device: facts.clone(),
        file: model.file.clone(),
        sha256: model.sha256(),
        arithmetic: program.plan.arithmetic.name(),
        isa: program.plan.isa.name(),
        n,
        top1: hits as f64 / n as f64,
        ci95: [lo, hi],
        size: BoardSize {
            raw: model.bytes.len() as u64,
            zip6: zip6(&format!("{}.tflite", model.name()), &model.bytes),
            flash: used.flash,
            ram: used.ram(),
        },
        used,
        cycles: cycles.map(|all| all as f64 / n as f64),
    })
}

/// Measures what the ledger does not have: images are corrupted on the boards, which take the cells in turn.
pub(in crate::commands) fn measure(
    args: &EvalArgs,
    candidates: &[Candidate],
    measurement: &Measurement<'_>,
    ledger: &mut Ledger,
    talk: Talk,
) -> Result<()> {
    let boards = args.on.boards().map(Board::open).collect::<Result<Vec<_>, _>>()?;
    let facts = boards.iter().map(BoardFacts::of).collect::<Result<Vec<_>, _>>()?;
    let mut cells = Vec::new();
    for (at, (condition, range)) in measurement.grid.units().enumerate() {
        for subject in (0..candidates.len()).filter(|_| measurement.shard.takes(at)) {
            let key = measurement.key(subject, condition, &range);
            if !ledger.store.contains(&key) {
                cells.push((subject, condition, key));
            }
        }
    }
    if cells.is_empty() {
        return Ok(());
    }
    let mut programs: Vec<Vec<Program>> = Vec::new();
    for board in &boards {
        let of = |(candidate, subject): (&Candidate, &Subject<'_>)| {
            program(board, args.lowering.arithmetic, &candidate.model, workspace(measurement, subject)?)
        };
        programs.push(candidates.iter().zip(measurement.subjects).map(of).collect::<Result<_>>()?);
    }
    let images: u64 = cells.iter().map(|(.., key)| key.end - key.first).sum();
    let bar = talk.progress(usize::try_from(images).unwrap_or(usize::MAX), "images");
    let mut used = vec![vec![None; candidates.len()]; boards.len()];
    for (at, (subject, condition, key)) in cells.into_iter().enumerate() {
        let board = at % boards.len();
        let program = &programs[board][subject];
        let device = Device::new(program, args.on.there.manner().patience, false);
        let (counts, here) = cell(measurement, device, (subject, condition), &key, &mut |n| bar.advance_by(n))
            .with_context(|| format!("{} on images {} to {}", key.condition, key.first, key.end))?;
        ledger.put(key, counts)?;
        // Corruptions differ in the stack that they use.
        let most: &mut Option<Use> = &mut used[board][subject];
        *most = Some((*most).map_or(here, |most| if most.stack < here.stack { here } else { most }));
    }
    bar.finish();
    for (facts, used) in facts.iter().zip(used) {
        for (candidate, used) in candidates.iter().zip(used) {
            used.map_or(Ok(()), |used| ledger.note(fact(args, facts, &candidate.model, used)))?;
        }
    }
    Ok(())
}

/// A board as it stands in the ledger.
fn fact(args: &EvalArgs, facts: &BoardFacts, model: &ModelFile, used: Use) -> Record {
    let file = Path::new(&model.file).file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let (facts, arithmetic) = (facts.clone(), args.lowering.arithmetic.name().into());
    Record::Board(Box::new(BoardFact { facts, file, model: model.sha256(), arithmetic, used }))
}

/// Bytes that a board needs for images and for the hungriest corruption that it makes of them; `firmware/src/images.rs` takes them.
fn workspace(measurement: &Measurement<'_>, subject: &Subject<'_>) -> Result<usize> {
    let [height, width, channels] = subject.data.shape[..] else { return Ok(0) };
    let size = [height, width, channels];
    let mut most = 0;
    for condition in measurement.grid.conditions() {
        let (Some(_), Condition::Corrupted(kind, severity), Source::Generated { set, .. }) =
            (how(measurement.source, condition), condition, measurement.source)
        else {
            continue;
        };
        most = most.max(Corruptor::memory(*set, kind.corruption, severity, size)?);
    }
    // Pixels come clean and become corrupted; each part begins at a word.
    let pixels: usize = size.iter().product();
    let parts = [subject.pipeline.table_bytes(), pixels, pixels, most];
    Ok(parts.into_iter().map(|bytes| bytes.next_multiple_of(8)).sum())
}

/// One cell by a board.
fn cell(
    measurement: &Measurement<'_>,
    mut device: Device<'_>,
    (subject, condition): (usize, Condition),
    key: &CellKey,
    done: &mut dyn FnMut(u64),
) -> Result<(Counts, Use)> {
    let subject = &measurement.subjects[subject];
    let (first, end) = (key.first as usize, key.end as usize);
    let pipeline = subject.pipeline.to_device().context("samples that are no images cannot be corrupted")?;
    device.pipeline(&pipeline);
    let there = how(measurement.source, condition);
    let mut painter = measurement.source.painter(subject.data)?;
    let mut pixels = vec![0; subject.data.shape.iter().product()];
    for at in first..end {
        match (&there, subject.data.sample(at)?.values) {
            (Some(how), Values::U8(clean)) => device.image(&words(*how, at as u64), &clean),
            // Pictures of files are made already; frost of photographs needs the photographs.
            _ => {
                painter.paint(condition, at, &mut pixels)?;
                device.image(&words([CLEAN, 0, 0, 0, 0], at as u64), &pixels);
            }
        }
    }
    let (answers, used) = device.run(done)?;
    ensure!(answers.len() == end - first, "{} answers to {} images", answers.len(), end - first);
    let mut counts = Counts::new(answers.len());
    for (at, answer) in answers.iter().enumerate() {
        counts.add(at, &subject.scored(&answer.outputs, first + at)?);
    }
    Ok((counts, used))
}

/// Kind, severity, constants, and both halves of the seed, if the board can do it by itself.
fn how(source: &Source, condition: Condition) -> Option<[u32; 5]> {
    let Condition::Corrupted(kind, severity) = condition else { return Some([CLEAN, 0, 0, 0, 0]) };
    let Source::Generated { set, seed, photographs, .. } = source else { return None };
    let frost = kind.corruption == edgebench_corrupt::Corruption::Frost && !photographs.is_empty();
    let set = edgebench_corrupt::Constants::ALL.iter().position(|other| other == set)?;
    let how = [kind.corruption as u32, severity.level().into(), set as u32, *seed as u32, (*seed >> 32) as u32];
    (!frost).then_some(how)
}

/// The words before the pixels of image `index`.
fn words(how: [u32; 5], index: u64) -> Vec<u8> {
    let index = [index as u32, (index >> 32) as u32];
    how.iter().chain(&index).flat_map(|word| word.to_le_bytes()).collect()
}
