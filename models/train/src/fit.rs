//! Epochs: training, validation, early stopping, history.

use std::time::Instant;

use crate::augment::{self, Augment};
use crate::exec::Batch;
use crate::images::Images;
use crate::schedule::Schedule;
use crate::technique::prune;
use crate::trainer::{Moves, Trainer};
use crate::{Error, Params};

/// How long and how to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Passes over all images.
    pub epochs: usize,
    /// Images of a step.
    pub batch: usize,
    /// The optimiser.
    pub moves: Moves,
    /// Its rate.
    pub schedule: Schedule,
    /// Share of a label that is given to all classes in equal parts.
    pub label_smoothing: f64,
    /// What happens to images.
    pub augment: Augment,
    /// Epochs without a better validation accuracy after which training ends.
    pub patience: Option<usize>,
    /// Whether the numbers of the best epoch are kept, and not those of the last.
    pub keep_best: bool,
    /// Names all random numbers.
    pub seed: u64,
    /// Kernels that are pruned while training, and when.
    pub prune: Option<(Vec<usize>, prune::Schedule)>,
}

/// One epoch.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Epoch {
    /// From 1.
    pub epoch: usize,
    /// Rate of the last step.
    pub rate: f64,
    /// Mean loss over the training images, as they were seen.
    pub loss: f64,
    /// Share of training images whose class was found, as they were seen.
    pub accuracy: f64,
    /// Mean cross entropy over the validation images, if there are any.
    pub valid_loss: Option<f64>,
    /// Share of validation images whose class was found.
    pub valid_accuracy: Option<f64>,
    /// Seconds that the training part took.
    pub seconds: f64,
}

/// Who watches a training.
pub trait Watch {
    /// After every step.
    fn step(&mut self, _now: &Progress) {}
    /// After every epoch; the trainer and the state hold all that is needed to go on.
    ///
    /// # Errors
    /// What keeps the training from going on.
    fn epoch(&mut self, _trainer: &Trainer, _state: &State) -> Result<(), Error> {
        Ok(())
    }
}

/// A watcher that does nothing.
impl Watch for () {}

/// Where a training is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// From 1.
    pub epoch: usize,
    /// Images of this epoch that were seen.
    pub images: usize,
    /// Images of an epoch.
    pub of: usize,
    /// Mean loss of this epoch so far.
    pub loss: f64,
    /// Share of images of this epoch whose class was found.
    pub accuracy: f64,
}

/// What a training remembers from epoch to epoch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Epochs that are done.
    pub history: Vec<Epoch>,
    /// The best epoch's number, validation accuracy and loss, and its numbers.
    pub best: Option<Best>,
}

/// The best epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// From 1.
    pub epoch: usize,
    /// Validation accuracy and loss.
    pub score: (f64, f64),
    /// Numbers of the network.
    pub params: Params,
    /// Centroids, tensor by tensor; empty where there are none.
    pub centroids: Vec<Vec<f32>>,
}

/// Trains from where `state` is until the plan is fulfilled or nothing gets better. Afterwards `trainer` holds the numbers that are kept.
///
/// # Errors
/// [`Error::Diverged`], and what `watch` returns.
pub fn fit(
    trainer: &mut Trainer,
    plan: &Plan,
    (train, valid): (&Images, Option<&Images>),
    state: &mut State,
    watch: &mut dyn Watch,
) -> Result<(), Error> {
    let per_epoch = train.len().div_ceil(plan.batch.max(1));
    while state.history.len() < plan.epochs && !is_over(plan, state) {
        let epoch = state.history.len();
        let begin = Instant::now();
        let (rate, loss, accuracy) = one_epoch(trainer, plan, train, (epoch, per_epoch), watch)?;
        let seconds = begin.elapsed().as_secs_f64();
        let scores = valid.map(|valid| validate(trainer, valid)).transpose()?;
        if let Some((valid_accuracy, valid_loss)) = scores {
            let score = (valid_accuracy, valid_loss);
            let better = |best: &Best| score.0 > best.score.0 || (score.0 == best.score.0 && score.1 < best.score.1);
            // While a mask still grows, an epoch is not what was promised.
            let done = plan.prune.as_ref().is_none_or(|(_, s)| (epoch + 1) as f64 > s.ramp * plan.epochs as f64);
            if done && state.best.as_ref().is_none_or(better) {
                let centroids = centroids_of(trainer);
                state.best = Some(Best { epoch: epoch + 1, score, params: trainer.params.clone(), centroids });
            }
        }
        state.history.push(Epoch {
            epoch: epoch + 1,
            rate,
            loss,
            accuracy,
            valid_loss: scores.map(|(_, loss)| loss),
            valid_accuracy: scores.map(|(accuracy, _)| accuracy),
            seconds,
        });
        watch.epoch(trainer, state)?;
    }
    if let (true, Some(best)) = (plan.keep_best, &state.best) {
        trainer.params = best.params.clone();
        for (path, centroids) in trainer.paths.iter_mut().zip(&best.centroids) {
            if let Some(clusters) = path.as_mut().and_then(|path| path.clusters.as_mut()) {
                clusters.centroids.clone_from(centroids);
            }
        }
    }
    Ok(())
}

