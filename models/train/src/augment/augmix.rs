//! AugMix (Hendrycks et al., 2020): an image is mixed with changed copies of itself.
//!
//! Several chains of one to three random operations each change a copy; the copies are mixed with random weights, and the mixture with
//! the image itself. Weights are positive and sum to 1, so that mixing inputs is mixing pixels. The paper's consistency loss between
//! an image and two of its mixtures is not part of this.

use edgebench_corrupt::rng::Rng;

use super::operations::{Operation, apply};
use crate::images::Encoding;
use crate::net::Shape;

/// How images are mixed. The default is the paper's for small images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AugMix {
    /// Chains of operations, at least 1.
    pub width: u8,
    /// Most operations of a chain, at least 1; a chain has one to so many.
    pub depth: u8,
    /// Strength of operations, 1 to 10.
    pub severity: u8,
}

impl Default for AugMix {
    fn default() -> AugMix {
        AugMix { width: 3, depth: 3, severity: 3 }
    }
}

/// The purpose of these random numbers.
pub(super) const STREAM: u32 = 0xA377;

impl AugMix {
    /// Writes the mixture of an image as an input.
    pub(super) fn encode(self, (pixels, shape): (&[u8], Shape), encoding: &Encoding, rng: &mut Rng, input: &mut [f32]) {
        // Dirichlet(1, …, 1), and Beta(1, 1).
        let weights: Vec<f64> = (0..self.width.max(1)).map(|_| -libm::log(rng.unit())).collect();
        let sum: f64 = weights.iter().sum();
        let share = rng.unit();
        let mut encoded = vec![0.0; input.len()];
        encoding.encode(pixels, input);
        scale(input, (1.0 - share) as f32);
        let mut copies = [pixels.to_vec(), vec![0; pixels.len()]];
        for weight in weights {
            copies[0].copy_from_slice(pixels);
            for _ in 0..=rng.below(usize::from(self.depth.max(1))) {
                let operation = Operation::draw(rng, self.severity, shape);
                let [from, to] = &mut copies;
                if apply(operation, shape, from, to) {
                    copies.swap(0, 1);
                }
            }
            encoding.encode(&copies[0], &mut encoded);
            let weight = (share * weight / sum) as f32;
            input.iter_mut().zip(&encoded).for_each(|(sum, value)| *sum += weight * value);
        }
    }
}

fn scale(values: &mut [f32], by: f32) {
    values.iter_mut().for_each(|value| *value *= by);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixture(number: u64, mix: AugMix, pixels: &[u8], shape: Shape) -> Vec<f32> {
        let order: Vec<usize> = (0..shape.c).collect();
        let encoding = Encoding::new(&order, |pixel, _| f32::from(pixel));
        let mut input = vec![0.0; pixels.len()];
        mix.encode((pixels, shape), &encoding, &mut Rng::new(1, number, STREAM), &mut input);
        input
    }

    #[test]
    fn mixtures_are_convex_and_differ() {
        let shape = Shape::new(8, 8, 3);
        let pixels: Vec<u8> = (0..192).map(|at| 60 + (at * 89 % 101) as u8).collect();
        let mixtures: Vec<Vec<f32>> =
            (0..50).map(|number| mixture(number, AugMix::default(), &pixels, shape)).collect();
        assert_eq!(mixtures[7], mixture(7, AugMix::default(), &pixels, shape));
        for (at, mixed) in mixtures.iter().enumerate() {
            assert!(mixed.iter().all(|value| (0.0..=255.001).contains(value)), "{at}");
            assert!(mixtures[..at].iter().all(|other| other != mixed), "{at}");
        }
        let mean = |values: &[f32]| values.iter().sum::<f32>() / 192.0;
        let original: Vec<f32> = pixels.iter().map(|pixel| f32::from(*pixel)).collect();
        let apart = |mixed: &Vec<f32>| mixed.iter().zip(&original).map(|(a, b)| (a - b).abs()).sum::<f32>() / 192.0;
        let all = mixtures.iter().map(apart).sum::<f32>() / 50.0;
        // Some colour, not another image.
        assert!((2.0..45.0).contains(&all), "{all} from a mean of {}", mean(&original));
    }

    #[test]
    fn one_colour_stays_what_it_is_inside() {
        // Nothing but solarising, posterising and what moves black in changes one dark colour: a mixture of one chain
        // is the colour or darker.
        let shape = Shape::new(6, 6, 1);
        for number in 0..40 {
            let mixed = mixture(number, AugMix { width: 1, depth: 1, severity: 3 }, &[40; 36], shape);
            assert!(mixed.iter().all(|value| *value < 40.001), "{mixed:?}");
        }
    }
}
