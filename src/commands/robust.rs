//! `edgebench eval --corruptions`: models on clean and corrupted images, cell by cell.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use edgebench_corrupt::Corruption;
use sha2::{Digest, Sha256};

use super::decide::{self, Wish};
use super::eval::Candidate;
use super::talk::Talk;
use super::{Outcome, rendering, samples};
use crate::cli::EvalArgs;
use crate::cli::corrupt::Kinds;
use crate::cli::robust::RobustArgs;
use crate::corrupt::{default_constants, read_photographs};
use crate::data::Dataset;
use crate::eval::size::zip6;
use crate::machine;
use crate::report::table::grouped;
use crate::robust::cell::{CellKey, Counts, GENERATOR, ModelKey};
use crate::robust::confidence::Confidence;
use crate::robust::files::{CorruptedFiles, kinds_in};
use crate::robust::grid::Grid;
use crate::robust::ledger::record::{DataFact, GridFact, ModelFact, Record};
use crate::robust::ledger::{Journal, LedgerError, Place, Store};
use crate::robust::run::{Agenda, Measurement, Subject};
use crate::robust::shard::Shard;
use crate::robust::source::Source;

pub(super) fn run(args: &EvalArgs, data: &Dataset, candidates: &[Candidate], talk: Talk) -> Result<Outcome> {
    let threads = args.threads.map_or_else(machine::cpus, usize::from);
    let shard = match args.robust.shard {
        Some(choice) => choice.resolve(|name| std::env::var(name).ok())?,
        None => Shard::ALL,
    };
    check(data, candidates)?;
    data.notes.iter().for_each(|note| talk.note(note));
    let (source, corruptions) = source(&args.robust, data, threads)?;
    let grid = Grid {
        kinds: corruptions.iter().map(|&corruption| source.kind(corruption)).collect(),
        severities: args.robust.severity.0.clone(),
        images: data.len() as u64,
        block: args.robust.block(),
    };

    let data_sha256 = data.sha256()?;
    let (subjects, facts) = subjects(candidates)?;
    let mut ledger = Ledger::open(args.robust.ledger.as_deref(), talk)?;
    ledger.note(Record::Data(data_fact(data, &data_sha256, scores(candidates))))?;
    facts.into_iter().try_for_each(|fact| ledger.note(Record::Model(fact)))?;
    let wanted = grid_fact(&grid, &source, &data_sha256);
    ledger.note(Record::Grid(wanted.clone()))?;

    let measurement =
        Measurement { data_sha256: &data_sha256, source: &source, grid: &grid, shard, subjects: &subjects };
    if let Some(criterion) = &args.robust.until_decided {
        let wish = Wish { criterion, error_rate: args.robust.error_rate, threads, json: args.json };
        ensure!(
            !args.on.wanted(),
            "--until-decided decides after every few images, which --on does not do yet; leave one out"
        );
        return decide::run(&measurement, &wish, args.rendering.baseline.as_deref(), (&mut ledger, talk));
    }
    if args.on.boards().next().is_some() {
        super::on::measure_on_boards(args, candidates, &measurement, &mut ledger, talk)?;
    } else if args.on.wanted() {
        super::on::measure(args, &measurement, &mut ledger, talk)?;
    } else {
        measure(&measurement, &mut ledger, threads, talk)?;
    }
    if shard != Shard::ALL {
        talk.note(&format!("shard {shard} is done; join the ledgers with: edgebench merge … --output all.ledger"));
    }
    // A ledger may hold more than this run is about; edgebench report shows all of it.
    let samples = args.rendering.html.is_some().then(|| samples::samples(&measurement, &ledger.store)).transpose()?;
    let names: Vec<ModelKey> = subjects.iter().map(|subject| subject.key.clone()).collect();
    let store = ledger.store.only(&wanted, &names);
    rendering::render(&store, &args.rendering, rendering::Style { json: args.json, threads, samples }, talk)
}

fn scores(candidates: &[Candidate]) -> usize {
    candidates.iter().map(|c| c.plan.outputs[0].shape.iter().product::<usize>()).max().unwrap_or(0)
}

