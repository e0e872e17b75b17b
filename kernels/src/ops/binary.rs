//! Element-wise operators of two quantised operands, with broadcasting.
//!
//! Lowering merges axes and turns broadcasting into strides of 0; the innermost axis is one *row*, a loop over slices that the
//! compiler vectorises. Rules speak of held codes and held zero points, which differ by the same constant.

use core::mem::MaybeUninit;

use crate::arith::{Multiplier, mul_away, mul_rndnu, rdbp, rne_small, srdhm};
use crate::code::{Code, is_wide};
use crate::fixed::reciprocal;
use crate::isa::Kernels;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// Most axes that a [`Binary`] has, after lowering has merged what runs together.
pub const AXES: usize = 6;

/// One loop level; the output is dense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// How often it runs.
    pub count: usize,
    /// Elements from one iteration to the next in the first operand; 0 where it is broadcast.
    pub a: usize,
    /// The same for the second operand.
    pub b: usize,
}

impl Level {
    /// A level that runs once.
    pub const ONE: Level = Level { count: 1, a: 0, b: 0 };
}

/// What is computed, with `a` and `b` less their zero points; the zero point of the output is added to the result unless said
/// otherwise, then [`Binary::lo`] and [`Binary::hi`] limit it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BinaryRule {
    /// `(bias + a·ma + b·mb) >> shift` on codes that still have their zero points: XNNPACK's ADD and SUB.
    Add {
        /// Multiplier of the first code.
        ma: i32,
        /// Multiplier of the second code.
        mb: i32,
        /// Rounding term, less both zero points times their multipliers.
        bias: i32,
        /// Right shift, 1..=31.
        shift: u32,
    },
    /// Both operands brought to a common scale, added, brought to the output's: TFLite's ADD; SUB with `subtract`.
    AddAway {
        /// Bits of headroom: 20 for 8-bit codes, 15 for 16-bit ones.
        left: u32,
        /// First operand to the common scale.
        a: Multiplier,
        /// Second operand to the common scale.
        b: Multiplier,
        /// Common scale to the output's.
        out: Multiplier,
        /// Subtracts the second operand.
        subtract: bool,
    },
    /// `rne(f32(a·b)·scale)`: XNNPACK's MUL.
    MulEven {
        /// `s_a·s_b / s_out` in binary32.
        scale: f32,
    },
    /// `mul_rndnu(a·b)`: XNNPACK's MUL on ARM.
    MulRndnu {
        /// `s_a·s_b / s_out`.
        by: Multiplier,
    },
    /// `mul_away(a·b)`: TFLite's MUL.
    MulAway {
        /// `s_a·s_b / s_out`.
        by: Multiplier,
    },
    /// `a / b` by a fixed-point reciprocal (TFLite). `b = 0`, which TFLite leaves undefined, gives the zero point.
    Div {
        /// `s_a / (s_b·s_out)`.
        by: Multiplier,
    },
    /// `(a − b)²` with 7 bits of headroom (TFLite).
    SquaredDifference {
        /// First operand to the common scale.
        a: Multiplier,
        /// Second operand to the common scale.
        b: Multiplier,
        /// Square of the common scale to the output's.
        out: Multiplier,
    },
    /// The larger code; no zero points.
    Maximum,
    /// The smaller code; no zero points.
    Minimum,
    /// `a` where it is not negative, else `a·b`: PRELU with slopes `b` (TFLite).
    Prelu {
        /// `s_a / s_out`.
        positive: Multiplier,
        /// `s_a·s_b / s_out`.
        negative: Multiplier,
    },
}

/// An element-wise operator on `i8` or `i16` codes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binary {
    /// First operand.
    pub a: Span,
    /// Second operand.
    pub b: Span,
    /// Result: as many elements as the levels run.
    pub output: Span,
    /// Loop levels, outermost first; the last one is the row, with strides 0 or 1.
    pub levels: [Level; AXES],
    /// Codes are `i16` instead of `i8`.
    pub wide: bool,
    /// What is computed.
    pub rule: BinaryRule,
    /// Zero point of the first operand.
    pub zero_a: i32,
    /// Zero point of the second operand.
    pub zero_b: i32,
    /// Zero point of the output.
    pub zero: i32,
    /// Smallest code, activation included.
    pub lo: i32,
    /// Largest code, activation included.
    pub hi: i32,
}

