//! Walks a convolution's output band by band, keeping the scratch space of its [`Window`] filled.

use crate::ops::conv::ConvShape;
use crate::ops::window::{Form, Window};
use crate::span::Number;

/// Some lines of output pixels whose inputs are in scratch space.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Band {
    /// Line of the ring that tap row 0 of the first line sees.
    pub slot: usize,
    /// Index of the first pixel in the batch.
    pub pixel: usize,
    /// Pixels per line.
    pub count: usize,
    /// Lines.
    pub rows: usize,
}

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

impl Band {
    /// Its lines from top to bottom.
    #[inline(always)]
    pub(crate) fn rows(self, s: &ConvShape, window: &Window) -> impl Iterator<Item = Row> {
        let (mut slot, step, lines) = (self.slot, s.stride_h % window.lines, window.lines);
        (0..self.rows).map(move |i| {
            let row = Row { slot, pixel: self.pixel + i * self.count, count: self.count };
            slot += step;
            if slot >= lines {
                slot -= lines;
            }
            row
        })
    }
}

/// Calls `body(ring, band)` for all of the output; `copy` brings input elements into the ring's form, `pad` stands for those
/// outside the image.
#[inline(always)]
pub(crate) fn for_each_band<A: Number, B: Number>(
    (s, window): (&ConvShape, &Window),
    input: &[A],
    (ring, pad): (&mut [B], B),
    copy: impl Fn(&[A], &mut [B]),
    mut body: impl FnMut(&[B], Band),
) {
    match window.form {
        Form::Lines => bands_of_lines((s, window), input, (ring, pad), copy, body),
        Form::Flat | Form::Gathered => {
            for row in 0..window.rows {
                let pixel = row * window.width;
                let count = window.width.min(window.pixels - pixel);
                if window.form == Form::Flat {
                    let len = count * s.in_c;
                    copy(&input[pixel * s.in_c..][..len], &mut ring[..len]);
                } else {
                    let taps = ring.chunks_exact_mut(window.channels).take(count);
                    taps.enumerate().for_each(|(i, taps)| gather(s, input, pixel + i, (taps, pad), &copy));
                }
                body(ring, Band { slot: 0, pixel, count, rows: 1 });
            }
        }
    }
}

/// [`for_each_band`], line by line.
#[inline(always)]
pub(crate) fn for_each_row<A: Number, B: Number>(
    (s, window): (&ConvShape, &Window),
    input: &[A],
    ring: (&mut [B], B),
    copy: impl Fn(&[A], &mut [B]),
    mut body: impl FnMut(&[B], Row),
) {
    for_each_band((s, window), input, ring, copy, |ring, band| {
        for row in band.rows(s, window) {
            body(ring, row);
        }
    });
}

/// [`Form::Lines`].
#[inline(always)]
fn bands_of_lines<A: Number, B: Number>(
    (s, window): (&ConvShape, &Window),
    input: &[A],
    (ring, pad): (&mut [B], B),
    copy: impl Fn(&[A], &mut [B]),
    mut body: impl FnMut(&[B], Band),
) {
    let (line_len, image_len, held) = (window.line_len(), s.in_h * s.in_w * s.in_c, window.channels);
    let left = s.pad_left.min(window.columns);
    let middle = s.in_w.min(window.columns - left);
    for image in 0..s.batch {
        let input = &input[image * image_len..][..image_len];
        // The padding columns stay as they are while lines come and go.
        for line in ring[..window.lines * line_len].chunks_exact_mut(line_len) {
            line[..left * held].fill(pad);
            line[(left + middle) * held..].fill(pad);
        }
        // Lines are counted from the top of the padding; those below `fresh` are in the ring.
        let mut fresh = 0;
        for y in (0..s.out_h).step_by(window.band) {
            let rows = window.band.min(s.out_h - y);
            let top = y * s.stride_h;
            let end = top + (rows - 1) * s.stride_h + (s.k_h - 1) * s.dilation_h + 1;
            for line in fresh.max(top)..end {
                let target = &mut ring[line % window.lines * line_len + left * held..][..middle * held];
                match line.checked_sub(s.pad_top).filter(|&r| r < s.in_h) {
                    Some(r) => copy(&input[r * s.in_w * s.in_c..][..middle * s.in_c], target),
                    None => target.fill(pad),
                }
            }
            fresh = end;
            let pixel = (image * s.out_h + y) * s.out_w;
            body(ring, Band { slot: top % window.lines, pixel, count: s.out_w, rows });
        }
    }
}

/// The taps of output pixel `pixel` of the batch, kernel row after kernel row.
#[inline(always)]
fn gather<A: Number, B: Number>(
    s: &ConvShape,
    input: &[A],
    pixel: usize,
    (taps, pad): (&mut [B], B),
    copy: &impl Fn(&[A], &mut [B]),
) {
    let (line, x) = (pixel / s.out_w, pixel % s.out_w);
    let (image, y) = (line / s.out_h, line % s.out_h);
    let columns = (x * s.stride_w)..(x * s.stride_w + s.k_w);
    // Columns of the image among those, counted from the left of the padding.
    let (first, end) =
        (columns.start.max(s.pad_left).min(columns.end), columns.end.min(s.pad_left + s.in_w).max(columns.start));
    let row_len = taps.len() / s.k_h;
    for (ky, row) in taps.chunks_exact_mut(row_len).enumerate() {
        let r = (y * s.stride_h + ky * s.dilation_h).checked_sub(s.pad_top).filter(|&r| r < s.in_h);
        let Some(r) = r.filter(|_| first < end) else {
            row.fill(pad);
            continue;
        };
        let (before, rest) = row.split_at_mut((first - columns.start) * s.in_c);
        let (middle, after) = rest.split_at_mut((end - first) * s.in_c);
        before.fill(pad);
        let at = ((image * s.in_h + r) * s.in_w + first - s.pad_left) * s.in_c;
        copy(&input[at..][..middle.len()], middle);
        after.fill(pad);
    }
}