fn check(data: &Dataset, candidates: &[Candidate]) -> Result<()> {
    ensure!(
        data.samples().is_pixels() && data.shape.len() == 3,
        "{}: samples of shape {:?} ({}), only 8-bit images can be corrupted",
        data.name,
        data.shape,
        data.samples().type_name()
    );
    let classes = scores(candidates);
    ensure!(classes <= 1 << 16, "models with {classes} classes, robustness is measured for up to 65,536");
    Ok(())
}

/// Corrupted images from files, or made on the way.
fn source(args: &RobustArgs, data: &Dataset, threads: usize) -> Result<(Source, Vec<Corruption>)> {
    let asked = Kinds::expand(&args.corruptions);
    if let Some(dir) = &args.corrupted {
        let there: Vec<Corruption> = kinds_in(dir)?.iter().map(|kind| kind.corruption).collect();
        let named = args.corruptions.iter().any(|kinds| matches!(kinds, Kinds::One(_)));
        let wanted = match (args.corruptions.is_empty(), named) {
            (true, _) => there,
            (_, true) => asked,
            // Of a group, what the directory has: published sets come with and without the four extra ones.
            (_, false) => asked.into_iter().filter(|kind| there.contains(kind)).collect(),
        };
        ensure!(!wanted.is_empty(), "{}: has none of these --corruptions", dir.display());
        return Ok((Source::Files(CorruptedFiles::open(dir, &wanted, data, threads)?), wanted));
    }
    let &[height, width, _] = &data.shape[..] else { bail!("samples of shape {:?} are no images", data.shape) };
    let set = args.constants.unwrap_or_else(|| default_constants(height, width));
    let (photographs, sha256) = match &args.frost_dir {
        Some(dir) => (read_photographs(dir, set)?, Some(directory_sha256(dir)?)),
        None => (Vec::new(), None),
    };
    let source = Source::Generated { set, seed: args.seed, photographs, photographs_sha256: sha256 };
    Ok((source, asked))
}

