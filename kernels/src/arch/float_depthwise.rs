//! float32 depthwise convolution for every instruction set: what differs is a [`Vector`].
//!
//! Lanes are channels. Of a strip of rows, one vector of channels is made after the other, over the image where it lies: what it
//! reads stays in the first-level cache from row to row.

use crate::arch::float::Vector;
use crate::arch::scalar;
use crate::ops::conv::ConvShape;
use crate::ops::conv_f32::DataF32;
use crate::ops::depthwise_f32::DepthwiseF32;
use crate::span::view_mut;

/// Aimed-at bytes of input under a strip.
const STRIP: usize = 256 * 1024;
/// Kernel rows at most.
const ROWS: usize = 32;

/// One row of outputs, one vector of channels.
pub(crate) struct Line<'a> {
    step: &'a DepthwiseF32,
    /// What each kernel row sees.
    lines: &'a [&'a [f32]],
    /// A line of zeros.
    outside: &'a [f32],
    weights: &'a [f32],
    bias: &'a [f32],
    channel: usize,
    /// [`inside`].
    inside: (usize, usize),
}

/// The pixels all of whose columns are inside of the image.
fn inside(s: &ConvShape) -> (usize, usize) {
    let reach = (s.k_w - 1) * s.dilation_w + 1;
    let end = (s.in_w + s.pad_left).checked_sub(reach).map_or(0, |last| last / s.stride_w + 1).min(s.out_w);
    (s.pad_left.div_ceil(s.stride_w).min(end), end)
}

impl Line<'_> {
    /// That there is all that is read without a check.
    #[inline(always)]
    fn check(&self, lanes: usize) {
        let s = &self.step.shape;
        assert!(self.lines.len() == s.k_h && self.lines.iter().all(|line| line.len() == self.outside.len()));
        assert!(self.outside.len() == s.in_w * s.in_c && (self.channel == 0 || self.channel + lanes <= s.in_c));
        assert!(self.weights.len() == s.k_h * s.k_w * s.out_c.next_multiple_of(64));
    }

    /// Accumulators of `P` pixels from `x` on, of channels that fill a vector (`FULL`) or of all channels. At an `EDGE`, columns
    /// may be outside of the image. `K` is the side of the kernel whose `weights` these are, column by column, or 0.
    ///
    /// # Safety
    /// The CPU has the features that `V` needs; [`Line::check`] was called; unless at an edge, all columns are in the image.
    #[inline(always)]
    unsafe fn tile<V: Vector, const P: usize, const K: usize, const FULL: bool, const EDGE: bool>(
        &self,
        (bias, weights): (V, &[[V; K]; K]),
        x: usize,
    ) -> [V; P] {
        let s = &self.step.shape;
        let (row_len, pitch) = (s.out_c.next_multiple_of(64), s.stride_w * s.in_c);
        let (k_h, k_w) = if K > 0 { (K, K) } else { (s.k_h, s.k_w) };
        let mut acc = [bias; P];
        // `weights` has nothing where `K` is 0.
        #[allow(clippy::needless_range_loop)]
        for kx in 0..k_w {
            let column = (x * s.stride_w + kx * s.dilation_w).wrapping_sub(s.pad_left);
            let is_outside = EDGE && column >= s.in_w;
            let first = if is_outside { 0 } else { column * s.in_c } + self.channel;
            #[allow(clippy::needless_range_loop)]
            for ky in 0..k_h {
                let line = if is_outside { self.outside } else { self.lines[ky] };
                // SAFETY: `Line::check` and the caller vouch for it: the columns of these pixels are in the line, and so are
                // the channels in each; the caller vouches for the CPU.
                unsafe {
                    let w = if K > 0 {
                        weights[kx][ky]
                    } else {
                        V::load(self.weights.as_ptr().add((ky * k_w + kx) * row_len + self.channel))
                    };
                    for (p, acc) in acc.iter_mut().enumerate() {
                        let at = line.as_ptr().add(first + p * pitch);
                        *acc = acc.fma(if FULL { V::load(at) } else { V::load_first(at, s.in_c) }, w);
                    }
                }
            }
        }
        acc
    }

    /// Makes and writes `P` pixels.
    ///
    /// # Safety
    /// As [`Line::tile`].
    #[inline(always)]
    unsafe fn make<V: Vector, const P: usize, const K: usize, const FULL: bool, const EDGE: bool>(
        &self,
        constants: (V, &[[V; K]; K]),
        x: &mut usize,
        output: &mut [f32],
    ) {
        let channels = self.step.shape.out_c;
        let valid = if FULL { V::LANES } else { channels };
        let to = &mut output[*x * channels + self.channel..][..(P - 1) * channels + valid];
        // SAFETY: the slice has `valid` elements of each pixel; the caller vouches for the CPU.
        unsafe {
            let (lo, hi) = (V::splat(self.step.lo), V::splat(self.step.hi));
            let acc = self.tile::<V, P, K, FULL, EDGE>(constants, *x);
            for (p, acc) in acc.into_iter().enumerate() {
                acc.clamp(lo, hi).store_first(to.as_mut_ptr().add(p * channels), valid);
            }
        }
        *x += P;
    }

    /// The whole row.
    ///
    /// # Safety
    /// The CPU has the features that `V` needs.
    #[inline(always)]
    unsafe fn row<V: Vector, const K: usize, const FULL: bool>(&self, output: &mut [f32]) {
        let s = &self.step.shape;
        self.check(V::LANES);
        let (start, end) = self.inside;
        let bias = &self.bias[self.channel..][..V::LANES];
        // SAFETY: the slices have all lanes; `inside` says where columns are; the caller vouches for the CPU.
        unsafe {
            let bias = V::load(bias.as_ptr());
            let mut weights = [[bias; K]; K];
            for (i, w) in weights.as_flattened_mut().iter_mut().enumerate() {
                let at = (i % K * K + i / K) * s.out_c.next_multiple_of(64) + self.channel;
                *w = V::load(self.weights.as_ptr().add(at));
            }
            let constants = (bias, &weights);
            let mut x = 0;
            while x < s.out_w {
                if x < start || x >= end || end - start < 4 {
                    self.make::<V, 1, K, FULL, true>(constants, &mut x, output);
                } else if end - x > 4 && end - start >= 8 {
                    // The last tiles may begin inside those before.
                    x = x.min(end - 8);
                    self.make::<V, 8, K, FULL, false>(constants, &mut x, output);
                } else {
                    x = x.min(end - 4);
                    self.make::<V, 4, K, FULL, false>(constants, &mut x, output);
                }
            }
        }
    }
}

