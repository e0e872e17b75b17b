//! Optimisers: how gradients move tensors.

use edgebench_train_kernels::{AdamStep, Kernels, SgdStep, adam, sgd_momentum};
use rayon::prelude::*;

/// An optimiser, with PyTorch's formulas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Gradient descent with momentum.
    Sgd {
        /// Share of the velocity that stays.
        momentum: f32,
        /// Whether a step looks ahead.
        nesterov: bool,
    },
    /// Adam (Kingma and Ba, 2015); weight decay is part of the gradient.
    Adam,
    /// AdamW (Loshchilov and Hutter, 2019); weight decay acts on the weights.
    AdamW,
}

/// Shares of Adam's means that stay.
const BETAS: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

/// An optimiser's memory of one tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// Velocity, or mean of the gradient.
    pub first: Vec<f32>,
    /// Mean of its square; empty for gradient descent.
    pub second: Vec<f32>,
}

/// A tensor that moves.
#[derive(Debug)]
pub struct Moving<'a> {
    /// Its values.
    pub values: &'a mut [f32],
    /// Its gradient.
    pub gradient: &'a [f32],
    /// The optimiser's memory of it, made at the first step.
    pub moments: &'a mut Moments,
    /// Times the values is what decays; 0 for biases and factors.
    pub decay: f32,
}

impl Optimizer {
    /// Moves all tensors by one step at this rate. `step` counts from 1 for bias correction.
    pub fn step(self, kernels: &Kernels, rate: f64, step: u32, tensors: Vec<Moving<'_>>) {
        tensors.into_par_iter().for_each(|Moving { values, gradient, moments, decay }| {
            moments.first.resize(values.len(), 0.0);
            if let Optimizer::Sgd { momentum, nesterov } = self {
                let rule = SgdStep { rate: rate as f32, momentum, weight_decay: decay, nesterov };
                return sgd_momentum(kernels, &rule, values, gradient, &mut moments.first);
            }
            moments.second.resize(values.len(), 0.0);
            let Moments { first, second } = moments;
            if self == Optimizer::AdamW || decay == 0.0 {
                let rule = AdamStep::new(rate, BETAS, EPSILON, f64::from(decay), step);
                return adam(kernels, &rule, values, gradient, first, second);
            }
            let rule = AdamStep::new(rate, BETAS, EPSILON, 0.0, step);
            let gradient: Vec<f32> = gradient.iter().zip(values.iter()).map(|(g, w)| w.mul_add(decay, *g)).collect();
            adam(kernels, &rule, values, &gradient, first, second);
        });
    }
}
