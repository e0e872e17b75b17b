//! What all groups read: weights as the kernels take them, factors of the norms; and where gradients are brought together.

use edgebench_train_kernels::{Act, FakeQuant, Norm as Rule, PackedWeights};

use super::program::{Plan, Program};

/// Read by all groups, written between stages.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) convs: Vec<Weights>,
    pub(super) norms: Vec<NormState>,
}

/// Weights of a convolution.
#[derive(Debug, Default)]
pub(super) struct Weights {
    pub(super) packed: PackedWeights,
    /// Those of a depthwise convolution.
    pub(super) plain: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

/// `y = act(x · scale + shift + …)` and `dx = a · dy' + b · x + c`.
#[derive(Debug)]
pub(super) struct NormState {
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
    pub(super) act: Act,
    pub(super) quant: Option<FakeQuant>,
    pub(super) factors: [Vec<f32>; 3],
    /// Mean and 1 / √(variance + epsilon) of the batch.
    pub(super) batch: Vec<[f64; 2]>,
}

impl Shared {
    pub(super) fn new(program: &Program) -> Shared {
        let norm = |norm: &super::program::Norm| {
            let all = |value: f32| vec![value; norm.channels];
            NormState {
                scale: all(1.0),
                shift: all(0.0),
                act: norm.act,
                quant: None,
                factors: [all(1.0), all(0.0), all(0.0)],
                batch: Vec::new(),
            }
        };
        Shared {
            convs: program.convs.iter().map(|_| Weights::default()).collect(),
            norms: program.norms.iter().map(norm).collect(),
        }
    }
}

impl Weights {
    /// Takes new weights over.
    pub(super) fn load(&mut self, plan: &Plan, weights: &[f32], bias: Option<&[f32]>) {
        match plan {
            Plan::Conv(plan) => plan.pack(weights, &mut self.packed),
            Plan::Depthwise(_) => {
                self.plain.clear();
                self.plain.extend_from_slice(weights);
            }
        }
        self.bias.clear();
        self.bias.extend_from_slice(bias.unwrap_or_default());
    }
}

impl NormState {
    pub(super) fn rule<'a>(&'a self, residual: Option<&'a [f32]>) -> Rule<'a> {
        Rule { scale: &self.scale, shift: &self.shift, residual, act: self.act }
    }
}

impl Plan {
    /// Number of weights.
    pub(super) fn weights(&self) -> usize {
        match self {
            Plan::Conv(plan) => plan.shape().weights_len(),
            Plan::Depthwise(plan) => plan.shape().weights_len(),
        }
    }
}
