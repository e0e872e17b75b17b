//! `edgebench emit`: a plan as Rust source.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use edgebench_models::emit::{SOURCE, WEIGHTS, emit};
use edgebench_models::{LowerOptions, lower};

use super::talk::Talk;
use super::{Outcome, print};
use crate::cli::emit::EmitArgs;
use crate::firmware::FirmwareError;
use crate::model::ModelFile;
use crate::report::emit::EmitReport;

pub(super) fn run(args: &EmitArgs, talk: Talk) -> Result<Outcome> {
    let model = ModelFile::open(&args.model)?;
    let isa = args.isa.unwrap_or(args.target.isa());
    let options = LowerOptions { arithmetic: args.arithmetic, isa, ..LowerOptions::default() };
    let graph = model.graph()?;
    let plan = lower(&graph, &options).map_err(|error| model.error(error))?;
    plan.warnings.iter().for_each(|warning| talk.warn(warning));
    let name = model.name();
    let emitted = emit(&graph, &plan, &name, &model.sha256()).map_err(|error| model.error(error))?;

    let weights = ("flash", emitted.weights.len(), "weights, code not counted", args.flash);
    for (memory, needed, parts, there) in [weights, ("RAM", plan.arena_len, "arena, stack not counted", args.ram)] {
        if let Some(there) = there.filter(|&there| needed > there) {
            let (board, parts) = (args.target.to_string(), parts.to_owned());
            return Err(FirmwareError::TooSmall { board, memory, needed, parts, there }.into());
        }
    }
    let directory = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}-{}", args.target)));
    fs::create_dir_all(&directory).with_context(|| format!("{}: cannot be made", directory.display()))?;
    for (file, bytes) in [(SOURCE, emitted.source.as_bytes()), (WEIGHTS, &emitted.weights)] {
        let path = directory.join(file);
        fs::write(&path, bytes).with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    let report = EmitReport {
        schema: EmitReport::SCHEMA,
        file: model.file.clone(),
        sha256: model.sha256(),
        target: args.target.name(),
        arithmetic: plan.arithmetic.name(),
        isa: plan.isa.name(),
        steps: plan.steps.len(),
        weight_bytes: emitted.weights.len(),
        arena_bytes: plan.arena_len,
        directory: directory.display().to_string(),
    };
    print(&report, args.json, || report.to_text())?;
    Ok(Outcome::Done)
}
