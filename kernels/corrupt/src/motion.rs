//! ImageMagick's motion blur on 8-bit images.

use alloc::vec::Vec;

use crate::job::{Job, clear};
use crate::params::Table;

/// Radius, σ.
const MOTION: Table<(f64, f64)> = Table {
    cifar: [(6.0, 1.0), (6.0, 1.5), (6.0, 2.0), (8.0, 2.0), (9.0, 2.5)],
    imagenet: [(10.0, 3.0), (15.0, 5.0), (15.0, 8.0), (15.0, 12.0), (20.0, 15.0)],
};
/// Weights below this cannot move a sum of 8-bit values by what rounding could see.
const NEGLIGIBLE: f64 = 1e-9;

/// How a camera or flake moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Motion {
    pub(crate) radius: f64,
    pub(crate) sigma: f64,
    /// In degrees.
    pub(crate) angle: f64,
}

/// A blur to one side, in a direction within 45° of the horizontal.
pub(crate) fn motion(job: &mut Job<'_>) {
    let (radius, sigma) = job.constants(&MOTION);
    let angle = job.rng.uniform(-45.0, 45.0);
    let (width, channels) = (job.image.width, job.image.channels);
    let sums = &mut job.scratch.reals[0];
    blur(job.image.data, [width, channels], Motion { radius, sigma, angle }, sums, job.out);
}

struct Tap {
    y: isize,
    x: isize,
    weight: f64,
}

/// Half a Gaussian along the way, on whole pixels.
fn taps(motion: Motion) -> Vec<Tap> {
    let width = 2 * libm::ceil(motion.radius) as usize + 1;
    let scale = -0.5 / (motion.sigma * motion.sigma);
    let weights: Vec<f64> = (0..width).map(|i| libm::exp(scale * (i * i) as f64)).collect();
    let sum: f64 = weights.iter().sum();
    let radians = motion.angle * (core::f64::consts::PI / 180.0);
    let (sin, cos) = (libm::sin(radians), libm::cos(radians));
    let step = |i: usize, along: f64| libm::ceil(i as f64 * along - 0.5) as isize;
    let tap = |(i, w): (usize, &f64)| Tap { y: step(i, sin), x: step(i, cos), weight: w / sum };
    weights.iter().enumerate().map(tap).filter(|tap| tap.weight > NEGLIGIBLE).collect()
}

/// Blurs rows of `width` pixels of `channels` values, the edge repeated, each value rounded to 8 bits.
pub(crate) fn blur(data: &[u8], [width, channels]: [usize; 2], motion: Motion, sums: &mut Vec<f64>, out: &mut [u8]) {
    let stride = width * channels;
    let height = data.len() / stride;
    let taps = taps(motion);
    let sums = clear(sums, stride);
    for (y, out) in out.chunks_exact_mut(stride).enumerate() {
        sums.fill(0.0);
        for tap in &taps {
            let from = (y as isize + tap.y).clamp(0, height as isize - 1) as usize;
            add_shifted(sums, &data[from * stride..][..stride], tap, channels);
        }
        for (out, sum) in out.iter_mut().zip(&*sums) {
            *out = (sum + 0.5) as u8;
        }
    }
}

/// `sums[x]` += weight · `row[x + shift]`
fn add_shifted(sums: &mut [f64], row: &[u8], tap: &Tap, channels: usize) {
    let shift = (tap.x.unsigned_abs() * channels).min(row.len());
    let n = row.len() - shift;
    let mut add = |at: usize, from: &[u8]| {
        for (sum, &v) in sums[at..].iter_mut().zip(from) {
            *sum += tap.weight * f64::from(v);
        }
    };
    if tap.x >= 0 {
        add(0, &row[shift..]);
        let last = &row[row.len() - channels..];
        (n..row.len()).step_by(channels).for_each(|at| add(at, last));
    } else {
        add(shift, &row[..n]);
        (0..shift).step_by(channels).for_each(|at| add(at, &row[..channels]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_looks_one_way_and_its_width_is_odd() {
        let taps = taps(Motion { radius: 6.0, sigma: 100.0, angle: 0.0 });
        assert_eq!(taps.len(), 13);
        assert!(taps.iter().enumerate().all(|(i, t)| (t.y, t.x) == (0, i as isize)));
        assert!(taps.windows(2).all(|t| t[0].weight > t[1].weight));
    }

    #[test]
    fn halves_round_up_to_the_centre() {
        // ceil(i · cos 60° − ½): 0, 0, 1, 1, 2, …
        let taps = taps(Motion { radius: 2.0, sigma: 9.0, angle: 60.0 });
        assert_eq!(taps.iter().map(|t| t.x).collect::<Vec<_>>(), [0, 1, 1, 2, 2]);
        assert_eq!(taps.iter().map(|t| t.y).collect::<Vec<_>>(), [0, 1, 2, 3, 3]);
    }

    #[test]
    fn edges_are_repeated() {
        let (mut sums, mut out) = (Vec::new(), [0; 6]);
        for angle in [0.0, 180.0, 90.0, -90.0] {
            blur(&[9, 9, 9, 9, 9, 9], [3, 1], Motion { radius: 8.0, sigma: 4.0, angle }, &mut sums, &mut out);
            assert_eq!(out, [9; 6]);
        }
        let motion = Motion { radius: 1.0, sigma: 1e9, angle: 0.0 };
        blur(&[0, 30, 60, 60, 0, 0], [6, 1], motion, &mut sums, &mut out);
        assert_eq!(out, [30, 50, 40, 20, 0, 0]);
    }
}
