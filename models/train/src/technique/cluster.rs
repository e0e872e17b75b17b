//! Weight clustering (SPEC B.2): every weight is one of `k` values.
//!
//! Centroids begin by k-means++ and, if asked for, Lloyd's iterations; then gradients move them. Each weight takes the nearest one.

use edgebench_corrupt::rng::Rng;

use super::Channels;

/// Which weights share their values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// All of a kernel, each channel in units of its largest weight when clustering began. With an int8 scale per channel in the same
    /// units the whole kernel has `k` codes.
    #[default]
    Scaled,
    /// All of a kernel, as they are.
    Tensor,
    /// Those of an output channel.
    Channel,
}

/// How clusters are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Number of values, 2 to 256.
    pub k: usize,
    /// Which weights share them.
    pub scope: Scope,
    /// Lloyd's iterations after seeding.
    pub lloyd: usize,
    /// Weights that are 0 stay so: one value is 0 for good.
    pub keep_zeros: bool,
    /// Seed of the first values.
    pub seed: u64,
}

/// The values of a kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct Clusters {
    /// Values of each table, one table after the other.
    pub centroids: Vec<f32>,
    k: usize,
    scope: Scope,
    /// The unit of each channel.
    units: Vec<f32>,
    keep_zeros: bool,
}

/// The purpose of these random numbers.
const STREAM: u32 = 0xC105;

impl Clusters {
    /// Values for a kernel. Fewer than `k` distinct weights stay as they are.
    #[must_use]
    pub fn new(rule: &Rule, channels: Channels, weights: &[f32]) -> Clusters {
        let units = match rule.scope {
            Scope::Scaled => {
                channels.largest(weights).into_iter().map(|most| if most > 0.0 { most } else { 1.0 }).collect()
            }
            _ => vec![1.0; channels.count],
        };
        let by_channel = rule.scope == Scope::Channel;
        let mut tables = vec![Vec::new(); if by_channel { channels.count } else { 1 }];
        for (at, weight) in weights.iter().enumerate() {
            let channel = channels.channel(at);
            tables[if by_channel { channel } else { 0 }].push(weight / units[channel]);
        }
        let table = |(at, values): (usize, &Vec<f32>)| {
            let mut rng = Rng::new(rule.seed, at as u64, STREAM);
            let mut centroids = begin(values, rule, &mut rng);
            lloyd(values, &mut centroids, rule);
            // Tables are of one length; what repeats the last value is never nearer.
            let last = centroids.last().copied().unwrap_or(0.0);
            centroids.resize(rule.k, last);
            centroids
        };
        let centroids = tables.iter().enumerate().flat_map(table).collect();
        Clusters { centroids, k: rule.k, scope: rule.scope, units, keep_zeros: rule.keep_zeros }
    }

    /// Whether all channels have the same values in their units.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.scope == Scope::Scaled
    }

    /// Who shares the values.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// Largest number of values.
    #[must_use]
    pub const fn k(&self) -> usize {
        self.k
    }

    /// The largest value that each channel could take.
    pub(super) fn largest(&self, channels: Channels) -> Vec<f32> {
        let of = |channel: usize| {
            self.table(channel).iter().fold(0f32, |most, value| most.max(value.abs())) * self.units[channel]
        };
        (0..channels.count).map(of).collect()
    }

    fn start(&self, channel: usize) -> usize {
        if self.scope == Scope::Channel { channel * self.k } else { 0 }
    }

    fn table(&self, channel: usize) -> &[f32] {
        &self.centroids[self.start(channel)..][..self.k]
    }

    /// The number of the nearest value for weight `at`, the first among equals.
    fn nearest(&self, channel: usize, weight: f32) -> usize {
        nearest(self.table(channel), weight / self.units[channel])
    }

    /// Every weight becomes the nearest value.
    pub(super) fn apply(&self, channels: Channels, weights: &mut [f32]) {
        channels.change(weights, |channel, row| {
            row.iter_mut().for_each(|weight| {
                *weight = self.table(channel)[self.nearest(channel, *weight)] * self.units[channel];
            });
        });
    }

    /// Gradients of the centroids: sums over the weights that took them.
    #[must_use]
    pub fn gradient(&self, channels: Channels, masters: &[f32], gradients: &[f32]) -> Vec<f32> {
        let mut sums = vec![0f64; self.centroids.len()];
        for (at, (master, gradient)) in masters.iter().zip(gradients).enumerate() {
            let channel = channels.channel(at);
            let to = self.start(channel) + self.nearest(channel, *master);
            sums[to] += f64::from(*gradient) * f64::from(self.units[channel]);
        }
        sums.into_iter().map(|sum| sum as f32).collect()
    }

    /// What holds again after centroids have moved: the value 0 is 0. It is the first of its table.
    pub fn settle(&mut self) {
        if self.keep_zeros {
            self.centroids.iter_mut().step_by(self.k).for_each(|zero| *zero = 0.0);
        }
    }
}

