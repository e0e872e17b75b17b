//! Reductions over any set of axes: MEAN, SUM, REDUCE_MAX, REDUCE_MIN.
//!
//! The input is read once, in memory order; each element goes to the accumulator of its output. Whether the innermost axis is
//! kept or reduced, the inner loop runs over contiguous codes.

use crate::arith::{Multiplier, mul_away, rne_small};
use crate::code::{Code, is_wide};
use crate::isa::Kernels;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// Most axes of a [`Reduce`], after lowering has merged neighbours of one kind.
pub const AXES: usize = 6;

/// One axis of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Its size.
    pub count: usize,
    /// Elements from one index to the next in the output; 0 for a reduced axis.
    pub out_stride: usize,
}

impl Level {
    /// An axis of size 1.
    pub const ONE: Level = Level { count: 1, out_stride: 0 };
}

/// How an accumulator becomes a code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReduceRule {
    /// `rne(f32(sum + offset)·scale + zero)`: XNNPACK's MEAN and SUM, on codes as the user sees them.
    SumEven {
        /// Added to the sum: makes it the sum of the user's codes.
        offset: i32,
        /// `s_in / s_out`, divided by the number of elements for MEAN.
        scale: f32,
        /// Output zero point less the input's share, as the user sees codes.
        zero: f32,
        /// Subtracted from the result: 128 where the user's codes are unsigned.
        shift: i32,
        /// Product and sum are rounded once, as XNNPACK does on ARM.
        fused: bool,
    },
    /// `mul_away(sum + offset) + zero`: TFLite's MEAN and SUM.
    SumAway {
        /// Less the input's zero point, once per element.
        offset: i32,
        /// `s_in / s_out`, divided by the number of elements for MEAN.
        by: Multiplier,
        /// Output zero point.
        zero: i32,
    },
    /// The largest code.
    Maximum,
    /// The smallest code.
    Minimum,
}

impl ReduceRule {
    /// The codes of accumulators.
    fn codes<T: Code>(&self, sums: &[i32], codes: &mut [T]) {
        if let ReduceRule::SumEven { offset, scale, zero, shift, fused } = *self {
            // Limiting before rounding gives the same code, since the limits are integers.
            let (lo, hi) = ((T::LO + shift) as f32, (T::HI + shift) as f32);
            for (y, &sum) in codes.iter_mut().zip(sums) {
                let sum = sum.wrapping_add(offset) as f32;
                let v = if fused { libm::fmaf(sum, scale, zero) } else { sum * scale + zero };
                *y = T::narrow(rne_small(v.max(lo).min(hi)) - shift);
            }
            return;
        }
        for (y, &sum) in codes.iter_mut().zip(sums) {
            *y = T::limit(self.value(sum));
        }
    }

    fn value(&self, sum: i32) -> i32 {
        match *self {
            ReduceRule::SumAway { offset, by, zero } => mul_away(sum.wrapping_add(offset), by).saturating_add(zero),
            ReduceRule::Maximum | ReduceRule::Minimum | ReduceRule::SumEven { .. } => sum,
        }
    }

    /// What a reduction of one element makes of each 8-bit code, from −128 on.
    #[must_use]
    pub fn of_one(&self) -> [i8; 256] {
        let (mut sums, mut codes) = ([0; 256], [0; 256]);
        for (sum, code) in sums.iter_mut().zip(-128..) {
            *sum = code;
        }
        self.codes(&sums, &mut codes);
        codes
    }
}

/// A reduction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reduce {
    /// Codes.
    pub input: Span,
    /// Codes.
    pub output: Span,
    /// Codes are `i16` instead of `i8`.
    pub wide: bool,
    /// One `i32` per output element.
    pub scratch: Span,
    /// Axes of the input, outermost first.
    pub levels: [Level; AXES],
    /// The rule; results are limited to the type.
    pub rule: ReduceRule,
}

impl Run for Reduce {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.output, Access::Write);
        visit(&mut self.scratch, Access::Scratch);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        if is_wide(self.wide) { self.reduce::<i16>(memory) } else { self.reduce::<i8>(memory) }
    }
}

