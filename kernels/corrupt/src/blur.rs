//! Blurs that know no direction: Gaussian, out of focus, frosted glass.

use alloc::vec::Vec;

use crate::filter::{Border, Shape, gaussian_weights, separable};
use crate::job::{Job, clear, store, unit};
use crate::params::Table;

/// σ in pixels.
const GAUSSIAN: Table<f64> = Table { cifar: [0.4, 0.6, 0.7, 0.8, 1.0], imagenet: [1.0, 2.0, 3.0, 4.0, 6.0] };
/// Radius of the disc, and σ that smooths its edge.
const DEFOCUS: Table<(f64, f64)> = Table {
    cifar: [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1)],
    imagenet: [(3.0, 0.1), (4.0, 0.5), (6.0, 0.5), (8.0, 0.5), (10.0, 0.5)],
};
/// σ, greatest distance, iterations.
const GLASS: Table<(f64, usize, usize)> = Table {
    cifar: [(0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)],
    imagenet: [(0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2)],
};
/// Where scikit-image ends the filter, in σ.
const TRUNCATE: f64 = 4.0;

fn shape(job: &Job<'_>) -> Shape {
    Shape { height: job.image.height, width: job.image.width, channels: job.image.channels }
}

/// A Gaussian, the edge repeated.
pub(crate) fn gaussian(job: &mut Job<'_>) {
    let weights = gaussian_weights(job.constants(&GAUSSIAN), TRUNCATE);
    let shape = shape(job);
    let [values, other, _] = &mut job.scratch.reals;
    let values = unit(job.image, values);
    separable(values, shape, &weights, Border::Nearest, &mut job.scratch.line, other);
    store(values, job.out);
}

/// A Gaussian; then, from the last pixel to the first, every pixel and one before it **both** become that other one (the
/// published swap assigns through views of one array); then the Gaussian again.
pub(crate) fn glass(job: &mut Job<'_>) {
    let (sigma, delta, iterations) = job.constants(&GLASS);
    let weights = gaussian_weights(sigma, TRUNCATE);
    let shape = shape(job);
    let Shape { height, width, channels } = shape;
    let [values, other, _] = &mut job.scratch.reals;
    let line = &mut job.scratch.line;
    let values = unit(job.image, values);
    separable(values, shape, &weights, Border::Nearest, line, other);
    store(values, job.out);
    for _ in 0..iterations {
        for h in (delta + 1..=height.saturating_sub(delta)).rev() {
            for w in (delta + 1..=width.saturating_sub(delta)).rev() {
                // −δ … δ − 1 each.
                let word = job.rng.word();
                let step = |bits: u32| (((bits & 0xffff) * 2 * delta as u32) >> 16) as usize;
                let (from_h, from_w) = (h + step(word >> 16) - delta, w + step(word) - delta);
                let from = (from_h * width + from_w) * channels;
                job.out.copy_within(from..from + channels, (h * width + w) * channels);
            }
        }
    }
    for (value, &v) in values.iter_mut().zip(&*job.out) {
        *value = f64::from(v) / 255.0;
    }
    separable(values, shape, &weights, Border::Nearest, line, other);
    store(values, job.out);
}

/// One weight of a kernel, and where it sits from the padded image's corner.
struct Tap {
    y: usize,
    x: usize,
    weight: f64,
}

/// The mean over a disc with a softened edge; the image is mirrored at its border.
pub(crate) fn defocus(job: &mut Job<'_>) {
    let (radius, sigma) = job.constants(&DEFOCUS);
    let (taps, reach) = disc(radius, sigma);
    let Shape { height, width, channels } = shape(job);
    let stride = (width + 2 * reach) * channels;
    let [values, padded, _] = &mut job.scratch.reals;
    let values = unit(job.image, values);
    let padded = clear(padded, (height + 2 * reach) * stride);
    for (y, row) in padded.chunks_exact_mut(stride).enumerate() {
        let from = Border::Mirror.at(y as isize - reach as isize, height) * width;
        for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
            let from = from + Border::Mirror.at(x as isize - reach as isize, width);
            pixel.copy_from_slice(&values[from * channels..][..channels]);
        }
    }
    for (y, out) in values.chunks_exact_mut(width * channels).enumerate() {
        out.fill(0.0);
        for tap in &taps {
            let row = &padded[(y + tap.y) * stride + tap.x * channels..][..width * channels];
            for (out, x) in out.iter_mut().zip(row) {
                *out += x * tap.weight;
            }
        }
    }
    store(values, job.out);
}

/// The weights that are not 0, and how far they reach from the centre. The disc has ones at the pixels whose centres lie
/// within the radius; below a radius of 1 that is one pixel, and only the smoothing of 3 × 3 is left.
fn disc(radius: f64, sigma: f64) -> (Vec<Tap>, usize) {
    let (half, smooth) = if radius <= 8.0 { (8, 1) } else { (radius as isize, 2) };
    let side = 2 * half as usize + 1;
    let mut disc = Vec::with_capacity(side * side);
    for y in -half..=half {
        disc.extend((-half..=half).map(|x| if (x * x + y * y) as f64 <= radius * radius { 1.0f32 } else { 0.0 }));
    }
    let sum: f32 = disc.iter().sum();
    disc.iter_mut().for_each(|w| *w /= sum);
    let line = smoothing(smooth, sigma);
    let at = |p: usize, k: usize| Border::Mirror.at((p + k) as isize - smooth, side);
    let rows: Vec<f32> = (0..side * side)
        .map(|i| line.iter().enumerate().map(|(k, w)| w * disc[i / side * side + at(i % side, k)]).sum())
        .collect();
    let weights = (0..side * side)
        .map(|i| line.iter().enumerate().map(|(k, w)| w * rows[at(i / side, k) * side + i % side]).sum::<f32>());
    let weights: Vec<f32> = weights.collect();
    let far = |i: usize| (i / side).abs_diff(half as usize).max((i % side).abs_diff(half as usize));
    let used = || weights.iter().enumerate().filter(|&(_, &w)| w > 0.0);
    let reach = used().map(|(i, _)| far(i)).max().unwrap_or(0);
    let corner = half as usize - reach;
    let taps = used().map(|(i, &w)| Tap { y: i / side - corner, x: i % side - corner, weight: w.into() });
    (taps.collect(), reach)
}

/// OpenCV's Gaussian of 2 · `radius` + 1 weights.
fn smoothing(radius: isize, sigma: f64) -> Vec<f32> {
    let weights: Vec<f64> = (-radius..=radius).map(|i| libm::exp(-0.5 / (sigma * sigma) * (i * i) as f64)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| (w * (1.0 / sum)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_discs_are_one_pixel_smoothed() {
        for (radius, sigma) in [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6)] {
            let (taps, reach) = disc(radius, sigma);
            assert_eq!((taps.len(), reach), (9, 1));
        }
    }

    /// A disc that fills its grid is mirrored while it is smoothed, as published, and weighs a little more than 1.
    #[test]
    fn discs_weigh_one() {
        for (radius, sigma) in DEFOCUS.cifar.into_iter().chain(DEFOCUS.imagenet) {
            let (taps, reach) = disc(radius, sigma);
            let sum: f64 = taps.iter().map(|t| t.weight).sum();
            let full = radius == 8.0 || radius == 10.0;
            assert!(sum - 1.0 < if full { 0.03 } else { 1e-5 } && sum > 1.0 - 1e-5, "{radius}: {sum}");
            assert!(reach <= 10);
        }
    }
}
