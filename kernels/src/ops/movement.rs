//! Copies with a stride or an index table per axis.
//!
//! Slices, transposes, pads, mirror pads, gathers, tiles, nearest-neighbour resizing, space/depth shuffles, splits, packs and
//! concatenation are one thing: for every output element, the input element at `Σ_d index_d(i_d)`. Lowering computes the
//! indices; this file only copies.

use crate::isa::Kernels;
use crate::span::{Memory, Span, view};
use crate::step::{Access, Run};

/// Most axes that a [`Move`] has, after lowering has merged what is contiguous.
pub const AXES: usize = 6;

/// One loop level of a [`Move`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// How often it runs.
    pub count: usize,
    /// Bytes from one iteration to the next in the output.
    pub out_stride: usize,
    /// Bytes from one iteration to the next in the input (may be 0 or negative), where `table` is empty.
    pub in_stride: isize,
    /// `count` values `i32`: byte offset into the input for each iteration; −1 = fill. Empty: use `in_stride`.
    pub table: Span,
}

impl Axis {
    /// A level that runs once.
    pub const ONE: Axis = Axis { count: 1, out_stride: 0, in_stride: 0, table: Span::EMPTY };
}

/// `output[Σ i_d·out_stride_d ..][..run] = input[Σ offset_d(i_d) ..][..run]` for all `i`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Move {
    /// Read.
    pub input: Span,
    /// Written: all of it where one `Move` makes the tensor, a part of it where several do (concatenation).
    pub output: Span,
    /// First byte in the input.
    pub in_offset: usize,
    /// First byte in the output.
    pub out_offset: usize,
    /// Contiguous bytes per copy.
    pub run: usize,
    /// Loop levels, outermost first; unused ones are [`Axis::ONE`].
    pub axes: [Axis; AXES],
    /// Bytes that fill where a table says −1, repeated with period `fill_size`, e.g. the zero point.
    pub fill: [u8; 8],
    /// Size of one element: 1, 2, 4 or 8.
    pub fill_size: usize,
}

impl Run for Move {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.output, Access::Write);
        for axis in &mut self.axes {
            visit(&mut axis.table, Access::Read);
        }
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let tables = self.axes.map(|axis| axis.table);
        let [t0, t1, t2, t3, t4, t5] = tables;
        let ([input, a, b, c, d, e, f], [output]) = memory.split([self.input, t0, t1, t2, t3, t4, t5], [self.output]);
        let tables = [view(a), view(b), view(c), view(d), view(e), view(f)];
        self.level(0, Some(self.in_offset), self.out_offset, &tables, input, output);
    }
}

impl Move {
    fn level(
        &self,
        depth: usize,
        from: Option<usize>,
        to: usize,
        tables: &[&[i32]; AXES],
        input: &[u8],
        output: &mut [u8],
    ) {
        let Some(axis) = self.axes.get(depth) else {
            let target = &mut output[to..to + self.run];
            match from {
                Some(at) => target.copy_from_slice(&input[at..at + self.run]),
                None => {
                    for element in target.chunks_mut(self.fill_size) {
                        element.copy_from_slice(&self.fill[..element.len()]);
                    }
                }
            }
            return;
        };
        for i in 0..axis.count {
            let next = from.and_then(|at| match tables[depth].get(i) {
                Some(&offset) => usize::try_from(offset).ok().map(|offset| at + offset),
                None => Some(at.wrapping_add_signed(axis.in_stride * i.cast_signed())),
            });
            self.level(depth + 1, next, to + i * axis.out_stride, tables, input, output);
        }
    }
}
