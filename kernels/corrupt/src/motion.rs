//! ImageMagick's motion blur on 8-bit images.

use crate::job::Job;
use crate::params::Table;
use crate::room::{NoRoom, Room};

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
pub(crate) fn motion(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let (radius, sigma) = job.constants(&MOTION);
    let angle = job.rng.uniform(-45.0, 45.0);
    let (width, channels) = (job.image.width, job.image.channels);
    blur(job.image.data, [width, channels], Motion { radius, sigma, angle }, job.room.rest(), job.out)
}

/// Where values come from, and their weights.
struct Taps<'a> {
    /// Down and to the right.
    ways: &'a [[i32; 2]],
    weights: &'a [f64],
}

/// Half a Gaussian along the way, on whole pixels.
fn taps<'a>(motion: Motion, room: &mut Room<'a>) -> Result<Taps<'a>, NoRoom> {
    let width = 2 * libm::ceil(motion.radius) as usize + 1;
    let scale = -0.5 / (motion.sigma * motion.sigma);
    let weights = room.each(width, |i| libm::exp(scale * (i * i) as f64))?;
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    let radians = motion.angle * (core::f64::consts::PI / 180.0);
    let (sin, cos) = (libm::sin(radians), libm::cos(radians));
    let step = |i: usize, along: f64| libm::ceil(i as f64 * along - 0.5) as i32;
    // They fall, so that those that count come first.
    let used = weights.iter().take_while(|&&w| w > NEGLIGIBLE).count();
    let ways = room.each(used, |i| [step(i, sin), step(i, cos)])?;
    Ok(Taps { ways, weights: &weights[..used] })
}

/// Blurs rows of `width` pixels of `channels` values, the edge repeated, each value rounded to 8 bits.
pub(crate) fn blur(
    data: &[u8],
    [width, channels]: [usize; 2],
    motion: Motion,
    mut room: Room<'_>,
    out: &mut [u8],
) -> Result<(), NoRoom> {
    let stride = width * channels;
    let height = data.len() / stride;
    let taps = taps(motion, &mut room)?;
    let sums = room.take(stride)?;
    for (y, out) in out.chunks_exact_mut(stride).enumerate() {
        sums.fill(0.0);
        for (&[down, right], &weight) in taps.ways.iter().zip(taps.weights) {
            let from = (y as isize + down as isize).clamp(0, height as isize - 1) as usize;
            add_shifted(sums, &data[from * stride..][..stride], (right, weight), channels);
        }
        for (out, sum) in out.iter_mut().zip(&*sums) {
            *out = (sum + 0.5) as u8;
        }
    }
    Ok(())
}

/// `sums[x]` += weight · `row[x + shift]`
fn add_shifted(sums: &mut [f64], row: &[u8], (right, weight): (i32, f64), channels: usize) {
    let shift = (right.unsigned_abs() as usize * channels).min(row.len());
    let n = row.len() - shift;
    let mut add = |at: usize, from: &[u8]| {
        for (sum, &v) in sums[at..].iter_mut().zip(from) {
            *sum += weight * f64::from(v);
        }
    };
    if right >= 0 {
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
        let mut words = [0; 64];
        let taps = taps(Motion { radius: 6.0, sigma: 100.0, angle: 0.0 }, &mut Room::new(&mut words)).unwrap();
        assert_eq!((taps.ways.len(), taps.weights.len()), (13, 13));
        assert!(taps.ways.iter().enumerate().all(|(i, &way)| way == [0, i as i32]));
        assert!(taps.weights.windows(2).all(|w| w[0] > w[1]));
    }

    #[test]
    fn halves_round_up_to_the_centre() {
        // ceil(i · cos 60° − ½): 0, 0, 1, 1, 2, …
        let mut words = [0; 64];
        let taps = taps(Motion { radius: 2.0, sigma: 9.0, angle: 60.0 }, &mut Room::new(&mut words)).unwrap();
        assert_eq!(taps.ways, [[0, 0], [1, 1], [2, 1], [3, 2], [3, 2]]);
    }

    #[test]
    fn edges_are_repeated() {
        let (mut words, mut out) = ([0; 64], [0; 6]);
        let mut room = Room::new(&mut words);
        for angle in [0.0, 180.0, 90.0, -90.0] {
            blur(&[9, 9, 9, 9, 9, 9], [3, 1], Motion { radius: 8.0, sigma: 4.0, angle }, room.rest(), &mut out)
                .unwrap();
            assert_eq!(out, [9; 6]);
        }
        let motion = Motion { radius: 1.0, sigma: 1e9, angle: 0.0 };
        blur(&[0, 30, 60, 60, 0, 0], [6, 1], motion, room, &mut out).unwrap();
        assert_eq!(out, [30, 50, 40, 20, 0, 0]);
    }
}
