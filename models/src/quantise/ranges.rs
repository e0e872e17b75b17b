//! Ranges of activations, and where they come from.

use std::collections::BTreeMap;

use super::Error;
use super::params::Params;

/// Where a range comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Learnt while training with simulated quantisation.
    Trained,
    /// Seen on calibration samples.
    Calibrated,
}

impl Origin {
    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Origin::Trained => "trained",
            Origin::Calibrated => "calibrated",
        }
    }
}

/// Smallest and largest value of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Finite.
    pub min: f32,
    /// Finite, not below `min`.
    pub max: f32,
    /// Where it comes from.
    pub origin: Origin,
}

impl Range {
    /// Its scale and zero point.
    #[must_use]
    pub fn params(self) -> Params {
        Params::of_range(self.min, self.max)
    }
}

/// Ranges by tensor index of the float model, and what else quantisation is told about its tensors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranges {
    ranges: BTreeMap<usize, Range>,
    weights: BTreeMap<usize, Vec<f32>>,
    means: BTreeMap<usize, Vec<f64>>,
}

impl Ranges {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says the range of a tensor. A calibrated range does not replace a trained one.
    ///
    /// # Errors
    /// If a bound is not finite, or `max` lies below `min`.
    pub fn insert(&mut self, tensor: usize, range: Range) -> Result<(), Error> {
        if !(range.min.is_finite() && range.max.is_finite() && range.min <= range.max) {
            let expected = "finite bounds in order".to_owned();
            let got = format!("{} to {}", range.min, range.max);
            return Err(Error::Given { what: "range", name: tensor.to_string(), expected, got });
        }
        let trained = |known: &Range| known.origin == Origin::Trained;
        if range.origin == Origin::Trained || !self.ranges.get(&tensor).is_some_and(trained) {
            self.ranges.insert(tensor, range);
        }
        Ok(())
    }

    /// Says the scales of a constant's weights: one, or one for each output channel. They win over those that the weights ask
    /// for; only a bias that would overflow enlarges them.
    ///
    /// # Errors
    /// If there is none, or one is not finite and above 0.
    pub fn set_weight_scales(&mut self, tensor: usize, scales: Vec<f32>) -> Result<(), Error> {
        let bad = scales.iter().find(|scale| !(scale.is_finite() && **scale > 0.0));
        if scales.is_empty() || bad.is_some() {
            let got = bad.map_or("none".to_owned(), f32::to_string);
            let expected = "finite numbers above 0".to_owned();
            return Err(Error::Given { what: "scales", name: tensor.to_string(), expected, got });
        }
        self.weights.insert(tensor, scales);
        Ok(())
    }

    /// The range of a tensor.
    #[must_use]
    pub fn get(&self, tensor: usize) -> Option<Range> {
        self.ranges.get(&tensor).copied()
    }

    /// The scales that were said for a constant.
    #[must_use]
    pub fn weight_scales(&self, tensor: usize) -> Option<&[f32]> {
        self.weights.get(&tensor).map(Vec::as_slice)
    }

    /// The mean of each channel (index of the last dimension) of a calibrated tensor.
    #[must_use]
    pub fn means(&self, tensor: usize) -> Option<&[f64]> {
        self.means.get(&tensor).map(Vec::as_slice)
    }

    pub(super) fn set_means(&mut self, tensor: usize, means: Vec<f64>) {
        self.means.insert(tensor, means);
    }

    /// All ranges, by tensor index.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Range)> + '_ {
        self.ranges.iter().map(|(&tensor, &range)| (tensor, range))
    }

    /// Adds what `other` says: trained ranges and scales win over calibrated ranges, otherwise the later word counts.
    pub fn merge(&mut self, other: &Ranges) {
        for (tensor, range) in other.iter() {
            let trained = |known: &Range| known.origin == Origin::Trained;
            if range.origin == Origin::Trained || !self.ranges.get(&tensor).is_some_and(trained) {
                self.ranges.insert(tensor, range);
            }
        }
        self.weights.extend(other.weights.iter().map(|(&t, s)| (t, s.clone())));
        self.means.extend(other.means.iter().map(|(&t, m)| (t, m.clone())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trained_ranges_win() {
        let trained = Range { min: -1.0, max: 1.0, origin: Origin::Trained };
        let seen = Range { min: -2.0, max: 2.0, origin: Origin::Calibrated };
        let mut ranges = Ranges::new();
        ranges.insert(3, seen).expect("a range");
        ranges.insert(3, trained).expect("a range");
        ranges.insert(3, seen).expect("a range");
        assert_eq!(ranges.get(3), Some(trained));
        let mut others = Ranges::new();
        others.insert(3, seen).expect("a range");
        others.insert(4, seen).expect("a range");
        ranges.merge(&others);
        assert_eq!((ranges.get(3), ranges.get(4)), (Some(trained), Some(seen)));
    }

    #[test]
    fn unusable_words_are_refused() {
        let mut ranges = Ranges::new();
        for (min, max) in [(f32::NAN, 1.0), (0.0, f32::INFINITY), (1.0, 0.0)] {
            assert!(ranges.insert(0, Range { min, max, origin: Origin::Calibrated }).is_err());
        }
        assert!(ranges.set_weight_scales(0, vec![0.1, 0.0]).is_err());
        assert!(ranges.set_weight_scales(0, vec![]).is_err());
    }
}
