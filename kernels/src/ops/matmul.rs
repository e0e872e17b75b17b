//! Product of two matrices of 8-bit codes that are both known only when running.

use crate::arith::{Requant, RequantData};
use crate::isa::Kernels;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

const LANES: usize = 16;

/// One operand of a [`MatMul`]: how its elements are reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matrix {
    /// `i8` codes.
    pub codes: Span,
    /// Zero point.
    pub zero: i16,
    /// Elements from one row (of the left operand) or column (of the right one) to the next.
    pub line: usize,
    /// Elements from one index of the sum to the next.
    pub depth: usize,
    /// One `i32` per product: where its matrix begins, in elements.
    pub starts: Span,
}

/// `output[p, i, j] = Σ_k (left[p, i, k] − zero) · (right[p, k, j] − zero)`, wrapping in 32 bits, then [`Requant`] by column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatMul {
    /// Left operand.
    pub left: Matrix,
    /// Right operand.
    pub right: Matrix,
    /// `[products, rows, columns]` codes.
    pub output: Span,
    /// How many products.
    pub products: usize,
    /// Rows of each.
    pub rows: usize,
    /// Columns of each.
    pub columns: usize,
    /// Terms of each sum.
    pub depth: usize,
    /// Bias and rounding per column.
    pub requant: Requant,
}

impl Run for MatMul {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.left.codes, Access::Read);
        visit(&mut self.left.starts, Access::Read);
        visit(&mut self.right.codes, Access::Read);
        visit(&mut self.right.starts, Access::Read);
        visit(&mut self.requant.bias, Access::Read);
        visit(&mut self.requant.multiplier, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let (left, right) = (self.left, self.right);
        let reads = [left.codes, left.starts, right.codes, right.starts, self.requant.bias, self.requant.multiplier];
        let ([a, a_starts, b, b_starts, bias, multiplier], [output]) = memory.split(reads, [self.output]);
        let requant = RequantData { rule: &self.requant, channels: self.columns, bias: view(bias), multiplier };
        let (a, b): (&[i8], &[i8]) = (view(a), view(b));
        let (a_starts, b_starts): (&[i32], &[i32]) = (view(a_starts), view(b_starts));
        let mut rows = view_mut::<i8>(output).chunks_exact_mut(self.columns);
        for (&a_start, &b_start) in a_starts.iter().zip(b_starts).take(self.products) {
            let b = &b[b_start as usize..];
            for (i, out) in rows.by_ref().take(self.rows).enumerate() {
                let a = &a[a_start as usize + i * left.line..];
                for (block, out) in out.chunks_mut(LANES).enumerate() {
                    let first = block * LANES;
                    let sums = self.sums(a, &b[first * right.line..], out.len());
                    for (j, (y, sum)) in out.iter_mut().zip(sums).enumerate() {
                        *y = requant.code(sum, first + j) as i8;
                    }
                }
            }
        }
    }
}

impl MatMul {
    /// Sums of one row with `count ≤ LANES` columns.
    fn sums(&self, a: &[i8], b: &[i8], count: usize) -> [i32; LANES] {
        let (left, right) = (&self.left, &self.right);
        let mut acc = [0_i32; LANES];
        let term = |a: i8, b: i8| (i32::from(a) - i32::from(left.zero)) * (i32::from(b) - i32::from(right.zero));
        if right.line == 1 {
            for k in 0..self.depth {
                let x = a[k * left.depth];
                for (sum, &w) in acc.iter_mut().zip(&b[k * right.depth..][..count]) {
                    *sum = sum.wrapping_add(term(x, w));
                }
            }
            return acc;
        }
        for (j, sum) in acc.iter_mut().take(count).enumerate() {
            let column = b[j * right.line..].iter().step_by(right.depth);
            for (&x, &w) in a.iter().step_by(left.depth).zip(column).take(self.depth) {
                *sum = sum.wrapping_add(term(x, w));
            }
        }
        acc
    }
}
