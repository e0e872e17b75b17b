//! Element-wise operators of two operands with broadcasting, on float32, int32 and int64.
//!
//! Integers wrap, and a division by 0 gives 0: they only serve the arithmetic of shapes.

use crate::isa::Kernels;
use crate::ops::cast::NumberKind;
use crate::ops::conv_f32::clamp_f32;
use crate::span::{Memory, Number, Span, view, view_mut};
use crate::step::{Access, Run};

/// Most axes, after lowering has merged what it can.
pub const BINARY_AXES: usize = 6;

/// The operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryNumKind {
    Add,
    Sub,
    Mul,
    Div,
    Maximum,
    Minimum,
    SquaredDifference,
    /// `a < 0 ? a · b : a`.
    Prelu,
}

/// `output[i] = clamp(f(a[Σ i_d·a_stride_d], b[Σ i_d·b_stride_d]))`, the output row-major.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinaryNum {
    /// First operand.
    pub a: Span,
    /// Second operand.
    pub b: Span,
    /// Result.
    pub output: Span,
    /// `f`.
    pub kind: BinaryNumKind,
    /// `F32`, `I32` or `I64`, of all three.
    pub number: NumberKind,
    /// Sizes, outermost first; unused leading axes are 1.
    pub shape: [usize; BINARY_AXES],
    /// Elements from neighbour to neighbour in `a`; 0 where it is broadcast. The last is 0 or 1.
    pub a_stride: [usize; BINARY_AXES],
    /// Likewise in `b`.
    pub b_stride: [usize; BINARY_AXES],
    /// Smallest result of ADD, SUB, MUL, DIV; −∞ for none.
    pub lo: f32,
    /// Largest result of ADD, SUB, MUL, DIV; +∞ for none.
    pub hi: f32,
}

/// Elements that are copied aside at a time where an operand lies in the output's place.
const CHUNK: usize = 256;

impl Run for BinaryNum {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        // An operand of the output's length is not broadcast, so its elements are read in order.
        let access =
            |span: &Span, output: &Span| if span.len == output.len { Access::ReadInPlace } else { Access::Read };
        let (a, b) = (access(&self.a, &self.output), access(&self.b, &self.output));
        visit(&mut self.a, a);
        visit(&mut self.b, b);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        match self.number {
            NumberKind::F32 => self.floats(memory),
            NumberKind::I32 => self.integers::<i32>(memory),
            _ => self.integers::<i64>(memory),
        }
    }
}

/// What integers are to this step.
trait Integer: Number + Default + Ord {
    fn op(kind: BinaryNumKind, a: Self, b: Self) -> Self;
    /// The nearest integer below, saturating.
    fn bound(v: f32) -> Self;
}

macro_rules! integer {
    ($($type:ty),*) => {
        $(impl Integer for $type {
            fn bound(v: f32) -> Self {
                v as Self
            }
            fn op(kind: BinaryNumKind, a: Self, b: Self) -> Self {
                match kind {
                    BinaryNumKind::Add => a.wrapping_add(b),
                    BinaryNumKind::Sub => a.wrapping_sub(b),
                    BinaryNumKind::Mul => a.wrapping_mul(b),
                    BinaryNumKind::Div => if b == 0 { 0 } else { a.wrapping_div(b) },
                    BinaryNumKind::Maximum => a.max(b),
                    BinaryNumKind::Minimum => a.min(b),
                    BinaryNumKind::SquaredDifference => a.wrapping_sub(b).wrapping_mul(a.wrapping_sub(b)),
                    BinaryNumKind::Prelu => if a < 0 { a.wrapping_mul(b) } else { a },
                }
            }
        })*
    };
}
integer!(i32, i64);

impl BinaryNum {
    fn integers<T: Integer>(&self, memory: &mut Memory<'_>) {
        let (lo, hi) = (T::bound(self.lo), T::bound(self.hi));
        self.rows::<T>(memory, |a, b| T::op(self.kind, a, b).clamp(lo, hi));
    }

    fn floats(&self, memory: &mut Memory<'_>) {
        let clamped = self.lo > f32::NEG_INFINITY || self.hi < f32::INFINITY;
        let (lo, hi) = (self.lo, self.hi);
        match (self.kind, clamped) {
            (BinaryNumKind::Add, false) => self.rows(memory, |a: f32, b| a + b),
            (BinaryNumKind::Add, true) => self.rows(memory, |a: f32, b| clamp_f32(a + b, lo, hi)),
            (BinaryNumKind::Sub, _) => self.rows(memory, |a: f32, b| clamp_f32(a - b, lo, hi)),
            (BinaryNumKind::Mul, false) => self.rows(memory, |a: f32, b| a * b),
            (BinaryNumKind::Mul, true) => self.rows(memory, |a: f32, b| clamp_f32(a * b, lo, hi)),
            (BinaryNumKind::Div, _) => self.rows(memory, |a: f32, b| clamp_f32(a / b, lo, hi)),
            (BinaryNumKind::Maximum, _) => self.rows(memory, |a: f32, b| if a > b { a } else { b }),
            (BinaryNumKind::Minimum, _) => self.rows(memory, |a: f32, b| if a < b { a } else { b }),
            (BinaryNumKind::SquaredDifference, _) => self.rows(memory, |a: f32, b| (a - b) * (a - b)),
            (BinaryNumKind::Prelu, _) => self.rows(memory, |a: f32, b| if a < 0.0 { a * b } else { a }),
        }
    }

