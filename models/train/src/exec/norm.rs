//! Batch normalisation between stages: statistics of the batch, factors of the gradient; and the ranges of simulated quantisation.

use super::group::Group;
use super::program::{Kind, Program, Step};
use super::shared::Shared;
use crate::Params;
use crate::quant;

/// Sums over all groups, in their order.
fn total(groups: &[Group], norm: usize, which: usize, channel: usize) -> f64 {
    groups.iter().map(|group| group.sums[norm][which][channel]).sum()
}

/// Pixels of the batch that norm number `norm` sees.
fn pixels(program: &Program, groups: &[Group], norm: usize) -> f64 {
    let images: usize = groups.iter().map(|group| group.images).sum();
    let of = |step: &&Step| matches!(step.kind, Kind::Norm { norm: at, .. } if at == norm);
    let step = program.steps.iter().find(of);
    let values = step.map_or(0, |step| program.values[step.x]);
    (images * values / program.norms[norm].channels) as f64
}

/// Mean and variance of the batch become scale and shift; the running ones move (the variance without bias, as TensorFlow and PyTorch have
/// it).
pub(super) fn statistics(program: &Program, shared: &mut Shared, groups: &[Group], norm: usize, params: &mut Params) {
    let Some(rule) = program.norms[norm].batch_norm else { return };
    let count = pixels(program, groups, norm);
    let state = &mut shared.norms[norm];
    state.batch.clear();
    for channel in 0..program.norms[norm].channels {
        let mean = total(groups, norm, 0, channel) / count;
        let variance = (total(groups, norm, 1, channel) / count - mean * mean).max(0.0);
        let inverse = 1.0 / (variance + rule.epsilon).sqrt();
        state.batch.push([mean, inverse]);
        let scale = f64::from(params.get(rule.gamma)[channel]) * inverse;
        state.scale[channel] = scale as f32;
        state.shift[channel] = (f64::from(params.get(rule.beta)[channel]) - mean * scale) as f32;
        let unbiased = if count > 1.0 { variance * count / (count - 1.0) } else { variance };
        let mut follow = |tensor: usize, value: f64| {
            let running = &mut params.tensors_mut()[tensor][channel];
            *running = rule.momentum * *running + (1.0 - rule.momentum) * value as f32;
        };
        follow(rule.mean, mean);
        follow(rule.variance, unbiased);
    }
}

/// Scale and shift from the running statistics.
pub(super) fn running(program: &Program, shared: &mut Shared, params: &Params) {
    for (norm, state) in program.norms.iter().zip(&mut shared.norms) {
        let Some(rule) = norm.batch_norm else { continue };
        let [gamma, beta, mean, variance] =
            [rule.gamma, rule.beta, rule.mean, rule.variance].map(|tensor| params.get(tensor));
        for channel in 0..norm.channels {
            let inverse = 1.0 / (f64::from(variance[channel]) + rule.epsilon).sqrt();
            let scale = f64::from(gamma[channel]) * inverse;
            state.scale[channel] = scale as f32;
            state.shift[channel] = (f64::from(beta[channel]) - f64::from(mean[channel]) * scale) as f32;
        }
    }
}

/// What `dx = a · dy' + b · x + c` needs, and the gradients of factor and offset.
pub(super) fn factors(
    program: &Program,
    shared: &mut Shared,
    groups: &[Group],
    step: Step,
    params: &Params,
    gradients: &mut [Vec<f32>],
) {
    let Kind::Norm { norm, .. } = step.kind else { return };
    let Some(rule) = program.norms[norm].batch_norm else { return };
    let count = pixels(program, groups, norm);
    let state = &mut shared.norms[norm];
    for channel in 0..program.norms[norm].channels {
        let [mean, inverse] = state.batch[channel];
        let sum = total(groups, norm, 2, channel);
        let gamma = inverse * (total(groups, norm, 3, channel) - mean * sum);
        gradients[rule.gamma][channel] = gamma as f32;
        gradients[rule.beta][channel] = sum as f32;
        let a = f64::from(params.get(rule.gamma)[channel]) * inverse;
        let b = -a * inverse * gamma / count;
        let c = -a * sum / count - b * mean;
        for (factor, value) in state.factors.iter_mut().zip([a, b, c]) {
            factor[channel] = value as f32;
        }
    }
}

/// The ranges of simulated quantisation follow what the groups have seen.
pub(super) fn ranges(program: &Program, groups: &[Group], params: &mut Params) {
    for (at, norm) in program.norms.iter().enumerate() {
        let Some(range) = norm.range else { continue };
        let all = (f32::INFINITY, f32::NEG_INFINITY);
        let seen = groups.iter().map(|group| group.ranges[at]).fold(all, |a, b| (a.0.min(b.0), a.1.max(b.1)));
        quant::follow(&mut params.tensors_mut()[range], seen);
    }
}
