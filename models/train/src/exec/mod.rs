//! The engine: forward, backward and gradients of a batch, the same bits for any number of threads.
//!
//! A batch is cut into groups of [`GROUP`] images, however many threads there are. What a group computes depends on nothing else, and what
//! is summed over groups (statistics, gradients, losses) is summed in their order.

mod compile;
mod group;
mod machine;
mod norm;
mod program;
mod shared;
mod stages;
#[cfg(feature = "torch")]
pub mod torch;
mod workers;

use edgebench_train_kernels as k;
use edgebench_train_kernels::{CrossEntropy, Kernels, Scratch};
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::{Error, Net, Params};
use group::{Context, Group, part};
use program::{Kind, Plan, Program, Stage};
use shared::Shared;

pub(crate) use machine::Machine;
pub use workers::{Executor, Workers};

/// Images of a group.
pub const GROUP: usize = 16;

/// Output channels of a part of a shared weight gradient.
const PART: usize = 32;

/// A network made ready to train and to answer, with memory for batches.
#[derive(Debug)]
pub struct Engine {
    kernels: Kernels,
    pool: ThreadPool,
    program: Program,
    shared: Shared,
    groups: Vec<Group>,
    /// One per tensor of the network; empty where it is not trained.
    gradients: Vec<Vec<f32>>,
    trained: Vec<usize>,
}

/// Images to learn from.
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    /// The class of each image.
    pub labels: &'a [u32],
    /// Writes the input for image `i` of the batch.
    pub fill: &'a (dyn Fn(usize, &mut [f32]) + Sync),
    /// Share of a label that is given to all classes in equal parts.
    pub label_smoothing: f64,
    /// Names the random numbers of dropout; another for every batch.
    pub key: u64,
}

impl std::fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("labels", &self.labels.len()).finish_non_exhaustive()
    }
}

/// What a batch gave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Sum of the cross entropy over the images.
    pub loss: f64,
    /// Images whose class was found.
    pub correct: usize,
}

impl Engine {
    /// An engine for `net` with `threads` threads on these kernels.
    ///
    /// # Errors
    /// [`Error::Net`] if a layer cannot be computed or is not used, [`Error::Threads`] if threads cannot be started.
    pub fn new(net: &Net, threads: usize, kernels: Kernels) -> Result<Engine, Error> {
        let program = Program::new(&kernels, net, GROUP)?;
        let shared = Shared::new(&program);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build().map_err(Error::Threads)?;
        let gradient = |tensor: &crate::net::TensorInfo| {
            let trained = tensor.role.is_trained();
            if trained { vec![0.0; tensor.elements()] } else { Vec::new() }
        };
        let gradients = net.tensors().iter().map(gradient).collect();
        let trained = (0..net.tensors().len()).filter(|&at| net.tensors()[at].role.is_trained()).collect();
        Ok(Engine { kernels, pool, program, shared, groups: Vec::new(), gradients, trained })
    }

    /// The pool that it works with.
    #[must_use]
    pub fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    /// The kernels that it works with.
    #[must_use]
    pub fn kernels(&self) -> &Kernels {
        &self.kernels
    }

    /// Takes over kernels and biases, kernels as layers are to see them.
    pub fn load(&mut self, params: &Params) {
        let Engine { pool, program, shared, .. } = self;
        pool.install(|| {
            shared.convs.par_iter_mut().zip(&program.convs).for_each(|(weights, conv)| {
                weights.load(&conv.plan, params.get(conv.weight), conv.bias.map(|bias| params.get(bias)));
            });
        });
    }

    /// Gradients of the last batch, one per tensor of the network (empty where it is not trained).
    #[must_use]
    pub fn gradients(&self) -> &[Vec<f32>] {
        &self.gradients
    }

    /// Forward and backward for one batch: its gradients are those of the mean loss. Running statistics and ranges in `params` move.
    ///
    /// The kernels must have been taken over ([`Engine::load`]).
    ///
    /// # Panics
    /// If a label is not below the number of classes.
    pub fn step(&mut self, params: &mut Params, batch: &Batch<'_>) -> Outcome {
        let images = batch.labels.len();
        self.arrange(images);
        self.load_ranges(params);
        let Engine { kernels, pool, program, shared, groups, gradients, trained } = self;
        let active = images.div_ceil(GROUP);
        let groups = &mut groups[..active];
        let scale = 1.0 / images as f64;
        let loss = CrossEntropy { classes: program.classes, label_smoothing: batch.label_smoothing, scale };
        let mut first = true;
        for stage in &program.train {
            match stage {
                Stage::Groups { moves, chunk } => {
                    let context = Context { kernels, program, shared, loss, training: true, key: batch.key };
                    let work = |group: &mut Group| {
                        if first {
                            group.begin(program, GROUP);
                            group.take(program, batch);
                        }
                        group.run(&context, moves, *chunk);
                    };
                    pool.install(|| groups.par_iter_mut().for_each(work));
                    first = false;
                }
                Stage::Statistics(norms) => {
                    for &norm in norms {
                        norm::statistics(program, shared, groups, norm, params);
                    }
                }
                Stage::Factors(step) => norm::factors(program, shared, groups, program.steps[*step], params, gradients),
                Stage::Weights(step) => {
                    let step = program.steps[*step];
                    pool.install(|| shared_gradient(program, groups, step, gradients));
                }
            }
        }
        pool.install(|| reduce(program, groups, gradients, trained));
        norm::ranges(program, groups, params);
        let zero = Outcome::default();
        groups.iter().fold(zero, |sum, group| Outcome {
            loss: sum.loss + group.loss.loss,
            correct: sum.correct + group.loss.correct,
        })
    }

