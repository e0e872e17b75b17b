//! float32 depthwise convolution: output channel `c·multiplier + m` sees input channel `c` only.
//!
//! As [`super::conv_f32`], but the taps are added column by column: `kx` outer, `ky` inner (XNNPACK's order).

use crate::isa::Kernels;
use crate::ops::conv::ConvShape;
use crate::ops::conv_f32::DataF32;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// A float32 depthwise convolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DepthwiseF32 {
    /// `[batch, in_h, in_w, in_c]`, `f32`.
    pub input: Span,
    /// `[batch, out_h, out_w, out_c]`, `f32`.
    pub output: Span,
    /// Sizes; `groups == in_c`, `out_c == in_c · multiplier`.
    pub shape: ConvShape,
    /// `[k_h, k_w, out_c]`, `f32`, rows padded with zeros to a multiple of 64 channels.
    pub weights: Span,
    /// `f32` per output channel, padded likewise.
    pub bias: Span,
    /// Lower bound of the activation; −∞ for none.
    pub lo: f32,
    /// Upper bound of the activation; +∞ for none.
    pub hi: f32,
    /// [`depthwise_scratch_len_f32`] bytes.
    pub scratch: Span,
}

/// Bytes of scratch space that a float depthwise convolution needs with these kernels.
#[must_use]
pub fn depthwise_scratch_len_f32(_: &Kernels, shape: &ConvShape) -> usize {
    // A line of zeros.
    (shape.in_w * shape.in_c * size_of::<f32>()).next_multiple_of(64)
}

impl Run for DepthwiseF32 {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.weights, Access::Read);
        visit(&mut self.bias, Access::Read);
        visit(&mut self.output, Access::Write);
        visit(&mut self.scratch, Access::Scratch);
    }

    fn run(&self, kernels: &'static Kernels, memory: &mut Memory<'_>) {
        let ([input, weights, bias], [output, scratch]) =
            memory.split([self.input, self.weights, self.bias], [self.output, self.scratch]);
        kernels.depthwise_f32(
            self,
            DataF32 { input: view(input), output: view_mut(output), weights: view(weights), bias: view(bias), scratch },
        );
    }
}
