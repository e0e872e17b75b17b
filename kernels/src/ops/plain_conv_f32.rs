//! float32 convolution in the order of LiteRT's reference kernels: from 0, each product rounded, then added, the bias last.
//!
//! Taps run over `ky`, `kx`, `c`; those outside the image are left out. Only for mode reference: it is not tuned.

use crate::isa::Kernels;
use crate::ops::conv::ConvShape;
use crate::ops::conv_f32::clamp_f32;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// A float32 convolution, depthwise or not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlainConvF32 {
    /// `[batch, in_h, in_w, in_c]`, `f32`.
    pub input: Span,
    /// `[batch, out_h, out_w, out_c]`, `f32`.
    pub output: Span,
    /// Sizes.
    pub shape: ConvShape,
    /// `[k_h, k_w, in_c / groups, out_c]`, `f32`.
    pub weights: Span,
    /// `f32` per output channel.
    pub bias: Span,
    /// Lower bound of the activation; −∞ for none.
    pub lo: f32,
    /// Upper bound of the activation; +∞ for none.
    pub hi: f32,
}

impl Run for PlainConvF32 {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.weights, Access::Read);
        visit(&mut self.bias, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let ([input, weights, bias], [output]) = memory.split([self.input, self.weights, self.bias], [self.output]);
        let (input, weights, bias) = (view::<f32>(input), view::<f32>(weights), view::<f32>(bias));
        let s = &self.shape;
        let tap_len = s.in_c / s.groups * s.out_c;
        for (pixel, out) in view_mut::<f32>(output).chunks_exact_mut(s.out_c).enumerate() {
            let (x, y) = (pixel % s.out_w, pixel / s.out_w % s.out_h);
            let image = &input[pixel / (s.out_w * s.out_h) * s.in_h * s.in_w * s.in_c..];
            out.fill(0.0);
            for ky in 0..s.k_h {
                let row = ConvShape::source(y, s.stride_h, ky, s.dilation_h, s.pad_top, s.in_h);
                for kx in 0..s.k_w {
                    let column = ConvShape::source(x, s.stride_w, kx, s.dilation_w, s.pad_left, s.in_w);
                    let (Some(row), Some(column)) = (row, column) else { continue };
                    let taps = &image[(row * s.in_w + column) * s.in_c..][..s.in_c];
                    self.tap(taps, &weights[(ky * s.k_w + kx) * tap_len..][..tap_len], out);
                }
            }
            for (v, b) in out.iter_mut().zip(bias) {
                *v = clamp_f32(*v + b, self.lo, self.hi);
            }
        }
    }
}

impl PlainConvF32 {
    /// Adds the products of one tap.
    fn tap(&self, x: &[f32], weights: &[f32], out: &mut [f32]) {
        let s = &self.shape;
        let (group_in, group_out) = (s.in_c / s.groups, s.out_c / s.groups);
        if group_in == 1 && group_out == 1 {
            for ((acc, &x), &w) in out.iter_mut().zip(x).zip(weights) {
                *acc += x * w;
            }
            return;
        }
        for (group, x) in x.chunks_exact(group_in).enumerate() {
            let out = &mut out[group * group_out..][..group_out];
            for (&x, row) in x.iter().zip(weights.chunks_exact(s.out_c)) {
                for (acc, &w) in out.iter_mut().zip(&row[group * group_out..]) {
                    *acc += x * w;
                }
            }
        }
    }
}
