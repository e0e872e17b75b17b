//! A network in training: numbers, what happens to its weights, an optimiser; one step at a time.

use edgebench_train_kernels::Kernels;
use rayon::prelude::*;

use crate::exec::{Batch, Executor, Machine, Outcome, Workers};
use crate::net::Role;
use crate::optim::{Moments, Moving, Optimizer};
use crate::technique::prune::{self, Schedule};
use crate::technique::{Channels, WeightPath};
use crate::{Error, Net, Params, quant};

/// A network and all that changes while it learns.
#[derive(Debug)]
pub struct Trainer {
    net: Net,
    /// The numbers that the optimiser moves.
    pub params: Params,
    /// For each tensor, what happens to it on its way to a layer; `None` for what is not a kernel or goes as it is.
    pub paths: Vec<Option<WeightPath>>,
    pub(crate) moments: Vec<Moments>,
    /// Those of the centroids of each tensor.
    pub(crate) centroid_moments: Vec<Moments>,
    /// Steps done.
    pub(crate) steps: u32,
    engine: Machine,
    executor: Executor,
    /// Memory for what layers see, from step to step.
    seen: Option<Params>,
}

/// What an optimiser does at every step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moves {
    /// The optimiser.
    pub optimizer: Optimizer,
    /// Share of kernels that decays; biases, factors and centroids do not.
    pub weight_decay: f32,
    /// Largest norm of all gradients together; larger ones are scaled down.
    pub clip: Option<f64>,
}

impl Trainer {
    /// A network with these numbers, all weights as they are.
    ///
    /// # Errors
    /// As [`Engine::new`](crate::Engine::new); [`Error::Torch`] if this build has no libtorch, or libtorch no such device.
    pub fn new(net: Net, params: Params, workers: impl Into<Workers>) -> Result<Trainer, Error> {
        Trainer::with_kernels(net, params, workers.into(), Kernels::detect())
    }

