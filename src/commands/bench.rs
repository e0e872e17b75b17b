//! `edgebench bench`: time of models and of their operators.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use edgebench_kernels::Isa;
use edgebench_models::{Graph, LowerOptions, Plan, lower};

use super::talk::{Talk, width};
use super::{Outcome, isa, print, several};
use crate::cli::{BenchArgs, IsaChoice, Profile};
use crate::eval::latency::Effort;
use crate::eval::peak::{self, Number};
use crate::eval::profile::profile;
use crate::eval::statistics::Spread;
use crate::eval::stopwatch;
use crate::machine::Machine;
use crate::model::ModelFile;
use crate::report::bench::{BenchReport, BenchRow, OperatorRow};
use crate::report::bench_text::render;

/// A share of outliers above this, with slow runs that take longer than the median by [`SPREAD_TO_WARN`], is worth a warning.
const OUTLIERS_TO_WARN: f64 = 0.05;
const SPREAD_TO_WARN: f64 = 1.25;

/// How many operators are shown unless all are asked for.
const TOP: usize = 10;

pub(super) fn run(args: &BenchArgs, talk: Talk) -> Result<Outcome> {
    args.on.check()?;
    ensure!(
        args.on.boards().next().is_none(),
        "an emulator says nothing about time; bench runs on machines (eval and parity run on boards)"
    );
    if args.on.wanted() {
        return super::on::bench(args, talk);
    }
    let isas = isas(&args.isa)?;
    let mut models = args.models.iter().map(|path| ModelFile::open(path)).collect::<Result<Vec<_>, _>>()?;
    if models.is_empty() {
        models.push(ModelFile::embedded());
    }
    let mut jobs = Vec::new();
    for model in &models {
        let graph = model.graph()?;
        for &isa in &isas {
            let options = LowerOptions { arithmetic: args.arithmetic, isa, ..LowerOptions::default() };
            let threads = if batch(args) == 1 { usize::from(args.threads) } else { 1 };
            let many = several(batch(args) > usize::from(args.threads));
            let plan =
                lower(&graph, &LowerOptions { threads, many, ..options }).map_err(|source| model.error(source))?;
            plan.warnings.iter().for_each(|warning| talk.warn(warning));
            jobs.push(Job { model, graph: graph.clone(), options, plan: Arc::new(plan) });
        }
    }
    let bar = talk.progress(jobs.len(), "timing");
    let mut runs = Vec::new();
    for job in &jobs {
        runs.push(job.run(args, talk)?);
        bar.advance();
    }
    bar.finish();
    let peak_gmacs = runs.iter().map(|run| run.peak_gmacs).fold(0.0, f64::max);
    let report = BenchReport { schema: BenchReport::SCHEMA, machine: Machine::here(), peak_gmacs, runs };
    let most = if args.profile == Profile::All { usize::MAX } else { TOP };
    print(&report, args.json, || render(&report, most, width()))?;
    Ok(Outcome::Done)
}

/// The instruction sets that were asked for, each once; an error if one cannot run here.
fn isas(asked: &[IsaChoice]) -> Result<Vec<Isa>> {
    if asked.is_empty() {
        return Ok(vec![isa::choose(None)?]);
    }
    let mut isas: Vec<Isa> = Vec::new();
    for choice in asked {
        let wanted = match choice {
            IsaChoice::All => Isa::available().collect(),
            IsaChoice::One(one) => vec![isa::choose(Some(*one))?],
        };
        for isa in wanted {
            if !isas.contains(&isa) {
                isas.push(isa);
            }
        }
    }
    Ok(isas)
}

struct Job<'a> {
    model: &'a ModelFile,
    graph: Graph,
    /// For one thread per image.
    options: LowerOptions,
    plan: Arc<Plan>,
}

