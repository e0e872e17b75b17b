//! Fog: a plasma fractal by the diamond-square rule.

use crate::job::{Job, byte};
use crate::params::Table;
use crate::rng::Rng;
use crate::room::NoRoom;

/// Amount, decay of the amplitude from level to level.
const FOG: Table<(f64, f64)> = Table {
    cifar: [(0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75)],
    imagenet: [(1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4)],
};

/// (x + amount · plasma) · max / (max + amount), with the largest value of the clean image.
pub(crate) fn fog(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let (amount, decay) = job.constants(&FOG);
    let image = job.image;
    let size = image.height.max(image.width).next_power_of_two();
    let map = job.room.zeros(size * size)?;
    plasma(map, size, decay, &mut job.rng);
    let largest = f64::from(image.data.iter().copied().max().unwrap_or(0)) / 255.0;
    let rows = job.out.chunks_exact_mut(image.stride()).zip(image.data.chunks_exact(image.stride()));
    for ((out, row), fog) in rows.zip(map.chunks_exact(size)) {
        let pixels = out.chunks_exact_mut(image.channels).zip(row.chunks_exact(image.channels));
        for ((out, pixel), &fog) in pixels.zip(fog) {
            for (out, &v) in out.iter_mut().zip(pixel) {
                *out = byte((f64::from(v) / 255.0 + amount * fog) * largest / (largest + amount));
            }
        }
    }
    Ok(())
}

/// A map of `size` × `size` (a power of two) zeros becomes one in 0 to 1, on a torus. The amplitude is the square of what decays, as published.
fn plasma(map: &mut [f64], size: usize, decay: f64, rng: &mut Rng) {
    let mut wibble = 100.0;
    let mut step = size;
    while step >= 2 {
        let half = step / 2;
        let at = |y: usize, x: usize| (y & (size - 1)) * size + (x & (size - 1));
        let mut mean = |sum: f64| sum / 4.0 + wibble * rng.uniform(-wibble, wibble);
        for y in (0..size).step_by(step) {
            for x in (0..size).step_by(step) {
                let sum = (map[at(y, x)] + map[at(y + step, x)]) + (map[at(y, x + step)] + map[at(y + step, x + step)]);
                map[at(y + half, x + half)] = mean(sum);
            }
        }
        // The middles of horizontal edges, then of vertical ones.
        for (dy, dx) in [(0, half), (half, 0)] {
            for y in (dy..size).step_by(step) {
                for x in (dx..size).step_by(step) {
                    let along = map[at(y, x + half)] + map[at(y, x + size - half)];
                    map[at(y, x)] = mean(along + (map[at(y + half, x)] + map[at(y + size - half, x)]));
                }
            }
        }
        step = half;
        wibble /= decay;
    }
    let least = map.iter().copied().fold(f64::INFINITY, f64::min);
    map.iter_mut().for_each(|v| *v -= least);
    let largest = map.iter().copied().fold(0.0, f64::max);
    if largest > 0.0 {
        map.iter_mut().for_each(|v| *v /= largest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plasma_fills_zero_to_one() {
        for size in [1, 2, 32, 64] {
            let mut all = [0.0; 64 * 64];
            let map = &mut all[..size * size];
            plasma(map, size, 2.0, &mut Rng::new(1, 2, 3));
            assert_eq!(map.iter().copied().fold(1.0, f64::min), 0.0);
            assert!(size == 1 || map.iter().copied().fold(0.0, f64::max) == 1.0);
        }
    }

    /// Neighbours differ least where the amplitude decays fastest.
    #[test]
    fn decay_smooths() {
        let roughness = |decay| {
            let mut map = [0.0; 64 * 64];
            plasma(&mut map, 64, decay, &mut Rng::new(1, 2, 3));
            map.windows(2).map(|w| (w[0] - w[1]).abs()).sum::<f64>()
        };
        assert!(roughness(3.0) < roughness(2.0) && roughness(2.0) < roughness(1.4));
    }
}