    /// Runs `f` over all elements, row by row.
    #[inline(always)]
    fn rows<T: Number + Default>(&self, memory: &mut Memory<'_>, f: impl Fn(T, T) -> T + Copy) {
        let same = |s: &Span| s.len != 0 && (s.place, s.offset) == (self.output.place, self.output.offset);
        let n = self.shape[BINARY_AXES - 1];
        let (sa, sb) = (self.a_stride[BINARY_AXES - 1], self.b_stride[BINARY_AXES - 1]);
        let mut copy = [T::default(); CHUNK];
        if same(&self.a) {
            let ([b], [y]) = memory.split([self.b], [self.output]);
            let (b, y) = (view::<T>(b), view_mut::<T>(y));
            self.each_row(|at, _, from_b| {
                for start in (0..n).step_by(CHUNK) {
                    let y = &mut y[at + start..at + n.min(start + CHUNK)];
                    let a = &mut copy[..y.len()];
                    a.copy_from_slice(y);
                    row(a, 1, &b[from_b + start * sb..], sb, y, f);
                }
            });
        } else if same(&self.b) {
            let ([a], [y]) = memory.split([self.a], [self.output]);
            let (a, y) = (view::<T>(a), view_mut::<T>(y));
            self.each_row(|at, from_a, _| {
                for start in (0..n).step_by(CHUNK) {
                    let y = &mut y[at + start..at + n.min(start + CHUNK)];
                    let b = &mut copy[..y.len()];
                    b.copy_from_slice(y);
                    row(&a[from_a + start * sa..], sa, b, 1, y, f);
                }
            });
        } else {
            let ([a, b], [y]) = memory.split([self.a, self.b], [self.output]);
            let (a, b, y) = (view::<T>(a), view::<T>(b), view_mut::<T>(y));
            self.each_row(|at, from_a, from_b| row(&a[from_a..], sa, &b[from_b..], sb, &mut y[at..at + n], f));
        }
    }

    /// Calls `body(first output element, first element of a, of b)` for every row.
    #[inline(always)]
    fn each_row(&self, mut body: impl FnMut(usize, usize, usize)) {
        const OUTER: usize = BINARY_AXES - 1;
        let n = self.shape[OUTER];
        let rows: usize = self.shape[..OUTER].iter().product();
        let mut index = [0; OUTER];
        let (mut a, mut b) = (0, 0);
        for r in 0..rows {
            if n > 0 {
                body(r * n, a, b);
            }
            for d in (0..OUTER).rev() {
                index[d] += 1;
                a += self.a_stride[d];
                b += self.b_stride[d];
                if index[d] < self.shape[d] {
                    break;
                }
                index[d] = 0;
                a -= self.shape[d] * self.a_stride[d];
                b -= self.shape[d] * self.b_stride[d];
            }
        }
    }
}

/// One row, with loops that a compiler vectorises.
#[inline(always)]
fn row<T: Number>(a: &[T], sa: usize, b: &[T], sb: usize, y: &mut [T], f: impl Fn(T, T) -> T) {
    let n = y.len();
    match (sa, sb) {
        (1, 1) => {
            for ((&a, &b), y) in a[..n].iter().zip(&b[..n]).zip(y) {
                *y = f(a, b);
            }
        }
        (1, _) => {
            let b = b[0];
            for (&a, y) in a[..n].iter().zip(y) {
                *y = f(a, b);
            }
        }
        (_, 1) => {
            let a = a[0];
            for (&b, y) in b[..n].iter().zip(y) {
                *y = f(a, b);
            }
        }
        _ => y.fill(f(a[0], b[0])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::span::{Block, Place};

    fn ints(memory: &mut [Block], a: Span, b: Span, output: Span, b_stride: [usize; 2]) {
        let step = BinaryNum {
            a,
            b,
            output,
            kind: BinaryNumKind::Sub,
            number: NumberKind::I32,
            shape: [1, 1, 1, 1, 2, 3],
            a_stride: [0, 0, 0, 0, 3, 1],
            b_stride: [0, 0, 0, 0, b_stride[0], b_stride[1]],
            lo: f32::NEG_INFINITY,
            hi: f32::INFINITY,
        };
        step.run(Isa::Scalar.kernels().expect("always there"), &mut Memory::new(&[], memory));
    }

    #[test]
    fn broadcasts_in_place_and_not() {
        let span = |block: usize, n: usize| Span { place: Place::Arena, offset: 64 * block, len: 4 * n };
        for (stride, want) in [([0, 0], [9, 19, 29, 39, 49, 59]), ([0, 1], [9, 18, 27, 39, 48, 57])] {
            for out in [0, 2] {
                let mut arena = [Block::ZERO; 3];
                let values = view_mut::<i32>(Block::bytes_mut(&mut arena));
                values[..6].copy_from_slice(&[10, 20, 30, 40, 50, 60]);
                values[16..19].copy_from_slice(&[1, 2, 3]);
                ints(&mut arena, span(0, 6), span(1, 3), span(out, 6), stride);
                assert_eq!(view::<i32>(&arena[out].0)[..6], want);
            }
        }
    }
}
