//! The report of a study that is complete.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use edgebench_train::Images;

use super::Sweep;
use super::measure::Measured;
use super::models::Models;
use super::setting::{Common, Network, Origin, Setting};
use crate::data::npy::write_whole;
use crate::metrics::bootstrap::Plan;
use crate::metrics::ce::Rounding;
use crate::report::robust::{BaselineRow, Options, build as build_robust};
use crate::report::study::{
    DataRow, NetworkRow, Parts, Reference, StudyReport, TrainingRow, build, csv, html, markdown,
};
use crate::robust::cell::ModelKey;
use crate::study::Folder;
use crate::train::product::Subject;

pub(super) fn finish(
    sweep: &Sweep,
    setting: &Setting,
    folder: &Folder,
    (models, measured): (&Models, Measured),
) -> Result<StudyReport> {
    let reference = reference(sweep, setting, &measured)?;
    let networks = setting.networks.iter().enumerate();
    let networks = networks.map(|(at, network)| row(sweep, network, at, models, folder)).collect::<Result<_>>()?;
    let report = build(Parts {
        name: sweep.file.name.clone(),
        data: data(setting, &measured),
        recipes: &setting.networks[0].recipes,
        seeds: &sweep.file.seeds,
        networks,
        made: &measured.made,
        store: &measured.store,
        grid: &measured.grid,
        reference: Some(reference),
        threads: sweep.threads,
        notes: setting.test.notes.clone(),
    })?;
    let json = serde_json::to_string_pretty(&report)? + "\n";
    for (name, text) in [
        ("study.json", json),
        ("report.html", html::render(&report)),
        ("report.md", markdown::render(&report)),
        ("models.csv", csv::render(&report)),
    ] {
        write(&folder.file(name), &text)?;
    }
    Ok(report)
}

/// Writes a file whole.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    Ok(write_whole(path, |file| file.write_all(text.as_bytes()))?)
}

fn data(setting: &Setting, measured: &Measured) -> DataRow {
    let images = &setting.networks[0].images;
    DataRow {
        name: images.set.name.clone(),
        classes: images.train.classes(),
        training: images.train.len(),
        validation: images.valid.as_ref().map_or(0, Images::len),
        test: setting.test.len(),
        training_sha256: images.sha256.clone(),
        test_sha256: measured.data_sha256.clone(),
        attribution: setting.test.attribution.map(str::to_owned),
    }
}

fn row(sweep: &Sweep, network: &Network, at: usize, models: &Models, folder: &Folder) -> Result<NetworkRow> {
    let (arch, file, net) = match &network.origin {
        Origin::File { said, subject, .. } => (None, Some(said.clone()), subject.net.clone()),
        Origin::Arch { arch, .. } => {
            let path = folder.network(&network.name, sweep.file.seeds[0]);
            (Some(arch.clone()), None, Subject::of(&crate::model::ModelFile::open(&path)?)?.net)
        }
    };
    let training = |&seed: &u64| {
        let fact = models.networks.get(&(at, seed))?;
        let (best_epoch, epochs) = (fact.course.best_epoch, fact.course.epochs.clone());
        Some(TrainingRow { seed, sha256: fact.sha256.clone(), best_epoch, epochs })
    };
    Ok(NetworkRow {
        network: network.name.clone(),
        arch,
        file,
        input: net.input().to_string(),
        parameters: net.parameters(),
        macs: net.macs(),
        preprocess: network.kind.name(),
        trainings: sweep.file.seeds.iter().filter_map(training).collect(),
        control: network.control.clone(),
    })
}

fn reference(sweep: &Sweep, setting: &Setting, measured: &Measured) -> Result<Reference> {
    match &setting.reference {
        Common::Network(at) => Ok(Reference::Network(*at)),
        Common::Table(row, table) => Ok(Reference::Table(row.clone(), table.clone())),
        Common::Model(_) => {
            let fact = measured.reference.as_ref().context("the reference was not measured")?;
            let key = ModelKey {
                sha256: fact.sha256.clone(),
                arithmetic: fact.arithmetic.clone(),
                preprocess: fact.preprocess.clone(),
            };
            let store = measured.store.only(&measured.grid, &[key]);
            let plan = Plan { resamples: 0, seed: 0, threads: sweep.threads };
            let report = build_robust(&store, &Options { baseline: None, rounding: Rounding::Exact, plan })?;
            let model = report.studies.iter().flat_map(|study| &study.models).next();
            let table = model.context("the reference was not measured")?.errors();
            Ok(Reference::Table(BaselineRow { name: fact.file.clone(), origin: "model".into() }, table))
        }
    }
}
