//! Bootstrap over images (Efron, 1979). An image is seen under every condition, so its cells are not independent: what is drawn
//! again is the image with all its cells. Models share the drawn images, so differences between them are paired.

use std::ops::Range;
use std::thread;

/// Where a model was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcomes {
    images: usize,
    /// One byte for each image, condition by condition: all bits where it was wrong.
    wrong: Vec<u8>,
}

impl Outcomes {
    /// Of `images` images under several conditions; `wrong(condition, image)` says where the model was wrong.
    #[must_use]
    pub fn new(images: usize, conditions: usize, wrong: impl Fn(usize, usize) -> bool) -> Self {
        let byte = |at: usize| if wrong(at / images.max(1), at % images.max(1)) { 0xff } else { 0 };
        Self { images, wrong: (0..images * conditions).map(byte).collect() }
    }

    /// Error rate of every condition, 0 to 1, where image `i` counts `weights[i]` times.
    fn errors(&self, weights: &[u8]) -> Vec<f64> {
        let one = |wrong: &[u8]| {
            // Sums of 64 bytes of 255 fit in 16 bits; short sums are what compilers make vectors of.
            let part = |(wrong, weights): (&[u8], &[u8])| {
                u64::from(wrong.iter().zip(weights).map(|(wrong, weight)| u16::from(wrong & weight)).sum::<u16>())
            };
            wrong.chunks(64).zip(weights.chunks(64)).map(part).sum::<u64>() as f64 / self.images as f64
        };
        self.wrong.chunks_exact(self.images.max(1)).map(one).collect()
    }
}

/// How images are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Samples, each as large as the set of images.
    pub resamples: usize,
    /// Seed of the random numbers.
    pub seed: u64,
    /// Threads; they change nothing but the time.
    pub threads: usize,
}

/// For every sample, the error rates of every model under every condition, `[sample][model][condition]`, handed to `statistic`;
/// its results in the order of the samples. All models must have the same images.
///
/// # Panics
/// If the models have different numbers of images.
pub fn resample<T: Send>(models: &[Outcomes], plan: Plan, statistic: impl Fn(&[Vec<f64>]) -> T + Sync) -> Vec<T> {
    let images = models.first().map_or(0, |model| model.images);
    assert!(models.iter().all(|model| model.images == images), "models on different images");
    let some = |range: Range<usize>| -> Vec<T> {
        let mut weights = vec![0_u8; images];
        range
            .map(|number| {
                draw(&mut weights, plan.seed, number as u64);
                statistic(&models.iter().map(|model| model.errors(&weights)).collect::<Vec<_>>())
            })
            .collect()
    };
    let (threads, n) = (plan.threads.max(1), plan.resamples);
    let parts: Vec<Vec<T>> = thread::scope(|scope| {
        let some = &some;
        let start = |at: usize| scope.spawn(move || some(n * at / threads..n * (at + 1) / threads));
        let handles: Vec<_> = (0..threads).map(start).collect();
        handles.into_iter().map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    parts.into_iter().flatten().collect()
}

/// As many images as there are, with replacement: how often each was drawn. Random numbers are a function of the seed, the
/// number of the sample and the draw (splitmix64), so that samples can be made in any order.
fn draw(weights: &mut [u8], seed: u64, sample: u64) {
    weights.fill(0);
    let n = weights.len() as u64;
    let stream = mix(mix(seed) ^ sample);
    for at in 0..n {
        let image = (u128::from(mix(stream.wrapping_add(at))) * u128::from(n)) >> 64;
        // An image is drawn 255 times once in 10^500 samples.
        let weight = &mut weights[image as usize];
        *weight = weight.saturating_add(1);
    }
}

pub(super) fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Percentile interval at 95 %; values that are not numbers make it unknown.
#[must_use]
pub fn interval95(values: &[f64]) -> Option<[f64; 2]> {
    if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Some([0.025, 0.975].map(|q| crate::eval::statistics::quantile(&sorted, q)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { resamples: 400, seed: 1, threads: 1 };

    fn every_fifth() -> Outcomes {
        Outcomes::new(1000, 2, |condition, image| image % 5 == 0 && (condition == 0 || image % 2 == 0))
    }

    #[test]
    fn threads_change_nothing() {
        let outcomes = [every_fifth()];
        let one = resample(&outcomes, PLAN, |errors| errors[0].clone());
        assert_eq!(one, resample(&outcomes, Plan { threads: 3, ..PLAN }, |errors| errors[0].clone()));
        assert_ne!(one, resample(&outcomes, Plan { seed: 2, ..PLAN }, |errors| errors[0].clone()));
    }

    /// The standard error of a share of 0.2 in 1,000 is 0.01265.
    #[test]
    fn the_interval_is_that_of_a_share() {
        let values = resample(&[every_fifth()], Plan { resamples: 4000, ..PLAN }, |errors| errors[0][0]);
        let [lo, hi] = interval95(&values).expect("an interval");
        assert!((lo - 0.175).abs() < 0.003 && (hi - 0.225).abs() < 0.003, "{lo} {hi}");
        assert_eq!(interval95(&[]), None);
        assert_eq!(interval95(&[f64::NAN]), None);
    }

    #[test]
    fn equal_models_never_differ() {
        let pair = [every_fifth(), every_fifth()];
        assert!(resample(&pair, PLAN, |errors| errors[0][1] - errors[1][1]).iter().all(|&d| d == 0.0));
    }
}
