//! `edgebench eval`: accuracy, size and speed of models on labelled samples.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use edgebench_models::{LowerOptions, Plan, Session};

use super::answers::{answers, flips};
use super::talk::{Talk, width};
use super::{Outcome, isa, print, several};
use crate::cli::EvalArgs;
use crate::data::{self, Dataset, OpenOptions, side_file};
use crate::eval::accuracy::{Answer, Counts};
use crate::eval::input::{Preparation, Sayings, prepare, sample_shape};
use crate::eval::latency::{Effort, measure};
use crate::eval::pool::Pool;
use crate::eval::size::zip6;
use crate::eval::statistics::{Spread, wilson95};
use crate::machine::{self, Machine};
use crate::model::ModelFile;
use crate::report::eval::{ClassRow, DataRow, EvalReport, FlipsRow, LatencyRow, ModelRow, PreprocessRow, SizeRow};
use crate::report::eval_text::{Details, MATRIX, render};

/// A model that fits the data.
pub(super) struct Candidate {
    pub(super) model: ModelFile,
    pub(super) plan: Arc<Plan>,
    pub(super) data: Dataset,
    pub(super) preparation: Preparation,
}

pub(super) fn run(args: &EvalArgs, talk: Talk) -> Result<Outcome> {
    args.on.check()?;
    let boards = args.on.boards().next().is_some();
    if args.on.wanted() && !boards && !args.robust.wanted() {
        return super::on::eval(args, talk);
    }
    // Which instruction set another machine takes is its own affair.
    let isa = isa::choose(args.lowering.isa.filter(|_| !args.on.wanted()))?;
    let many = several(args.batch > 1);
    let options = LowerOptions { arithmetic: args.lowering.arithmetic, isa, many, ..LowerOptions::default() };
    let plans = plans(args, &options)?;
    let data = open(args, &plans)?;
    // Everything is checked for every model before the first of them takes its time.
    let candidates =
        plans.into_iter().map(|(model, plan)| fit(args, model, plan, &data)).collect::<Result<Vec<_>>>()?;
    let alone = [
        ("--ledger", args.robust.ledger.is_some()),
        ("--until-decided", args.robust.until_decided.is_some()),
        ("--html", args.rendering.html.is_some()),
        ("--fail-if", !args.rendering.fail_if.is_empty()),
        ("--baseline", args.rendering.baseline.is_some()),
    ];
    if let Some((name, _)) = alone.iter().find(|(_, given)| *given && !args.robust.wanted()) {
        bail!(
            "{name} belongs to a measurement of robustness: give --corruptions (all, benchmark, fog, …) or --corrupted DIR"
        );
    }
    if args.robust.wanted() {
        return super::robust::run(args, &data, &candidates, talk);
    }

    if boards {
        return super::on::eval_on_boards(args, &candidates, talk);
    }
    let pool = Pool { threads: args.threads.map_or_else(machine::cpus, usize::from), share: args.batch as usize };
    let mut models = Vec::new();
    let mut first: Option<Vec<Answer>> = None;
    for candidate in &candidates {
        let (mut row, answers) = evaluate(candidate, pool, talk)?;
        row.flips = first.as_ref().map(|first| FlipsRow::of(flips(&candidate.data, first, &answers)));
        first.get_or_insert(answers);
        row.warnings.iter().for_each(|warning| talk.warn(&format!("{}: {warning}", candidate.model.name())));
        models.push(row);
    }
    let report = EvalReport { schema: EvalReport::SCHEMA, machine: Machine::here(), data: data_row(&data)?, models };
    data.notes.iter().for_each(|note| talk.note(note));
    let alone = report.models.len() == 1 && report.models[0].confusion.len() <= MATRIX;
    let details = Details { per_class: args.per_class, confusion: args.confusion || alone, width: width() };
    print(&report, args.json, || render(&report, details))?;
    Ok(verdict(args.min_accuracy, &report, talk))
}

fn plans(args: &EvalArgs, options: &LowerOptions) -> Result<Vec<(ModelFile, Arc<Plan>)>> {
    let mut files = args.models.iter().map(|path| ModelFile::open(path)).collect::<Result<Vec<_>, _>>()?;
    if files.is_empty() {
        files.push(ModelFile::embedded());
    }
    let with_plan = |model: ModelFile| {
        let plan = model.plan(options)?;
        Ok((model, plan))
    };
    files.into_iter().map(with_plan).collect()
}

/// Opens the data, images in the size of the first model if they are to be resized.
fn open(args: &EvalArgs, plans: &[(ModelFile, Arc<Plan>)]) -> Result<Dataset> {
    let resize =
        if args.resize { plans.first().map(|(model, plan)| image_size(model, plan)).transpose()? } else { None };
    let options = OpenOptions {
        split: args.split,
        limit: args.limit.map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
        resize,
        labels: args.labels.clone(),
        coarse: args.coarse,
    };
    Ok(data::open(&args.data, &options)?)
}

fn image_size(model: &ModelFile, plan: &Plan) -> Result<[usize; 2]> {
    let shape = sample_shape(plan).with_context(|| format!("{}: cannot be evaluated", model.file))?;
    let &[height, width, _] = shape else {
        anyhow::bail!("{}: takes {shape:?} a sample, --resize is for images [height, width, channels]", model.file)
    };
    Ok([height, width])
}

