//! Between float and codes, and from 16-bit codes: DEQUANTIZE, and QUANTIZE where the input is not 8-bit (those are tables).

use crate::arith::{Multiplier, mul_away, rha, rne, rne_small};
use crate::isa::Kernels;
use crate::span::{Memory, Number, Span, view, view_mut};
use crate::step::{Access, Run};

/// What is done to each element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConvertRule {
    /// `f32` to codes: `rne(x · inverse) + zero`, NaN to the largest code (XNNPACK).
    QuantizeEven {
        /// `1 / s` in binary32.
        inverse: f32,
        /// Zero point.
        zero: i32,
    },
    /// `f32` to codes: `rha(x / scale) + zero` (TFLite).
    QuantizeAway {
        /// Scale.
        scale: f32,
        /// Zero point.
        zero: i32,
        /// The code of NaN and of quotients beyond 32 bits, which TFLite leaves to the CPU.
        beyond: i32,
        /// The first elements, handled by LiteRT's vector body: `rne(x · (1 / scale)) + zero`.
        body: usize,
    },
    /// `i16` codes to others (TFLite).
    Requantize {
        /// `s_in / s_out`.
        by: Multiplier,
        /// Input zero point.
        zero_in: i32,
        /// Output zero point.
        zero: i32,
    },
    /// Codes to `f32`: `(q − zero) · scale`.
    Dequantize {
        /// Scale.
        scale: f32,
        /// Zero point.
        zero: i32,
    },
    /// Binary16 to `f32`.
    Widen,
}

/// An element-wise conversion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Convert {
    /// Elements as the rule takes them.
    pub input: Span,
    /// As many elements.
    pub output: Span,
    /// The rule.
    pub rule: ConvertRule,
    /// Codes written, or those that become `f32`, are `i16` instead of `i8`.
    pub wide: bool,
}

impl Run for Convert {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let (lo, hi) = if self.wide { (-32768, 32767) } else { (-128, 127) };
        let ([input], [output]) = memory.split([self.input], [self.output]);
        match self.rule {
            ConvertRule::QuantizeEven { inverse, zero } => {
                // NaN ends at the upper limit, as in XNNPACK's `min`.
                let (low, high) = ((lo - zero) as f32, (hi - zero) as f32);
                self.codes(input, output, |x: f32| {
                    let t = x * inverse;
                    let t = if t < high { t } else { high };
                    rne_small(if t > low { t } else { low }) + zero
                });
            }
            ConvertRule::QuantizeAway { scale, zero, beyond, body } => {
                let away = |x: f32| {
                    let q = f64::from(x / scale);
                    if q.abs() < 2_147_483_648.0 { rha(q).saturating_add(zero).clamp(lo, hi) } else { beyond }
                };
                let inverse = 1.0 / scale;
                let even = |x: f32| rne(x * inverse).saturating_add(zero).clamp(lo, hi);
                let size = if self.wide { 2 } else { 1 };
                let ((a, b), (c, d)) = (input.split_at(4 * body), output.split_at_mut(size * body));
                self.codes(a, c, even);
                self.codes(b, d, away);
            }
            ConvertRule::Requantize { by, zero_in, zero } => self
                .codes(input, output, |q: i16| mul_away(i32::from(q) - zero_in, by).saturating_add(zero).clamp(lo, hi)),
            ConvertRule::Dequantize { scale, zero } => {
                let value = |q: i32| (q - zero) as f32 * scale;
                if self.wide {
                    map(input, output, |q: i16| value(q.into()));
                } else {
                    map(input, output, |q: i8| value(q.into()));
                }
            }
            ConvertRule::Widen => map(input, output, widen),
        }
    }
}

impl Convert {
    fn codes<A: Number>(&self, input: &[u8], output: &mut [u8], f: impl Fn(A) -> i32) {
        if self.wide {
            map(input, output, |x| f(x) as i16);
        } else {
            map(input, output, |x| f(x) as i8);
        }
    }
}

/// `f` of each element.
#[inline(always)]
fn map<A: Number, B: Number>(input: &[u8], output: &mut [u8], f: impl Fn(A) -> B) {
    for (y, &x) in view_mut::<B>(output).iter_mut().zip(view::<A>(input)) {
        *y = f(x);
    }
}

/// Bits of the `f32` that equals a binary16.
fn widen(half: u16) -> u32 {
    let sign = u32::from(half & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(half >> 10) & 31, u32::from(half & 0x3FF));
    sign | match (exponent, fraction) {
        (31, _) => 0x7F80_0000 | fraction << 13,
        (0, _) => (fraction as f32 * f32::from_bits(0x3380_0000)).to_bits(),
        _ => (exponent + 112) << 23 | fraction << 13,
    }
}
