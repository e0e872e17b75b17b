//! `edgebench quantise`: from a float model to an int8 one.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use edgebench_models::quantise::{
    CalibrateOptions, Calibrator, LayerLoss, Method, QuantiseOptions, Quantised, Ranges, correct_biases, equalise,
    measure, quantise_traced,
};
use edgebench_models::tflite::{BuiltinOperator, Bytes, Model};
use edgebench_models::{LowerOptions, Plan};

use super::answers::{answers, flips};
use super::talk::{Talk, width};
use super::{Outcome, isa, print};
use crate::cli::quantise::QuantiseArgs;
use crate::data::{self, Dataset, OpenOptions, Split, npy, side_file};
use crate::eval::accuracy::{Answer, Counts};
use crate::eval::input::{Preparation, Sayings, check_classes, prepare_inputs, sample_shape};
use crate::eval::pool::Pool;
use crate::eval::size::zip6;
use crate::eval::statistics::wilson95;
use crate::machine;
use crate::model::ModelFile;
use crate::report::eval::SizeRow;
use crate::report::quantise::{
    AccuracyRow, BiasCorrectionRow, CalibrationRow, EqualisationRow, LayerRow, OperatorsRow, QuantiseReport, SizesRow,
    Top1Row,
};

pub(super) fn run(args: &QuantiseArgs, talk: Talk) -> Result<Outcome> {
    let begin = Instant::now();
    let isa = isa::choose(args.lowering.isa)?;
    let lower = LowerOptions { arithmetic: args.lowering.arithmetic, isa, ..LowerOptions::default() };
    let file = ModelFile::open(&args.model)?;
    let refused = || format!("{}: cannot be quantised", file.file);
    let float = file.read()?;
    let plan = file.plan(&lower)?;
    let (data, preparation) = open(args, &file, &plan, Split::Train, Some(args.calibration.into()))?;
    data.notes.iter().for_each(|note| talk.note(note));
    let samples = Samples { data: &data, preparation: &preparation, bar: (talk, file.name()) };

    let (source, equalisation) = match args.equalise {
        true => equalise(&float).map(|(model, done)| (model, Some(done))).with_context(refused)?,
        false => (float, None),
    };
    let ranges = samples.calibrate(&source, args.method(), &lower).with_context(refused)?;
    let options = QuantiseOptions { io: args.io, per_channel_dense: !args.per_tensor_dense };
    let (corrected, correction) = match args.bias_correction {
        true => {
            correct_biases(&source, &ranges, &options).map(|(model, done)| (model, Some(done))).with_context(refused)?
        }
        false => (source.clone(), None),
    };
    let quantised = quantise_traced(&corrected, &ranges, &options).with_context(refused)?;
    let bytes = quantised.model.write().map_err(|error| file.error(error))?;
    let int8 =
        ModelFile { path: Some(args.output.clone()), file: args.output.display().to_string(), bytes: bytes.into() };
    let losses = samples.measure(&source, &quantised, &lower).with_context(refused)?;
    let mut warnings = Vec::new();
    if equalisation.is_some_and(|done| done.pairs == 0) {
        let why = "no two neighbouring layers could be equalised: they need RELU or no activation between them (RELU6 is none of these)";
        warnings.push(why.to_owned());
    }
    let accuracy = match accuracy(args, (&file, &plan), &int8, (&lower, talk)) {
        Ok(row) => Some(row),
        Err(error) => {
            warnings.push(format!("accuracy was not measured: {error:#}"));
            None
        }
    };
    warnings.extend(advice(args, &preparation, data.split));
    npy::write_whole(&args.output, |target| target.write_all(&int8.bytes))?;

    let kind = preparation.kind.map(|(kind, _)| kind.name());
    let report = QuantiseReport {
        schema: QuantiseReport::SCHEMA,
        file: file.file.clone(),
        sha256: file.sha256(),
        written: int8.file.clone(),
        written_sha256: int8.sha256(),
        calibration: calibration_row(args, &data, kind),
        io: args.io.name(),
        per_channel_dense: options.per_channel_dense,
        equalisation: equalisation.map(|e| EqualisationRow { pairs: e.pairs, rounds: e.rounds, largest: e.largest }),
        bias_correction: correction.map(|c| BiasCorrectionRow { layers: c.layers, largest: c.largest }),
        operators: operators(&source, &quantised),
        layers: losses.into_iter().map(layer).collect(),
        size: SizesRow { float: size(&file.file, &file.bytes), int8: size(&int8.file, &int8.bytes) },
        accuracy,
        warnings,
        seconds: begin.elapsed().as_secs_f64(),
    };
    report.warnings.iter().for_each(|warning| talk.warn(warning));
    print(&report, args.json, || report.to_text(width()))?;
    Ok(Outcome::Done)
}

/// A part of the data, and how it becomes inputs of the model.
fn open(
    args: &QuantiseArgs,
    file: &ModelFile,
    plan: &Plan,
    split: Split,
    limit: Option<u64>,
) -> Result<(Dataset, Preparation)> {
    let context = || format!("{}: cannot be calibrated on {}", file.file, args.data.display());
    let resize = match (args.resize, sample_shape(plan).with_context(context)?) {
        (false, _) => None,
        (true, &[height, width, _]) => Some([height, width]),
        (true, shape) => bail!("{}: takes {shape:?} a sample, --resize is for images", file.file),
    };
    let options = OpenOptions {
        split,
        limit: limit.map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
        resize,
        labels: args.labels.clone(),
        coarse: args.coarse,
    };
    let mut data = data::open(&args.data, &options)?;
    if let Some([height, width]) = resize {
        data = data.resized(height, width)?;
    }
    let path = file.path.as_deref().unwrap_or(Path::new("model.tflite"));
    let side_file = file.path.as_deref().map(side_file::read_for).transpose()?.flatten();
    let sayings = Sayings {
        asked: args.preprocess,
        side_file: side_file.and_then(|file| file.preprocess),
        side_file_name: side_file::path_for(path).display().to_string(),
    };
    let preparation = prepare_inputs(plan, &data, &sayings).with_context(context)?;
    Ok((data, preparation))
}

