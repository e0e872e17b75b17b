//! `edgebench parity`: two targets, layer by layer.

use anyhow::{Context, Result, bail, ensure};
use edgebench_models::{LowerOptions, Plan};

use super::on::{There, board_trace, there};
use super::talk::Talk;
use super::{Outcome, arrays, isa, print};
use crate::cli::parity::ParityArgs;
use crate::data::npy::write_whole;
use crate::eval::stopwatch;
use crate::machine::Machine;
use crate::model::ModelFile;
use crate::parity::compare;
use crate::parity::live::Live;
use crate::parity::side::{self, Inputs, Side, Source, Values};
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

/// A target that has been opened.
enum Opened<'a> {
    Here(&'a Setting),
    There(Box<There<'a>>, Trace),
    Board(Trace),
    Trace(Trace),
}

impl Opened<'_> {
    fn trace(&self) -> Option<&Trace> {
        match self {
            Self::Here(_) => None,
            Self::There(_, trace) | Self::Board(trace) | Self::Trace(trace) => Some(trace),
        }
    }
}

pub(super) fn run(args: &ParityArgs, talk: Talk) -> Result<Outcome> {
    let targets: Vec<&Target> = [Some(&args.a), args.b.as_ref()].into_iter().flatten().collect();
    let model = match &args.model {
        Some(path) => Some(ModelFile::open(path)?),
        None => targets.iter().any(|target| !matches!(target, Target::Trace(_))).then(ModelFile::embedded),
    };
    let opened = open(args, model.as_ref(), &targets, talk)?;
    let traces: Vec<&Trace> = opened.iter().filter_map(Opened::trace).collect();
    let about = about(model.as_ref(), &traces)?;
    let recorded = traces.iter().map(|trace| trace.samples.len()).min();
    let mut words = traces.first().map_or_else(String::new, |trace| trace.inputs.clone());

    let sides = opened.iter().map(|target| match (target, &model) {
        (Opened::Here(setting), Some(model)) => here(model, setting),
        (Opened::Here(_), None) => bail!("there is no model"),
        (Opened::There(_, trace) | Opened::Board(trace) | Opened::Trace(trace), _) => Ok(Side::recorded(trace.clone())),
    });
    let mut sides = sides.collect::<Result<Vec<_>>>()?;
    let plan = sides.iter().find_map(|side| match &side.source {
        Source::Live(live) => Some(live.plan().clone()),
        Source::Recorded(_) => None,
    });
    let mut samples = None;
    if let Some(plan) = plan {
        let (inputs, told) = inputs(args, &plan, recorded)?;
        (samples, words) = (Some(inputs), told);
    }
    if let Some(path) = &args.record {
        let trace = match (&opened[0], &samples) {
            (Opened::Here(_), Some(samples)) => {
                side::record(&mut sides[0], samples, (&about.file, &about.sha256, &words), values(args))?
            }
            (Opened::There(_, trace) | Opened::Board(trace), _) => trace.clone(),
            _ => bail!("--record writes what A computes, and A is a trace already"),
        };
        write_whole(path, |file| serde_json::to_writer(std::io::BufWriter::new(file), &trace).map_err(Into::into))?;
        talk.note(&format!("{}: {} layers of {} samples", path.display(), trace.layers.len(), trace.samples.len()));
    }
    let [a, b] = &mut sides[..] else { return Ok(Outcome::Done) };
    let n = samples.as_ref().map_or(recorded.unwrap_or(0), Vec::len);
    ensure!(n > 0, "there is no sample to compare; record a trace with samples");
    let (mut layers, mut first) = compare(a, b, n, samples.as_deref())?;
    if let Some(found) = first.as_ref().filter(|first| first.element.is_none()) {
        let at = (found.sample, found.layer);
        let mut more = false;
        for (side, target) in [&mut *a, &mut *b].into_iter().zip(&opened) {
            if let Opened::There(there, trace) = target {
                *side = Side::recorded(there.trace(Some(trace.samples.len()), Some(at), talk)?);
                more = true;
            }
        }
        if more {
            (layers, first) = compare(a, b, n, samples.as_deref())?;
        }
    }
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

/// Reads traces, then lets other machines make theirs: of as many samples as the traces have.
fn open<'a>(
    args: &'a ParityArgs,
    model: Option<&ModelFile>,
    targets: &[&'a Target],
    talk: Talk,
) -> Result<Vec<Opened<'a>>> {
    let read = |target: &&Target| match target {
        Target::Trace(path) => trace::read(path).with_context(|| format!("trace:{}", path.display())).map(Some),
        _ => Ok(None),
    };
    let traces = targets.iter().map(read).collect::<Result<Vec<_>>>()?;
    let recorded = traces.iter().flatten().map(|trace| trace.samples.len()).min();
    let samples = args.samples.map(|n| n as usize).or(recorded);
    let opened = targets.iter().zip(traces).map(|(target, trace)| match (target, trace) {
        (_, Some(trace)) => Ok(Opened::Trace(trace)),
        (Target::There(address, setting), None) => {
            let there = there(address, *setting, args)?;
            let trace = there.trace(samples, None, talk)?;
            Ok(Opened::There(Box::new(there), trace))
        }
        (Target::Board(name, arithmetic), None) => {
            let model = model.context("there is no model")?;
            let inputs = |plan: &Plan| inputs(args, plan, samples);
            Ok(Opened::Board(board_trace((name, *arithmetic), model, &args.there, &inputs, talk)?))
        }
        (Target::Here(setting), None) => Ok(Opened::Here(setting)),
        (Target::Trace(path), None) => bail!("{}: was not read", path.display()),
    });
    opened.collect()
}

/// The one model that all of them are about.
fn about(model: Option<&ModelFile>, traces: &[&Trace]) -> Result<About> {
    let of_trace = |trace: &&Trace| About { file: trace.file.clone(), sha256: trace.sha256.clone() };
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

fn values(args: &ParityArgs) -> Values {
    match args.values_of {
        _ if args.values => Values::All,
        Some((sample, layer)) => Values::One(sample, layer),
        None => Values::None,
    }
}

/// A target on this machine.
fn here(model: &ModelFile, setting: &Setting) -> Result<Side> {
    let isa = isa::choose(setting.isa)?;
    let Setting { arithmetic, threads, .. } = *setting;
    let options = LowerOptions { arithmetic, isa, threads, ..LowerOptions::default() };
    let name = Setting { isa: Some(isa), ..*setting };
    let machine = Machine::here();
    let target = format!("{name} on {} ({})", machine.cpu, machine.arch);
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
