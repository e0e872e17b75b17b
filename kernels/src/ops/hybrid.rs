//! Float activations with int8 weights ("dynamic range"): activations are quantised while running, group by group, summed in
//! integers, and brought back to float.

use crate::arith::{rha, rne};
use crate::isa::Kernels;
use crate::ops::conv::ConvShape;
use crate::ops::wide_conv::Sums;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// How a group of activations becomes codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantiser {
    /// XNNPACK: asymmetric, multiplies by the inverse scale, half to even.
    Xnn,
    /// TFLite's AsymmetricQuantizeFloats, half away from zero.
    Asymmetric,
    /// TFLite's SymmetricQuantizeFloats, half away from zero.
    Symmetric,
}

/// How a sum becomes a number: `s` is the scale of the group, `w` that of the channel, each operation rounded to binary32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// `fma(sum · s, w, bias)`.
    Fma,
    /// `sum · (s · w) + bias`.
    Product,
    /// `(sum · w) · s + bias`.
    WeightFirst,
    /// Channels below `4·⌊C/4⌋`: [`Finish::WeightFirst`]; the rest: `(sum · s) · w + bias`.
    Mixed4,
}

/// A convolution or dense layer with float activations and int8 weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hybrid {
    /// `[batch, in_h, in_w, in_c]`, `f32`.
    pub input: Span,
    /// `[batch, out_h, out_w, out_c]`, `f32`.
    pub output: Span,
    /// Sizes.
    pub shape: ConvShape,
    /// `i16` weights at [`crate::ops::wide_conv::pack_index`].
    pub weights: Span,
    /// Scale per output channel, `f32`.
    pub scales: Span,
    /// Bias per output channel, `f32`.
    pub bias: Span,
    /// Quantise each pixel on its own (a dense layer's row; only for 1×1 kernels with stride 1), else each image.
    pub per_pixel: bool,
    /// From activations to codes.
    pub quantiser: Quantiser,
    /// From sums to numbers.
    pub finish: Finish,
    /// Smallest output.
    pub lo: f32,
    /// Largest output.
    pub hi: f32,
    /// [`scratch_len`] bytes.
    pub scratch: Span,
}

/// Bytes of scratch space: a code of 16 bits for each activation, then a scale for each group.
#[must_use]
pub const fn scratch_len(shape: &ConvShape) -> usize {
    let pixels = shape.batch * shape.in_h * shape.in_w;
    codes_len(shape) + pixels * 4
}

const fn codes_len(shape: &ConvShape) -> usize {
    (shape.batch * shape.in_h * shape.in_w * shape.in_c * 2).next_multiple_of(64)
}

impl Run for Hybrid {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.weights, Access::Read);
        visit(&mut self.scales, Access::Read);
        visit(&mut self.bias, Access::Read);
        visit(&mut self.output, Access::Write);
        visit(&mut self.scratch, Access::Scratch);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let s = &self.shape;
        let reads = [self.input, self.weights, self.scales, self.bias];
        let ([input, weights, scales, bias], [output, scratch]) = memory.split(reads, [self.output, self.scratch]);
        let (scales, bias): (&[f32], &[f32]) = (view(scales), view(bias));
        let (codes, group_scales) = scratch.split_at_mut(codes_len(s));
        let (codes, group_scales) = (view_mut::<i16>(codes), view_mut::<f32>(group_scales));
        let group = if self.per_pixel { s.in_c } else { s.in_h * s.in_w * s.in_c };
        for ((x, q), scale) in
            view::<f32>(input).chunks_exact(group).zip(codes.chunks_exact_mut(group)).zip(&mut *group_scales)
        {
            *scale = self.quantiser.quantise(x, q);
        }
        let output: &mut [f32] = view_mut(output);
        let sums = Sums { shape: self.shape, zero: 0, transposed: false };
        let pixels_per_group = if self.per_pixel { 1 } else { s.out_h * s.out_w };
        sums.each::<i16, i32>(codes, view(weights), |pixel, c, sum| {
            let y = self.finish(sum as f32, group_scales[pixel / pixels_per_group], scales[c], bias[c], c);
            output[pixel * s.out_c + c] = y.max(self.lo).min(self.hi);
        });
    }
}

impl Hybrid {
    #[inline(always)]
    fn finish(&self, sum: f32, s: f32, w: f32, bias: f32, c: usize) -> f32 {
        match self.finish {
            Finish::Fma => libm::fmaf(sum * s, w, bias),
            Finish::Product => sum * (s * w) + bias,
            Finish::Mixed4 if c >= self.shape.out_c / 4 * 4 => (sum * s) * w + bias,
            Finish::WeightFirst | Finish::Mixed4 => (sum * w) * s + bias,
        }
    }
}

impl Quantiser {
    /// Writes `code − zero point` for each value; returns the scale.
    fn quantise(self, values: &[f32], codes: &mut [i16]) -> f32 {
        let (mut lo, mut hi) = (0.0_f32, 0.0_f32);
        for &v in values {
            lo = lo.min(v);
            hi = hi.max(v);
        }
        match self {
            Quantiser::Xnn => {
                let k = if lo == hi { 1.0 } else { 255.0 / (hi - lo) };
                let (a, b) = (lo * k, hi * k);
                let zero = if (-128.0 + a) + (127.0 + b) > 0.0 { -128.0 - a } else { 127.0 - b };
                let zero = rne(zero.clamp(-128.0, 127.0));
                for (q, &v) in codes.iter_mut().zip(values) {
                    *q = ((rne(v * k) + zero).clamp(-128, 127) - zero) as i16;
                }
                1.0 / k
            }
            _ if lo == hi => {
                codes.fill(0);
                1.0
            }
            Quantiser::Asymmetric => {
                let scale = (hi - lo) / 255.0;
                let (a, b) = (lo / scale, hi / scale);
                let zero = if 128.0 + a.abs() < 127.0 + b.abs() { -128.0 - a } else { 127.0 - b };
                let zero = rha(f64::from(zero)).clamp(-128, 127);
                let inverse = 1.0 / scale;
                for (q, &v) in codes.iter_mut().zip(values) {
                    *q = (rha(f64::from(v * inverse)).saturating_add(zero).clamp(-128, 127) - zero) as i16;
                }
                scale
            }
            Quantiser::Symmetric => {
                let largest = hi.max(-lo);
                let inverse = 127.0 / largest;
                for (q, &v) in codes.iter_mut().zip(values) {
                    *q = rha(f64::from(v * inverse)).clamp(-127, 127) as i16;
                }
                largest / 127.0
            }
        }
    }
}
