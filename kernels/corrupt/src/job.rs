//! One image on its way through one corruption.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::ImageView;
use crate::frost::{Photograph, Synthetic};
use crate::params::{Constants, Severity, Table};
use crate::poisson::Poissons;
use crate::rng::Rng;

/// What a corruption is given, and where its result goes.
pub(crate) struct Job<'a> {
    pub(crate) image: ImageView<'a>,
    pub(crate) set: Constants,
    pub(crate) severity: Severity,
    pub(crate) rng: Rng,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) photographs: &'a [Photograph],
    /// As long as the image's data.
    pub(crate) out: &'a mut [u8],
}

impl Job<'_> {
    pub(crate) fn constants<T: Copy>(&self, table: &Table<T>) -> T {
        table.at(self.set, self.severity)
    }
}

/// Memory that is kept from image to image. What a buffer holds at the start of a job is arbitrary.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Real images.
    pub(crate) reals: [Vec<f64>; 3],
    /// A line or padded image for [`crate::filter`].
    pub(crate) line: Vec<f64>,
    pub(crate) singles: [Vec<f32>; 2],
    pub(crate) bytes: [Vec<u8>; 3],
    pub(crate) ints: [Vec<i32>; 2],
    /// By severity − 1.
    pub(crate) poissons: [Option<Box<Poissons>>; 5],
    pub(crate) synthetic: Synthetic,
}

/// `values` with `len` zeros.
pub(crate) fn clear<T: Copy + Default>(values: &mut Vec<T>, len: usize) -> &mut [T] {
    values.clear();
    values.resize(len, T::default());
    values
}

/// The image in 0 to 1.
pub(crate) fn unit<'a>(image: ImageView<'_>, into: &'a mut Vec<f64>) -> &'a mut [f64] {
    into.clear();
    into.extend(image.data.iter().map(|&v| f64::from(v) / 255.0));
    into
}

/// As [`unit`], in single precision: the quotient is taken in single precision too.
pub(crate) fn unit_f32<'a>(image: ImageView<'_>, into: &'a mut Vec<f32>) -> &'a mut [f32] {
    into.clear();
    into.extend(image.data.iter().map(|&v| f32::from(v) / 255.0));
    into
}

/// 0 to 1 as a byte: clipped, and cut, not rounded, as `np.uint8` does.
#[inline(always)]
pub(crate) fn byte(x: f64) -> u8 {
    (x.clamp(0.0, 1.0) * 255.0) as u8
}

/// As [`byte`], in single precision.
#[inline(always)]
pub(crate) fn byte_f32(x: f32) -> u8 {
    (x.clamp(0.0, 1.0) * 255.0) as u8
}

/// [`byte`] of every value.
pub(crate) fn store(values: &[f64], out: &mut [u8]) {
    for (out, &x) in out.iter_mut().zip(values) {
        *out = byte(x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_cut_and_clipped() {
        assert_eq!(byte(0.999 / 255.0), 0);
        assert_eq!(byte(254.99 / 255.0), 254);
        assert_eq!((byte(-1.0), byte(2.0)), (0, 255));
    }

    #[test]
    fn a_byte_survives_the_way_through_reals() {
        let all: Vec<u8> = (0..=255).collect();
        let image = ImageView::new(&all, 16, 16, 1).unwrap();
        let (mut reals, mut out) = (Vec::new(), [0; 256]);
        store(unit(image, &mut reals), &mut out);
        assert_eq!(&out[..], &all[..]);
    }
}
