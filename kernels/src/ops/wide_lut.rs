//! 16-bit code → 16-bit code by a table of 65,536 entries: unary operators on int16 activations.

use crate::isa::Kernels;
use crate::span::{Memory, Span};
use crate::step::{Access, Run};

/// Entries of a table.
pub const ENTRIES: usize = 1 << 16;

/// `output[i] = table[input[i] + 32768]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WideLut {
    /// `n` codes, `i16`.
    pub input: Span,
    /// `n` codes, `i16`.
    pub output: Span,
    /// [`ENTRIES`] codes, `i16`; entry 0 belongs to code −32768.
    pub table: Span,
}

impl Run for WideLut {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.table, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let ([input, table], [output]) = memory.split([self.input, self.table], [self.output]);
        let (input, table, output): (&[i16], &[i16], &mut [i16]) =
            (crate::span::view(input), crate::span::view(table), crate::span::view_mut(output));
        for (y, &code) in output.iter_mut().zip(input) {
            *y = table[usize::from(code.cast_unsigned() ^ 0x8000)];
        }
    }
}
