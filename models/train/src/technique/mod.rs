//! What happens to weights on their way from the optimiser to a layer: pruned, clustered, quantised.
//!
//! The optimiser moves a master copy; the layer sees what [`WeightPath::effective`] makes of it. Gradients of the effective weights are
//! those of the master copy too (straight through) and, where there are clusters, of the centroids.

pub mod cluster;
pub mod prune;

use edgebench_models::quantise::params::{weight_codes, weight_scale};

use rayon::prelude::*;

use crate::net::{Role, TensorInfo};
use cluster::Clusters;

/// What is done to a kernel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeightPath {
    /// Weights that are false stay 0.
    pub mask: Option<Vec<bool>>,
    /// Each weight is one of a few values.
    pub clusters: Option<Clusters>,
    /// Weights are rounded to int8 codes −127…127, one scale per output channel.
    pub quantised: bool,
}

/// How the weights of a kernel belong to output channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    /// Number of output channels.
    pub count: usize,
    /// Whether they are the last axis (depthwise) and not the first.
    pub last: bool,
    /// Weights of one channel.
    pub row: usize,
}

impl Channels {
    /// Of a kernel.
    #[must_use]
    pub fn of(tensor: &TensorInfo) -> Channels {
        let last = tensor.role == Role::DepthwiseKernel;
        let count = if last { tensor.shape[tensor.shape.len() - 1] } else { tensor.shape[0] };
        Channels { count, last, row: tensor.elements() / count.max(1) }
    }

    /// The channel of weight number `at`.
    #[must_use]
    pub const fn channel(&self, at: usize) -> usize {
        if self.last { at % self.count } else { at / self.row }
    }

    /// The int8 codes of weights with these scales.
    #[must_use]
    pub fn codes(&self, weights: &[f32], scales: &[f32]) -> Vec<i8> {
        let (shape, axis) = if self.last { ([self.row, self.count], 1) } else { ([self.count, self.row], 0) };
        weight_codes(weights, &shape, axis, scales)
    }

    /// Changes the weights of each channel, which `change` gets with its number: all of one, or for depthwise kernels one by one.
    pub(crate) fn change(&self, weights: &mut [f32], change: impl Fn(usize, &mut [f32]) + Sync) {
        if self.last {
            let pixels = weights.chunks_exact_mut(self.count.max(1));
            return pixels
                .for_each(|pixel| pixel.chunks_mut(1).enumerate().for_each(|(at, weight)| change(at, weight)));
        }
        weights.par_chunks_mut(self.row.max(1)).enumerate().for_each(|(channel, row)| change(channel, row));
    }

    /// The largest absolute value of each channel.
    #[must_use]
    pub fn largest(&self, weights: &[f32]) -> Vec<f32> {
        if !self.last && self.row > 0 {
            let most = |row: &[f32]| row.iter().fold(0f32, |most, weight| most.max(weight.abs()));
            return weights.par_chunks(self.row).map(most).collect();
        }
        let mut largest = vec![0f32; self.count];
        for (at, weight) in weights.iter().enumerate() {
            let of = &mut largest[self.channel(at)];
            *of = of.max(weight.abs());
        }
        largest
    }
}

impl WeightPath {
    /// What a layer sees of `master`, and the scale of each channel if it is quantised.
    #[must_use]
    pub fn effective(&self, channels: Channels, master: &[f32]) -> (Vec<f32>, Option<Vec<f32>>) {
        let mut weights = master.to_vec();
        let scales = self.apply(channels, &mut weights);
        (weights, scales)
    }

    /// As [`WeightPath::effective`], before quantisation: what a float file holds.
    #[must_use]
    pub fn stripped(&self, channels: Channels, master: &[f32]) -> Vec<f32> {
        let mut weights = master.to_vec();
        self.strip(channels, &mut weights);
        weights
    }

    /// Master weights become those that a layer sees; gives the scale of each channel if it is quantised.
    pub(crate) fn apply(&self, channels: Channels, weights: &mut [f32]) -> Option<Vec<f32>> {
        self.strip(channels, weights);
        self.quantised.then(|| {
            let scales = self.scales(channels, weights);
            channels.change(weights, |channel, row| round(row, scales[channel]));
            scales
        })
    }

    fn strip(&self, channels: Channels, weights: &mut [f32]) {
        if let Some(mask) = &self.mask {
            weights.iter_mut().zip(mask).filter(|(_, kept)| !**kept).for_each(|(weight, _)| *weight = 0.0);
        }
        if let Some(clusters) = &self.clusters {
            clusters.apply(channels, weights);
        }
    }

    /// The scale of each output channel for weights as [`WeightPath::stripped`] gives them. Clusters that are shared by all channels
    /// have one set of codes.
    #[must_use]
    pub fn scales(&self, channels: Channels, weights: &[f32]) -> Vec<f32> {
        let largest = match &self.clusters {
            Some(clusters) if clusters.is_shared() => clusters.largest(channels),
            _ => channels.largest(weights),
        };
        largest.into_iter().map(weight_scale).collect()
    }
}

/// What int8 codes of this scale say of `weights`, as [`Channels::codes`] has them, in operations that every vector unit has.
fn round(weights: &mut [f32], scale: f32) {
    /// The largest number below one half: added to what is exactly between two codes, it still rounds up to the next.
    const HALF: f32 = 0.499_999_97;
    let inverse = (1.0 / f64::from(scale)) as f32;
    for weight in weights {
        let scaled = (*weight * inverse).clamp(-127.0, 127.0);
        *weight = (scaled + HALF.copysign(scaled)) as i32 as f32 * scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounded_weights_are_those_of_the_codes() {
        let channels = Channels { count: 1, last: false, row: 3000 };
        for scale in [0.013f32, 1.0, 0.5, 3.1e-5, 7.7] {
            let near = |at: usize| {
                let middle = (at / 3) as f32 * 0.5 - 250.0;
                [middle.next_down(), middle, middle.next_up()][at % 3] * scale
            };
            let weights: Vec<f32> = (0..3000).map(near).collect();
            let codes = channels.codes(&weights, &[scale]);
            let mut rounded = weights.clone();
            round(&mut rounded, scale);
            for ((weight, code), rounded) in weights.iter().zip(codes).zip(rounded) {
                assert_eq!(f32::from(code) * scale, rounded, "{weight} in steps of {scale}");
            }
        }
    }
}
