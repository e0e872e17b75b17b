//! A report in every form that was asked for, and the verdict of `--fail-if`.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::talk::{Talk, width};
use super::{Outcome, print};
use crate::cli::robust::Rendering;
use crate::data::npy::write_whole;
use crate::metrics::alexnet::alexnet;
use crate::metrics::bootstrap::Plan;
use crate::metrics::ce::{ErrorTable, Rounding};
use crate::report::robust::gates::{Gate, Verdict, gates};
use crate::report::robust::html::Samples;
use crate::report::robust::{Baseline, Options, RobustReport, build, csv, html, junit, markdown, text};
use crate::robust::ledger::Store;

/// How the result is printed.
#[derive(Clone, Debug)]
pub(super) struct Style {
    pub(super) json: bool,
    /// Pictures for the page.
    pub(super) samples: Option<Samples>,
    /// Threads of the bootstrap.
    pub(super) threads: usize,
}

pub(super) fn render(store: &Store, args: &Rendering, style: Style, talk: Talk) -> Result<Outcome> {
    let rounding = if args.paper_rounding { Rounding::Paper } else { Rounding::Exact };
    let plan = Plan { resamples: args.bootstrap as usize, seed: 0, threads: style.threads };
    let options = Options { baseline: baseline(args.baseline.as_deref(), store)?, rounding, plan };
    let report = build(store, &options)?;
    let gates = gates(&report, &args.fail_if)?;
    let files: [(&Option<_>, &dyn Fn() -> Result<String>); 5] = [
        (&args.html, &|| Ok(html::render(&report, &gates, style.samples.as_ref()))),
        (&args.csv, &|| Ok(csv::render(&report))),
        (&args.markdown, &|| Ok(markdown::render(&report, &gates))),
        (&args.junit, &|| Ok(junit::render(&report, &gates))),
        (&args.result, &|| Ok(serde_json::to_string_pretty(&report)? + "\n")),
    ];
    for (path, text) in files {
        if let Some(path) = path {
            let text = text()?;
            write_whole(path, |file| file.write_all(text.as_bytes()))?;
            talk.note(&format!("{} written", path.display()));
        }
    }
    print(&report, style.json, || text::render(&report, width()))?;
    report.studies.iter().flat_map(|study| &study.notes).for_each(|note| talk.note(note));
    Ok(verdict(&gates, talk))
}

fn verdict(gates: &[Gate], talk: Talk) -> Outcome {
    let mut outcome = Outcome::Done;
    for gate in gates.iter().filter(|gate| gate.verdict != Verdict::Passed) {
        talk.warn(&gate.to_text());
        outcome = Outcome::Missed;
    }
    outcome
}

/// A model of the ledger, a file with a result, or AlexNet.
pub(super) fn baseline(name: Option<&str>, store: &Store) -> Result<Option<Baseline>> {
    let Some(name) = name else { return Ok(None) };
    if name == "alexnet" {
        for data in store.data().values() {
            if data.classes != 1000 {
                bail!(
                    "--baseline alexnet: its errors are known for ImageNet (1,000 classes) only, {} has {}",
                    data.name,
                    data.classes
                );
            }
        }
        return Ok(Some(Baseline::Table { name: name.into(), origin: "published", table: alexnet() }));
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|extension| extension != "json") {
        let file = path.file_name().map_or_else(|| name.to_owned(), |file| file.to_string_lossy().into_owned());
        return Ok(Some(Baseline::Model(file)));
    }
    let images: Vec<(&str, &str)> = store.data().values().map(|data| (&data.name[..], &data.sha256[..])).collect();
    let (name, table) = result(path, &format!("--baseline {name}"), &images)?;
    Ok(Some(Baseline::Table { name, origin: "result", table }))
}

/// The model that a file with a result is about, measured on `images` (name and SHA-256); `what` names it in messages.
pub(super) fn result(path: &Path, what: &str, images: &[(&str, &str)]) -> Result<(String, ErrorTable)> {
    let bytes = fs::read(path).with_context(|| format!("{what}: cannot be read"))?;
    let report: RobustReport = serde_json::from_slice(&bytes).with_context(|| {
        format!("{what}: no result of edgebench, expected {} as --result writes it", RobustReport::SCHEMA)
    })?;
    if report.schema != RobustReport::SCHEMA {
        bail!("{what}: it is {}, expected {}", report.schema, RobustReport::SCHEMA);
    }
    let study = match &report.studies[..] {
        [study] => study,
        others => bail!("{what}: it holds {} studies, expected one", others.len()),
    };
    if let Some((data, sha256)) = images.iter().find(|(_, sha256)| *sha256 != study.data.sha256) {
        bail!(
            "{what}: it was measured on other images ({}, sha256 {:.12}) than {} (sha256 {:.12}); measure both on the same",
            study.data.name,
            study.data.sha256,
            data,
            sha256
        );
    }
    // The baseline of that report, if it was one of its models, comes first.
    let model = match (&study.models[..], &study.baseline) {
        ([model], _) => model,
        ([model, ..], Some(row)) if row.origin == "model" => model,
        (others, _) => {
            bail!("{what}: it holds {} models, expected one, or one that is its baseline", others.len())
        }
    };
    if model.missing > 0 {
        bail!("{what}: {} inferences of {} are missing in it; measure it to the end", model.missing, model.file);
    }
    Ok((model.file.clone(), model.errors()))
}
