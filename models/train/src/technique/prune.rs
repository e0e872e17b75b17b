//! Magnitude pruning (SPEC B.1): which weights are 0, and from when on.

use super::Channels;
use crate::net::TensorInfo;

/// Which weights go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pattern {
    /// Each by itself.
    #[default]
    Unstructured,
    /// Of `group` neighbouring weights of a channel, at most `keep` stay: 2 of 4, say.
    Group {
        /// Weights that stay.
        keep: usize,
        /// Weights of a group.
        group: usize,
    },
    /// Blocks of this many output channels and inputs, by their mean.
    Block {
        /// Output channels of a block.
        outputs: usize,
        /// Weights of a channel in a block.
        inputs: usize,
    },
    /// Whole output channels, by their norm.
    Channel,
}

/// When and how far weights are pruned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Share of zeros at the end, below 1.
    pub target: f64,
    /// Share of all steps after which the target is reached, by a cubic (Zhu and Gupta, 2017); 0 prunes at once.
    pub ramp: f64,
    /// Steps from mask to mask.
    pub frequency: usize,
    /// Which weights go together.
    pub pattern: Pattern,
}

impl Schedule {
    /// The share of zeros that a mask of step `step` (of `steps`) has; `None` if no mask is made at this step. Masks rest after the
    /// ramp: what a constant schedule would do every `frequency` steps is done by the mask that is there.
    #[must_use]
    pub fn sparsity(&self, step: usize, steps: usize) -> Option<f64> {
        let end = (self.ramp * steps as f64) as usize;
        if step > end || !(step == end || step.is_multiple_of(self.frequency.max(1))) {
            return None;
        }
        let left = if end == 0 { 0.0 } else { 1.0 - step as f64 / end as f64 };
        Some(self.target * (1.0 - left * left * left))
    }
}

/// Which weights of a kernel stay so that at least the share `sparsity` of them is 0 (for [`Pattern::Group`]: exactly what the pattern says).
/// The smallest go first; among equals the one with the higher number.
#[must_use]
pub fn mask(pattern: Pattern, tensor: &TensorInfo, weights: &[f32], sparsity: f64) -> Vec<bool> {
    let channels = Channels::of(tensor);
    let unit = units(pattern, channels, weights.len());
    let count = unit.iter().max().map_or(0, |last| last + 1);
    let mut sums = vec![(0f64, 0usize); count];
    for (weight, &unit) in weights.iter().zip(&unit) {
        let (sum, members) = &mut sums[unit];
        *members += 1;
        *sum += match pattern {
            Pattern::Channel => f64::from(*weight) * f64::from(*weight),
            _ => f64::from(weight.abs()),
        };
    }
    let score: Vec<f64> = sums.into_iter().map(|(sum, members)| sum / members as f64).collect();
    let kept = match pattern {
        Pattern::Group { keep, group } => in_groups(&score, channels, [keep, group]),
        _ => {
            let drop = ((count as f64 * sparsity - 1e-9).ceil() as usize).min(count.saturating_sub(1));
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by(|&a, &b| score[a].total_cmp(&score[b]).then(b.cmp(&a)));
            let mut kept = vec![true; count];
            order[..drop].iter().for_each(|&unit| kept[unit] = false);
            kept
        }
    };
    unit.into_iter().map(|unit| kept[unit]).collect()
}

/// The number of the unit that each weight belongs to.
fn units(pattern: Pattern, channels: Channels, len: usize) -> Vec<usize> {
    let place = |at: usize| {
        let channel = channels.channel(at);
        (channel, if channels.last { at / channels.count } else { at % channels.row })
    };
    match pattern {
        Pattern::Unstructured | Pattern::Group { .. } => (0..len).collect(),
        Pattern::Channel => (0..len).map(|at| place(at).0).collect(),
        Pattern::Block { outputs, inputs } => {
            let across = channels.row.div_ceil(inputs.max(1));
            let unit = |at| {
                let (channel, input) = place(at);
                channel / outputs.max(1) * across + input / inputs.max(1)
            };
            (0..len).map(unit).collect()
        }
    }
}

/// In each run of `group` weights of a channel the `keep` largest.
fn in_groups(score: &[f64], channels: Channels, [keep, group]: [usize; 2]) -> Vec<bool> {
    let mut kept = vec![false; score.len()];
    let at = |channel: usize, input: usize| {
        if channels.last { input * channels.count + channel } else { channel * channels.row + input }
    };
    for channel in 0..channels.count {
        for first in (0..channels.row).step_by(group.max(1)) {
            let mut run: Vec<usize> =
                (first..channels.row.min(first + group)).map(|input| at(channel, input)).collect();
            run.sort_by(|&a, &b| score[b].total_cmp(&score[a]).then(a.cmp(&b)));
            run.into_iter().take(keep).for_each(|weight| kept[weight] = true);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Role;

    fn tensor(shape: &[usize]) -> TensorInfo {
        TensorInfo { name: "w".into(), layer: 0, role: Role::Kernel, shape: shape.to_vec() }
    }

    fn kept(mask: &[bool]) -> Vec<usize> {
        (0..mask.len()).filter(|&at| mask[at]).collect()
    }

    #[test]
    fn the_largest_stay() {
        let weights = [0.1, -0.9, 0.3, 0.0, 0.5, -0.2, 0.7, 0.3];
        let of = |pattern, sparsity| kept(&mask(pattern, &tensor(&[2, 4]), &weights, sparsity));
        assert_eq!(of(Pattern::Unstructured, 0.5), [1, 2, 4, 6]);
        assert_eq!(of(Pattern::Unstructured, 0.51), [1, 4, 6]);
        assert_eq!(of(Pattern::Unstructured, 0.0), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(of(Pattern::Group { keep: 2, group: 4 }, 0.5), [1, 2, 4, 6]);
        assert_eq!(of(Pattern::Group { keep: 1, group: 2 }, 0.5), [1, 2, 4, 6]);
        assert_eq!(of(Pattern::Channel, 0.5), [0, 1, 2, 3]);
        assert_eq!(of(Pattern::Block { outputs: 1, inputs: 2 }, 0.5), [0, 1, 6, 7]);
        assert_eq!(of(Pattern::Unstructured, 0.999), [1]);
    }

    #[test]
    fn a_ramp_grows_and_ends() {
        let schedule = Schedule { target: 0.5, ramp: 0.5, frequency: 10, pattern: Pattern::Unstructured };
        let at = |step| schedule.sparsity(step, 200);
        assert_eq!([at(0), at(1), at(101)], [Some(0.0), None, None]);
        assert!((at(50).unwrap() - 0.4375).abs() < 1e-12);
        assert_eq!(at(100), Some(0.5));
        let now = Schedule { ramp: 0.0, ..schedule };
        assert_eq!([now.sparsity(0, 200), now.sparsity(10, 200)], [Some(0.5), None]);
    }
}