impl Run for Binary {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        let row = self.levels[AXES - 1];
        let access = |stride: usize, single: bool| {
            if single && stride == 1 { Access::ReadInPlace } else { Access::Read }
        };
        let single = self.is_single_row();
        visit(&mut self.a, access(row.a, single));
        visit(&mut self.b, access(row.b, single));
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, kernels: &'static Kernels, memory: &mut Memory<'_>) {
        match self.rule {
            _ if is_wide(self.wide) => self.map::<i16>(memory, &|a, b, out| self.row(a, b, out)),
            BinaryRule::Add { ma, mb, bias, shift } => {
                let rule = AddRow { ma, mb, bias, shift, zero: self.zero, lo: self.lo, hi: self.hi };
                self.map::<i8>(memory, &|a, b, out| kernels.add(&rule, a, b, out));
            }
            _ => self.map::<i8>(memory, &|a, b, out| self.row(a, b, out)),
        }
    }
}

impl Binary {
    fn is_single_row(&self) -> bool {
        self.levels[..AXES - 1].iter().all(|level| level.count == 1)
    }

    fn map<T: Code>(&self, memory: &mut Memory<'_>, row: &impl Fn(&[T], &[T], &mut [T])) {
        let same = |s: Span| s.place == self.output.place && s.offset == self.output.offset;
        let single = self.is_single_row();
        if single && same(self.a) {
            let (b, stride) = (self.b, self.levels[AXES - 1].b);
            self.in_place::<T>(memory, b, stride, row);
        } else if single && same(self.b) {
            let (a, stride) = (self.a, self.levels[AXES - 1].a);
            self.in_place::<T>(memory, a, stride, |y, x, out| row(x, y, out));
        } else {
            let ([a, b], [out]) = memory.split([self.a, self.b], [self.output]);
            self.level(0, (view::<T>(a), view::<T>(b)), view_mut::<T>(out), row);
        }
    }

    /// One row whose one operand is where the output goes; it is copied to the stack chunk by chunk.
    fn in_place<T: Code>(
        &self,
        memory: &mut Memory<'_>,
        other: Span,
        stride: usize,
        body: impl Fn(&[T], &[T], &mut [T]),
    ) {
        const CHUNK: usize = 1024;
        let n = self.levels[AXES - 1].count;
        let mut copy = [const { MaybeUninit::uninit() }; CHUNK];
        let mut at = 0;
        while at < n {
            let take = CHUNK.min(n - at);
            let ([other], [out]) = memory.split([other], [self.output]);
            let (other, out) = (view::<T>(other), &mut view_mut::<T>(out)[at..at + take]);
            let copy = copy[..take].write_copy_of_slice(out);
            let other = if stride == 0 { &other[..1] } else { &other[at..at + take] };
            body(copy, other, out);
            at += take;
        }
    }

    fn level<T: Code>(&self, depth: usize, (a, b): (&[T], &[T]), out: &mut [T], row: &impl Fn(&[T], &[T], &mut [T])) {
        let level = self.levels[depth];
        if depth == AXES - 1 {
            let len = |stride: usize| if stride == 0 { 1 } else { level.count };
            return row(&a[..len(level.a)], &b[..len(level.b)], out);
        }
        if level.count == 1 {
            return self.level(depth + 1, (a, b), out, row);
        }
        let inner = out.len() / level.count;
        for (i, out) in out.chunks_exact_mut(inner).enumerate() {
            self.level(depth + 1, (&a[i * level.a..], &b[i * level.b..]), out, row);
        }
    }

