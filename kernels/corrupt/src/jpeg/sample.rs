//! Colour to luma and chroma and back, at half the resolution in between.

use crate::ImageView;
use crate::room::{NoRoom, Room};

/// Sides of a plane in memory: multiples of 8.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plane {
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Plane {
    pub(super) fn len(self) -> usize {
        self.height * self.width
    }
}

const HALF: i32 = 1 << 15;

/// Fills `line` and repeats the last value.
pub(super) fn copy_extended(from: impl Iterator<Item = u8>, line: &mut [u8]) {
    let mut last = 0;
    let mut from = from.inspect(|&v| last = v);
    let n = line.iter_mut().zip(&mut from).map(|(to, v)| *to = v).count();
    line[n..].fill(last);
}

/// Factors of red, green and blue in blue's chroma, and in red's.
pub(super) const BLUE: [i32; 3] = [-11059, -21709, 32768];
pub(super) const RED: [i32; 3] = [32768, -27439, -5329];

/// Writes the luma plane, extended to whole blocks.
pub(super) fn luma(image: ImageView<'_>, size: Plane, y: &mut [u8]) {
    for (row, line) in y.chunks_exact_mut(size.width).enumerate() {
        let from = &image.data[row.min(image.height - 1) * image.stride()..][..image.stride()];
        let luma = from.as_chunks().0.iter().map(|p: &[u8; 3]| {
            let [r, g, b] = p.map(i32::from);
            ((19595 * r + 38470 * g + 7471 * b + HALF) >> 16) as u8
        });
        copy_extended(luma, line);
    }
}

/// Writes a chroma plane in the image's own size.
pub(super) fn chroma<'a>(image: ImageView<'_>, [r, g, b]: [i32; 3], out: &'a mut [i32]) -> &'a [i32] {
    // 128, and half a unit less than half, as libjpeg has it.
    let offset = (128 << 16) + HALF - 1;
    for (out, p) in out.iter_mut().zip(image.data.as_chunks::<3>().0) {
        let p = p.map(i32::from);
        *out = (r * p[0] + g * p[1] + b * p[2] + offset) >> 16;
    }
    out
}

/// Means of 2 × 2, rounded down and up in turn; edges are repeated.
pub(super) fn halve(full: &[i32], [height, width]: [usize; 2], chroma: Plane, out: &mut [u8]) {
    for (y, out) in out.chunks_exact_mut(chroma.width).enumerate() {
        // Behind the last pair of rows it is the half-size row that is repeated.
        let y = y.min(height.div_ceil(2) - 1);
        let row = |y: usize| &full[y.min(height - 1) * width..][..width];
        let (above, below) = (row(2 * y), row(2 * y + 1));
        for (x, out) in out.iter_mut().enumerate() {
            let (left, right) = ((2 * x).min(width - 1), (2 * x + 1).min(width - 1));
            let sum = above[left] + above[right] + below[left] + below[right];
            *out = ((sum + 1 + (x as i32 & 1)) >> 2) as u8;
        }
    }
}

/// The planes as an RGB image. Chroma between samples is a mean with weights of 3/4 and 1/4 each way.
pub(super) fn join(
    image: ImageView<'_>,
    [luma, cb, cr]: [&[u8]; 3],
    [luma_size, chroma_size]: [Plane; 2],
    mut room: Room<'_>,
    out: &mut [u8],
) -> Result<(), NoRoom> {
    let (height, width) = (image.height.div_ceil(2), image.width.div_ceil(2));
    let (blue, red) = (room.take(2 * width)?, room.take(2 * width)?);
    for (y, out) in out.chunks_exact_mut(image.stride()).enumerate() {
        let near = y / 2;
        let far = if y % 2 == 0 { near.saturating_sub(1) } else { (near + 1).min(height - 1) };
        let row = |plane: &'_ [u8], y: usize| -> [usize; 2] {
            let begin = y * chroma_size.width;
            [begin, (begin + width).min(plane.len())]
        };
        for (plane, line) in [(cb, &mut *blue), (cr, &mut *red)] {
            let ([a, b], [c, d]) = (row(plane, near), row(plane, far));
            widen(&plane[a..b], &plane[c..d], line);
        }
        let luma = &luma[y * luma_size.width..];
        for (((out, &l), &b), &r) in out.chunks_exact_mut(3).zip(luma).zip(&*blue).zip(&*red) {
            out.copy_from_slice(&rgb(l.into(), b - 128, r - 128));
        }
    }
    Ok(())
}

/// `h2v2_fancy_upsample`; planes of one or two columns are doubled instead.
fn widen(near: &[u8], far: &[u8], out: &mut [i32]) {
    let n = near.len();
    if n <= 2 {
        for (pair, &v) in out.chunks_exact_mut(2).zip(near) {
            pair.fill(v.into());
        }
        return;
    }
    let column = |x: usize| 3 * i32::from(near[x]) + i32::from(far[x]);
    let (mut last, mut this) = (column(0), column(0));
    for (x, pair) in out.chunks_exact_mut(2).enumerate() {
        let next = column((x + 1).min(n - 1));
        pair[0] = (3 * this + last + 8) >> 4;
        pair[1] = (3 * this + next + 7) >> 4;
        (last, this) = (this, next);
    }
}

#[inline(always)]
fn rgb(y: i32, cb: i32, cr: i32) -> [u8; 3] {
    let r = y + ((91881 * cr + HALF) >> 16);
    let g = y + ((-22554 * cb - 46802 * cr + HALF) >> 16);
    let b = y + ((116_130 * cb + HALF) >> 16);
    [r, g, b].map(|v| v.clamp(0, 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_has_no_chroma() {
        let image = ImageView::new(&[77; 12], 2, 2, 3).unwrap();
        let mut y = [0; 64];
        luma(image, Plane { height: 8, width: 8 }, &mut y);
        assert_eq!(y, [77; 64]);
        assert!([BLUE, RED].iter().all(|&factors| chroma(image, factors, &mut [0; 4]) == [128; 4]));
        assert_eq!(rgb(77, 0, 0), [77; 3]);
    }

    #[test]
    fn means_round_down_and_up_in_turn() {
        let mut out = [0; 64];
        halve(&[1, 0, 1, 0, 1, 0, 1, 0], [2, 4], Plane { height: 8, width: 8 }, &mut out);
        assert_eq!(out[..4], [0, 1, 0, 0]);
    }

    #[test]
    fn up_sampling_mixes_nine_three_three_one() {
        let mut out = [0; 6];
        widen(&[16, 32, 48], &[16, 32, 48], &mut out);
        assert_eq!(out, [16, 20, 28, 36, 44, 48]);
        widen(&[160, 0, 0], &[0, 0, 0], &mut out);
        assert_eq!(out, [120, 90, 30, 0, 0, 0]);
    }
}