    /// The logits of `images` images, `[images, classes]`, with the running statistics.
    pub fn infer(&mut self, params: &Params, images: usize, fill: &(dyn Fn(usize, &mut [f32]) + Sync)) -> Vec<f32> {
        let mut logits = vec![0.0; images * self.program.classes];
        norm::running(&self.program, &mut self.shared, params);
        self.load_ranges(params);
        /// Images that go through together: enough for all threads.
        const ROUND: usize = 16 * GROUP;
        for (round, logits) in logits.chunks_mut(ROUND * self.program.classes).enumerate() {
            self.arrange(logits.len() / self.program.classes);
            let Engine { kernels, pool, program, shared, groups, .. } = self;
            let loss = CrossEntropy { classes: program.classes, label_smoothing: 0.0, scale: 1.0 };
            let context = Context { kernels, program, shared, loss, training: false, key: 0 };
            let parts = logits.par_chunks_mut(GROUP * program.classes);
            pool.install(|| {
                groups.par_iter_mut().zip(parts).for_each(|(group, logits)| {
                    group.fill(program, |image, x| fill(round * ROUND + image, x));
                    for stage in &program.infer {
                        if let Stage::Groups { moves, chunk } = stage {
                            group.run(&context, moves, *chunk);
                        }
                    }
                    logits.copy_from_slice(&group.values[program.logits][..logits.len()]);
                });
            });
        }
        logits
    }

    /// Gives every group its images.
    fn arrange(&mut self, images: usize) {
        let Engine { program, groups, .. } = self;
        let active = images.div_ceil(GROUP);
        while groups.len() < active {
            groups.push(Group::new(program, GROUP));
        }
        for (at, group) in groups.iter_mut().enumerate() {
            group.first = at * GROUP;
            group.images = images.saturating_sub(group.first).min(GROUP);
        }
    }

    fn load_ranges(&mut self, params: &Params) {
        for (norm, state) in self.program.norms.iter().zip(&mut self.shared.norms) {
            state.quant = norm.range.and_then(|range| crate::quant::activation(params.get(range)));
        }
    }
}

impl Group {
    /// Labels and inputs of the group's part of a batch.
    fn take(&mut self, program: &Program, batch: &Batch<'_>) {
        self.labels.clear();
        self.labels.extend_from_slice(&batch.labels[self.first..self.first + self.images]);
        self.fill(program, batch.fill);
    }

    fn fill(&mut self, program: &Program, fill: impl Fn(usize, &mut [f32])) {
        let inputs = self.values[0].chunks_exact_mut(program.values[0]);
        for (image, x) in inputs.take(self.images).enumerate() {
            fill(self.first + image, x);
        }
    }
}

/// The weight gradient of a convolution with many weights: parts of the output channels, each over all images in order.
fn shared_gradient(program: &Program, groups: &[Group], step: program::Step, gradients: &mut [Vec<f32>]) {
    let Kind::Conv(at) = step.kind else { return };
    let (conv, Some(slot)) = (&program.convs[at], program.slots[step.y]) else { return };
    let Plan::Conv(plan) = &conv.plan else { return };
    let row = conv.plan.weights() / conv.channels;
    gradients[conv.weight].par_chunks_mut(row * PART).enumerate().for_each_init(Scratch::new, |scratch, (at, dw)| {
        dw.fill(0.0);
        let outputs = at * PART..at * PART + dw.len() / row;
        for group in groups {
            let images = 0..group.images;
            let x = &group.values[step.x][part(program, step.x, &images)];
            let dy = &group.slots[slot][part(program, step.y, &images)];
            k::conv_weight_gradient(plan, images.len(), x, dy, dw, outputs.clone(), scratch);
        }
    });
}

/// Sums of the gradients of all groups.
fn reduce(program: &Program, groups: &[Group], gradients: &mut [Vec<f32>], trained: &[usize]) {
    let mut of = vec![None; gradients.len()];
    for (at, conv) in program.convs.iter().enumerate() {
        if !conv.shared {
            of[conv.weight] = Some((at, 0));
        }
        if let Some(bias) = conv.bias {
            of[bias] = Some((at, 1));
        }
    }
    debug_assert!(trained.iter().all(|&at| !gradients[at].is_empty()));
    gradients.par_iter_mut().zip(of).for_each(|(sum, of)| {
        let Some((conv, which)) = of else { return };
        for (at, group) in groups.iter().enumerate() {
            let part = &group.convs[conv][which];
            if at == 0 {
                sum.copy_from_slice(part);
            } else {
                sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            }
        }
    });
}
