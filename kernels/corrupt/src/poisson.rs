//! Poisson numbers by inversion: one table of thresholds for each of the 256 values of a pixel.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// Leading bits of a word that choose where the search begins.
const GUIDE_BITS: u32 = 6;

/// The distributions of one severity; those of values that do not occur are never made.
#[derive(Debug)]
pub(crate) struct Poissons {
    white: f64,
    tables: Vec<Option<Poisson>>,
}

#[derive(Debug)]
struct Poisson {
    /// The least number that occurs.
    first: u32,
    /// `thresholds[i]`: 2^32 times the probability of at most `first + i`; a word below it means at most that.
    thresholds: Vec<u32>,
    /// For every value of the leading bits, where the search begins.
    guide: [u16; 1 << GUIDE_BITS],
}

impl Poissons {
    pub(crate) fn new(white: f64) -> Box<Self> {
        Box::new(Self { white, tables: (0..256).map(|_| None).collect() })
    }

    /// A number with mean `value / 255 · white`, the same for the same `word`.
    #[inline(always)]
    pub(crate) fn draw(&mut self, value: u8, word: u32) -> u32 {
        let mean = f64::from(value) / 255.0 * self.white;
        self.tables[usize::from(value)].get_or_insert_with(|| Poisson::new(mean)).draw(word)
    }
}

impl Poisson {
    fn new(mean: f64) -> Self {
        let log_mean = if mean > 0.0 { libm::log(mean) } else { 0.0 };
        let probability = |k: u32| match (mean > 0.0, k) {
            (false, 0) => 1.0,
            (false, _) => 0.0,
            (true, _) => libm::exp(f64::from(k) * log_mean - mean - libm::lgamma(f64::from(k) + 1.0)),
        };
        let deviation = libm::sqrt(mean);
        let first = if mean > 8.0 * deviation { (mean - 8.0 * deviation) as u32 } else { 0 };
        let mut thresholds = Vec::new();
        let mut sum = 0.0;
        for k in first.. {
            sum += probability(k);
            let scaled = sum * 4_294_967_296.0 + 0.5;
            thresholds.push(scaled as u32);
            // The rest of the tail weighs less than a word can tell.
            if scaled >= 4_294_967_295.0 || f64::from(k) > mean + 12.0 * deviation + 20.0 {
                break;
            }
        }
        let mut guide = [0; 1 << GUIDE_BITS];
        for (top, begin) in guide.iter_mut().enumerate() {
            let least = (top as u32) << (32 - GUIDE_BITS);
            *begin = thresholds.partition_point(|&t| t <= least).min(thresholds.len() - 1) as u16;
        }
        Self { first, thresholds, guide }
    }

    #[inline(always)]
    fn draw(&self, word: u32) -> u32 {
        let mut at = usize::from(self.guide[(word >> (32 - GUIDE_BITS)) as usize]);
        while at + 1 < self.thresholds.len() && self.thresholds[at] <= word {
            at += 1;
        }
        self.first + at as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    #[test]
    fn mean_and_variance_are_the_mean() {
        for (value, white) in [(0, 500.0), (1, 3.0), (128, 60.0), (255, 500.0), (200, 3.0)] {
            let mut poissons = Poissons::new(white);
            let mut rng = Rng::new(5, 6, 7);
            let n = 200_000;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..n {
                let k = f64::from(poissons.draw(value, rng.word()));
                sum += k;
                squares += k * k;
            }
            let want = f64::from(value) / 255.0 * white;
            let mean = sum / f64::from(n);
            let variance = squares / f64::from(n) - mean * mean;
            assert!((mean - want).abs() <= 5.0 * libm::sqrt(want / f64::from(n)), "{value} {white}: {mean}");
            assert!((variance - want).abs() <= 0.03 * want, "{value} {white}: {variance}");
        }
    }

    #[test]
    fn extremes_are_inside() {
        let mut poissons = Poissons::new(500.0);
        assert_eq!(poissons.draw(0, u32::MAX), 0);
        assert!(poissons.draw(255, 0) > 350 && poissons.draw(255, u32::MAX) < 660);
    }
}