fn nearest(centroids: &[f32], value: f32) -> usize {
    let mut best = (f32::INFINITY, 0);
    for (at, centroid) in centroids.iter().enumerate() {
        let distance = (value - centroid).abs();
        if distance < best.0 {
            best = (distance, at);
        }
    }
    best.1
}

/// First values: with zeros kept, 0 and then the rest shared between the negative and the positive by their numbers.
fn begin(values: &[f32], rule: &Rule, rng: &mut Rng) -> Vec<f32> {
    if !rule.keep_zeros {
        return seeds(values, rule.k, rng);
    }
    let side = |sign: f32| -> Vec<f32> { values.iter().copied().filter(|value| value * sign > 0.0).collect() };
    let (negative, positive) = (side(-1.0), side(1.0));
    let all = (negative.len() + positive.len()).max(1);
    let left = rule.k - 1;
    let share = (left as f64 * negative.len() as f64 / all as f64).round() as usize;
    // A side that has weights has a value.
    let share =
        share.clamp(usize::from(!negative.is_empty()).min(left), left - usize::from(!positive.is_empty()).min(left));
    let mut centroids = vec![0.0];
    centroids.extend(seeds(&negative, share, rng));
    centroids.extend(seeds(&positive, left - share, rng));
    centroids
}

/// k-means++ (Arthur and Vassilvitskii, 2007): each next value is drawn by its squared distance to those that are there, the best of
/// `2 + ln k` candidates.
fn seeds(values: &[f32], k: usize, rng: &mut Rng) -> Vec<f32> {
    if values.is_empty() || k == 0 {
        return Vec::new();
    }
    let mut centroids = vec![values[rng.below(values.len())]];
    let square = |a: f32, b: f32| f64::from(a - b) * f64::from(a - b);
    let mut distance: Vec<f64> = values.iter().map(|value| square(*value, centroids[0])).collect();
    let candidates = 2 + (k as f64).ln() as usize;
    while centroids.len() < k {
        let total: f64 = distance.iter().sum();
        if total <= 0.0 {
            break;
        }
        let mut best = (f64::INFINITY, values[0]);
        for _ in 0..candidates {
            let mut left = rng.unit() * total;
            let drawn = distance.iter().position(|d| {
                left -= d;
                left <= 0.0
            });
            let value = values[drawn.unwrap_or(values.len() - 1)];
            let cost: f64 = values.iter().zip(&distance).map(|(v, d)| d.min(square(*v, value))).sum();
            if cost < best.0 {
                best = (cost, value);
            }
        }
        centroids.push(best.1);
        values.iter().zip(&mut distance).for_each(|(value, d)| *d = d.min(square(*value, best.1)));
    }
    centroids
}