fn fit(args: &EvalArgs, model: ModelFile, plan: Arc<Plan>, data: &Dataset) -> Result<Candidate> {
    let data = match args.resize {
        true => {
            let [height, width] = image_size(&model, &plan)?;
            data.resized(height, width)?
        }
        false => data.clone(),
    };
    let path = model.path.as_deref().unwrap_or(Path::new("model.tflite"));
    let side_file = model.path.as_deref().map(side_file::read_for).transpose()?.flatten();
    let sayings = Sayings {
        asked: args.preprocess,
        side_file: side_file.and_then(|file| file.preprocess),
        side_file_name: side_file::path_for(path).display().to_string(),
    };
    let context = || format!("{}: cannot be evaluated on {}", model.file, data.name);
    let preparation = prepare(&plan, &data, &sayings).with_context(context)?;
    Ok(Candidate { model, plan, data, preparation })
}

fn evaluate(candidate: &Candidate, pool: Pool, talk: Talk) -> Result<(ModelRow, Vec<Answer>)> {
    let Candidate { model, plan, data, preparation } = candidate;
    machine::reset_peak_rss();
    let begin = Instant::now();
    let (answers, clipping) = answers((plan, model), data, preparation, (pool, talk))?;
    let seconds = begin.elapsed().as_secs_f64();
    let scores: usize = plan.outputs[0].shape.iter().product();
    let counts = Counts::of(scores, &data.labels, &answers);
    let (n, hits) = (counts.n(), counts.hits());
    let (lo, hi) = wilson95(hits, n);
    let rss_bytes = machine::peak_rss();
    let zip_name =
        Path::new(&model.file).file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut warnings = plan.warnings.clone();
    warnings.extend(clipping.warning());
    warnings.extend(preparation.pipeline.notes().iter().cloned());
    let row = ModelRow {
        file: model.file.clone(),
        sha256: model.sha256(),
        arithmetic: plan.arithmetic.name(),
        isa: plan.isa.name(),
        n,
        top1: hits as f64 / n as f64,
        top5: (scores > 5).then(|| counts.top5 as f64 / n as f64),
        ci95: [lo, hi],
        per_class: per_class(&counts, data),
        confusion: counts.confusion,
        size: SizeRow { raw: model.bytes.len() as u64, zip6: zip6(&zip_name, &model.bytes) },
        arena_bytes: plan.arena_len,
        rss_bytes,
        latency_ms: latency(candidate)?,
        images_per_s: n as f64 / seconds,
        threads: pool.threads,
        macs: plan.origins.iter().map(|origin| origin.macs).sum(),
        preprocess: preparation.kind.map(|(kind, origin)| PreprocessRow { name: kind.name(), origin: origin.name() }),
        clipped: clipping.share(),
        flips: None,
        warnings,
    };
    Ok((row, answers))
}

fn per_class(counts: &Counts, data: &Dataset) -> Vec<ClassRow> {
    let row = |class: usize| {
        let (n, hits) = (counts.of_class(class), counts.confusion[class][class]);
        let name = data.class_names.as_ref().and_then(|names| names.get(class).cloned());
        ClassRow { class, name, n, hits, accuracy: (n > 0).then(|| hits as f64 / n as f64) }
    };
    (0..counts.confusion.len()).map(row).collect()
}

/// One thread, the first few samples in turn.
fn latency(candidate: &Candidate) -> Result<LatencyRow> {
    let mut inputs = Vec::new();
    for at in 0..candidate.data.len().min(32) {
        let mut input = Vec::new();
        candidate.preparation.pipeline.append(&candidate.data.sample(at)?, &mut input)?;
        inputs.push(input);
    }
    let mut session = Session::new(Arc::clone(&candidate.plan))?;
    for input in &inputs {
        session.set_input(0, input)?;
    }
    let times = measure(&Effort::SHORT, |at| {
        session.set_input(0, &inputs[at % inputs.len()]).expect("the same input has been accepted before");
        session.run();
    });
    let Spread { median, p90, .. } = Spread::of(&times);
    Ok(LatencyRow { p50: median, p90, runs: times.len() })
}

fn data_row(data: &Dataset) -> Result<DataRow> {
    ensure!(!data.labels.is_empty(), "{}: there is no sample in it", data.name);
    Ok(DataRow {
        name: data.name.clone(),
        source: data.source.clone(),
        split: data.split.map(data::Split::name),
        n: data.len(),
        classes: data.classes(),
        sha256: data.sha256()?,
        notes: data.notes.clone(),
        attribution: data.attribution,
    })
}

fn verdict(min_accuracy: Option<f64>, report: &EvalReport, talk: Talk) -> Outcome {
    let Some(wanted) = min_accuracy else { return Outcome::Done };
    let mut outcome = Outcome::Done;
    for model in report.models.iter().filter(|model| model.top1 < wanted) {
        talk.warn(&format!("{}: top-1 {:.2} % is below {:.2} %", model.file, 100.0 * model.top1, 100.0 * wanted));
        outcome = Outcome::Missed;
    }
    outcome
}
