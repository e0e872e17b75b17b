//! What happens to weights on their way from the optimiser to a layer: pruned, clustered, quantised.
//!
//! The optimiser moves a master copy; the layer sees what [`WeightPath::effective`] makes of it. Gradients of the effective weights are
//! those of the master copy too (straight through) and, where there are clusters, of the centroids.

pub mod cluster;
pub mod prune;

use edgebench_models::quantise::params::{weight_codes, weight_scale};

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

    /// The largest absolute value of each channel.
    #[must_use]
    pub fn largest(&self, weights: &[f32]) -> Vec<f32> {
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
        let mut weights = self.stripped(channels, master);
        if !self.quantised {
            return (weights, None);
        }
        let scales = self.scales(channels, &weights);
        let codes = channels.codes(&weights, &scales);
        for (at, (weight, code)) in weights.iter_mut().zip(codes).enumerate() {
            *weight = f32::from(code) * scales[channels.channel(at)];
        }
        (weights, Some(scales))
    }

    /// As [`WeightPath::effective`], before quantisation: what a float file holds.
    #[must_use]
    pub fn stripped(&self, channels: Channels, master: &[f32]) -> Vec<f32> {
        let mut weights = master.to_vec();
        if let Some(mask) = &self.mask {
            weights.iter_mut().zip(mask).filter(|(_, kept)| !**kept).for_each(|(weight, _)| *weight = 0.0);
        }
        if let Some(clusters) = &self.clusters {
            clusters.apply(channels, &mut weights);
        }
        weights
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
