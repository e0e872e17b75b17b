//! Pillow's BOX resize, down and up again, in its integers.

use crate::job::Job;
use crate::params::Table;
use crate::room::{NoRoom, Room};

/// Factor of the sides.
const PIXELATE: Table<f64> = Table { cifar: [0.95, 0.9, 0.85, 0.75, 0.65], imagenet: [0.6, 0.5, 0.4, 0.3, 0.25] };
const PRECISION: u32 = 22;

/// The image made smaller by means of boxes, and large again the same way.
pub(crate) fn pixelate(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let factor = job.constants(&PIXELATE);
    let (height, width, channels) = (job.image.height, job.image.width, job.image.channels);
    let less = |side: usize| ((side as f64 * factor) as usize).max(1);
    let size = [height, width];
    let [small_height, small_width] = size.map(less);
    let small = job.room.take(small_height * small_width * channels)?;
    resize(job.image.data, [size, size.map(less)], channels, job.room.rest(), small)?;
    resize(small, [size.map(less), size], channels, job.room.rest(), job.out)
}

/// Rows first, then columns, rounded to 8 bits after each.
fn resize(
    data: &[u8],
    [[height, width], [new_height, new_width]]: [[usize; 2]; 2],
    channels: usize,
    mut room: Room<'_>,
    out: &mut [u8],
) -> Result<(), NoRoom> {
    let wide: &mut [u8] = room.take(height * new_width * channels)?;
    let boxes = Windows::new(width, new_width, &mut room)?;
    for (out, row) in wide.chunks_exact_mut(new_width * channels).zip(data.chunks_exact(width * channels)) {
        for (out, window) in out.chunks_exact_mut(channels).zip(boxes.iter()) {
            for (channel, out) in out.iter_mut().enumerate() {
                *out = window.sum(|at| row[at * channels + channel]);
            }
        }
    }
    let stride = new_width * channels;
    let boxes = Windows::new(height, new_height, &mut room)?;
    for (out, window) in out.chunks_exact_mut(stride).zip(boxes.iter()) {
        for (i, out) in out.iter_mut().enumerate() {
            *out = window.sum(|at| wide[at * stride + i]);
        }
    }
    Ok(())
}

/// The places that make one new place.
struct Window<'a> {
    first: usize,
    weights: &'a [i32],
}

impl Window<'_> {
    fn sum(&self, value: impl Fn(usize) -> u8) -> u8 {
        let half = 1 << (PRECISION - 1);
        let sum = self.weights.iter().enumerate().fold(half, |sum, (i, w)| sum + w * i32::from(value(self.first + i)));
        (sum >> PRECISION).clamp(0, 255) as u8
    }
}

/// A [`Window`] for every new place.
struct Windows<'a> {
    /// First place of each, and how many there are.
    places: &'a [[u32; 2]],
    /// So many weights for each, as many of them as there are places.
    stride: usize,
    weights: &'a [i32],
}

impl<'a> Windows<'a> {
    /// Pillow's `precompute_coeffs` for the box filter.
    fn new(from: usize, to: usize, room: &mut Room<'a>) -> Result<Self, NoRoom> {
        let scale = from as f64 / to as f64;
        let wide = scale.max(1.0);
        let (support, stride) = (0.5 * wide, wide as usize + 3);
        let (places, weights) = (room.take(to)?, room.take::<i32>(to * stride)?);
        let both = places.iter_mut().zip(weights.chunks_exact_mut(stride));
        for (i, (place, weights)) in both.enumerate() {
            let centre = (i as f64 + 0.5) * scale;
            let first = (centre - support + 0.5).max(0.0) as usize;
            let last = ((centre + support + 0.5) as usize).min(from);
            let inside = |x: usize| {
                let at = (x as f64 - centre + 0.5) * (1.0 / wide);
                if at > -0.5 && at <= 0.5 { 1.0 } else { 0.0 }
            };
            let sum: f64 = (first..last).map(inside).sum();
            let whole = |w: f64| if sum == 0.0 { 0 } else { (0.5 + w / sum * f64::from(1 << PRECISION)) as i32 };
            *place = [first as u32, (last - first) as u32];
            weights.iter_mut().zip(first..last).for_each(|(weight, x)| *weight = whole(inside(x)));
        }
        Ok(Self { places, stride, weights })
    }

    fn iter(&self) -> impl Iterator<Item = Window<'a>> {
        let all = self.places.iter().zip(self.weights.chunks_exact(self.stride));
        all.map(|(&[first, n], weights)| Window { first: first as usize, weights: &weights[..n as usize] })
    }
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
        let (mut words, mut two, mut eight) = ([0; 64], [0; 2], [0; 8]);
        let mut room = Room::new(&mut words);
        resize(&[1, 3, 8, 8, 2, 4, 9, 9], [[2, 4], [1, 2]], 1, room.rest(), &mut two).unwrap();
        assert_eq!(two, [3, 9]);
        resize(&[5, 7], [[1, 2], [2, 4]], 1, room.rest(), &mut eight).unwrap();
        assert_eq!(eight, [5, 5, 7, 7, 5, 5, 7, 7]);
    }
}
