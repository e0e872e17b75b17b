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
    /// The input byte of iteration `i` at `depth`, or `None` where the output is filled.
    #[inline(always)]
    fn source(&self, depth: usize, i: usize, from: Option<usize>, tables: &[&[i32]; AXES]) -> Option<usize> {
        let at = from?;
        match tables[depth].get(i) {
            Some(&offset) => usize::try_from(offset).ok().map(|offset| at + offset),
            None => Some(at.wrapping_add_signed(self.axes[depth].in_stride * i.cast_signed())),
        }
    }

    fn level(
        &self,
        depth: usize,
        from: Option<usize>,
        to: usize,
        tables: &[&[i32]; AXES],
        input: &[u8],
        output: &mut [u8],
    ) {
        if depth + 1 == AXES {
            // Short runs are copied by a loop that knows their length.
            return match self.run {
                1 => self.innermost::<1>(from, to, tables, input, output),
                2 => self.innermost::<2>(from, to, tables, input, output),
                3 => self.innermost::<3>(from, to, tables, input, output),
                4 => self.innermost::<4>(from, to, tables, input, output),
                8 => self.innermost::<8>(from, to, tables, input, output),
                12 => self.innermost::<12>(from, to, tables, input, output),
                16 => self.innermost::<16>(from, to, tables, input, output),
                _ => self.innermost::<0>(from, to, tables, input, output),
            };
        }
        let axis = &self.axes[depth];
        // Up-sampling and tiling ask for the same lines again: those are copied from the output, whole.
        let whole = axis.count > 1 && self.dense_len(depth + 1) == Some(axis.out_stride);
        let mut previous = None;
        for i in 0..axis.count {
            let (next, to) = (self.source(depth, i, from, tables), to + i * axis.out_stride);
            if whole && previous == Some(next) {
                output.copy_within(to - axis.out_stride..to, to);
            } else {
                self.level(depth + 1, next, to, tables, input, output);
            }
            previous = Some(next);
        }
    }

    /// Bytes that one iteration outside of `depth` writes, or `None` if there are gaps between them.
    fn dense_len(&self, depth: usize) -> Option<usize> {
        self.axes[depth..].iter().rev().try_fold(self.run, |len, axis| match axis.count {
            1 => Some(len),
            count => (axis.out_stride == len).then_some(len * count),
        })
    }

    /// The last level; `N` is the run's length, or 0 where that is known only to the step.
    #[inline(always)]
    fn innermost<const N: usize>(
        &self,
        from: Option<usize>,
        to: usize,
        tables: &[&[i32]; AXES],
        input: &[u8],
        output: &mut [u8],
    ) {
        let depth = AXES - 1;
        let (axis, run) = (&self.axes[depth], if N == 0 { self.run } else { N });
        for i in 0..axis.count {
            let target = &mut output[to + i * axis.out_stride..][..run];
            match self.source(depth, i, from, tables) {
                Some(at) => target.copy_from_slice(&input[at..at + run]),
                None => self.fill(target),
            }
        }
    }

    fn fill(&self, target: &mut [u8]) {
        let pattern = &self.fill[..self.fill_size];
        if pattern.iter().all(|&b| b == pattern[0]) {
            target.fill(pattern[0]);
        } else {
            for element in target.chunks_mut(self.fill_size) {
                element.copy_from_slice(&pattern[..element.len()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::span::{Block, Place};

    fn moved(step: Move, input: &[u8], tables: &[i32], len: usize) -> [u8; 64] {
        let mut consts = [Block::ZERO; 2];
        for (to, from) in crate::span::view_mut::<i32>(Block::bytes_mut(&mut consts)).iter_mut().zip(tables) {
            *to = *from;
        }
        let mut arena = [Block::ZERO; 2];
        Block::bytes_mut(&mut arena)[..input.len()].copy_from_slice(input);
        let output = Span { place: Place::Arena, offset: 64, len };
        let step = Move { input: Span { place: Place::Arena, offset: 0, len: input.len() }, output, ..step };
        step.run(Isa::Scalar.kernels().expect("always there"), &mut Memory::new(&consts, &mut arena));
        arena[1].0
    }

    fn bare(axes: [Axis; 2], run: usize) -> Move {
        let one = Axis::ONE;
        Move {
            input: Span::EMPTY,
            output: Span::EMPTY,
            in_offset: 0,
            out_offset: 0,
            run,
            axes: [one, one, one, one, axes[0], axes[1]],
            fill: [7; 8],
            fill_size: 1,
        }
    }

    #[test]
    fn transposes_elements_of_every_size() {
        for size in [1, 2, 3, 4, 5, 8] {
            let input: [u8; 48] = core::array::from_fn(|i| i as u8);
            let axes = [
                Axis { count: 3, out_stride: 2 * size, in_stride: size.cast_signed(), table: Span::EMPTY },
                Axis { count: 2, out_stride: size, in_stride: 3 * size.cast_signed(), table: Span::EMPTY },
            ];
            let out = moved(bare(axes, size), &input[..6 * size], &[], 6 * size);
            for (i, from) in [0, 3, 1, 4, 2, 5].into_iter().enumerate() {
                assert_eq!(out[i * size..][..size], input[from * size..][..size], "size {size}");
            }
        }
    }

    #[test]
    fn tables_gather_and_fill() {
        let table = Span { place: Place::Const, offset: 0, len: 12 };
        let axes = [Axis::ONE, Axis { count: 3, out_stride: 2, in_stride: 0, table }];
        let out = moved(bare(axes, 2), &[1, 2, 3, 4], &[2, -1, 0], 6);
        assert_eq!(out[..6], [3, 4, 7, 7, 1, 2]);
    }

    #[test]
    fn repeated_lines_are_copied() {
        let table = |offset: usize| Span { place: Place::Const, offset, len: 16 };
        let mut axes = bare([Axis::ONE, Axis::ONE], 3);
        axes.axes[4] = Axis { count: 4, out_stride: 12, in_stride: 0, table: table(0) };
        axes.axes[5] = Axis { count: 4, out_stride: 3, in_stride: 0, table: table(64) };
        let rows = [0, 0, 6, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3];
        let out = moved(axes, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], &rows, 48);
        let line = |a: [u8; 3], b: [u8; 3]| [a, a, b, b].concat();
        let (top, bottom) = (line([1, 2, 3], [4, 5, 6]), line([7, 8, 9], [10, 11, 12]));
        assert_eq!(out[..48], [top.clone(), top, bottom.clone(), bottom].concat());
    }

    #[test]
    fn a_negative_stride_reverses() {
        let axes = [Axis::ONE, Axis { count: 4, out_stride: 1, in_stride: -1, table: Span::EMPTY }];
        let out = moved(Move { in_offset: 3, ..bare(axes, 1) }, &[1, 2, 3, 4], &[], 4);
        assert_eq!(out[..4], [4, 3, 2, 1]);
    }
}
