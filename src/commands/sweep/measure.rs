//! The cells of a study.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use edgebench_models::LowerOptions;
use edgebench_models::tflite::Model;

use super::super::eval::Candidate;
use super::super::robust::{Ledger, data_fact, grid_fact, measure as measure_cells, subjects};
use super::Sweep;
use super::models::{Models, name};
use super::setting::{Common, Setting};
use crate::corrupt::default_constants;
use crate::data::preprocess::Preprocess;
use crate::data::side_file;
use crate::eval::input::{Sayings, prepare};
use crate::eval::size::zip6;
use crate::inspect::constants::Contents;
use crate::inspect::lints::{LINTS, Lint, Severity};
use crate::inspect::network::Network as Tables;
use crate::model::ModelFile;
use crate::report::study::Made;
use crate::robust::cell::ModelKey;
use crate::robust::grid::{BLOCK, Grid};
use crate::robust::ledger::record::{GridFact, ModelFact, Record};
use crate::robust::ledger::{LedgerError, Store, read};
use crate::robust::run::Measurement;
use crate::robust::shard::Shard;
use crate::robust::source::Source;
use crate::study::Folder;

/// What was measured, and of what.
pub(super) struct Measured {
    pub(super) made: Vec<Made>,
    pub(super) store: Store,
    pub(super) grid: GridFact,
    /// The model that the common mCE is relative to, if it is no network of the study.
    pub(super) reference: Option<ModelFact>,
    pub(super) data_sha256: String,
}

/// A ledger with fewer bytes holds no cell: another process is about to begin it.
const BEGINNING: u64 = 200;

/// Measures the cells of `models` that are in no ledger of the folder.
pub(super) fn measure(sweep: &Sweep, setting: &Setting, folder: &Folder, models: &Models) -> Result<Measured> {
    let test = &setting.test;
    let problem = |problem: String| anyhow!("{problem}");
    let set = default_constants(test.shape[0], test.shape[1]);
    let seed = sweep.file.corruption_seed;
    let source = Source::Generated { set, seed, photographs: Vec::new(), photographs_sha256: None };
    let kinds = sweep.file.kinds().map_err(problem)?.into_iter().map(|kind| source.kind(kind)).collect();
    let severities = sweep.file.levels().map_err(problem)?;
    let grid = Grid { kinds, severities, images: test.len() as u64, block: BLOCK };
    let data_sha256 = test.sha256()?;
    let fact = grid_fact(&grid, &source, &data_sha256);
    let mut ledger = open(sweep, folder)?;
    ledger.note(Record::Grid(fact.clone()))?;
    let mut measured = Measured {
        made: Vec::new(),
        store: Store::default(),
        grid: fact,
        reference: None,
        data_sha256: data_sha256.clone(),
    };

    // One network after the other, so that the plans of a few models are in memory at a time.
    let mut pass = |candidates: &[Candidate]| -> Result<Vec<ModelFact>> {
        let (subjects, facts) = subjects(candidates)?;
        let scores = candidates.iter().map(|c| c.plan.outputs[0].shape.iter().product::<usize>()).max().unwrap_or(0);
        ledger.note(Record::Data(data_fact(test, &data_sha256, scores)))?;
        facts.iter().try_for_each(|fact| ledger.note(Record::Model(fact.clone())))?;
        let measurement = Measurement {
            data_sha256: &data_sha256,
            source: &source,
            grid: &grid,
            shard: Shard::ALL,
            subjects: &subjects,
        };
        measure_cells(&measurement, &mut ledger, sweep.threads, sweep.talk)?;
        Ok(facts)
    };
    for group in models.products.chunk_by(|a, b| (a.0.network, a.0.seed) == (b.0.network, b.0.seed)) {
        let mut candidates = Vec::new();
        for (unit, fact) in group {
            let network = &setting.networks[unit.network];
            let recipe = &network.recipes[unit.recipe];
            let path = folder.model(&name(network, recipe, unit.seed));
            let candidate = candidate(ModelFile::open(&path)?, setting, Some(network.kind))?;
            let (file, bytes) = (name(network, recipe, unit.seed) + ".tflite", &candidate.model.bytes);
            let (entropy, lints) = inspected(&candidate.model)?;
            measured.made.push(Made {
                network: unit.network,
                recipe: unit.recipe,
                seed: unit.seed,
                fact: fact.clone(),
                key: key(&candidate),
                raw: bytes.len() as u64,
                zip6: zip6(&file, bytes),
                entropy,
                lints,
                ram: candidate.plan.arena_len as u64,
                file,
            });
            candidates.push(candidate);
        }
        pass(&candidates)?;
    }
    if let (Common::Model(file), Shard::ALL) = (&setting.reference, sweep.shard) {
        let said = file.path.as_deref().map(side_file::read_for).transpose()?.flatten();
        let model = ModelFile { path: file.path.clone(), file: file.file.clone(), bytes: file.bytes.clone() };
        let facts = pass(&[candidate(model, setting, said.and_then(|said| said.preprocess))?])?;
        measured.reference = facts.into_iter().next();
    }
    measured.store = ledger.store;
    Ok(measured)
}

/// All that is in the folder's ledgers; new cells go to the one of this shard.
fn open(sweep: &Sweep, folder: &Folder) -> Result<Ledger> {
    let own = folder.ledger(sweep.shard);
    let mut ledger = Ledger::open(Some(&own), sweep.talk)?;
    for path in folder.ledgers()?.iter().filter(|path| **path != own) {
        match read(path, &mut ledger.store) {
            Ok(_) => {}
            Err(LedgerError::NotALedger { .. }) if path.metadata().is_ok_and(|meta| meta.len() < BEGINNING) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ledger)
}

fn candidate(model: ModelFile, setting: &Setting, kind: Option<Preprocess>) -> Result<Candidate> {
    let plan = model.plan(&LowerOptions::default())?;
    let sayings = Sayings { asked: kind, side_file: None, side_file_name: String::new() };
    let context = || format!("{}: cannot be evaluated on {}", model.file, setting.test.name);
    let preparation = prepare(&plan, &setting.test, &sayings).with_context(context)?;
    Ok(Candidate { model, plan: Arc::clone(&plan), data: setting.test.clone(), preparation })
}

fn key(candidate: &Candidate) -> ModelKey {
    ModelKey {
        sha256: candidate.model.sha256(),
        arithmetic: candidate.plan.arithmetic.name().into(),
        preprocess: candidate.preparation.pipeline.sha256(),
    }
}

/// What no code without memory goes below, over all constants of a file, in bytes; and the names of lints that object to it.
fn inspected(file: &ModelFile) -> Result<(u64, Vec<&'static str>)> {
    let model: Model = file.read()?;
    let tables = Tables::new(&model).with_context(|| file.file.clone())?;
    let bits = |id: usize| Contents::of(&tables, id).map_or(0.0, |all| all.elements as f64 * all.entropy_bits);
    let entropy = (0..tables.graph.tensors.len()).map(|id| (bits(id) / 8.0).ceil() as u64).sum();
    let objects = |lint: &&Lint| (lint.check)(&tables).iter().any(|finding| finding.severity >= Severity::Warning);
    Ok((entropy, LINTS.iter().filter(objects).map(|lint| lint.name).collect()))
}
