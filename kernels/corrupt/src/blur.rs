//! Blurs that know no direction: Gaussian, out of focus, frosted glass.

use crate::filter::{Border, Shape, gaussian_weights, separable};
use crate::job::{Job, store, unit};
use crate::params::Table;
use crate::room::{NoRoom, Room};

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
pub(crate) fn gaussian(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let weights = gaussian_weights(job.constants(&GAUSSIAN), TRUNCATE, &mut job.room)?;
    let values = unit(job.image, &mut job.room)?;
    separable(values, shape(job), weights, Border::Nearest, job.room.rest())?;
    store(values, job.out);
    Ok(())
}

/// A Gaussian; then, from the last pixel to the first, every pixel and one before it **both** become that other one (the
/// published swap assigns through views of one array); then the Gaussian again.
pub(crate) fn glass(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let (sigma, delta, iterations) = job.constants(&GLASS);
    let weights = gaussian_weights(sigma, TRUNCATE, &mut job.room)?;
    let shape = shape(job);
    let Shape { height, width, channels } = shape;
    let values = unit(job.image, &mut job.room)?;
    separable(values, shape, weights, Border::Nearest, job.room.rest())?;
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
    separable(values, shape, weights, Border::Nearest, job.room.rest())?;
    store(values, job.out);
    Ok(())
}

/// The weights of a kernel that are not 0.
struct Disc<'a> {
    weights: &'a [f64],
    /// Where each sits from the padded image's corner: row and column.
    places: &'a [[u32; 2]],
    /// How far they reach from the centre.
    reach: usize,
}

/// The mean over a disc with a softened edge; the image is mirrored at its border.
pub(crate) fn defocus(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let (radius, sigma) = job.constants(&DEFOCUS);
    let Disc { weights, places, reach } = disc(radius, sigma, &mut job.room)?;
    let Shape { height, width, channels } = shape(job);
    let stride = (width + 2 * reach) * channels;
    let values = unit(job.image, &mut job.room)?;
    let padded: &mut [f64] = job.room.take((height + 2 * reach) * stride)?;
    for (y, row) in padded.chunks_exact_mut(stride).enumerate() {
        let from = Border::Mirror.at(y as isize - reach as isize, height) * width;
        for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
            let from = from + Border::Mirror.at(x as isize - reach as isize, width);
            pixel.copy_from_slice(&values[from * channels..][..channels]);
        }
    }
    for (y, out) in values.chunks_exact_mut(width * channels).enumerate() {
        out.fill(0.0);
        for (&[down, right], weight) in places.iter().zip(weights) {
            let row = &padded[(y + down as usize) * stride + right as usize * channels..][..width * channels];
            for (out, x) in out.iter_mut().zip(row) {
                *out += x * weight;
            }
        }
    }
    store(values, job.out);
    Ok(())
}

/// The disc has ones at the pixels whose centres lie
/// within the radius; below a radius of 1 that is one pixel, and only the smoothing of 3 × 3 is left.
fn disc<'a>(radius: f64, sigma: f64, room: &mut Room<'a>) -> Result<Disc<'a>, NoRoom> {
    let (half, smooth) = if radius <= 8.0 { (8, 1) } else { (radius as isize, 2) };
    let side = 2 * half as usize + 1;
    let (weights, places) = (room.take(side * side)?, room.take(side * side)?);
    let mut room = room.rest();
    let square = |i: usize| (i as isize - half) * (i as isize - half);
    let inside = |i: usize| (square(i / side) + square(i % side)) as f64 <= radius * radius;
    let disc = room.each(side * side, |i| if inside(i) { 1.0f32 } else { 0.0 })?;
    let sum: f32 = disc.iter().sum();
    disc.iter_mut().for_each(|w| *w /= sum);
    let (line, n) = smoothing(smooth, sigma);
    let line = &line[..n];
    let at = |p: usize, k: usize| Border::Mirror.at((p + k) as isize - smooth, side);
    let rows = room.each(side * side, |i| {
        line.iter().enumerate().map(|(k, w)| w * disc[i / side * side + at(i % side, k)]).sum::<f32>()
    })?;
    for (i, to) in disc.iter_mut().enumerate() {
        *to = line.iter().enumerate().map(|(k, w)| w * rows[at(i / side, k) * side + i % side]).sum();
    }
    let far = |i: usize| (i / side).abs_diff(half as usize).max((i % side).abs_diff(half as usize));
    let used = || disc.iter().enumerate().filter(|&(_, &w)| w > 0.0);
    let reach = used().map(|(i, _)| far(i)).max().unwrap_or(0);
    let corner = half as usize - reach;
    let mut n = 0;
    for ((i, &w), (weight, place)) in used().zip(weights.iter_mut().zip(places.iter_mut())) {
        (*weight, *place) = (w.into(), [i / side - corner, i % side - corner].map(|at| at as u32));
        n += 1;
    }
    Ok(Disc { weights: &weights[..n], places: &places[..n], reach })
}

/// OpenCV's Gaussian of 2 · `radius` + 1 weights (at most 5), and their number.
fn smoothing(radius: isize, sigma: f64) -> ([f32; 5], usize) {
    let n = 2 * radius as usize + 1;
    let mut weights = [0.0; 5];
    for (i, weight) in (-radius..=radius).zip(&mut weights) {
        *weight = libm::exp(-0.5 / (sigma * sigma) * (i * i) as f64);
    }
    let sum: f64 = weights[..n].iter().sum();
    (weights.map(|w| (w * (1.0 / sum)) as f32), n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_discs_are_one_pixel_smoothed() {
        for (radius, sigma) in [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6)] {
            let mut words = [0; 2000];
            let disc = disc(radius, sigma, &mut Room::new(&mut words)).unwrap();
            assert_eq!((disc.weights.len(), disc.reach), (9, 1));
        }
    }

    /// A disc that fills its grid is mirrored while it is smoothed, as published, and weighs a little more than 1.
    #[test]
    fn discs_weigh_one() {
        for (radius, sigma) in DEFOCUS.cifar.into_iter().chain(DEFOCUS.imagenet) {
            let mut words = [0; 2000];
            let Disc { weights, reach, .. } = disc(radius, sigma, &mut Room::new(&mut words)).unwrap();
            let sum: f64 = weights.iter().sum();
            let full = radius == 8.0 || radius == 10.0;
            assert!(sum - 1.0 < if full { 0.03 } else { 1e-5 } && sum > 1.0 - 1e-5, "{radius}: {sum}");
            assert!(reach <= 10);
        }
    }
}