/// Samples for calibration, made one at a time.
struct Samples<'a> {
    data: &'a Dataset,
    preparation: &'a Preparation,
    bar: (Talk, String),
}

impl Samples<'_> {
    /// Sample `at` as real numbers.
    fn get(&self, at: usize) -> Result<Vec<f32>> {
        let mut bytes = Vec::with_capacity(self.preparation.pipeline.input_bytes());
        self.preparation.pipeline.append(&self.data.sample(at)?, &mut bytes)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    fn calibrate(&self, model: &Model, method: Method, lower: &LowerOptions) -> Result<Ranges> {
        let mut calibrator = Calibrator::new(model, &CalibrateOptions { method, lower: *lower })?;
        let bar = self.bar.0.progress(self.data.len(), &self.bar.1);
        for at in 0..self.data.len() {
            calibrator.observe(&self.get(at)?)?;
            bar.advance();
        }
        bar.finish();
        Ok(calibrator.finish()?)
    }

    fn measure(&self, float: &Model, quantised: &Quantised, lower: &LowerOptions) -> Result<Vec<LayerLoss>> {
        let bar = self.bar.0.progress(self.data.len(), &self.bar.1);
        let mut failed = None;
        let samples = (0..self.data.len()).map_while(|at| {
            bar.advance();
            self.get(at).map_err(|error| failed = Some(error)).ok()
        });
        let losses = measure(float, quantised, samples, lower)?;
        bar.finish();
        failed.map_or(Ok(losses), Err)
    }
}

/// Accuracy of both models on the test part.
fn accuracy(
    args: &QuantiseArgs,
    (file, plan): (&ModelFile, &Arc<Plan>),
    int8: &ModelFile,
    (lower, talk): (&LowerOptions, Talk),
) -> Result<AccuracyRow> {
    let (data, preparation) = open(args, file, plan, Split::Test, args.limit)?;
    check_classes(&plan.outputs[0], &data)?;
    let pool = Pool { threads: args.threads.map_or_else(machine::cpus, usize::from), share: 16 };
    let (exact, _) = answers((plan, file), &data, &preparation, (pool, talk))?;
    let plan = int8.plan(lower)?;
    // What a pixel means is known from the float model.
    let kind = preparation.kind.map(|(kind, _)| kind);
    let sayings = Sayings { asked: kind, side_file: None, side_file_name: String::new() };
    let preparation = prepare_inputs(&plan, &data, &sayings)?;
    let (rounded, _) = answers((&plan, int8), &data, &preparation, (pool, talk))?;
    let scores: usize = plan.outputs[0].shape.iter().product();
    let top1 = |answers: &[Answer]| {
        let counts = Counts::of(scores, &data.labels, answers);
        let (lo, hi) = wilson95(counts.hits(), counts.n());
        Top1Row { top1: counts.hits() as f64 / counts.n() as f64, ci95: [lo, hi] }
    };
    Ok(AccuracyRow {
        split: data.split.map(Split::name),
        n: data.len() as u64,
        float: top1(&exact),
        int8: top1(&rounded),
        agree: data.len() as u64 - flips(&data, &exact, &rounded).differ,
    })
}

/// What the user should do or know.
fn advice(args: &QuantiseArgs, preparation: &Preparation, split: Option<Split>) -> Vec<String> {
    let mut advice = Vec::new();
    if split.is_none() {
        advice.push(
            "the data have no parts: the model was calibrated on samples that its accuracy is measured on".to_owned(),
        );
    }
    if let (edgebench_models::quantise::Io::Float, Some((kind, _))) = (args.io, preparation.kind) {
        let side_file = side_file::path_for(&args.output);
        advice.push(format!(
            "a float input does not tell what a pixel means: give --preprocess {kind} with the int8 model, or write it into {}",
            side_file.display()
        ));
    }
    advice
}

fn calibration_row(args: &QuantiseArgs, data: &Dataset, preprocess: Option<&'static str>) -> CalibrationRow {
    CalibrationRow {
        data: data.name.clone(),
        split: data.split.map(Split::name),
        samples: data.len(),
        method: args.method().name(),
        percentile: match args.method() {
            Method::Percentile(share) => Some(share),
            _ => None,
        },
        preprocess,
    }
}

fn operators(float: &Model, quantised: &Quantised) -> OperatorsRow {
    let model = &quantised.model;
    let all = &model.subgraphs[0].operators;
    let converts = |code| matches!(code, BuiltinOperator::QUANTIZE | BuiltinOperator::DEQUANTIZE);
    OperatorsRow {
        float: float.subgraphs[0].operators.len(),
        int8: all.len(),
        conversions: all.iter().filter(|op| converts(model.code_of(op).builtin_code)).count(),
    }
}

fn layer(loss: LayerLoss) -> LayerRow {
    let finite = |db: Option<f64>| db.filter(|db| db.is_finite());
    LayerRow {
        operator: loss.operator,
        op: loss.op,
        output: loss.output,
        weights_db: finite(loss.weights_db),
        output_db: finite(loss.output_db),
    }
}

fn size(file: &str, bytes: &Bytes) -> SizeRow {
    let name = Path::new(file).file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    SizeRow { raw: bytes.len() as u64, zip6: zip6(&name, bytes) }
}
