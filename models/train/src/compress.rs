//! Following a recipe: stage after stage, each on what the one before has made.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::exec::{Executor, Workers};
use crate::fit::{State, Watch, fit};
use crate::images::Images;
use crate::net::{Op, Role};
use crate::recipe::{Kind, Recipe, Stage, Training};
use crate::technique::cluster::Clusters;
use crate::technique::{Channels, WeightPath, prune};
use crate::{Error, Net, Params, Trainer, checkpoint, fold, promise, quant};

/// What all recipes of a network have in common.
#[derive(Clone, Debug)]
pub struct Job<'a> {
    /// The trained network.
    pub net: &'a Net,
    /// Its numbers.
    pub params: &'a Params,
    /// Images to train on, and others to choose the best epoch by.
    pub images: (&'a Images, Option<&'a Images>),
    /// Names the images: a digest.
    pub data: &'a str,
    /// How stages train, where neither the stage nor the recipe says anything.
    pub defaults: &'a Training,
    /// What computes.
    pub workers: Workers,
    /// Names all random numbers.
    pub seed: u64,
    /// Where stages are kept: a stage that is there is not trained again, and one that was interrupted goes on. Recipes that begin with
    /// the same stages share them.
    pub folder: Option<&'a Path>,
}

/// What happened in a stage.
#[derive(Clone, Debug)]
pub struct StageReport {
    /// What it did.
    pub kind: Kind,
    /// Names the stage and all that it depends on.
    pub fingerprint: String,
    /// Epochs, and which was the best.
    pub state: State,
    /// Steps of the optimiser.
    pub steps: u32,
    /// What it promised and kept, in words.
    pub kept: Vec<String>,
}

/// Who watches a recipe being followed.
pub trait Follow {
    /// A stage begins.
    fn stage(&mut self, _number: usize, _stage: &Stage, _epochs: usize) {}
    /// Who watches its epochs.
    fn watch(&mut self) -> &mut dyn Watch;
}

impl Follow for () {
    fn watch(&mut self) -> &mut dyn Watch {
        self
    }
}

/// Follows `recipe` and gives the network as the last stage has left it.
///
/// # Errors
/// [`Error::Promise`] if a stage has not done what it promises; [`Error::Recipe`], [`Error::Diverged`], and errors of files.
pub fn follow(job: &Job<'_>, recipe: &Recipe, watch: &mut dyn Follow) -> Result<(Trainer, Vec<StageReport>), Error> {
    let normed = |net: &Net| net.layers().iter().any(|layer| matches!(layer.op, Op::BatchNorm { .. }));
    let (net, params) =
        if normed(job.net) { fold(job.net, job.params)? } else { (job.net.clone(), job.params.clone()) };
    let mut name = Sha256::new();
    name.update(format!("{net:?} {} {}", job.data, job.seed));
    params.tensors().iter().flatten().for_each(|value| name.update(value.to_le_bytes()));
    // What libtorch computes is not what this engine computes: neither goes on with what the other has begun.
    if job.workers.executor != Executor::Cpu {
        name.update(job.workers.executor.to_string());
    }
    let mut trainer = Trainer::new(net, params, job.workers)?;
    let mut reports = Vec::new();
    for (number, stage) in recipe.stages.iter().enumerate() {
        let training = stage.training.or(&recipe.training).or(job.defaults);
        name.update(format!("{:?} {training:?}", Stage { training: Training::default(), ..stage.clone() }));
        let fingerprint: String = name.clone().finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let stage = Stage { training, ..stage.clone() };
        trainer = begin(trainer, &stage, job)?;
        let mut plan = stage.training.plan(job.seed ^ (number as u64 + 1) << 32);
        if stage.kind == Kind::Prune {
            let schedule = stage.pruning().map_err(|problem| refuse(recipe, problem))?;
            plan.prune = Some((chosen(trainer.net(), &stage), schedule));
        }
        watch.stage(number, &stage, plan.epochs);
        let file = job.folder.map(|folder| folder.join(format!("stage-{fingerprint}.safetensors")));
        let mut state = match &file {
            Some(file) => checkpoint::load(file, &mut trainer, &fingerprint)?.unwrap_or_default(),
            None => State::default(),
        };
        let mut keep = Keep { file, fingerprint: &fingerprint, inner: watch.watch() };
        fit(&mut trainer, &plan, job.images, &mut state, &mut keep)?;
        let kept = promise::check(&trainer, &stage)?;
        let steps = trainer.steps();
        reports.push(StageReport { kind: stage.kind, fingerprint, state, steps, kept });
    }
    Ok((trainer, reports))
}

