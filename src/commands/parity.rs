//! `edgebench parity`: two targets, layer by layer.

use anyhow::{Context, Result, bail, ensure};
use edgebench_models::{LowerOptions, Plan};

use super::talk::Talk;
use super::{Outcome, arrays, isa, print};
use crate::cli::parity::ParityArgs;
use crate::data::npy::write_whole;
use crate::eval::stopwatch;
use crate::machine::Machine;
use crate::model::ModelFile;
use crate::parity::compare;
use crate::parity::live::Live;
use crate::parity::side::{self, Inputs, Side, Source};
use crate::parity::target::{Setting, Target};
use crate::parity::trace::{self, Trace};
use crate::report::parity::ParityReport;

/// Pseudo-random samples, unless something else says how many.
const SAMPLES: usize = 4;

/// A model, as it is told.
struct About {
    file: String,
    sha256: String,
}

pub(super) fn run(args: &ParityArgs, talk: Talk) -> Result<Outcome> {
    let targets: Vec<&Target> = [Some(&args.a), args.b.as_ref()].into_iter().flatten().collect();
    let traces = targets.iter().filter_map(|target| match target {
        Target::Trace(path) => Some(trace::read(path).with_context(|| format!("trace:{}", path.display()))),
        Target::Here(_) => None,
    });
    let traces = traces.collect::<Result<Vec<_>>>()?;
    let model = match &args.model {
        Some(path) => Some(ModelFile::open(path)?),
        None => (traces.len() < targets.len()).then(ModelFile::embedded),
    };
    let about = about(model.as_ref(), &traces)?;
    let recorded = traces.iter().map(|trace| trace.samples.len()).min();
    let words = traces.first().map(|trace| trace.inputs.clone());

    let mut traces = traces.into_iter();
    let mut sides = Vec::new();
    for target in targets {
        sides.push(match (target, &model) {
            (Target::Here(setting), Some(model)) => here(model, setting)?,
            _ => Side::recorded(traces.next().context("every trace was read")?),
        });
    }
    let plan = sides.iter().find_map(|side| match &side.source {
        Source::Live(live) => Some(live.plan().clone()),
        Source::Recorded(_) => None,
    });
    let inputs = plan.as_deref().map(|plan| inputs(args, plan, recorded)).transpose()?;
    let (samples, words) = match (inputs, words) {
        (Some((samples, words)), _) => (Some(samples), words),
        (None, words) => (None, words.unwrap_or_default()),
    };
    if let Some(path) = &args.record {
        let (Source::Live(_), Some(samples)) = (&sides[0].source, &samples) else {
            bail!("--record writes what A computes, and A is a trace already");
        };
        let trace = side::record(&mut sides[0], samples, (&about.file, &about.sha256, &words), args.values)?;
        write_whole(path, |file| serde_json::to_writer(std::io::BufWriter::new(file), &trace).map_err(Into::into))?;
        talk.note(&format!("{}: {} layers of {} samples", path.display(), trace.layers.len(), samples.len()));
    }
    let [a, b] = &mut sides[..] else { return Ok(Outcome::Done) };
    let n = samples.as_ref().map_or(recorded.unwrap_or(0), Vec::len);
    ensure!(n > 0, "there is no sample to compare; record a trace with samples");
    let (layers, first) = compare(a, b, n, samples.as_deref())?;
    let report = ParityReport {
        schema: ParityReport::SCHEMA,
        file: about.file,
        sha256: about.sha256,
        inputs: words,
        samples: n,
        a: a.target.clone(),
        b: b.target.clone(),
        same: first.is_none(),
        first,
        layers,
    };
    print(&report, args.json, || report.to_text(args.all))?;
    Ok(if report.same { Outcome::Done } else { Outcome::Missed })
}

/// The one model that all of them are about.
fn about(model: Option<&ModelFile>, traces: &[Trace]) -> Result<About> {
    let of_trace = |trace: &Trace| About { file: trace.file.clone(), sha256: trace.sha256.clone() };
    let about = match model {
        Some(model) => About { file: model.file.clone(), sha256: model.sha256() },
        None => traces.first().map(of_trace).context("there is nothing to compare")?,
    };
    for trace in traces {
        let (found, wanted) = (&trace.sha256, &about.sha256);
        ensure!(
            found == wanted,
            "{}: the trace is of {} (SHA-256 {found:.16}), expected {} ({wanted:.16}); give its model with --model",
            trace.target,
            trace.file,
            about.file
        );
    }
    Ok(about)
}

/// A target on this machine.
fn here(model: &ModelFile, setting: &Setting) -> Result<Side> {
    let isa = isa::choose(setting.isa)?;
    let Setting { arithmetic, threads, .. } = *setting;
    let options = LowerOptions { arithmetic, isa, threads, ..LowerOptions::default() };
    let name = Setting { isa: Some(isa), ..*setting };
    let target = format!("{name} on {}", Machine::here().cpu);
    Ok(Side::live(target, Live::new(model, &options)?))
}

/// The inputs of every sample, and what they are in words.
fn inputs(args: &ParityArgs, plan: &Plan, recorded: Option<usize>) -> Result<(Vec<Inputs>, String)> {
    let asked = args.samples.map(|n| n as usize);
    if let Some(path) = &args.input {
        let read = arrays::read(path, plan)?;
        let n = asked.or(recorded).unwrap_or(read.runs);
        ensure!(n <= read.runs, "{}: {} samples, {n} are needed; give --samples", path.display(), read.runs);
        let of = |run: usize| (0..plan.inputs.len()).map(|port| read.of(port, run).to_vec()).collect();
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        return Ok(((0..n).map(of).collect(), name));
    }
    let n = asked.or(recorded).unwrap_or(SAMPLES);
    let samples = (0..n as u64).map(|at| stopwatch::inputs(plan, scatter(args.seed.wrapping_add(at))));
    Ok((samples.collect(), format!("pseudo-random, seed {}", args.seed)))
}

/// Seeds side by side must not give sequences side by side: the finaliser of SplitMix64.
const fn scatter(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
