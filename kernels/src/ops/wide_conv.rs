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
trait Sum: Number + Default {
    fn add(self, x: i16, w: i16) -> Self;
    /// Adds `bias[c]` and makes the code.
    fn code(self, bias: &[u8], requant: &RequantData<'_>, c: usize) -> i32;
}

impl Sum for i32 {
    #[inline(always)]
    fn add(self, x: i16, w: i16) -> i32 {
        self.wrapping_add(i32::from(x) * i32::from(w))
    }
    #[inline(always)]
    fn code(self, _: &[u8], requant: &RequantData<'_>, c: usize) -> i32 {
        requant.code(self, c)
    }
}

impl Sum for i64 {
    #[inline(always)]
    fn add(self, x: i16, w: i16) -> i64 {
        self.wrapping_add(i64::from(i32::from(x) * i32::from(w)))
    }
    #[inline(always)]
    fn code(self, bias: &[u8], requant: &RequantData<'_>, c: usize) -> i32 {
        requant.scaled64(self.wrapping_add(view::<i64>(bias)[c]), c)
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
        let requant = RequantData { rule: self.requant, channels: self.shape.out_c, bias: view(bias), multiplier };
        let data = Data { weights: view(weights), bias, requant, output };
        match (self.wide_input, self.wide_sum) {
            (false, false) => self.sum::<i8, i32>(view(input), data),
            (false, true) => self.sum::<i8, i64>(view(input), data),
            (true, false) => self.sum::<i16, i32>(view(input), data),
            (true, true) => self.sum::<i16, i64>(view(input), data),
        }
    }
}

struct Data<'a> {
    weights: &'a [i16],
    bias: &'a [u8],
    requant: RequantData<'a>,
    output: &'a mut [u8],
}

impl WideConv {
    fn sum<X: Number + Into<i16>, S: Sum>(&self, input: &[X], data: Data<'_>) {
        let s = &self.shape;
        let (group_out, group_in, taps) = (s.out_c / s.groups, s.in_c / s.groups, s.k_h * s.k_w);
        let pixels = s.batch * s.out_h * s.out_w;
        let depthwise = is_depthwise(s);
        let (channels, groups) = if depthwise { (s.out_c, 1) } else { (group_out, s.groups) };
        let block_len = if depthwise { taps * LANES } else { taps * group_in * LANES };
        for pixel in 0..pixels {
            let (x, y) = (pixel % s.out_w, pixel / s.out_w % s.out_h);
            let image = &input[pixel / (s.out_w * s.out_h) * s.in_h * s.in_w * s.in_c..];
            let mut blocks = data.weights.chunks_exact(block_len);
            for group in 0..groups {
                for first in (0..channels).step_by(LANES) {
                    let Some(block) = blocks.next() else { return };
                    let mut acc = [S::default(); LANES];
                    for ky in 0..s.k_h {
                        let Some(row) = self.source_row(y, ky) else { continue };
                        for kx in 0..s.k_w {
                            let Some(column) = self.source_column(x, kx) else { continue };
                            let codes = &image[(row * s.in_w + column) * s.in_c..][..s.in_c];
                            let tap = ky * s.k_w + kx;
                            if depthwise {
                                let w = &block[tap * LANES..][..LANES];
                                self.lanes(codes, first, w, &mut acc);
                            } else {
                                let w = &block[tap * group_in * LANES..][..group_in * LANES];
                                self.rows(&codes[group * group_in..][..group_in], w, &mut acc);
                            }
                        }
                    }
                    let at = group * channels + first;
                    for (i, &a) in acc.iter().enumerate().take(channels - first) {
                        let code = a.code(data.bias, &data.requant, at + i);
                        let to = pixel * s.out_c + at + i;
                        if self.wide_output {
                            data.output[2 * to..2 * to + 2].copy_from_slice(&(code as i16).to_ne_bytes());
                        } else {
                            data.output[to] = (code as i8).cast_unsigned();
                        }
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
        let from = &codes[first / multiplier..];
        if multiplier == 1 {
            for ((a, &x), &w) in acc.iter_mut().zip(from).zip(w) {
                *a = a.add(x.into().wrapping_sub(self.zero), w);
            }
        } else {
            for (i, (a, &w)) in acc.iter_mut().zip(w).enumerate() {
                if let Some(&x) = codes.get((first + i) / multiplier) {
                    *a = a.add(x.into().wrapping_sub(self.zero), w);
                }
            }
        }
    }

    #[inline(always)]
    fn source_row(&self, y: usize, k: usize) -> Option<usize> {
        let s = &self.shape;
        if self.transposed {
            return transposed_source(y, s.stride_h, k * s.dilation_h, s.pad_top, s.in_h);
        }
        ConvShape::source(y, s.stride_h, k, s.dilation_h, s.pad_top, s.in_h)
    }

    #[inline(always)]
    fn source_column(&self, x: usize, k: usize) -> Option<usize> {
        let s = &self.shape;
        if self.transposed {
            return transposed_source(x, s.stride_w, k * s.dilation_w, s.pad_left, s.in_w);
        }
        ConvShape::source(x, s.stride_w, k, s.dilation_w, s.pad_left, s.in_w)
    }
}

/// Input index that meets output `o` through tap `k` of a transposed convolution, if there is one.
#[inline(always)]
fn transposed_source(o: usize, stride: usize, k: usize, pad: usize, size: usize) -> Option<usize> {
    let at = (o + pad).checked_sub(k)?;
    (at % stride == 0 && at / stride < size).then_some(at / stride)
}
