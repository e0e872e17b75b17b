//! Accuracy of a model as its file answers, not as it was trained.

use edgebench_models::{Image, LowerOptions};

use super::Error;
use crate::data::Dataset;
use crate::data::preprocess::Preprocess;
use crate::eval::accuracy::answer;
use crate::eval::input::{Sayings, prepare};
use crate::eval::pool::Pool;
use crate::eval::statistics::wilson95;
use crate::model::ModelFile;

/// Accuracy on labelled images.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Accuracy {
    /// Images.
    pub n: u64,
    /// Images whose class was found.
    pub hits: u64,
    /// Their share.
    pub top1: f64,
    /// Wilson's 95 % interval of it.
    pub ci95: [f64; 2],
}

/// What `file` answers for `data`, whose pixels mean `kind`.
///
/// # Errors
/// A file that does not run, or does not take these images.
pub fn accuracy(file: &ModelFile, data: &Dataset, kind: Preprocess, threads: usize) -> Result<Accuracy, Error> {
    let misfit = |source| Error::Misfit { file: file.file.clone(), source };
    let plan = file.plan(&LowerOptions::default())?;
    let sayings = Sayings { asked: Some(kind), side_file: None, side_file_name: String::new() };
    let preparation = prepare(&plan, data, &sayings).map_err(misfit)?;
    let dtype = plan.outputs[0].dtype;
    let set = |image: &mut Image<'_>, at: usize| -> Result<(), Error> {
        let mut input = Vec::with_capacity(preparation.pipeline.input_bytes());
        let sample = data.sample(at)?;
        preparation.pipeline.append(&sample, &mut input).map_err(|error| Error::Other(error.to_string()))?;
        Ok(image.set_input(0, &input)?)
    };
    let get = |image: &mut Image<'_>, at: usize, ()| {
        let label = data.labels[at] as usize;
        let found = answer(dtype, &image.output(0), label);
        found.map(|answer| answer.best == label).map_err(|name| Error::Other(format!("scores of type {name}")))
    };
    let right = Pool { threads, share: 16 }.run(&plan, data.len(), set, get)?;
    let (n, hits) = (right.len() as u64, right.iter().filter(|right| **right).count() as u64);
    let (lo, hi) = wilson95(hits, n);
    Ok(Accuracy { n, hits, top1: hits as f64 / n as f64, ci95: [lo, hi] })
}
