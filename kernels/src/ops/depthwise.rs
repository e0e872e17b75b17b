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

/// Brings weights (laid out as [`Depthwise::weights`]), bias and scales into the form that these kernels want.
///
/// # Panics
/// If a length is wrong, or `tables` does not begin at a multiple of 64 bytes.
pub fn depthwise_tables(
    kernels: &Kernels,
    shape: &ConvShape,
    weights: &[i8],
    requant: &RequantData<'_>,
    tables: &mut [u8],
) {
    assert_eq!(tables.len(), depthwise_tables_len(kernels, shape));
    assert_eq!(weights.len(), shape.k_h * shape.k_w * shape.out_c.next_multiple_of(64));
    if !tables.is_empty() {
        kernels.depthwise_tables(shape, weights, requant, tables);
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
            memory.split(reads, [self.output, self.scratch]);
        let requant = RequantData { rule: self.requant, channels: self.shape.out_c, bias: view(bias), multiplier };
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
