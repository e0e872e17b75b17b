//! Convolution with 16-bit operands: what the int8 kernels do not cover.
//!
//! `acc[o] = Σ_tap Σ_c w[o, tap, c] · (x[tap, c] − zero)`, then the bias and [`Requant`]. Weights are held as `i16` with their zero
//! point already taken off, so that asymmetric `uint8` models, int16 activations, and transposed convolutions are one loop. Taps
//! outside the image are left out.

use crate::arith::{Requant, RequantData};
use crate::isa::Kernels;
use crate::ops::conv::ConvShape;
use crate::span::{Memory, Number, Span, view};
use crate::step::{Access, Run};

/// Output channels that are summed side by side.
pub const LANES: usize = 16;

/// A convolution, dense layer, depthwise or transposed convolution in 16-bit operands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WideConv {
    /// `[batch, in_h, in_w, in_c]` codes, `i16` if `wide_input`, else `i8`.
    pub input: Span,
    /// `[batch, out_h, out_w, out_c]` codes, `i16` if `wide_output`, else `i8`.
    pub output: Span,
    /// Sizes. `groups == in_c > 1` is a depthwise convolution.
    pub shape: ConvShape,
    /// `i16` weights at [`pack_index`].
    pub weights: Span,
    /// Bias (`i64` per channel if `wide_sum`, else `i32`) and rounding.
    pub requant: Requant,
    /// Input zero point.
    pub zero: i16,
    /// Sums are 64 bits wide, else 32 and wrapping.
    pub wide_sum: bool,
    /// Inputs are `i16`.
    pub wide_input: bool,
    /// Outputs are `i16`.
    pub wide_output: bool,
    /// The convolution is transposed: input `i` meets output `i·stride − pad + k`.
    pub transposed: bool,
}

/// Whether each output channel sees one input channel only, and channels go side by side over all groups.
#[must_use]
pub const fn is_depthwise(shape: &ConvShape) -> bool {
    shape.groups > 1 && shape.groups == shape.in_c
}

/// Elements of packed weights, see [`pack_index`].
#[must_use]
pub fn packed_len(shape: &ConvShape) -> usize {
    let taps = shape.k_h * shape.k_w;
    if is_depthwise(shape) {
        return shape.out_c.next_multiple_of(LANES) * taps;
    }
    shape.groups * (shape.out_c / shape.groups).next_multiple_of(LANES) * taps * (shape.in_c / shape.groups)
}

/// Where the weight of output channel `o` (counted over all groups), tap `tap` and input channel `c` of its group lies. Weights
/// stand in blocks of [`LANES`] output channels: `[group][block][tap][input channel][lane]`, depthwise `[block][tap][lane]`; zeros
/// fill the edges.
#[must_use]
pub fn pack_index(shape: &ConvShape, o: usize, tap: usize, c: usize) -> usize {
    let taps = shape.k_h * shape.k_w;
    if is_depthwise(shape) {
        return (o / LANES * taps + tap) * LANES + o % LANES;
    }
    let (group_out, group_in) = (shape.out_c / shape.groups, shape.in_c / shape.groups);
    let (group, o) = (o / group_out, o % group_out);
    let block = group * group_out.div_ceil(LANES) + o / LANES;
    ((block * taps + tap) * group_in + c) * LANES + o % LANES
}

/// A sum of products.
pub(crate) trait Sum: Number + Default {
    /// `self + x·w`, wrapping.
    fn add(self, x: i16, w: i16) -> Self;
}

impl Sum for i32 {
    #[inline(always)]
    fn add(self, x: i16, w: i16) -> i32 {
        self.wrapping_add(i32::from(x) * i32::from(w))
    }
}

impl Sum for i64 {
    #[inline(always)]
    fn add(self, x: i16, w: i16) -> i64 {
        self.wrapping_add(i64::from(i32::from(x) * i32::from(w)))
    }
}

impl Run for WideConv {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.weights, Access::Read);
        visit(&mut self.requant.bias, Access::Read);
        visit(&mut self.requant.multiplier, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let reads = [self.input, self.weights, self.requant.bias, self.requant.multiplier];
        let ([input, weights, bias, multiplier], [output]) = memory.split(reads, [self.output]);
        let requant = RequantData { rule: &self.requant, channels: self.shape.out_c, bias: view(bias), multiplier };
        let sums = Sums { shape: self.shape, zero: self.zero, transposed: self.transposed };
        let weights = view(weights);
        let mut put = |pixel: usize, c: usize, code: i32| {
            let to = pixel * sums.shape.out_c + c;
            if self.wide_output {
                output[2 * to..2 * to + 2].copy_from_slice(&(code as i16).to_ne_bytes());
            } else {
                output[to] = (code as i8).cast_unsigned();
            }
        };
        if self.wide_sum {
            let bias: &[i64] = view(bias);
            let emit = |p, c: usize, sum: i64| put(p, c, requant.scaled64(sum.wrapping_add(bias[c]), c));
            if self.wide_input {
                sums.each::<i16, i64>(view(input), weights, emit);
            } else {
                sums.each::<i8, i64>(view(input), weights, emit);
            }
        } else {
            let emit = |p, c, sum: i32| put(p, c, requant.code(sum, c));
            if self.wide_input {
                sums.each::<i16, i32>(view(input), weights, emit);
            } else {
                sums.each::<i8, i32>(view(input), weights, emit);
            }
        }
    }
}

