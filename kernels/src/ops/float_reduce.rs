//! MEAN, SUM, REDUCE_MAX, REDUCE_MIN over any axes, on float32 and (but for the mean) int32: elements are taken in memory order.

use crate::isa::Kernels;
use crate::span::{Memory, Number, Span, view, view_mut};
use crate::step::{Access, Run};

/// Most axes, after lowering has merged neighbours of one kind.
pub const REDUCE_AXES: usize = 6;

/// The reductions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReduceF32Kind {
    /// Sum, then times this factor (XNNPACK's mean: the `f32` nearest to 1/n).
    Scaled(f32),
    /// Sum, then divided by this (the reference mean; 1 for a sum).
    Divided(f32),
    /// Maximum.
    Max,
    /// Minimum.
    Min,
}

/// `output[Σ i_d·out_stride_d] = reduce input[i]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReduceF32 {
    /// Row-major, sizes `shape`.
    pub input: Span,
    /// The axes that are kept.
    pub output: Span,
    /// What is done.
    pub kind: ReduceF32Kind,
    /// Whether elements are `i32` (sums wrap), else `f32`.
    pub integer: bool,
    /// Sizes of the input, outermost first; unused leading axes are 1.
    pub shape: [usize; REDUCE_AXES],
    /// Elements from neighbour to neighbour in the output; 0 along reduced axes. The last is 0 or 1.
    pub out_stride: [usize; REDUCE_AXES],
}

impl Run for ReduceF32 {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let ([input], [output]) = memory.split([self.input], [self.output]);
        if self.integer {
            return self.integers(view(input), view_mut(output));
        }
        let (input, output) = (view::<f32>(input), view_mut::<f32>(output));
        match self.kind {
            ReduceF32Kind::Max => self.accumulate(input, output, f32::NEG_INFINITY, |m, v| if v > m { v } else { m }),
            ReduceF32Kind::Min => self.accumulate(input, output, f32::INFINITY, |m, v| if v < m { v } else { m }),
            ReduceF32Kind::Scaled(by) => {
                self.accumulate(input, output, 0.0, |sum, v| sum + v);
                output.iter_mut().for_each(|v| *v *= by);
            }
            ReduceF32Kind::Divided(by) => {
                self.accumulate(input, output, 0.0, |sum, v| sum + v);
                output.iter_mut().for_each(|v| *v /= by);
            }
        }
    }
}

impl ReduceF32 {
    fn integers(&self, input: &[i32], output: &mut [i32]) {
        match self.kind {
            ReduceF32Kind::Max => self.accumulate(input, output, i32::MIN, i32::max),
            ReduceF32Kind::Min => self.accumulate(input, output, i32::MAX, i32::min),
            _ => self.accumulate(input, output, 0, i32::wrapping_add),
        }
    }

    #[inline(always)]
    fn accumulate<T: Number>(&self, input: &[T], output: &mut [T], start: T, f: impl Fn(T, T) -> T) {
        output.fill(start);
        const OUTER: usize = REDUCE_AXES - 1;
        let mut index = [0; OUTER];
        let mut to = 0;
        for row in input.chunks_exact(self.shape[OUTER].max(1)) {
            if self.out_stride[OUTER] == 0 {
                output[to] = row.iter().fold(output[to], |acc, &v| f(acc, v));
            } else {
                for (acc, &v) in output[to..].iter_mut().zip(row) {
                    *acc = f(*acc, v);
                }
            }
            for d in (0..OUTER).rev() {
                index[d] += 1;
                to += self.out_stride[d];
                if index[d] < self.shape[d] {
                    break;
                }
                index[d] = 0;
                to -= self.shape[d] * self.out_stride[d];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::span::{Block, Place};

    #[test]
    fn means_over_outer_and_inner_axes() {
        let mut arena = [Block::ZERO; 2];
        for (v, i) in view_mut::<f32>(Block::bytes_mut(&mut arena)).iter_mut().zip(0..12_u8) {
            *v = f32::from(i);
        }
        let span = |offset, len| Span { place: Place::Arena, offset, len };
        let mut run = |a: [usize; 3], n, by| {
            let step = ReduceF32 {
                input: span(0, 48),
                output: span(64, 4 * n),
                kind: ReduceF32Kind::Divided(by),
                integer: false,
                shape: [1, 1, 1, 2, 3, 2],
                out_stride: [0, 0, 0, a[0], a[1], a[2]],
            };
            step.run(Isa::Scalar.kernels().expect("always there"), &mut Memory::new(&[], &mut arena));
            let mut found = [0.0; 4];
            found[..n].copy_from_slice(&view::<f32>(&arena[1].0)[..n]);
            found
        };
        assert_eq!(run([2, 0, 1], 4, 3.0), [2.0, 3.0, 8.0, 9.0]);
        assert_eq!(run([1, 0, 0], 2, 6.0)[..2], [2.5, 8.5]);
    }
}
