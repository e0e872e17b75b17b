//! SOFTMAX along the innermost axis of 16-bit codes: tables of 513 entries with linear interpolation (TFLite's kernel).

use crate::arith::{Multiplier, mul_away};
use crate::isa::Kernels;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// Entries of a table.
pub const ENTRIES: usize = 513;

/// A softmax; the output's scale is 1/32768, its zero point 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WideSoftmax {
    /// Rows of `depth` codes, `i16`.
    pub input: Span,
    /// As many codes.
    pub output: Span,
    /// Length of a row.
    pub depth: usize,
    /// `s_in·beta` over the scale of the exponential's argument.
    pub by: Multiplier,
    /// [`ENTRIES`] `i16`: exp over [−10, 0].
    pub exponential: Span,
    /// [`ENTRIES`] `i16`: 1/(1 + x) over [0, 1].
    pub reciprocal: Span,
    /// An `i32` per element of a row.
    pub scratch: Span,
}

impl Run for WideSoftmax {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.exponential, Access::Read);
        visit(&mut self.reciprocal, Access::Read);
        visit(&mut self.output, Access::Write);
        visit(&mut self.scratch, Access::Scratch);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let reads = [self.input, self.exponential, self.reciprocal];
        let ([input, exponential, reciprocal], [output, scratch]) = memory.split(reads, [self.output, self.scratch]);
        let (exponential, reciprocal): (&[i16], &[i16]) = (view(exponential), view(reciprocal));
        let (input, output, row): (&[i16], &mut [i16], &mut [i32]) = (view(input), view_mut(output), view_mut(scratch));
        for (x, y) in input.chunks_exact(self.depth).zip(output.chunks_exact_mut(self.depth)) {
            let max = x.iter().copied().max().map_or(0, i32::from);
            let mut sum = 0_i32;
            for (e, &q) in row.iter_mut().zip(x) {
                let d = mul_away(i32::from(q) - max, self.by);
                *e = look_up(exponential, d.saturating_add(32767).clamp(-32768, 32767));
                sum = sum.wrapping_add(*e);
            }
            let head = sum.leading_zeros().clamp(1, 31);
            // Q2.13 of the sum's mantissa less one.
            let t = ((sum << (head - 1)).wrapping_add(1 << 13)) >> 14;
            let r = look_up(reciprocal, (t - (1 << 15) - (1 << 16)).clamp(-32768, 32767));
            let bits = 31 - head;
            let half = if bits == 0 { 0 } else { 1_i64 << (bits - 1) };
            for (y, &e) in y.iter_mut().zip(row.iter()) {
                let p = (i64::from(e) * i64::from(r) + half) >> bits;
                *y = p.clamp(0, 32767) as i16;
            }
        }
    }
}

/// Linear interpolation between the entries around a 16-bit code.
fn look_up(table: &[i16], value: i32) -> i32 {
    let (index, rest) = ((256 + (value >> 7)) as usize, value & 127);
    let (a, b) = (i32::from(table[index]), i32::from(table[index + 1]));
    a + (((b - a) * rest + 64) >> 7)
}