/// Centroids, tensor by tensor.
pub(crate) fn centroids_of(trainer: &Trainer) -> Vec<Vec<f32>> {
    let clusters = trainer.paths.iter().map(|path| path.as_ref().and_then(|path| path.clusters.as_ref()));
    clusters.map(|clusters| clusters.map_or_else(Vec::new, |clusters| clusters.centroids.clone())).collect()
}

fn is_over(plan: &Plan, state: &State) -> bool {
    match (plan.patience, &state.best) {
        (Some(patience), Some(best)) => state.history.len() >= best.epoch + patience,
        _ => false,
    }
}

/// Rate of the last step, mean loss, and share of images whose class was found.
fn one_epoch(
    trainer: &mut Trainer,
    plan: &Plan,
    train: &Images,
    (epoch, per_epoch): (usize, usize),
    watch: &mut dyn Watch,
) -> Result<(f64, f64, f64), Error> {
    let order = augment::order(train.len(), plan.seed, epoch);
    let steps = plan.epochs * per_epoch;
    let (mut images, mut loss, mut correct, mut rate) = (0, 0.0, 0, 0.0);
    for (at, chosen) in order.chunks(plan.batch.max(1)).enumerate() {
        let step = epoch * per_epoch + at;
        if let Some((tensors, schedule)) = &plan.prune
            && let Some(sparsity) = schedule.sparsity(step, steps)
        {
            trainer.prune(tensors, schedule, sparsity);
        }
        let labels: Vec<u32> = chosen.iter().map(|&image| train.label(image as usize)).collect();
        let fill = |image: usize, input: &mut [f32]| {
            plan.augment.encode(train, chosen[image] as usize, (plan.seed, epoch), input);
        };
        let key = plan.seed ^ (step as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let batch = Batch { labels: &labels, fill: &fill, label_smoothing: plan.label_smoothing, key };
        rate = plan.schedule.at(step, steps, per_epoch);
        let outcome = trainer.step(&batch, &plan.moves, rate)?;
        images += labels.len();
        loss += outcome.loss;
        correct += outcome.correct;
        let share = |part: f64| part / images as f64;
        watch.step(&Progress {
            epoch: epoch + 1,
            images,
            of: train.len(),
            loss: share(loss),
            accuracy: share(correct as f64),
        });
    }
    Ok((rate, loss / images as f64, correct as f64 / images as f64))
}

/// Accuracy and mean cross entropy.
///
/// # Errors
/// As [`Trainer::infer`].
pub fn validate(trainer: &mut Trainer, images: &Images) -> Result<(f64, f64), Error> {
    let logits = trainer.infer(images.len(), &|image, input| images.encode(image, input))?;
    let (mut correct, mut loss) = (0, 0.0);
    for (at, logits) in logits.chunks_exact(images.classes()).enumerate() {
        let label = images.label(at) as usize;
        correct += usize::from(best_class(logits) == label);
        let most = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let sum: f64 = logits.iter().map(|logit| libm::exp(f64::from(*logit) - most)).sum();
        loss += most + libm::log(sum) - f64::from(logits[label]);
    }
    Ok((correct as f64 / images.len() as f64, loss / images.len() as f64))
}

/// The class of the largest logit, the first among equals.
#[must_use]
pub fn best_class(logits: &[f32]) -> usize {
    (0..logits.len()).fold(0, |best, at| if logits[at] > logits[best] { at } else { best })
}
