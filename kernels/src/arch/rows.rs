//! Walks a convolution's output line by line, keeping the ring of input lines of [`Window`] filled.

use core::ops::Range;

use crate::ops::conv::ConvShape;
use crate::ops::window::Window;
use crate::span::Number;

/// One line of output pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Index of the line in the ring that tap row 0 sees.
    pub slot: usize,
    /// Index of the first pixel in the batch.
    pub pixel: usize,
    /// How many pixels.
    pub count: usize,
}

/// Calls `body(ring, row)` for the output lines `rows`; `copy` brings input elements into the ring's form, `pad` stands for
/// those outside the image.
#[inline(always)]
pub(crate) fn for_each_row<A: Number, B: Number>(
    (s, window, rows): (&ConvShape, &Window, Range<usize>),
    input: &[A],
    (ring, pad): (&mut [B], B),
    copy: impl Fn(&[A], &mut [B]),
    mut body: impl FnMut(&[B], Row),
) {
    let line_len = window.line_len();
    if window.flat {
        for row in rows {
            let pixel = row * window.width;
            let count = window.width.min(window.pixels - pixel);
            let len = count * s.in_c;
            copy(&input[pixel * s.in_c..][..len], &mut ring[..len]);
            body(ring, Row { slot: 0, pixel, count });
        }
        return;
    }
    let image_len = s.in_h * s.in_w * s.in_c;
    let left = s.pad_left.min(window.columns);
    let middle = s.in_w.min(window.columns - left);
    // Lines are counted from the top of the padding; those below `fresh` are in the ring.
    let mut fresh = 0;
    for (i, row) in rows.enumerate() {
        let (image, y) = (&input[row / s.out_h * image_len..], row % s.out_h);
        let top = y * s.stride_h;
        if y == 0 || i == 0 {
            fresh = top;
        }
        for line in fresh.max(top)..top + window.lines {
            let target = &mut ring[line % window.lines * line_len..][..line_len];
            match line.checked_sub(s.pad_top).filter(|&r| r < s.in_h) {
                Some(r) => {
                    let (before, rest) = target.split_at_mut(left * s.in_c);
                    let (middle_part, after) = rest.split_at_mut(middle * s.in_c);
                    before.fill(pad);
                    copy(&image[r * s.in_w * s.in_c..][..middle * s.in_c], middle_part);
                    after.fill(pad);
                }
                None => target.fill(pad),
            }
        }
        fresh = top + window.lines;
        body(ring, Row { slot: top % window.lines, pixel: row * s.out_w, count: s.out_w });
    }
}
