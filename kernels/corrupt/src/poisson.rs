//! Poisson numbers by inversion: one table of thresholds for each of the 256 values of a pixel.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// Leading bits of a word that choose where the search begins.
const GUIDE_BITS: u32 = 6;

/// The distributions of one severity; those of values that do not occur are never made.
#[cfg(feature = "alloc")]
#[derive(Debug)]
pub(crate) struct Poissons {
    white: f64,
    tables: [Option<(Head, Vec<u32>)>; 256],
}

#[cfg(feature = "alloc")]
impl Poissons {
    pub(crate) fn new(white: f64) -> Self {
        Self { white, tables: [const { None }; 256] }
    }

    /// A number with mean `value / 255 · white`, the same for the same `word`.
    #[inline(always)]
    pub(crate) fn draw(&mut self, value: u8, word: u32) -> u32 {
        let white = self.white;
        let (head, thresholds) = self.tables[usize::from(value)].get_or_insert_with(|| {
            let mut room = alloc::vec![0; Poisson::most(white)];
            let Poisson { head, thresholds } = Poisson::new(value, white, &mut room);
            (head, Vec::from(thresholds))
        });
        head.draw(thresholds, word)
    }
}

#[derive(Debug)]
struct Head {
    /// The least number that occurs.
    first: u32,
    /// For every value of the leading bits, where the search begins.
    guide: [u16; 1 << GUIDE_BITS],
}

/// The distribution of the photons of one value.
#[derive(Debug)]
pub(crate) struct Poisson<'a> {
    head: Head,
    /// `thresholds[i]`: 2^32 times the probability of at most `first + i`; a word below it means at most that.
    thresholds: &'a [u32],
}

impl<'a> Poisson<'a> {
    /// Thresholds that the distribution of no value has more of.
    pub(crate) fn most(white: f64) -> usize {
        // From 8 deviations below the mean to 12 above it and 20 more; both ends are cut to whole numbers.
        (20.0 * libm::sqrt(white)) as usize + 24
    }

    /// With mean `value / 255 · white`; `room`: [`Self::most`] of them.
    pub(crate) fn new(value: u8, white: f64, room: &'a mut [u32]) -> Self {
        let mean = f64::from(value) / 255.0 * white;
        let log_mean = if mean > 0.0 { libm::log(mean) } else { 0.0 };
        let probability = |k: u32| match (mean > 0.0, k) {
            (false, 0) => 1.0,
            (false, _) => 0.0,
            (true, _) => libm::exp(f64::from(k) * log_mean - mean - libm::lgamma(f64::from(k) + 1.0)),
        };
        let deviation = libm::sqrt(mean);
        let first = if mean > 8.0 * deviation { (mean - 8.0 * deviation) as u32 } else { 0 };
        let (mut count, mut sum) = (0, 0.0);
        for (k, threshold) in (first..).zip(room.iter_mut()) {
            sum += probability(k);
            let scaled = sum * 4_294_967_296.0 + 0.5;
            *threshold = scaled as u32;
            count += 1;
            // The rest of the tail weighs less than a word can tell.
            if scaled >= 4_294_967_295.0 || f64::from(k) > mean + 12.0 * deviation + 20.0 {
                break;
            }
        }
        let thresholds = &room[..count];
        let mut guide = [0; 1 << GUIDE_BITS];
        for (top, begin) in guide.iter_mut().enumerate() {
            let least = (top as u32) << (32 - GUIDE_BITS);
            *begin = thresholds.partition_point(|&t| t <= least).min(count - 1) as u16;
        }
        Self { head: Head { first, guide }, thresholds }
    }

    /// A number, the same for the same `word`.
    #[inline(always)]
    pub(crate) fn draw(&self, word: u32) -> u32 {
        self.head.draw(self.thresholds, word)
    }
}

impl Head {
    #[inline(always)]
    fn draw(&self, thresholds: &[u32], word: u32) -> u32 {
        let mut at = usize::from(self.guide[(word >> (32 - GUIDE_BITS)) as usize]);
        while at + 1 < thresholds.len() && thresholds[at] <= word {
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
            let mut room = [0; 500];
            let poisson = Poisson::new(value, white, &mut room[..Poisson::most(white)]);
            let mut rng = Rng::new(5, 6, 7);
            let n = 200_000;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..n {
                let k = f64::from(poisson.draw(rng.word()));
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
        let mut room = [0; 500];
        assert_eq!(Poisson::new(0, 500.0, &mut room).draw(u32::MAX), 0);
        let white = Poisson::new(255, 500.0, &mut room);
        assert!(white.draw(0) > 350 && white.draw(u32::MAX) < 660);
    }

    /// All that a distribution needs finds room, for every value and severity.
    #[test]
    fn tables_are_whole() {
        for white in [500.0, 250.0, 100.0, 75.0, 60.0, 50.0, 25.0, 12.0, 5.0, 3.0] {
            for value in 0..=255 {
                let most = Poisson::most(white);
                let mut room = [0; 1000];
                let n = Poisson::new(value, white, &mut room).thresholds.len();
                assert!(n <= most, "{value} of {white}: {n} of {most}");
            }
        }
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn what_is_kept_draws_the_same() {
        let (mut kept, mut room) = (Poissons::new(75.0), [0; 500]);
        for value in [0, 1, 77, 255] {
            let one = Poisson::new(value, 75.0, &mut room);
            assert!((0..=u32::MAX).step_by(0x1357_9BDF).all(|word| one.draw(word) == kept.draw(value, word)));
        }
    }
}
