//! `edgebench run`: arrays in, arrays out.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use edgebench_models::{Image, LowerOptions, Session};

use super::arrays::{self, Inputs};
use super::talk::Talk;
use super::{Outcome, isa, print, several};
use crate::cli::RunArgs;
use crate::eval::pool::Pool;
use crate::machine;
use crate::model::ModelFile;
use crate::report::run::{ArrayRow, RunReport};

pub(super) fn run(args: &RunArgs, talk: Talk) -> Result<Outcome> {
    let isa = isa::choose(args.lowering.isa)?;
    let options = LowerOptions { arithmetic: args.lowering.arithmetic, isa, ..LowerOptions::default() };
    let model = ModelFile::open(&args.model)?;
    let threads = args.threads.map_or_else(machine::cpus, usize::from);
    // Threads that work on one sample, and samples at a time.
    let (within, across) = if args.split { (threads, 1) } else { (1, threads) };
    let plan = model.plan(&LowerOptions { threads: within, many: several(args.batch > 1), ..options })?;
    plan.warnings.iter().for_each(|warning| talk.warn(warning));
    let inputs = arrays::read(&args.input, &plan)?;
    for port in &plan.outputs {
        arrays::element(port.dtype).with_context(|| format!("output {:?}", port.name))?;
    }

    let bar = talk.progress(inputs.runs, &model.name());
    let pool = Pool { threads: across, share: args.batch as usize };
    let begin = Instant::now();
    let get = |image: &mut Image<'_>, _, ()| -> Result<Vec<Vec<u8>>> {
        bar.advance();
        Ok((0..plan.outputs.len()).map(|port| image.output(port)).collect())
    };
    let results = pool.run(&plan, inputs.runs, |image, at| set_inputs(image, &inputs, at), get)?;
    let seconds = begin.elapsed().as_secs_f64();
    bar.finish();

    let mut stacked = Vec::new();
    for (at, port) in plan.outputs.iter().enumerate() {
        let bytes: Vec<u8> = results.iter().flat_map(|run| run[at].iter().copied()).collect();
        stacked.push(arrays::stack(port.dtype, &port.shape, inputs.runs, bytes)?);
    }
    let written = arrays::write(&args.output, &plan.outputs, &stacked)?;
    let traced = args.trace.as_deref().map(|dir| trace(&model, &options, &inputs, dir)).transpose()?;

    let rows = plan.outputs.iter().zip(&stacked);
    let report = RunReport {
        schema: RunReport::SCHEMA,
        file: model.file.clone(),
        // Hashing a large model takes as long as running it.
        sha256: args.json.then(|| model.sha256()),
        arithmetic: plan.arithmetic.name(),
        isa: plan.isa.name(),
        samples: inputs.runs,
        seconds,
        written: written.display().to_string(),
        outputs: rows
            .map(|(port, array)| ArrayRow {
                name: port.name.clone(),
                dtype: port.dtype.name(),
                shape: array.shape.clone(),
            })
            .collect(),
        traced,
    };
    if args.json {
        print(&report, true, String::new)?;
    } else {
        talk.note(&report.to_text());
    }
    Ok(Outcome::Done)
}

fn set_inputs(image: &mut Image<'_>, inputs: &Inputs, run: usize) -> Result<()> {
    for port in 0..inputs.arrays.len() {
        image.set_input(port, inputs.of(port, run))?;
    }
    Ok(())
}

/// Writes every tensor that the first run computes as `NNN_OPERATOR_name.npy`, `NNN` being the operator's place in the file;
/// gives their number.
fn trace(model: &ModelFile, options: &LowerOptions, inputs: &Inputs, dir: &Path) -> Result<usize> {
    let graph = model.graph()?;
    let plan = model.plan(&LowerOptions { keep_all: true, ..*options })?;
    let mut session = Session::new(Arc::clone(&plan))?;
    set_inputs(&mut session.image(0), inputs, 0)?;
    session.run();
    std::fs::create_dir_all(dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
    let mut written = 0;
    for node in &graph.nodes {
        for &id in &node.outputs {
            let tensor = &graph.tensors[id];
            // Tensors that were computed while lowering, and those of types that NumPy files do not hold here, are left out.
            let (Some(bytes), Ok(dtype)) = (session.tensor(id, tensor.dtype), arrays::element(tensor.dtype)) else {
                continue;
            };
            let Ok(array) = crate::data::npy::Array::new(dtype, tensor.shape.clone(), bytes) else { continue };
            let name: String =
                tensor.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(80).collect();
            let path = dir.join(format!("{:03}_{}_{name}.npy", node.index, node.op.name()));
            crate::data::npy::write_npy(&path, &array)?;
            written += 1;
        }
    }
    Ok(written)
}
