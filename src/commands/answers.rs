//! What a model answers to all samples.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use edgebench_models::{Image, Plan};

use super::talk::Talk;
use crate::data::Dataset;
use crate::data::quantise::Clipping;
use crate::eval::accuracy::{Answer, answer};
use crate::eval::input::Preparation;
use crate::eval::pool::Pool;
use crate::metrics::paired::Flips;
use crate::model::ModelFile;

/// Answers in the order of the samples, and which share of the values was clamped on the way in.
pub(super) fn answers(
    (plan, file): (&Arc<Plan>, &ModelFile),
    data: &Dataset,
    preparation: &Preparation,
    (pool, talk): (Pool, Talk),
) -> Result<(Vec<Answer>, Clipping)> {
    let bar = talk.progress(data.len(), &file.name());
    let dtype = plan.outputs[0].dtype;
    let set = |image: &mut Image<'_>, at: usize| -> Result<Clipping> {
        let mut input = Vec::with_capacity(preparation.pipeline.input_bytes());
        let clipping = preparation.pipeline.append(&data.sample(at)?, &mut input)?;
        image.set_input(0, &input)?;
        Ok(clipping)
    };
    let get = |image: &mut Image<'_>, at: usize, clipping: Clipping| -> Result<(Answer, Clipping)> {
        let answer = answer(dtype, &image.output(0), data.labels[at] as usize);
        bar.advance();
        Ok((answer.map_err(|name| anyhow!("{}: scores of type {name}", file.file))?, clipping))
    };
    let results = pool.run(plan, data.len(), set, get)?;
    bar.finish();
    let mut clipping = Clipping::default();
    results.iter().for_each(|(_, other)| clipping.add(*other));
    Ok((results.into_iter().map(|(answer, _)| answer).collect(), clipping))
}

/// Where two models answer otherwise.
pub(super) fn flips(data: &Dataset, reference: &[Answer], model: &[Answer]) -> Flips {
    let best = |answers: &[Answer]| answers.iter().map(|answer| answer.best).collect::<Vec<_>>();
    let labels: Vec<usize> = data.labels.iter().map(|&label| label as usize).collect();
    Flips::of(&labels, &best(reference), &best(model))
}
