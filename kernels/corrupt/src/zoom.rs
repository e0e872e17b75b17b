//! Zooming as SciPy's spline of order 1 does it, and the blur of a zooming camera.

use crate::job::{Job, byte_f32, unit_f32};
use crate::params::Table;
use crate::room::{NoRoom, Room};

/// Number of factors, and their step from 1.
const ZOOM: Table<(usize, f64)> = Table {
    cifar: [(7, 0.01), (12, 0.01), (16, 0.01), (21, 0.01), (26, 0.01)],
    imagenet: [(12, 0.01), (16, 0.01), (11, 0.02), (13, 0.02), (11, 0.03)],
};

/// The mean of the image and of all its zooms; the first factor is 1, so that the image itself counts twice.
pub(crate) fn zoom(job: &mut Job<'_>) -> Result<(), NoRoom> {
    let (count, step) = job.constants(&ZOOM);
    let (height, width, channels) = (job.image.height, job.image.width, job.image.channels);
    // NumPy's `arange` steps by the difference of its first two numbers.
    let step = (1.0 + step) - 1.0;
    let values = unit_f32(job.image, &mut job.room)?;
    let sums = job.room.zeros(values.len())?;
    let line = job.room.take(width * channels)?;
    for i in 0..count {
        let factor = 1.0 + i as f64 * step;
        let mut room = job.room.rest();
        let (rows, columns) = (axis(height, factor, &mut room)?, axis(width, factor, &mut room)?);
        for (sums, place) in sums.chunks_exact_mut(width * channels).zip(rows.iter()) {
            mix(values, width * channels, place, line);
            let add = |sum: &mut f32, x: f64| *sum += x as f32;
            match channels {
                1 => stretch::<1>(line, &columns, sums, add),
                _ => stretch::<3>(line, &columns, sums, add),
            }
        }
    }
    let n = (count + 1) as f32;
    for ((out, &x), &sum) in job.out.iter_mut().zip(&*values).zip(&*sums) {
        *out = byte_f32((x + sum) / n);
    }
    Ok(())
}

/// Where one row or column of a zoomed image comes from: place `at` and the next one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    at: usize,
    next: usize,
    weights: [f64; 2],
}

/// A [`Place`] for every row or column.
pub(crate) struct Axis<'a> {
    /// `at` and `next`.
    places: &'a [[u32; 2]],
    weights: &'a [[f64; 2]],
}

impl Axis<'_> {
    #[inline(always)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = Place> {
        let both = self.places.iter().zip(self.weights);
        both.map(|(&[at, next], &weights)| Place { at: at as usize, next: next as usize, weights })
    }
}

/// The middle of a line of `n` places, zoomed by `factor` ≥ 1 and cut to `n` again: corners are aligned, and a place that
/// rounding puts behind the last one is 0.
pub(crate) fn axis<'a>(n: usize, factor: f64, room: &mut Room<'a>) -> Result<Axis<'a>, NoRoom> {
    let crop = (libm::ceil(n as f64 / factor) as usize).clamp(1, n);
    let top = (n - crop) / 2;
    let zoomed = (libm::rint(crop as f64 * factor) as usize).max(n);
    let step = if zoomed > 1 { (crop - 1) as f64 / (zoomed - 1) as f64 } else { 1.0 };
    let trim = (zoomed - n) / 2;
    let place = |i: usize| {
        let x = (trim + i) as f64 * step;
        let at = x as usize;
        if x > (crop - 1) as f64 {
            return Place { at: top, next: top, weights: [0.0; 2] };
        }
        let part = x - at as f64;
        Place { at: top + at, next: top + (at + 1).min(crop - 1), weights: [1.0 - part, part] }
    };
    let (places, weights) = (room.take(n)?, room.take(n)?);
    for (i, (to, weights)) in places.iter_mut().zip(weights.iter_mut()).enumerate() {
        let place = place(i);
        (*to, *weights) = ([place.at as u32, place.next as u32], place.weights);
    }
    Ok(Axis { places, weights })
}

/// One row between two rows of `stride` values.
pub(crate) fn mix<T: Copy + Into<f64>>(values: &[T], stride: usize, place: Place, line: &mut [f64]) {
    let (above, below) = (&values[place.at * stride..][..stride], &values[place.next * stride..][..stride]);
    let [a, b] = place.weights;
    for ((line, &above), &below) in line.iter_mut().zip(above).zip(below) {
        *line = above.into() * a + below.into() * b;
    }
}

/// Hands every value of a stretched row of single values to `put`.
pub(crate) fn each(line: &[f64], columns: &Axis<'_>, mut put: impl FnMut(f64)) {
    for place in columns.iter() {
        put(line[place.at] * place.weights[0] + line[place.next] * place.weights[1]);
    }
}

/// Hands every value of a stretched row to `put`, with the place in `out` that it belongs to.
fn stretch<const CHANNELS: usize>(line: &[f64], columns: &Axis<'_>, out: &mut [f32], put: impl Fn(&mut f32, f64)) {
    let (pixels, _) = line.as_chunks::<CHANNELS>();
    let (out, _) = out.as_chunks_mut::<CHANNELS>();
    for (out, place) in out.iter_mut().zip(columns.iter()) {
        let (left, right) = (&pixels[place.at], &pixels[place.next]);
        let [a, b] = place.weights;
        for channel in 0..CHANNELS {
            put(&mut out[channel], left[channel] * a + right[channel] * b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The counts that NumPy's `arange` really gives, by its rule ⌈(stop − start) / step⌉.
    #[test]
    fn counts_are_those_of_arange() {
        let count = |stop: f64, step: f64| libm::ceil((stop - 1.0) / step) as usize;
        let cifar = [1.06, 1.11, 1.16, 1.21, 1.26].map(|stop| count(stop, 0.01));
        assert_eq!(cifar, ZOOM.cifar.map(|(n, _)| n));
        let imagenet = [(1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)];
        assert_eq!(imagenet.map(|(stop, step)| count(stop, step)), ZOOM.imagenet.map(|(n, _)| n));
    }

    #[test]
    fn factor_one_is_the_line_itself() {
        let mut words = [0; 96];
        let axis = axis(32, 1.0, &mut Room::new(&mut words)).unwrap();
        assert!(axis.iter().enumerate().all(|(i, p)| p.at == i && p.weights == [1.0, 0.0]));
    }

    #[test]
    fn corners_are_aligned() {
        // 32 / 1.25 → 26 of 32 from 3 on; 26 · 1.25 = 32.5 → 32.
        let mut words = [0; 210];
        let mut room = Room::new(&mut words);
        let Axis { places, weights } = axis(32, 1.25, &mut room.rest()).unwrap();
        assert_eq!((places[0][0], weights[0]), (3, [1.0, 0.0]));
        assert_eq!(places[31].iter().max(), Some(&28));
        for n in 1..70 {
            assert!(axis(n, 1.21, &mut room.rest()).unwrap().iter().all(|p| p.at < n && p.next < n));
        }
    }
}
