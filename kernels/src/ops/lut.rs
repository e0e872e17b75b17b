//! 8-bit code → value by a table of 256 entries.
//!
//! Every unary operator on 8-bit codes (activations, re-quantisation, DEQUANTIZE) is a function of one code, so lowering
//! evaluates its rule 256 times and the device only looks up.

use crate::isa::Kernels;
use crate::span::{Memory, Span};
use crate::step::{Access, Run};

/// `output[i] = table[input[i] + 128]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lut {
    /// `n` codes, `i8`.
    pub input: Span,
    /// `n` elements of `size` bytes.
    pub output: Span,
    /// 256 elements of `size` bytes; entry 0 belongs to code −128.
    pub table: Span,
    /// For the elements from index `tail_start` on, another table ([`Span::EMPTY`]: the same). LiteRT's vector bodies round
    /// differently from their scalar tails (EXACT rule MIX16).
    pub tail: Span,
    /// First index that uses `tail`.
    pub tail_start: usize,
    /// Bytes per output element: 1, 2 or 4.
    pub size: usize,
}

impl Run for Lut {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, if self.size == 1 { Access::ReadInPlace } else { Access::Read });
        visit(&mut self.output, Access::Write);
        visit(&mut self.table, Access::Read);
        visit(&mut self.tail, Access::Read);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        match self.size {
            1 => self.map::<i8>(memory),
            2 => self.map::<i16>(memory),
            _ => self.map::<i32>(memory),
        }
    }
}

impl Lut {
    fn map<T: crate::span::Number + Default>(&self, memory: &mut Memory<'_>) {
        let mut body = [T::default(); 256];
        body.copy_from_slice(memory.read(self.table));
        let mut tail = body;
        if self.tail.len != 0 {
            tail.copy_from_slice(memory.read(self.tail));
        }
        memory.elementwise::<i8, T>(self.input, self.output, |at, codes, out| {
            for (i, (&code, y)) in codes.iter().zip(out).enumerate() {
                let table = if at + i < self.tail_start { &body } else { &tail };
                *y = table[usize::from(code.cast_unsigned() ^ 0x80)];
            }
        });
    }
}