/// Over the names and bytes of the images in a directory.
fn directory_sha256(dir: &Path) -> Result<String> {
    let entries = std::fs::read_dir(dir).and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>());
    let mut paths: Vec<_> = entries.with_context(|| dir.display().to_string())?.into_iter().map(|e| e.path()).collect();
    paths.sort();
    let mut hash = Sha256::new();
    for path in paths.iter().filter(|path| path.is_file()) {
        hash.update(path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default());
        hash.update(std::fs::read(path).with_context(|| path.display().to_string())?);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

pub(super) fn subjects(candidates: &[Candidate]) -> Result<(Vec<Subject<'_>>, Vec<ModelFact>)> {
    let (mut subjects, mut facts) = (Vec::<Subject<'_>>::new(), Vec::new());
    for Candidate { model, plan, data, preparation } in candidates {
        let key = ModelKey {
            sha256: model.sha256(),
            arithmetic: plan.arithmetic.name().into(),
            preprocess: preparation.pipeline.sha256(),
        };
        // A model that is named twice is measured once.
        if subjects.iter().any(|subject| subject.key == key) {
            continue;
        }
        let file = Path::new(&model.file).file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        facts.push(ModelFact {
            sha256: key.sha256.clone(),
            arithmetic: key.arithmetic.clone(),
            preprocess: key.preprocess.clone(),
            zip6_bytes: zip6(&file, &model.bytes),
            file,
            pixels: preparation.kind.map_or("as they are", |(kind, _)| kind.name()).into(),
            image: data.shape.iter().map(|&side| side as u64).collect(),
            classes: plan.outputs[0].shape.iter().product::<usize>() as u64,
            raw_bytes: model.bytes.len() as u64,
            macs: plan.origins.iter().map(|origin| origin.macs).sum(),
        });
        let confidence = Confidence::of(&model.graph()?, plan);
        subjects.push(Subject { key, plan, data, pipeline: &preparation.pipeline, confidence });
    }
    Ok((subjects, facts))
}

pub(super) fn data_fact(data: &Dataset, sha256: &str, scores: usize) -> DataFact {
    DataFact {
        sha256: sha256.into(),
        name: data.name.clone(),
        split: data.split.map(|split| split.name().into()),
        n: data.len() as u64,
        classes: data.classes().max(scores) as u64,
        class_names: data.class_names.clone(),
        attribution: data.attribution.map(str::to_owned),
        // Labels are below the number of scores, which has been checked.
        labels: data.labels.iter().map(|&label| u16::try_from(label).unwrap_or(u16::MAX)).collect(),
    }
}

pub(super) fn grid_fact(grid: &Grid, source: &Source, data: &str) -> GridFact {
    GridFact {
        data: data.into(),
        setting: source.setting(),
        corruptions: grid.kinds.iter().map(|kind| kind.name().into()).collect(),
        severities: grid.severities.iter().map(|severity| severity.level()).collect(),
    }
}

pub(super) fn measure(measurement: &Measurement<'_>, ledger: &mut Ledger, threads: usize, talk: Talk) -> Result<()> {
    let agenda = Agenda::new(measurement, |key| ledger.store.contains(key));
    let (cells, inferences) = (agenda.cells(), agenda.inferences());
    if agenda.known > 0 {
        let known = grouped(agenda.known as u64);
        talk.note(&format!("{known} cells are in the ledger, {} are left", grouped(cells as u64)));
    }
    if cells == 0 {
        return Ok(());
    }
    let begin = Instant::now();
    let bar = talk.progress(usize::try_from(inferences).unwrap_or(usize::MAX), "images");
    let clipping = agenda.run(threads, |key, counts| ledger.put(key, counts), |n| bar.advance_by(n));
    bar.finish();
    for (subject, clipping) in measurement.subjects.iter().zip(clipping?) {
        if let Some(warning) = clipping.warning() {
            talk.warn(&format!("{}: {warning}", ledger.store.models().get(&subject.key).map_or("", |fact| &fact.file)));
        }
    }
    let seconds = begin.elapsed().as_secs_f64();
    let memory = machine::peak_rss().map_or(String::new(), |bytes| format!(", {} MB of memory", bytes / 1_000_000));
    talk.note(&format!(
        "{} inferences in {seconds:.1} s ({} a second, {threads} threads, corruption rules {GENERATOR}){memory}",
        grouped(inferences),
        grouped((inferences as f64 / seconds) as u64)
    ));
    Ok(())
}

/// What is known, and the file that it is kept in.
pub(super) struct Ledger {
    pub(super) store: Store,
    journal: Option<Journal>,
}

impl Ledger {
    pub(super) fn open(path: Option<&Path>, talk: Talk) -> Result<Self> {
        let mut store = Store::default();
        let journal = match path {
            None => None,
            Some(path) => {
                let (journal, reading) = Journal::open(path, &mut store)?;
                if reading.torn > 0 {
                    talk.note(&format!("{}: an unfinished last line was removed", path.display()));
                }
                Some(journal)
            }
        };
        Ok(Self { store, journal })
    }

    pub(super) fn note(&mut self, record: Record) -> Result<(), LedgerError> {
        if self.store.add(record.clone(), &HERE.place())?
            && let Some(journal) = &mut self.journal
        {
            journal.append(&record)?;
        }
        Ok(())
    }

    /// As [`Ledger::put`] for a cell that may be there; says whether it was new.
    pub(super) fn take(&mut self, key: CellKey, counts: Counts) -> Result<bool, LedgerError> {
        // Whether it contradicts what is there is found before it is written.
        let new = self.store.add_cell(key.clone(), counts.clone(), &HERE.place())?;
        if new && let Some(journal) = &mut self.journal {
            journal.append_cell(&key, &counts)?;
        }
        Ok(new)
    }

    pub(super) fn put(&mut self, key: CellKey, counts: Counts) -> Result<(), LedgerError> {
        if let Some(journal) = &mut self.journal {
            journal.append_cell(&key, &counts)?;
        }
        self.store.add_cell(key, counts, &HERE.place()).map(|_| ())
    }
}

struct Here;
const HERE: Here = Here;

impl Here {
    fn place(&self) -> Place {
        Place { file: Path::new("").into(), line: 0 }
    }
}
