//! Where the values of a tensor lie, in constant memory, and the ranges that follow from it.

use super::params::Params;

/// Bins of a histogram, half of them below 0.
const BINS: usize = 2048;

/// Steps in which a range is narrowed when the best one is looked for.
const STEPS: usize = 64;

/// Most rounds of narrowing one end after the other.
const ROUNDS: usize = 4;

/// Counts of values in bins of equal width over `−reach..reach`. Exact zeros are counted apart: codes hold them without error.
/// When a value lies beyond, the reach doubles and bins are joined, so the result does not depend on the order of values within
/// a factor of the reach.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    reach: f64,
    bins: Vec<u64>,
    zeros: u64,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Histogram { reach: f64::from(f32::MIN_POSITIVE), bins: vec![0; BINS], zeros: 0 }
    }

    pub(super) fn add(&mut self, values: &[f32]) {
        let most = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        while self.reach <= f64::from(most) {
            self.double();
        }
        let scale = (BINS / 2) as f64 / self.reach;
        for &value in values {
            if value == 0.0 {
                self.zeros += 1;
            } else {
                let bin = (f64::from(value) * scale).floor() as i64 + (BINS / 2) as i64;
                self.bins[bin.clamp(0, BINS as i64 - 1) as usize] += 1;
            }
        }
    }

    fn double(&mut self) {
        let mut joined = vec![0; BINS];
        for (bin, &count) in self.bins.iter().enumerate() {
            joined[bin / 2 + BINS / 4] += count;
        }
        (self.bins, self.reach) = (joined, 2.0 * self.reach);
    }

    /// Lower end of a bin.
    fn edge(&self, bin: usize) -> f64 {
        (bin as f64 - (BINS / 2) as f64) * self.reach / (BINS / 2) as f64
    }

    /// Middle of a bin.
    fn middle(&self, bin: usize) -> f64 {
        (bin as f64 + 0.5 - (BINS / 2) as f64) * self.reach / (BINS / 2) as f64
    }

    /// The range that leaves out, at both ends together, all but `share` of the values; within `(min, max)`.
    pub(super) fn percentile(&self, share: f64, (min, max): (f32, f32)) -> (f32, f32) {
        let total = self.zeros + self.bins.iter().sum::<u64>();
        let cut = ((1.0 - share) / 2.0 * total as f64).floor() as u64;
        // Zeros lie between the two halves.
        let (below, above) = self.bins.split_at(BINS / 2);
        let beyond = |counts: &mut dyn Iterator<Item = &u64>| {
            let mut left = 0;
            counts
                .take_while(|&&count| {
                    left += count;
                    left <= cut
                })
                .count()
        };
        let low = beyond(&mut below.iter());
        let high = BINS - beyond(&mut above.iter().rev());
        (
            (self.edge(low) as f32).clamp(min.min(0.0), 0.0).max(min),
            (self.edge(high) as f32).clamp(0.0, max.max(0.0)).min(max),
        )
    }

    /// The range within `(min, max)` whose codes have the least mean squared error: rounding errors within, clipping beyond.
    pub(super) fn least_error(&self, (min, max): (f32, f32)) -> (f32, f32) {
        let (mut low, mut high) = (min.min(0.0), max.max(0.0));
        let mut best = self.error(low, high);
        let narrowed = |bound: f32, step: usize| bound * (STEPS - step) as f32 / STEPS as f32;
        // One end, then the other, until neither gets better.
        for _ in 0..ROUNDS {
            let before = best;
            for step in 1..STEPS {
                for (l, h) in [(narrowed(min.min(0.0), step), high), (low, narrowed(max.max(0.0), step))] {
                    let error = self.error(l, h);
                    if error < best {
                        (best, low, high) = (error, l, h);
                    }
                }
            }
            if best >= before {
                break;
            }
        }
        (low, high)
    }

    /// Sum of squared errors of the codes of a range.
    fn error(&self, low: f32, high: f32) -> f64 {
        let params = Params::of_range(low, high);
        let step = f64::from(params.scale);
        let (low, high) = (f64::from(params.real(-128)), f64::from(params.real(127)));
        let of_bin = |(bin, &count): (usize, &u64)| {
            let value = self.middle(bin);
            let beyond = (value - value.clamp(low, high)).abs();
            count as f64 * if beyond > 0.0 { beyond * beyond } else { step * step / 12.0 }
        };
        self.bins.iter().enumerate().filter(|(_, count)| **count > 0).map(of_bin).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of a triangle over −1..1, and one far away.
    fn sample() -> Vec<f32> {
        let mut values: Vec<f32> = (0..100).flat_map(|a| (0..100).map(move |b| (a + b) as f32 / 99.0 - 1.0)).collect();
        values.push(40.0);
        values
    }

    #[test]
    fn an_outlier_is_left_out() {
        let mut histogram = Histogram::new();
        histogram.add(&sample());
        let (low, high) = histogram.percentile(0.999, (-1.0, 40.0));
        assert!((-1.0..-0.9).contains(&low) && (0.9..1.1).contains(&high), "{low} {high}");
        assert_eq!(histogram.percentile(1.0, (-1.0, 40.0)), (-1.0, 40.0));
        let (low, high) = histogram.least_error((-1.0, 40.0));
        assert!((-1.0..-0.8).contains(&low) && high < 40.0, "{low} {high}");
        assert!(histogram.error(low, high) < histogram.error(-1.0, 40.0));
    }

    #[test]
    fn bins_join_when_values_come_that_are_larger() {
        let (mut grown, mut whole) = (Histogram::new(), Histogram::new());
        grown.add(&[0.25, -0.5, 0.0]);
        grown.add(&[7.0]);
        whole.add(&[0.25, -0.5, 0.0, 7.0]);
        assert_eq!((grown.reach, &grown.bins, grown.zeros), (whole.reach, &whole.bins, 1));
    }

    #[test]
    fn nothing_but_zeros_has_the_range_of_zero() {
        let mut histogram = Histogram::new();
        histogram.add(&[0.0; 9]);
        assert_eq!(histogram.percentile(0.99, (0.0, 0.0)), (0.0, 0.0));
        assert_eq!(histogram.least_error((0.0, 0.0)), (0.0, 0.0));
    }
}