impl Reduce {
    fn reduce<T: Code>(&self, memory: &mut Memory<'_>) {
        let ([input], [output, scratch]) = memory.split([self.input], [self.output, self.scratch]);
        let (input, output, sums): (&[T], &mut [T], &mut [i32]) = (view(input), view_mut(output), view_mut(scratch));
        match self.rule {
            ReduceRule::Maximum => {
                sums.fill(T::LO);
                self.level(0, input, sums, (&|a, b| a.max(b), false));
            }
            ReduceRule::Minimum => {
                sums.fill(T::HI);
                self.level(0, input, sums, (&|a, b| a.min(b), false));
            }
            _ => {
                sums.fill(0);
                self.level(0, input, sums, (&|a, b| a.wrapping_add(b), size_of::<T>() == 1));
            }
        }
        self.rule.codes(sums, output);
    }

    /// `f` joins two accumulators; with it, whether they are sums of 8-bit codes.
    fn level<T: Code>(
        &self,
        depth: usize,
        input: &[T],
        sums: &mut [i32],
        (f, adds): (&impl Fn(i32, i32) -> i32, bool),
    ) {
        let level = self.levels[depth];
        if depth == AXES - 1 {
            if level.out_stride == 0 {
                sums[0] = input.iter().fold(sums[0], |sum, &x| f(sum, x.wide()));
            } else {
                for (sum, &x) in sums.iter_mut().zip(input) {
                    *sum = f(*sum, x.wide());
                }
            }
            return;
        }
        let inner = input.len() / level.count.max(1);
        if depth == AXES - 2 && level.out_stride == 0 && self.levels[AXES - 1].out_stride == 1 {
            let sums = &mut sums[..inner];
            return if adds { sum_rows(input, inner, sums) } else { rows(input, inner, sums, f) };
        }
        for (i, input) in input.chunks_exact(inner.max(1)).enumerate() {
            self.level(depth + 1, input, &mut sums[i * level.out_stride..], (f, adds));
        }
    }
}

/// [`rows`] for sums of 8-bit codes, which are collected in 16 bits.
fn sum_rows<T: Code>(input: &[T], width: usize, sums: &mut [i32]) {
    const BLOCK: usize = 32;
    /// Codes that 16 bits can hold the sum of.
    const MOST: usize = 255;
    for part in input.chunks(MOST * width.max(1)) {
        let (blocks, rest) = sums.as_chunks_mut::<BLOCK>();
        for (block, sums) in blocks.iter_mut().enumerate() {
            let mut acc = [0_i16; BLOCK];
            for row in part.chunks_exact(width) {
                let codes = &row[block * BLOCK..][..BLOCK];
                for (acc, &x) in acc.iter_mut().zip(codes) {
                    *acc += x.wide() as i16;
                }
            }
            for (sum, acc) in sums.iter_mut().zip(acc) {
                *sum = sum.wrapping_add(acc.into());
            }
        }
        let start = width - rest.len();
        for row in part.chunks_exact(width) {
            for (sum, &x) in rest.iter_mut().zip(&row[start..]) {
                *sum = sum.wrapping_add(x.wide());
            }
        }
    }
}

/// Rows of `width` elements, column by column; a block of columns at a time, so that its accumulators stay in registers.
fn rows<T: Code>(input: &[T], width: usize, sums: &mut [i32], f: &impl Fn(i32, i32) -> i32) {
    const BLOCK: usize = 16;
    for (block, sums) in sums.chunks_mut(BLOCK).enumerate() {
        if let Ok(mut acc) = <[i32; BLOCK]>::try_from(&*sums) {
            for row in 0..input.len() / width {
                let codes = &input[row * width + block * BLOCK..][..BLOCK];
                for (acc, &x) in acc.iter_mut().zip(codes) {
                    *acc = f(*acc, x.wide());
                }
            }
            sums.copy_from_slice(&acc);
        } else {
            for row in 0..input.len() / width {
                for (sum, &x) in sums.iter_mut().zip(&input[row * width + block * BLOCK..]) {
                    *sum = f(*sum, x.wide());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_in_16_bits_are_those_in_32() {
        for (width, count) in [(1, 300), (5, 7), (32, 255), (33, 256), (64, 600), (96, 1)] {
            for code in [|_| -128, |_| 127, |i: usize| (i * 89 % 256) as u8 as i8] {
                let codes: Vec<i8> = (0..width * count).map(code).collect();
                let (mut found, mut expected) = (vec![3; width], vec![3; width]);
                sum_rows(&codes, width, &mut found);
                rows(&codes, width, &mut expected, &|a, b| a.wrapping_add(b));
                assert_eq!(found, expected, "{count} rows of {width}");
            }
        }
    }
}