/// Writes a checkpoint after each epoch.
struct Keep<'a> {
    file: Option<PathBuf>,
    fingerprint: &'a str,
    inner: &'a mut dyn Watch,
}

impl Watch for Keep<'_> {
    fn step(&mut self, now: &crate::fit::Progress) {
        self.inner.step(now);
    }

    fn epoch(&mut self, trainer: &Trainer, state: &State) -> Result<(), Error> {
        if let Some(file) = &self.file {
            checkpoint::save(file, trainer, state, self.fingerprint)?;
        }
        self.inner.epoch(trainer, state)
    }
}

fn refuse(recipe: &Recipe, problem: String) -> Error {
    Error::Recipe { recipe: recipe.name.clone(), problem }
}

/// The kernels that a stage prunes or clusters.
pub(crate) fn chosen(net: &Net, stage: &Stage) -> Vec<usize> {
    let depthwise = stage.depthwise.unwrap_or(false);
    let of = |&at: &usize| match net.tensors()[at].role {
        Role::Kernel => true,
        Role::DepthwiseKernel => depthwise,
        _ => false,
    };
    (0..net.tensors().len()).filter(of).collect()
}

/// The trainer for a stage: what the one before has made, and what this one adds.
fn begin(before: Trainer, stage: &Stage, job: &Job<'_>) -> Result<Trainer, Error> {
    let params = before.stripped();
    let paths: Vec<(String, WeightPath)> = before
        .net()
        .tensors()
        .iter()
        .zip(&before.paths)
        .filter_map(|(tensor, path)| Some((tensor.name.clone(), path.clone()?)))
        .collect();
    let (net, params) =
        if stage.kind == Kind::Qat { quant::insert(before.net(), &params)? } else { (before.net().clone(), params) };
    let mut trainer = before.renewed(net, params)?;
    for (name, path) in paths {
        if let Some(at) = trainer.net().tensors().iter().position(|tensor| tensor.name == name) {
            trainer.paths[at] = Some(path);
        }
    }
    match stage.kind {
        Kind::FineTune | Kind::Prune => {}
        Kind::Cluster => {
            for at in chosen(trainer.net(), stage) {
                let channels = Channels::of(&trainer.net().tensors()[at]);
                let weights = trainer.params.get(at);
                let masked = trainer.paths[at].as_ref().is_some_and(|path| path.mask.is_some());
                let rule = stage.clustering(masked, job.seed ^ at as u64);
                // So few weights are their own values.
                if weights.len() <= rule.k {
                    continue;
                }
                let clusters = Clusters::new(&rule, channels, weights);
                trainer.paths[at].get_or_insert_default().clusters = Some(clusters);
            }
        }
        Kind::Qat => {
            let kernels = (0..trainer.net().tensors().len()).filter(|&at| trainer.net().tensors()[at].role.is_kernel());
            for at in kernels.collect::<Vec<_>>() {
                trainer.paths[at].get_or_insert_default().quantised = true;
            }
        }
    }
    Ok(trainer)
}

/// Share of zeros among the weights of a mask's kernel; for reports.
#[must_use]
pub fn sparsity(weights: &[f32]) -> f64 {
    weights.iter().filter(|weight| **weight == 0.0).count() as f64 / weights.len().max(1) as f64
}

/// Whether `pattern` holds for `weights`, apart from how many zeros there are.
pub(crate) fn holds(pattern: prune::Pattern, channels: Channels, weights: &[f32]) -> bool {
    let prune::Pattern::Group { keep, group } = pattern else { return true };
    let at = |channel: usize, input: usize| {
        if channels.last { input * channels.count + channel } else { channel * channels.row + input }
    };
    (0..channels.count).all(|channel| {
        (0..channels.row).step_by(group).all(|first| {
            let run = first..channels.row.min(first + group);
            run.filter(|&input| weights[at(channel, input)] != 0.0).count() <= keep
        })
    })
}
