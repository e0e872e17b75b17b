//! L2_NORMALIZATION along the innermost axis of 8-bit codes: `y = x / √Σx²`, output scale 1/128.

use crate::arith::{Multiplier, mul_away};
use crate::fixed::inverse_sqrt;
use crate::isa::Kernels;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// An L2 normalisation (TFLite's fixed-point rule); held output codes have zero point 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L2Norm {
    /// Rows of `depth` codes, `i8`.
    pub input: Span,
    /// As many codes.
    pub output: Span,
    /// Length of a row.
    pub depth: usize,
    /// Zero point of the input.
    pub zero: i32,
    /// Multiplies by the output's 128 before rounding (the rule for `uint8`) instead of within it.
    pub gain_first: bool,
}

impl Run for L2Norm {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let ([input], [output]) = memory.split([self.input], [self.output]);
        let (input, output): (&[i8], &mut [i8]) = (view(input), view_mut(output));
        for (x, y) in input.chunks_exact(self.depth).zip(output.chunks_exact_mut(self.depth)) {
            let square = |&q: &i8| (i32::from(q) - self.zero).pow(2);
            let sum = x.iter().map(square).fold(0_i32, i32::wrapping_add);
            let Multiplier { m, e } = inverse_sqrt(sum);
            let (gain, by) = if self.gain_first { (128, Multiplier { m, e }) } else { (1, Multiplier { m, e: e + 7 }) };
            for (y, &q) in y.iter_mut().zip(x) {
                *y = mul_away(gain * (i32::from(q) - self.zero), by).clamp(-128, 127) as i8;
            }
        }
    }
}
