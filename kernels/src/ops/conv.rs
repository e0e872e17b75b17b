//! int8 convolution as implicit GEMM; dense layers and products with constant weights are the 1×1 case.
//!
//! `acc[o] = bias[o] + Σ_tap Σ_c w[o, tap, c] · x[tap, c]`, wrapping in 32 bits, then [`Requant`]. The input zero point is folded
//! into the bias, so a tap outside the image must read as the zero point: [`Conv::pad_value`].

use crate::arith::{Requant, RequantData};
use crate::isa::{Kernels, PackSpec};
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
    /// Weights as [`pack`] laid them out for the plan's instruction set, group after group.
    pub weights: Span,
    /// Bias and rounding.
    pub requant: Requant,
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

/// Bytes of scratch space that a convolution needs with these kernels: the [`Window`], or a row of padding (`in_c` codes).
#[must_use]
pub fn scratch_len(kernels: &Kernels, shape: &ConvShape) -> usize {
    match kernels.conv_pack.code_size {
        0 => shape.in_c.next_multiple_of(64) + 64,
        size => Window::of_product(shape, Product { size, kr: kernels.conv_pack.kr, weight_size: 1 }).bytes(),
    }
}

/// Bytes that [`pack`] writes.
#[must_use]
pub fn packed_len(spec: PackSpec, shape: &ConvShape) -> usize {
    let (runs, run_len) = shape.runs();
    let depth = shape.k_h * runs * run_len.next_multiple_of(spec.kr);
    shape.groups * (shape.out_c / shape.groups).next_multiple_of(spec.nr) * depth
}

/// Lays OHWI weights out in tiles: for each group, each block of `nr` output channels, each run of inputs ([`ConvShape::runs`]),
/// each block of `kr` inputs: `nr × kr` codes, channel by channel; zeros fill the edges.
///
/// # Panics
/// If a length is wrong.
pub fn pack(spec: PackSpec, shape: &ConvShape, ohwi: &[i8], packed: &mut [i8]) {
    assert_eq!(packed.len(), packed_len(spec, shape));
    let (runs, run_len) = shape.runs();
    let depth = shape.k_h * runs * run_len;
    assert_eq!(ohwi.len(), shape.out_c * depth);
    if packed.len() != ohwi.len() {
        packed.fill(0);
    }
    if run_len.is_multiple_of(spec.kr) {
        // Runs follow each other without gaps.
        return match spec.kr {
            1 => pack_rows::<1>(spec.nr, shape, ohwi, packed),
            2 => pack_rows::<2>(spec.nr, shape, ohwi, packed),
            4 => pack_rows::<4>(spec.nr, shape, ohwi, packed),
            8 => pack_rows::<8>(spec.nr, shape, ohwi, packed),
            _ => pack_any(spec, shape, ohwi, packed),
        };
    }
    pack_any(spec, shape, ohwi, packed);
}

/// [`pack`] where whole rows are blocks of `KR` inputs.
fn pack_rows<const KR: usize>(nr: usize, shape: &ConvShape, ohwi: &[i8], packed: &mut [i8]) {
    /// Blocks at a time: their targets stay in the first-level cache while all channels of a tile go through.
    const STRETCH: usize = 16;
    let (from, to) = (ohwi.as_chunks::<KR>().0, packed.as_chunks_mut::<KR>().0);
    let blocks = from.len() / shape.out_c;
    let group_out = shape.out_c / shape.groups;
    if blocks == 0 {
        return;
    }
    for (rows, to) in from.chunks(group_out * blocks).zip(to.chunks_mut(group_out.next_multiple_of(nr) * blocks)) {
        for (rows, tile) in rows.chunks(nr * blocks).zip(to.chunks_mut(nr * blocks)) {
            for (stretch, tile) in tile.chunks_mut(nr * STRETCH).enumerate() {
                for (channel, row) in rows.chunks_exact(blocks).enumerate() {
                    let row = &row[stretch * STRETCH..];
                    for (block, to) in row.iter().zip(tile.iter_mut().skip(channel).step_by(nr)) {
                        *to = *block;
                    }
                }
            }
        }
    }
}

/// [`pack`] of any layout.
fn pack_any(spec: PackSpec, shape: &ConvShape, ohwi: &[i8], packed: &mut [i8]) {
    let (runs, run_len) = shape.runs();
    let depth = shape.k_h * runs * run_len;
    let group_out = shape.out_c / shape.groups;
    let group_len = packed.len() / shape.groups;
    let blocks_per_run = run_len.div_ceil(spec.kr);
    let blocks = shape.k_h * runs * blocks_per_run;
    for (o, row) in ohwi.chunks_exact(depth.max(1)).enumerate() {
        let (group, o) = (o / group_out, o % group_out);
        for (k, &w) in row.iter().enumerate() {
            let (run, k) = (k / run_len, k % run_len);
            let block = o / spec.nr * blocks + run * blocks_per_run + k / spec.kr;
            packed[group * group_len + (block * spec.nr + o % spec.nr) * spec.kr + k % spec.kr] = w;
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
        let ([input, weights, bias, multiplier], [output, scratch]) = memory.split(reads, [self.output, self.scratch]);
        let requant = RequantData { rule: self.requant, channels: self.shape.out_c, bias: view(bias), multiplier };
        kernels.conv(
            self,
            ConvData { input: view(input), output: view_mut(output), weights: view(weights), requant, scratch },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_packed_as_by_the_definition() {
        for (groups, group_in, group_out, k) in
            [(1, 8, 70, 3), (2, 4, 5, 1), (1, 64, 64, 1), (3, 16, 33, 2), (1, 68, 3, 3)]
        {
            let shape = ConvShape {
                batch: 1,
                in_h: 5,
                in_w: 5,
                in_c: groups * group_in,
                out_h: 5,
                out_w: 5,
                out_c: groups * group_out,
                k_h: k,
                k_w: k,
                stride_h: 1,
                stride_w: 1,
                dilation_h: 1,
                dilation_w: 1,
                pad_top: 0,
                pad_left: 0,
                groups,
            };
            for (nr, kr) in [(64, 4), (16, 4), (8, 2), (16, 1), (4, 8)] {
                let spec = PackSpec { nr, kr, offset: 0, code_size: 1 };
                let weights: Vec<i8> =
                    (0..groups * group_out * k * k * group_in).map(|i| (i * 37 % 251) as i8).collect();
                let (mut found, mut expected) = (vec![1; packed_len(spec, &shape)], vec![0; packed_len(spec, &shape)]);
                pack(spec, &shape, &weights, &mut found);
                pack_any(spec, &shape, &weights, &mut expected);
                assert!(found == expected, "{groups} groups of {group_in} to {group_out}, {k}x{k}, tile {nr}x{kr}");
            }
        }
    }
}