/// Every value becomes the mean of the weights nearest to it; a kept 0 stays.
fn lloyd(values: &[f32], centroids: &mut [f32], rule: &Rule) {
    for _ in 0..rule.lloyd {
        let mut sums = vec![(0f64, 0u32); centroids.len()];
        for value in values {
            let (sum, count) = &mut sums[nearest(centroids, *value)];
            *sum += f64::from(*value);
            *count += 1;
        }
        let moving = centroids.iter_mut().zip(sums).skip(usize::from(rule.keep_zeros));
        for (centroid, (sum, count)) in moving.filter(|(_, (_, count))| *count > 0) {
            *centroid = (sum / f64::from(count)) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNELS: Channels = Channels { count: 4, last: false, row: 50 };

    fn weights() -> Vec<f32> {
        let mut rng = Rng::new(4, 0, 0);
        let pruned =
            |at: usize, value: f64| if at.is_multiple_of(2) { 0.0 } else { value as f32 * (1 + at / 50) as f32 };
        (0..200).map(|at| pruned(at, rng.normal())).collect()
    }

    fn distinct(values: impl IntoIterator<Item = f32>) -> usize {
        let mut bits: Vec<u32> = values.into_iter().map(|value| (value + 0.0).to_bits()).collect();
        bits.sort_unstable();
        bits.dedup();
        bits.len()
    }

    #[test]
    fn no_more_than_k_values() {
        for (scope, keep_zeros) in [(Scope::Tensor, false), (Scope::Channel, true), (Scope::Scaled, true)] {
            let rule = Rule { k: 8, scope, lloyd: 5, keep_zeros, seed: 1 };
            let before = weights();
            let clusters = Clusters::new(&rule, CHANNELS, &before);
            let mut after = before.clone();
            clusters.apply(CHANNELS, &mut after);
            match scope {
                Scope::Tensor => assert!(distinct(after.iter().copied()) <= 8),
                _ => assert!(after.chunks(50).all(|row| distinct(row.iter().copied()) <= 8)),
            }
            if keep_zeros {
                assert!(before.iter().zip(&after).all(|(before, after)| *before != 0.0 || *after == 0.0));
            }
            let error: f32 = before.iter().zip(&after).map(|(a, b)| (a - b) * (a - b)).sum();
            let energy: f32 = before.iter().map(|a| a * a).sum();
            assert!(error < 0.05 * energy, "{scope:?}: {error} of {energy}");
        }
    }

    #[test]
    fn scaled_clusters_share_their_codes() {
        let rule = Rule { k: 6, scope: Scope::Scaled, lloyd: 3, keep_zeros: false, seed: 2 };
        let path = super::super::WeightPath {
            clusters: Some(Clusters::new(&rule, CHANNELS, &weights())),
            ..Default::default()
        };
        let after = path.stripped(CHANNELS, &weights());
        let scales = path.scales(CHANNELS, &after);
        let codes = after.iter().enumerate().map(|(at, weight)| (weight / scales[at / 50]).round());
        assert!(distinct(codes) <= 6);
    }

    #[test]
    fn gradients_go_to_the_value_that_was_taken() {
        let rule = Rule { k: 2, scope: Scope::Tensor, lloyd: 1, keep_zeros: false, seed: 2 };
        let channels = Channels { count: 1, last: false, row: 4 };
        let masters = [1.0, 1.2, -1.0, -1.2];
        let clusters = Clusters::new(&rule, channels, &masters);
        let gradient = clusters.gradient(channels, &masters, &[1.0, 2.0, 4.0, 8.0]);
        let positive = usize::from(clusters.centroids[1] > 0.0);
        assert_eq!([gradient[positive], gradient[1 - positive]], [3.0, 12.0]);
    }

    #[test]
    fn few_distinct_weights_stay() {
        let rule = Rule { k: 16, scope: Scope::Tensor, lloyd: 4, keep_zeros: false, seed: 3 };
        let channels = Channels { count: 2, last: false, row: 4 };
        let before = [0.5, 0.5, -1.0, 2.0, 0.5, 2.0, 2.0, -1.0];
        let mut after = before;
        Clusters::new(&rule, channels, &before).apply(channels, &mut after);
        assert_eq!(before, after);
    }
}
