//! Optimisers over flat slices of parameters, by the rules of PyTorch.

mod lanes;

use crate::Kernels;
use crate::stream::Stream;
use lanes::{Adam, Sgd};

/// A step of stochastic gradient descent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdStep {
    /// Learning rate.
    pub rate: f32,
    /// How much of the velocity stays.
    pub momentum: f32,
    /// Times the weights is added to the gradient.
    pub weight_decay: f32,
    /// Whether the step looks ahead.
    pub nesterov: bool,
}

/// `g' = fma(weight_decay, w, g)`, `v = fma(momentum, v, g')`, `w = fma(−rate, step, w)` where the step is `v`, or with Nesterov's
/// rule `fma(momentum, v, g')`.
///
/// # Panics
/// If lengths differ.
pub fn sgd_momentum(k: &Kernels, step: &SgdStep, w: &mut [f32], g: &[f32], v: &mut [f32]) {
    assert!(w.len() == g.len() && w.len() == v.len(), "tensors of different lengths");
    let lane = Sgd { step: *step, w: w.as_mut_ptr(), g: g.as_ptr(), v: v.as_mut_ptr() };
    // SAFETY: lengths were checked.
    unsafe { k.run(Stream { len: g.len(), period: g.len(), lane }) }
}

/// A step of Adam with decoupled weight decay (AdamW); made by [`AdamStep::new`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    beta1: f32,
    beta2: f32,
    /// `1 − beta2`, of which `f32` would keep but five digits if it were taken of the rounded `beta2`.
    share2: f32,
    epsilon: f32,
    /// `1 − rate · weight_decay`
    keep: f32,
    /// `rate / (1 − beta1ᵗ)`
    rate: f32,
    /// `1 / √(1 − beta2ᵗ)`
    root: f32,
}

impl AdamStep {
    /// Step `t` = 1, 2, …; usual are `betas` of 0.9 and 0.999, `epsilon` of 1e-8.
    #[must_use]
    pub fn new(rate: f64, betas: (f64, f64), epsilon: f64, weight_decay: f64, t: u32) -> AdamStep {
        let correction = |beta: f64| 1.0 - libm::pow(beta, f64::from(t));
        AdamStep {
            beta1: betas.0 as f32,
            beta2: betas.1 as f32,
            share2: (1.0 - betas.1) as f32,
            epsilon: epsilon as f32,
            keep: (1.0 - rate * weight_decay) as f32,
            rate: (rate / correction(betas.0)) as f32,
            root: (1.0 / correction(betas.1).sqrt()) as f32,
        }
    }
}

/// `m = fma(beta1, m − g, g)`, `v = fma(1 − beta2, g², beta2 · v)`, `w = fma(−rate, m / fma(√v, root, epsilon), w · keep)`, with the
/// corrections of the step in `rate` and `root`.
///
/// # Panics
/// If lengths differ.
pub fn adam(k: &Kernels, step: &AdamStep, w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    assert!(w.len() == g.len() && w.len() == m.len() && w.len() == v.len(), "tensors of different lengths");
    let lane = Adam { step: *step, w: w.as_mut_ptr(), g: g.as_ptr(), m: m.as_mut_ptr(), v: v.as_mut_ptr() };
    // SAFETY: lengths were checked.
    unsafe { k.run(Stream { len: g.len(), period: g.len(), lane }) }
}
