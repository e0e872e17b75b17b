//! float32 convolution; dense layers are the 1×1 case.
//!
//! Each output is one chain of fused multiply-adds in a fixed order: `acc = bias`, then for `ky`, `kx`, `c` ascending
//! `acc = fma(x, w, acc)`, then the clamp. A tap outside the image contributes `fma(+0, w, acc)`. The order is XNNPACK's, it does
//! not depend on how outputs are tiled, and so every instruction set gives the same bits.

use crate::isa::Kernels;
use crate::ops::conv::ConvShape;
use crate::ops::window::{Product, Window};
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// A float32 convolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConvF32 {
    /// `[batch, in_h, in_w, in_c]`, `f32`.
    pub input: Span,
    /// `[batch, out_h, out_w, out_c]`, `f32`.
    pub output: Span,
    /// Sizes.
    pub shape: ConvShape,
    /// Weights as [`pack_f32`] laid them out for the plan's instruction set, group after group.
    pub weights: Span,
    /// `f32` per output channel, padded with zeros to a multiple of 64 channels.
    pub bias: Span,
    /// Lower bound of the activation; −∞ for none.
    pub lo: f32,
    /// Upper bound of the activation; +∞ for none.
    pub hi: f32,
    /// [`scratch_len_f32`] bytes.
    pub scratch: Span,
}

/// The operands of a [`ConvF32`] (or a [`DepthwiseF32`](super::depthwise_f32::DepthwiseF32)), borrowed.
#[derive(Debug)]
pub struct DataF32<'a> {
    /// The input.
    pub input: &'a [f32],
    /// The output.
    pub output: &'a mut [f32],
    /// Packed weights.
    pub weights: &'a [f32],
    /// Bias per channel, padded.
    pub bias: &'a [f32],
    /// Scratch space.
    pub scratch: &'a mut [u8],
}

/// Bytes of scratch space that a float convolution needs with these kernels.
#[must_use]
pub fn scratch_len_f32(_: &Kernels, shape: &ConvShape) -> usize {
    let size = size_of::<f32>();
    Window::of_product(shape, Product { size, kr: 1, weight_size: size, held: shape.in_c }).bytes()
}

/// Elements that [`pack_f32`] writes; `nr` is [`Kernels::conv_f32_nr`].
#[must_use]
pub fn packed_len_f32(nr: usize, shape: &ConvShape) -> usize {
    let (out_c, in_c) = (shape.out_c / shape.groups, shape.in_c / shape.groups);
    shape.groups * out_c.next_multiple_of(nr) * shape.k_h * shape.k_w * in_c
}

/// Lays OHWI weights out in tiles: for each group, each block of `nr` output channels (`nr` is [`Kernels::conv_f32_nr`]), each
/// tap, each input channel: `nr` weights; zeros fill the last block of a group.
///
/// # Panics
/// If a length is wrong.
pub fn pack_f32(nr: usize, shape: &ConvShape, ohwi: &[f32], packed: &mut [f32]) {
    assert_eq!(packed.len(), packed_len_f32(nr, shape));
    let group_out = shape.out_c / shape.groups;
    let depth = shape.k_h * shape.k_w * (shape.in_c / shape.groups);
    assert_eq!(ohwi.len(), shape.out_c * depth);
    packed.fill(0.0);
    let group_len = packed.len() / shape.groups;
    for (o, row) in ohwi.chunks_exact(depth.max(1)).enumerate() {
        let (group, o) = (o / group_out, o % group_out);
        let tile = &mut packed[group * group_len + o / nr * depth * nr..];
        for (k, &w) in row.iter().enumerate() {
            tile[k * nr + o % nr] = w;
        }
    }
}

/// `acc` within `[lo, hi]`; NaN passes, and a zero keeps its sign.
#[inline(always)]
#[must_use]
pub fn clamp_f32(acc: f32, lo: f32, hi: f32) -> f32 {
    let acc = if lo > acc { lo } else { acc };
    if hi < acc { hi } else { acc }
}

/// `x · w + acc`, rounded once.
#[inline(always)]
#[must_use]
pub fn fma(x: f32, w: f32, acc: f32) -> f32 {
    #[cfg(feature = "std")]
    {
        x.mul_add(w, acc)
    }
    #[cfg(not(feature = "std"))]
    {
        libm::fmaf(x, w, acc)
    }
}

impl Run for ConvF32 {
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
        kernels.conv_f32(
            self,
            DataF32 { input: view(input), output: view_mut(output), weights: view(weights), bias: view(bias), scratch },
        );
    }
}