/// Computes a [`Line`] of a row of outputs, `[pixels, out_c]`.
///
/// Safety: the CPU has the features of the instruction set.
pub(crate) type LineFn = unsafe fn(&Line<'_>, &mut [f32]);

/// A [`LineFn`], to be inlined into a function with the features of the instruction set.
///
/// # Safety
/// The CPU has the features that `V` needs.
#[inline(always)]
pub(crate) unsafe fn depthwise_line<V: Vector>(line: &Line<'_>, output: &mut [f32]) {
    // Copies of its own: nothing that is written can change them.
    let (step, mut lines) = (*line.step, [line.outside; 3]);
    let s = &step.shape;
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        match (s.out_c >= V::LANES, s.k_h, s.k_w) {
            (true, 3, 3) => {
                lines.copy_from_slice(line.lines);
                Line { step: &step, lines: &lines, ..*line }.row::<V, 3, true>(output);
            }
            (true, ..) => Line { step: &step, ..*line }.row::<V, 0, true>(output),
            (false, ..) => Line { step: &step, ..*line }.row::<V, 0, false>(output),
        }
    }
}

/// The whole depthwise convolution, each line by `line`, for vectors of `lanes` channels.
///
/// # Safety
/// The CPU has the features that `line` needs.
pub(crate) unsafe fn depthwise(step: &DepthwiseF32, data: DataF32<'_>, (line, lanes): (LineFn, usize)) {
    let s = &step.shape;
    if s.in_c != s.out_c || s.k_h > ROWS {
        return scalar::depthwise_f32(step, data);
    }
    let DataF32 { input, output, weights, bias, scratch } = data;
    let (line_len, row_len) = (s.in_w * s.in_c, s.out_w * s.out_c);
    if line_len * s.in_h == 0 || row_len * s.out_h == 0 || s.k_w == 0 {
        return scalar::depthwise_f32(step, DataF32 { input, output, weights, bias, scratch });
    }
    let outside = &mut view_mut::<f32>(scratch)[..line_len];
    outside.fill(0.0);
    let outside = &*outside;
    let (mut lines, inside) = ([outside; ROWS], inside(s));
    let strip = (STRIP / (line_len * s.stride_h * size_of::<f32>())).max(1);
    let images = input.chunks_exact(s.in_h * line_len).zip(output.chunks_exact_mut(s.out_h * row_len));
    for (image, output) in images {
        for (top, output) in (0..).step_by(strip).zip(output.chunks_mut(strip * row_len)) {
            for channel in (0..s.in_c).step_by(lanes) {
                // Where the channels do not come out even, the last vector begins inside the one before.
                let channel = channel.min(s.in_c.saturating_sub(lanes));
                for (y, output) in (top..).zip(output.chunks_exact_mut(row_len)) {
                    for (ky, line) in lines.iter_mut().enumerate().take(s.k_h) {
                        let row = (y * s.stride_h + ky * s.dilation_h).wrapping_sub(s.pad_top);
                        *line = if row < s.in_h { &image[row * line_len..][..line_len] } else { outside };
                    }
                    let shared = Line { step, lines: &lines[..s.k_h], outside, weights, bias, channel, inside };
                    // SAFETY: the caller vouches for the CPU.
                    unsafe { line(&shared, output) };
                }
            }
        }
    }
}
