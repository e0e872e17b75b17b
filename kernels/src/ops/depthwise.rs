//! int8 depthwise convolution: output channel `c·multiplier + m` sees input channel `c` only.

use crate::arith::{Requant, RequantData};
use crate::isa::Kernels;
use crate::ops::conv::ConvShape;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// An int8 depthwise convolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Depthwise {
    /// `[batch, in_h, in_w, in_c]` codes.
    pub input: Span,
    /// `[batch, out_h, out_w, out_c]` codes.
    pub output: Span,
    /// Sizes; `groups == in_c`, `out_c == in_c · multiplier`.
    pub shape: ConvShape,
    /// `[k_h, k_w, out_c]` codes, rows padded with zeros to a multiple of 64 channels.
    pub weights: Span,
    /// Bias and rounding; no activation offset is folded in beyond the zero point.
    pub requant: Requant,
    /// What [`depthwise_tables`] made of weights and requantisation for the plan's instruction set.
    pub tables: Span,
    /// The code that stands outside the image: the input's zero point.
    pub pad_value: i8,
    /// [`depthwise_scratch_len`] bytes.
    pub scratch: Span,
}

/// The operands of a [`Depthwise`], borrowed.
#[derive(Debug)]
pub struct DepthwiseData<'a> {
    /// See [`Depthwise::input`].
    pub input: &'a [i8],
    /// See [`Depthwise::output`].
    pub output: &'a mut [i8],
    /// See [`Depthwise::weights`].
    pub weights: &'a [i8],
    /// See [`Depthwise::requant`].
    pub requant: RequantData<'a>,
    /// See [`Depthwise::tables`].
    pub tables: &'a [u8],
    /// See [`Depthwise::scratch`].
    pub scratch: &'a mut [u8],
}

/// Bytes of scratch space that a depthwise convolution needs with these kernels.
#[must_use]
pub fn depthwise_scratch_len(kernels: &Kernels, shape: &ConvShape) -> usize {
    (kernels.depthwise_scratch)(shape)
}

/// Bytes of [`Depthwise::tables`] with these kernels.
#[must_use]
pub fn depthwise_tables_len(kernels: &Kernels, shape: &ConvShape) -> usize {
    (kernels.depthwise_tables_len)(shape)
}

/// The convolution without the kernel's outer rows that see nothing but padding, nor its columns if but one sees more (what is
/// left of a 3×3 kernel over one pixel is 1×1), and the first row and column that are left. A stride that is never taken is 1.
#[must_use]
#[cfg(target_arch = "x86_64")]
pub(crate) fn clipped(s: &ConvShape) -> (ConvShape, [usize; 2]) {
    let rows = clipped_axis([s.out_h, s.stride_h, s.dilation_h, s.in_h], s.k_h, s.pad_top);
    let columns = match clipped_axis([s.out_w, s.stride_w, s.dilation_w, s.in_w], s.k_w, s.pad_left) {
        one @ (_, 1, _) => one,
        // Kernels of three columns have code of their own.
        _ => (0, s.k_w, s.pad_left),
    };
    let mut c = *s;
    (c.k_h, c.pad_top, c.k_w, c.pad_left) = (rows.1, rows.2, columns.1, columns.2);
    c.stride_h = if s.out_h == 1 { 1 } else { s.stride_h };
    c.stride_w = if s.out_w == 1 { 1 } else { s.stride_w };
    (c, [rows.0, columns.0])
}

/// First tap that is left, how many, and the padding before.
#[cfg(target_arch = "x86_64")]
fn clipped_axis([out, stride, dilation, size]: [usize; 4], k: usize, pad: usize) -> (usize, usize, usize) {
    let sees = |tap: usize| (0..out).any(|o| ConvShape::source(o, stride, tap, dilation, pad, size).is_some());
    let last = k.saturating_sub(1);
    let first = (0..last).find(|&tap| sees(tap) || pad < (tap + 1) * dilation).unwrap_or(last);
    let end = (first + 1..k).rev().find(|&tap| sees(tap)).map_or(k.min(first + 1), |tap| tap + 1);
    (first, end - first, pad - first * dilation)
}

/// Brings weights (laid out as [`Depthwise::weights`]), bias and scales into the form that these kernels want; `pad_value` is
/// [`Depthwise::pad_value`].
///
/// # Panics
/// If a length is wrong, or `tables` does not begin at a multiple of 64 bytes.
pub fn depthwise_tables(
    kernels: &Kernels,
    shape: &ConvShape,
    weights: &[i8],
    (requant, pad_value): (&RequantData<'_>, i8),
    tables: &mut [u8],
) {
    assert_eq!(tables.len(), depthwise_tables_len(kernels, shape));
    assert_eq!(weights.len(), shape.k_h * shape.k_w * shape.out_c.next_multiple_of(64));
    if !tables.is_empty() {
        kernels.depthwise_tables(shape, weights, (requant, pad_value), tables);
    }
}

impl Run for Depthwise {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.weights, Access::Read);
        visit(&mut self.requant.bias, Access::Read);
        visit(&mut self.requant.multiplier, Access::Read);
        visit(&mut self.tables, Access::Read);
        visit(&mut self.output, Access::Write);
        visit(&mut self.scratch, Access::Scratch);
    }

    fn run(&self, kernels: &'static Kernels, memory: &mut Memory<'_>) {
        let reads = [self.input, self.weights, self.requant.bias, self.requant.multiplier, self.tables];
        let ([input, weights, bias, multiplier, tables], [output, scratch]) =
            memory.split_here(reads, [self.output, self.scratch]);
        let requant = RequantData { rule: &self.requant, channels: self.shape.out_c, bias: view(bias), multiplier };
        kernels.depthwise(
            self,
            DepthwiseData {
                input: view(input),
                output: view_mut(output),
                weights: view(weights),
                requant,
                tables,
                scratch,
            },
        );
    }
}
