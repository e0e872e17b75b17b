//! `edgebench inspect`: what a model file holds.

use anyhow::Result;
use edgebench_models::LowerOptions;

use super::talk::{Talk, width};
use super::{Outcome, isa, print};
use crate::cli::InspectArgs;
use crate::inspect::describe::describe;
use crate::inspect::lints::{self, Weight, same_size};
use crate::model::ModelFile;
use crate::report::inspect::{InspectReport, InspectRow};
use crate::report::inspect_text::{Details, render};

pub(super) fn run(args: &InspectArgs, talk: Talk) -> Result<Outcome> {
    let isa = isa::choose(args.lowering.isa)?;
    let options = LowerOptions { arithmetic: args.lowering.arithmetic, isa, ..LowerOptions::default() };
    let mut files = args.models.iter().map(|path| ModelFile::open(path)).collect::<Result<Vec<_>, _>>()?;
    if files.is_empty() {
        files.push(ModelFile::embedded());
    }
    let bar = talk.progress(files.len(), "inspecting");
    let mut models = Vec::new();
    for file in &files {
        models.push(describe(file, &options)?);
        bar.advance();
    }
    bar.finish();
    let weight = |row: &InspectRow| Weight {
        name: row.file.rsplit('/').next().unwrap_or(&row.file).to_owned(),
        raw: row.size.raw,
        zip6: row.size.zip6,
        network: [row.macs, row.parameters],
    };
    let across = same_size(&models.iter().map(weight).collect::<Vec<_>>());
    let report = InspectReport { schema: InspectReport::SCHEMA, models, findings: across };
    let details = match (args.brief, args.all) {
        (true, _) => Details::Brief,
        (_, true) => Details::All,
        _ => Details::Usual,
    };
    print(&report, args.json, || render(&report, details, width()))?;
    Ok(verdict(args, &report))
}

fn verdict(args: &InspectArgs, report: &InspectReport) -> Outcome {
    let mut all = report.models.iter().flat_map(|model| &model.findings).chain(&report.findings);
    let missed = args.fail_on.is_some_and(|limit| all.any(|finding: &lints::Finding| finding.severity >= limit));
    if missed { Outcome::Missed } else { Outcome::Done }
}
