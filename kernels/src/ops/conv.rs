//! int8 convolution as implicit GEMM; dense layers and products with constant weights are the 1×1 case.
//!
//! `acc[o] = bias[o] + Σ_tap Σ_c w[o, tap, c] · x[tap, c]`, wrapping in 32 bits, then [`Requant`]. The input zero point is folded
//! into the bias, so a tap outside the image must read as the zero point: [`Conv::pad_value`].

use crate::arith::{Requant, RequantData};
use crate::isa::Kernels;
use crate::ops::window::{Product, Window};
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// Sizes and geometry of a convolution over NHWC tensors. Weights are OHWI with `in_c / groups` input channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
    /// Input rows.
    pub in_h: usize,
    /// Input columns.
    pub in_w: usize,
    /// Input channels, of all groups.
    pub in_c: usize,
    /// Output rows.
    pub out_h: usize,
    /// Output columns.
    pub out_w: usize,
    /// Output channels, of all groups.
    pub out_c: usize,
    /// Kernel rows.
    pub k_h: usize,
    /// Kernel columns.
    pub k_w: usize,
    /// Vertical stride.
    pub stride_h: usize,
    /// Horizontal stride.
    pub stride_w: usize,
    /// Vertical dilation.
    pub dilation_h: usize,
    /// Horizontal dilation.
    pub dilation_w: usize,
    /// Padding rows above.
    pub pad_top: usize,
    /// Padding columns to the left.
    pub pad_left: usize,
    /// Groups; 1 for an ordinary convolution.
    pub groups: usize,
}

impl ConvShape {
    /// Input row or column of tap `k` for output index `o`, or `None` in the padding.
    #[inline(always)]
    #[must_use]
    pub fn source(o: usize, stride: usize, k: usize, dilation: usize, pad: usize, size: usize) -> Option<usize> {
        (o * stride + k * dilation).checked_sub(pad).filter(|&i| i < size)
    }

    /// How the inputs of one kernel row lie: in so many runs of so many consecutive elements. One run where the taps of the
    /// row touch, else one per tap.
    #[inline(always)]
    #[must_use]
    pub const fn runs(&self) -> (usize, usize) {
        if self.groups == 1 && self.dilation_w == 1 {
            (1, self.k_w * self.in_c)
        } else {
            (self.k_w, self.in_c / self.groups)
        }
    }

    /// Multiply-accumulates.
    #[must_use]
    pub const fn macs(&self) -> u64 {
        self.batch as u64
            * self.out_h as u64
            * self.out_w as u64
            * self.out_c as u64
            * self.k_h as u64
            * self.k_w as u64
            * (self.in_c / self.groups) as u64
    }
}

/// An int8 convolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conv {
    /// `[batch, in_h, in_w, in_c]` codes.
    pub input: Span,
    /// `[batch, out_h, out_w, out_c]` codes.
    pub output: Span,
    /// Sizes.
    pub shape: ConvShape,
    /// Weights as [`pack`](super::pack::pack) laid them out for the plan's instruction set, group after group.
    pub weights: Span,
    /// Bias and rounding.
    pub requant: Requant,
    /// Whether [`is_small_relu`](super::pack::is_small_relu) holds: kernels may then take a shorter way to the same codes.
    pub small_relu: bool,
    /// Whether no weight is −128, so that the sum of two products fits in 16 bits.
    pub no_lowest: bool,
    /// Whether [`fits_words`](super::pack::fits_words) holds: likewise.
    pub fits_words: bool,
    /// The code that stands outside the image: the input's zero point.
    pub pad_value: i8,
    /// [`scratch_len`] bytes.
    pub scratch: Span,
}

/// The operands of a [`Conv`], borrowed.
#[derive(Debug)]
pub struct ConvData<'a> {
    /// See [`Conv::input`].
    pub input: &'a [i8],
    /// See [`Conv::output`].
    pub output: &'a mut [i8],
    /// See [`Conv::weights`].
    pub weights: &'a [i8],
    /// See [`Conv::requant`].
    pub requant: RequantData<'a>,
    /// See [`Conv::scratch`].
    pub scratch: &'a mut [u8],
}

/// Lines of the image in scratch space where a kernel's weights are one run ([`PackSpec::joined`](crate::isa::PackSpec::joined)).
pub(crate) const JOINED_LINES: usize = 4;

/// Bytes of such a line, with its padding, what the tiles of four pixels see at least, and what is read beyond that.
pub(crate) const fn joined_line(s: &ConvShape) -> usize {
    let pixels = if s.out_w > 4 { s.out_w } else { 4 };
    (((pixels - 1) * s.stride_w + s.k_w) * s.in_c).next_multiple_of(16) + 16
}

/// Bytes of scratch space that a convolution needs with these kernels: the [`Window`], or a row of padding (`in_c` codes).
#[must_use]
pub fn scratch_len(kernels: &Kernels, shape: &ConvShape) -> usize {
    let spec = kernels.conv_pack;
    if kernels.isa().is_for_microcontrollers() {
        return crate::arch::mcu::scratch_len(shape, spec.code_size);
    }
    if spec.joined(shape).is_some() {
        return JOINED_LINES * joined_line(shape);
    }
    match spec.code_size {
        0 => shape.in_c.next_multiple_of(64) + 64,
        size => {
            let product = Product { size, kr: spec.kr, weight_size: 1, held: spec.held_channels(shape) };
            Window::of_product(shape, product).bytes()
        }
    }
}

impl Run for Conv {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.weights, Access::Read);
        visit(&mut self.requant.bias, Access::Read);
        visit(&mut self.requant.multiplier, Access::Read);
        visit(&mut self.output, Access::Write);
        visit(&mut self.scratch, Access::Scratch);
    }

    fn run(&self, kernels: &'static Kernels, memory: &mut Memory<'_>) {
        let reads = [self.input, self.weights, self.requant.bias, self.requant.multiplier];
        let ([input, weights, bias, multiplier], [output, scratch]) =
            memory.split_here(reads, [self.output, self.scratch]);
        let requant = RequantData { rule: &self.requant, channels: self.shape.out_c, bias: view(bias), multiplier };
        kernels.conv(
            self,
            ConvData { input: view(input), output: view_mut(output), weights: view(weights), requant, scratch },
        );
    }
}
