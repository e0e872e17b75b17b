//! One image on its way through one corruption.

use crate::ImageView;
use crate::params::{Constants, Severity, Table};
use crate::photograph::Photograph;
use crate::rng::Rng;
use crate::room::{NoRoom, Room};

/// What a corruption is given, and where its result goes.
pub(crate) struct Job<'a> {
    pub(crate) image: ImageView<'a>,
    pub(crate) set: Constants,
    pub(crate) severity: Severity,
    pub(crate) rng: Rng,
    /// Memory to work in.
    pub(crate) room: Room<'a>,
    /// What is kept from image to image, where anything is.
    #[cfg(feature = "alloc")]
    pub(crate) kept: Option<&'a mut crate::kept::Kept>,
    pub(crate) photographs: &'a [Photograph],
    /// As long as the image's data.
    pub(crate) out: &'a mut [u8],
}

impl Job<'_> {
    pub(crate) fn constants<T: Copy>(&self, table: &Table<T>) -> T {
        table.at(self.set, self.severity)
    }
}

/// The image in 0 to 1.
pub(crate) fn unit<'a>(image: ImageView<'_>, room: &mut Room<'a>) -> Result<&'a mut [f64], NoRoom> {
    room.each(image.data.len(), |i| f64::from(image.data[i]) / 255.0)
}

/// As [`unit`], in single precision: the quotient is taken in single precision too.
pub(crate) fn unit_f32<'a>(image: ImageView<'_>, room: &mut Room<'a>) -> Result<&'a mut [f32], NoRoom> {
    room.each(image.data.len(), |i| f32::from(image.data[i]) / 255.0)
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
        let all: [u8; 256] = core::array::from_fn(|i| i as u8);
        let image = ImageView::new(&all, 16, 16, 1).unwrap();
        let (mut words, mut out) = ([0; 256], [0; 256]);
        store(unit(image, &mut Room::new(&mut words)).unwrap(), &mut out);
        assert_eq!(out, all);
    }
}