impl Job<'_> {
    fn run(&self, args: &BenchArgs, talk: Talk) -> Result<BenchRow> {
        let plan = &self.plan;
        let threads = usize::from(args.threads);
        let batch = batch(args);
        let times = stopwatch::batches(plan, threads, batch, &effort(args))?;
        let spread = Spread::of(&times);
        if spread.outliers > OUTLIERS_TO_WARN && spread.p90 > SPREAD_TO_WARN * spread.median {
            talk.warn(&format!(
                "{} on {}: {:.0} % of the runs are statistical outliers; something else was using this machine, repeat on a quiet one",
                self.model.name(),
                plan.isa,
                100.0 * spread.outliers
            ));
        }
        let turn = stopwatch::turn(plan, threads, batch);
        // Threads that have something to do.
        let busy = plan.threads.max(threads.min(batch));
        if threads > busy {
            talk.note(&format!("a batch of {batch} keeps {busy} of {threads} threads busy"));
        }
        let macs: u64 = plan.origins.iter().map(|origin| origin.macs).sum();
        let gmacs = rate(macs * batch as u64, spread.median);
        let peak = self.peak(busy);
        Ok(BenchRow {
            file: self.model.file.clone(),
            sha256: self.model.sha256(),
            arithmetic: plan.arithmetic.name(),
            isa: plan.isa.name(),
            threads,
            threads_per_image: plan.threads,
            batch,
            images_at_once: turn.images,
            runs: times.len(),
            ms_median: spread.median,
            ms_p10: spread.p10,
            ms_p90: spread.p90,
            outliers: spread.outliers,
            images_per_s: 1e3 * batch as f64 / spread.median,
            macs,
            gmacs,
            peak_gmacs: peak,
            peak_share: share(gmacs, peak),
            arena_bytes: turn.arena_len,
            operators: if args.profile == Profile::None { Vec::new() } else { self.operators(args)? },
        })
    }

    fn operators(&self, args: &BenchArgs) -> Result<Vec<OperatorRow>> {
        let most = args.runs.map_or(10_000, |n| n as usize);
        let plan = match self.plan.threads {
            1 => Arc::clone(&self.plan),
            _ => Arc::new(lower(&self.graph, &self.options).map_err(|source| self.model.error(source))?),
        };
        let times = profile(&plan, Duration::from_secs_f64(args.seconds.min(1.0)), most)?;
        let total: f64 = times.iter().map(|time| time.ms).sum();
        let peak = self.peak(1);
        let row = |time: crate::eval::profile::NodeTime| {
            let node = &self.graph.nodes[time.node];
            let gmacs = rate(time.macs, time.ms);
            OperatorRow {
                index: node.index,
                op: node.op.name(),
                shape: node.outputs.first().map_or_else(Vec::new, |&id| self.graph.tensors[id].shape.clone()),
                ms: time.ms,
                share: share(time.ms, total),
                macs: time.macs,
                gmacs,
                peak_share: share(gmacs, peak),
            }
        };
        Ok(times.into_iter().map(row).collect())
    }

    /// The machine's peak for the kind of number that most of the work is done in.
    fn peak(&self, threads: usize) -> f64 {
        let plan = &self.plan;
        let of = |float: bool| -> u64 {
            let pairs = plan.steps.iter().zip(&plan.origins);
            pairs.filter(|(step, _)| step.kind().contains("F32") == float).map(|(_, origin)| origin.macs).sum()
        };
        let number = if of(true) > of(false) { Number::Float32 } else { Number::Int8 };
        plan.isa.kernels().map_or(0.0, |kernels| peak::gmacs(kernels, number, threads))
    }
}

/// Images of one run.
fn batch(args: &BenchArgs) -> usize {
    args.batch.map_or_else(|| usize::from(args.threads), |n| n as usize)
}

fn effort(args: &BenchArgs) -> Effort {
    let time = Duration::from_secs_f64(args.seconds);
    let (at_least, at_most) = args.runs.map_or((10, 100_000), |n| (n as usize, n as usize));
    Effort { warm_up: Duration::from_millis(200), time, at_least, at_most }
}

/// 10⁹ a second.
fn rate(macs: u64, ms: f64) -> f64 {
    if ms > 0.0 { macs as f64 / (ms * 1e6) } else { 0.0 }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