    /// One row: an operand of length 1 is broadcast.
    fn row<T: Code>(&self, a: &[T], b: &[T], out: &mut [T]) {
        let (za, zb, zero, lo, hi) = (self.zero_a, self.zero_b, self.zero, self.lo, self.hi);
        let limit = |v: i32| v.saturating_add(zero).clamp(lo, hi);
        match self.rule {
            BinaryRule::Add { ma, mb, bias, shift } => {
                add_row(&AddRow { ma, mb, bias, shift, zero, lo, hi }, a, b, out)
            }
            BinaryRule::AddAway { left, a: by_a, b: by_b, out: by_out, subtract } => zip(a, b, out, |x, y| {
                let x = mul_away((x - za) << left, by_a);
                let y = mul_away((y - zb) << left, by_b);
                limit(mul_away(if subtract { x.wrapping_sub(y) } else { x.wrapping_add(y) }, by_out))
            }),
            BinaryRule::MulEven { scale } => {
                // Limiting before rounding to even gives the same code, since the limits are integers.
                let (lo, hi) = ((lo - zero) as f32, (hi - zero) as f32);
                zip(a, b, out, |x, y| rne_small((((x - za) * (y - zb)) as f32 * scale).clamp(lo, hi)) + zero);
            }
            BinaryRule::MulRndnu { by } => zip(a, b, out, |x, y| limit(mul_rndnu((x - za) * (y - zb), by))),
            BinaryRule::MulAway { by } => {
                zip(a, b, out, |x, y| limit(mul_away((x - za).wrapping_mul(y - zb), by)));
            }
            BinaryRule::Div { by } => zip(a, b, out, |x, y| limit(divide(x - za, y - zb, by))),
            BinaryRule::SquaredDifference { a: by_a, b: by_b, out: by_out } => zip(a, b, out, |x, y| {
                let d = mul_away((x - za) << 7, by_a).wrapping_sub(mul_away((y - zb) << 7, by_b));
                limit(mul_away(d.wrapping_mul(d), by_out))
            }),
            BinaryRule::Maximum => zip(a, b, out, |x, y| x.max(y)),
            BinaryRule::Minimum => zip(a, b, out, |x, y| x.min(y)),
            BinaryRule::Prelu { positive, negative } => zip(a, b, out, |x, y| {
                let d = x - za;
                limit(if d >= 0 { mul_away(d, positive) } else { mul_away(d.wrapping_mul(y - zb), negative) })
            }),
        }
    }
}

/// `out[i] = f(a[i], b[i])`, an operand of length 1 broadcast.
#[inline(always)]
fn zip<T: Code>(a: &[T], b: &[T], out: &mut [T], f: impl Fn(i32, i32) -> i32) {
    if a.len() == out.len() && b.len() == out.len() {
        for ((y, x), w) in out.iter_mut().zip(a).zip(b) {
            *y = T::narrow(f(x.wide(), w.wide()));
        }
    } else if let [w] = *b {
        for (y, x) in out.iter_mut().zip(a) {
            *y = T::narrow(f(x.wide(), w.wide()));
        }
    } else {
        let x = a[0].wide();
        for (y, w) in out.iter_mut().zip(b) {
            *y = T::narrow(f(x, w.wide()));
        }
    }
}

/// One row of [`BinaryRule::Add`]: fields as there and in [`Binary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddRow {
    /// Multiplier of the first code.
    pub ma: i32,
    /// Multiplier of the second code.
    pub mb: i32,
    /// Rounding term, less both zero points times their multipliers.
    pub bias: i32,
    /// Right shift, 1..=31.
    pub shift: u32,
    /// Zero point of the output.
    pub zero: i32,
    /// Smallest code.
    pub lo: i32,
    /// Largest code.
    pub hi: i32,
}

/// Portable [`BinaryRule::Add`]; an operand of length 1 is broadcast.
#[inline(always)]
pub(crate) fn add_row<T: Code>(rule: &AddRow, a: &[T], b: &[T], out: &mut [T]) {
    let AddRow { ma, mb, bias, shift, zero, lo, hi } = *rule;
    // After the shift there is room for the zero point.
    zip(a, b, out, |x, y| {
        let sum = bias.wrapping_add(x.wrapping_mul(ma)).wrapping_add(y.wrapping_mul(mb));
        ((sum >> shift) + zero).clamp(lo, hi)
    });
}

/// TFLite's quantised division, before the zero point.
fn divide(a: i32, b: i32, by: Multiplier) -> i32 {
    if b == 0 {
        return 0;
    }
    let (a, b) = if b < 0 { (-a, -b) } else { (a, b) };
    let leading = b.leading_zeros();
    let r = reciprocal((((b as u32) << leading) as i32).wrapping_sub(i32::MIN));
    let bits = 31 - leading as i32;
    // Sign bits of `a` less one: the shift that normalises it.
    let head = if a == 0 { 31 } else { (if a < 0 { !a } else { a }).leading_zeros() as i32 - 1 };
    let high = srdhm(srdhm(a.wrapping_shl(head as u32), r), by.m);
    let shift = bits + head - by.e;
    if shift < 0 {
        high.wrapping_shl(shift.unsigned_abs())
    } else if shift < 32 {
        rdbp(high, shift)
    } else {
        // What x86 makes of the C++ source: the mask is truncated to nothing, the shift count taken modulo 32.
        (high >> (shift % 32)) + i32::from(high > if high >= 0 { -1 } else { 0 })
    }
}
