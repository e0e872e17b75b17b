//! Pillow's BOX resize, down and up again, in its integers.

use alloc::vec::Vec;

use crate::job::{Job, clear};
use crate::params::Table;

/// Factor of the sides.
const PIXELATE: Table<f64> = Table { cifar: [0.95, 0.9, 0.85, 0.75, 0.65], imagenet: [0.6, 0.5, 0.4, 0.3, 0.25] };
const PRECISION: u32 = 22;

/// The image made smaller by means of boxes, and large again the same way.
pub(crate) fn pixelate(job: &mut Job<'_>) {
    let factor = job.constants(&PIXELATE);
    let (height, width, channels) = (job.image.height, job.image.width, job.image.channels);
    let less = |side: usize| ((side as f64 * factor) as usize).max(1);
    let [line, small, tall] = &mut job.scratch.bytes;
    let size = [height, width];
    let small = resize(job.image.data, [size, size.map(less)], channels, line, small);
    let large = resize(small, [size.map(less), size], channels, line, tall);
    job.out.copy_from_slice(large);
}

/// Rows first, then columns, rounded to 8 bits after each.
fn resize<'a>(
    data: &[u8],
    [[height, width], [new_height, new_width]]: [[usize; 2]; 2],
    channels: usize,
    wide: &mut Vec<u8>,
    out: &'a mut Vec<u8>,
) -> &'a [u8] {
    let wide = clear(wide, height * new_width * channels);
    let boxes = windows(width, new_width);
    for (out, row) in wide.chunks_exact_mut(new_width * channels).zip(data.chunks_exact(width * channels)) {
        for (out, window) in out.chunks_exact_mut(channels).zip(&boxes) {
            for (channel, out) in out.iter_mut().enumerate() {
                *out = window.sum(|at| row[at * channels + channel]);
            }
        }
    }
    let out = clear(out, new_height * new_width * channels);
    let stride = new_width * channels;
    for (out, window) in out.chunks_exact_mut(stride).zip(&windows(height, new_height)) {
        for (i, out) in out.iter_mut().enumerate() {
            *out = window.sum(|at| wide[at * stride + i]);
        }
    }
    out
}

/// The places that make one new place.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

impl Window {
    fn sum(&self, value: impl Fn(usize) -> u8) -> u8 {
        let half = 1 << (PRECISION - 1);
        let sum = self.weights.iter().enumerate().fold(half, |sum, (i, w)| sum + w * i32::from(value(self.first + i)));
        (sum >> PRECISION).clamp(0, 255) as u8
    }
}

/// Pillow's `precompute_coeffs` for the box filter.
fn windows(from: usize, to: usize) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    let wide = scale.max(1.0);
    let support = 0.5 * wide;
    let window = |i: usize| {
        let centre = (i as f64 + 0.5) * scale;
        let first = (centre - support + 0.5).max(0.0) as usize;
        let last = ((centre + support + 0.5) as usize).min(from);
        let inside = |x: usize| {
            let at = (x as f64 - centre + 0.5) * (1.0 / wide);
            if at > -0.5 && at <= 0.5 { 1.0 } else { 0.0 }
        };
        let sum: f64 = (first..last).map(inside).sum();
        let whole = |w: f64| if sum == 0.0 { 0 } else { (0.5 + w / sum * f64::from(1 << PRECISION)) as i32 };
        Window { first, weights: (first..last).map(|x| whole(inside(x))).collect() }
    };
    (0..to).map(window).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_cut_not_rounded() {
        let sides = PIXELATE.cifar.map(|factor| (32.0 * factor) as usize);
        assert_eq!(sides, [30, 28, 27, 24, 20]);
    }

    #[test]
    fn halving_is_the_rounded_mean_of_four() {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        assert_eq!(resize(&[1, 3, 8, 8, 2, 4, 9, 9], [[2, 4], [1, 2]], 1, &mut a, &mut b), [3, 9]);
        assert_eq!(resize(&[5, 7], [[1, 2], [2, 4]], 1, &mut a, &mut b), [5, 5, 7, 7, 5, 5, 7, 7]);
    }
}