/// The sums of a convolution over 16-bit operands, without what follows them.
pub(crate) struct Sums {
    /// Sizes.
    pub(crate) shape: ConvShape,
    /// Taken off every activation.
    pub(crate) zero: i16,
    /// See [`WideConv::transposed`].
    pub(crate) transposed: bool,
}

impl Sums {
    /// Calls `emit(pixel, output channel, sum)` for every output; `weights` as [`pack_index`] says.
    pub(crate) fn each<X: Number + Into<i16>, S: Sum>(
        &self,
        input: &[X],
        weights: &[i16],
        mut emit: impl FnMut(usize, usize, S),
    ) {
        let s = &self.shape;
        let (group_in, taps) = (s.in_c / s.groups, s.k_h * s.k_w);
        let depthwise = is_depthwise(s);
        let (channels, groups) = if depthwise { (s.out_c, 1) } else { (s.out_c / s.groups, s.groups) };
        let tap_len = if depthwise { LANES } else { group_in * LANES };
        for pixel in 0..s.batch * s.out_h * s.out_w {
            let (x, y) = (pixel % s.out_w, pixel / s.out_w % s.out_h);
            let image = &input[pixel / (s.out_w * s.out_h) * s.in_h * s.in_w * s.in_c..];
            let mut blocks = weights.chunks_exact(taps * tap_len);
            for group in 0..groups {
                for first in (0..channels).step_by(LANES) {
                    let Some(block) = blocks.next() else { return };
                    let mut acc = [S::default(); LANES];
                    for ky in 0..s.k_h {
                        let Some(row) = self.source(y, s.stride_h, ky, s.dilation_h, s.pad_top, s.in_h) else {
                            continue;
                        };
                        for kx in 0..s.k_w {
                            let column = self.source(x, s.stride_w, kx, s.dilation_w, s.pad_left, s.in_w);
                            let Some(column) = column else { continue };
                            let codes = &image[(row * s.in_w + column) * s.in_c..][..s.in_c];
                            let w = &block[(ky * s.k_w + kx) * tap_len..][..tap_len];
                            if depthwise {
                                self.lanes(codes, first, w, &mut acc);
                            } else {
                                self.rows(&codes[group * group_in..][..group_in], w, &mut acc);
                            }
                        }
                    }
                    for (i, &sum) in acc.iter().enumerate().take(channels - first) {
                        emit(pixel, group * channels + first + i, sum);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn rows<X: Number + Into<i16>, S: Sum>(&self, codes: &[X], weights: &[i16], acc: &mut [S; LANES]) {
        let (rows, _) = weights.as_chunks::<LANES>();
        for (&x, w) in codes.iter().zip(rows) {
            let x = x.into().wrapping_sub(self.zero);
            for (a, &w) in acc.iter_mut().zip(w) {
                *a = a.add(x, w);
            }
        }
    }

    #[inline(always)]
    fn lanes<X: Number + Into<i16>, S: Sum>(&self, codes: &[X], first: usize, w: &[i16], acc: &mut [S; LANES]) {
        let multiplier = self.shape.out_c / self.shape.in_c;
        if multiplier == 1 {
            for ((a, &x), &w) in acc.iter_mut().zip(&codes[first..]).zip(w) {
                *a = a.add(x.into().wrapping_sub(self.zero), w);
            }
            return;
        }
        for (i, (a, &w)) in acc.iter_mut().zip(w).enumerate() {
            if let Some(&x) = codes.get((first + i) / multiplier) {
                *a = a.add(x.into().wrapping_sub(self.zero), w);
            }
        }
    }

    /// Input line that meets output line `o` through tap `k`, if there is one.
    #[inline(always)]
    fn source(&self, o: usize, stride: usize, k: usize, dilation: usize, pad: usize, size: usize) -> Option<usize> {
        if !self.transposed {
            return ConvShape::source(o, stride, k, dilation, pad, size);
        }
        let at = (o + pad).checked_sub(k * dilation)?;
        (at % stride == 0 && at / stride < size).then_some(at / stride)
    }
}