    /// As [`Trainer::new`], on these kernels.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn with_kernels(net: Net, params: Params, workers: Workers, kernels: Kernels) -> Result<Trainer, Error> {
        let engine = Machine::new(&net, workers, kernels)?;
        let executor = workers.executor;
        let tensors = net.tensors().len();
        let (moments, centroid_moments) = (vec![Moments::default(); tensors], vec![Moments::default(); tensors]);
        Ok(Trainer {
            net,
            params,
            paths: vec![None; tensors],
            moments,
            centroid_moments,
            steps: 0,
            engine,
            executor,
            seen: None,
        })
    }

    /// Another trainer with the same workers, on the same kernels.
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn renewed(&self, net: Net, params: Params) -> Result<Trainer, Error> {
        let threads = self.engine.pool().current_num_threads();
        Trainer::with_kernels(net, params, Workers { threads, executor: self.executor }, *self.engine.kernels())
    }

    /// The network.
    #[must_use]
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Steps done so far.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// One batch: forward, backward, and a step of the optimiser at this rate.
    ///
    /// # Errors
    /// [`Error::Diverged`] if the loss is not a number any more; nothing has moved then but running statistics. [`Error::Torch`].
    ///
    /// # Panics
    /// If a label is not below the number of classes.
    pub fn step(&mut self, batch: &Batch<'_>, moves: &Moves, rate: f64) -> Result<Outcome, Error> {
        self.load()?;
        let outcome = self.engine.step(&mut self.params, batch)?;
        let norm = self.gradient_norm();
        if !(outcome.loss.is_finite() && norm.is_finite()) {
            return Err(Error::Diverged { step: self.steps as usize, rate });
        }
        self.steps += 1;
        let scale = moves.clip.map_or(1.0, |clip| (clip / norm).min(1.0));
        self.update(moves, rate, scale);
        Ok(outcome)
    }

    /// Logits of `images` images, `[images, classes]`.
    ///
    /// # Errors
    /// [`Error::Torch`], from libtorch only.
    pub fn infer(&mut self, images: usize, fill: &(dyn Fn(usize, &mut [f32]) + Sync)) -> Result<Vec<f32>, Error> {
        self.load()?;
        self.engine.infer(&self.params, images, fill)
    }

    /// Makes masks of this sparsity for the kernels in `tensors`.
    pub fn prune(&mut self, tensors: &[usize], schedule: &Schedule, sparsity: f64) {
        for &tensor in tensors {
            let info = &self.net.tensors()[tensor];
            let mask = prune::mask(schedule.pattern, info, self.params.get(tensor), sparsity);
            let values = &mut self.params.tensors_mut()[tensor];
            values.iter_mut().zip(&mask).filter(|(_, kept)| !**kept).for_each(|(value, _)| *value = 0.0);
            self.paths[tensor].get_or_insert_default().mask = Some(mask);
        }
    }

    /// The kernels as a float file holds them, after pruning and clustering.
    #[must_use]
    pub fn stripped(&self) -> Params {
        let mut params = self.params.clone();
        for (tensor, values) in params.tensors_mut().iter_mut().enumerate() {
            if let Some(path) = &self.paths[tensor] {
                *values = path.stripped(Channels::of(&self.net.tensors()[tensor]), values);
            }
        }
        params
    }

    /// The numbers as layers see them: where quantisation is simulated, kernels and biases are those of the int8 file.
    #[must_use]
    pub fn effective(&self) -> Params {
        let mut seen = self.params.clone();
        self.see(&mut seen);
        seen
    }

    /// `seen` becomes what layers see of the numbers.
    fn see(&self, seen: &mut Params) {
        let Trainer { net, params, paths, .. } = self;
        let of = |(tensor, values): (usize, &mut Vec<f32>)| {
            values.copy_from_slice(params.get(tensor));
            paths[tensor].as_ref()?.apply(Channels::of(&net.tensors()[tensor]), values)
        };
        let scales: Vec<Option<Vec<f32>>> =
            self.engine.pool().install(|| seen.tensors_mut().par_iter_mut().enumerate().map(of).collect());
        quant::round_biases(&self.net, &scales, seen);
    }

    /// Brings the weights, as their paths make them, into the engine.
    fn load(&mut self) -> Result<(), Error> {
        if self.paths.iter().all(Option::is_none) {
            return self.engine.load(&self.params);
        }
        let mut seen = self.seen.take().unwrap_or_else(|| self.params.clone());
        self.see(&mut seen);
        self.engine.load(&seen)?;
        self.seen = Some(seen);
        Ok(())
    }

    fn gradient_norm(&self) -> f64 {
        let square = |g: &f32| f64::from(*g) * f64::from(*g);
        let of = |gradient: &Vec<f32>| gradient.iter().map(square).sum::<f64>();
        // Tensor by tensor, and then in their order: the same sum for any number of threads.
        let gradients = self.engine.gradients();
        let sums: Vec<f64> = self.engine.pool().install(|| gradients.par_iter().map(of).collect());
        sums.iter().sum::<f64>().sqrt()
    }

    fn update(&mut self, moves: &Moves, rate: f64, scale: f64) {
        let Trainer { net, params, paths, moments, centroid_moments, steps, engine, .. } = self;
        // Gradients that differ from those of the engine: of pruned kernels, and scaled ones.
        let of = |(tensor, gradient): (usize, &Vec<f32>)| -> (Option<Vec<f32>>, Vec<f32>) {
            let scaled = |g: &f32| (f64::from(*g) * scale) as f32;
            let mut changed = (scale < 1.0).then(|| gradient.iter().map(scaled).collect::<Vec<_>>());
            let Some(path) = &paths[tensor] else { return (changed, Vec::new()) };
            let centroids = path.clusters.as_ref().map(|clusters| {
                let channels = Channels::of(&net.tensors()[tensor]);
                clusters.gradient(channels, params.get(tensor), changed.as_ref().unwrap_or(gradient))
            });
            if let Some(mask) = &path.mask {
                let masked = changed.get_or_insert_with(|| gradient.clone());
                masked.iter_mut().zip(mask).filter(|(_, kept)| !**kept).for_each(|(g, _)| *g = 0.0);
            }
            (changed, centroids.unwrap_or_default())
        };
        let gradients = engine.gradients().par_iter().enumerate().map(of);
        let (own, centroids): (Vec<_>, Vec<_>) = engine.pool().install(|| gradients.unzip());
        let mut moving = Vec::new();
        let tensors = params.tensors_mut().iter_mut().zip(moments).enumerate();
        for (tensor, (values, moments)) in tensors.filter(|(tensor, _)| net.tensors()[*tensor].role.is_trained()) {
            let gradient = own[tensor].as_deref().unwrap_or(&engine.gradients()[tensor]);
            let kernel = matches!(net.tensors()[tensor].role, Role::Kernel | Role::DepthwiseKernel);
            moving.push(Moving { values, gradient, moments, decay: if kernel { moves.weight_decay } else { 0.0 } });
        }
        for ((path, gradient), moments) in paths.iter_mut().zip(&centroids).zip(centroid_moments) {
            if let Some(clusters) = path.as_mut().and_then(|path| path.clusters.as_mut()) {
                moving.push(Moving { values: &mut clusters.centroids, gradient, moments, decay: 0.0 });
            }
        }
        let kernels = engine.kernels();
        engine.pool().install(|| moves.optimizer.step(kernels, rate, *steps, moving));
        for (tensor, path) in paths.iter_mut().enumerate() {
            let Some(path) = path else { continue };
            if let Some(clusters) = &mut path.clusters {
                clusters.settle();
            }
            if let Some(mask) = &path.mask {
                let values = params.tensors_mut()[tensor].iter_mut();
                values.zip(mask).filter(|(_, kept)| !**kept).for_each(|(value, _)| *value = 0.0);
            }
        }
    }
}
