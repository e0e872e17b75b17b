//! SOFTMAX and LOG_SOFTMAX along the innermost axis of 8-bit codes.

use crate::arith::{mul_away, quantize_multiplier, rdbp, rha, rne, srdhm};
use crate::fixed::{exp_negative, reciprocal};
use crate::isa::Kernels;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// How a row is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SoftmaxRule {
    /// In binary32 from a table of exponentials, summed in order: LiteRT's optimised kernel.
    Table {
        /// 256 `f32`: `exp(−s_in·beta·d)` for `d = 0..=255`.
        table: Span,
        /// Output scale.
        scale: f32,
        /// Rounds half up instead of half away (the rule for `uint8`).
        up: bool,
    },
    /// From a table of exponentials in 16 bits: LiteRT's kernel for aarch64.
    Short {
        /// 256 `i32`: `65535·exp(−s_in·beta·d)`, half up, for `d = 0..=255`.
        table: Span,
        /// Output scale.
        scale: f32,
    },
    /// In fixed point: gemmlowp, the reference kernels, TFLite Micro.
    Fixed {
        /// Mantissa of `s_in·beta` in Q5.26.
        multiplier: i32,
        /// Its left shift.
        left: u32,
        /// Differences to the maximum below this give the smallest code.
        least: i32,
    },
    /// LOG_SOFTMAX in binary32 from a table of exponentials, on codes as the user sees them.
    Log {
        /// 256 `f32`: `exp(−s_in·d)`.
        table: Span,
        /// Input scale.
        scale_in: f32,
        /// Output scale.
        scale: f32,
        /// The user's code less the held one: 128 where the user's codes are unsigned.
        shift: i32,
    },
}

/// A softmax. The smallest code of the output stands for 0, the largest of a log-softmax for 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softmax {
    /// Rows of `depth` codes, `i8`.
    pub input: Span,
    /// As many codes.
    pub output: Span,
    /// Length of a row.
    pub depth: usize,
    /// The rule.
    pub rule: SoftmaxRule,
}

impl Run for Softmax {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.output, Access::Write);
        if let SoftmaxRule::Table { table, .. } | SoftmaxRule::Short { table, .. } | SoftmaxRule::Log { table, .. } =
            &mut self.rule
        {
            visit(table, Access::Read);
        }
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let table = match self.rule {
            SoftmaxRule::Table { table, .. } | SoftmaxRule::Short { table, .. } | SoftmaxRule::Log { table, .. } => {
                table
            }
            SoftmaxRule::Fixed { .. } => Span::EMPTY,
        };
        let ([input, table], [output]) = memory.split([self.input, table], [self.output]);
        let (input, output): (&[i8], &mut [i8]) = (view(input), view_mut(output));
        for (x, y) in input.chunks_exact(self.depth).zip(output.chunks_exact_mut(self.depth)) {
            let max = x.iter().copied().max().map_or(0, i32::from);
            match self.rule {
                SoftmaxRule::Table { scale, up, .. } => by_table(x, y, max, view(table), (scale, up)),
                SoftmaxRule::Short { scale, .. } => by_short(x, y, max, view(table), scale),
                SoftmaxRule::Fixed { multiplier, left, least } => by_integers(x, y, max, (multiplier, left, least)),
                SoftmaxRule::Log { scale_in, scale, shift, .. } => {
                    log(x, y, max, view(table), (scale_in, scale, shift))
                }
            }
        }
    }
}

fn sum(x: &[i8], max: i32, table: &[f32]) -> f32 {
    x.iter().fold(0.0, |sum, &q| sum + table[(max - i32::from(q)) as usize])
}

fn by_table(x: &[i8], y: &mut [i8], max: i32, table: &[f32], (scale, up): (f32, bool)) {
    let inverse = 1.0 / (sum(x, max, table) * scale);
    for (y, &q) in y.iter_mut().zip(x) {
        let p = table[(max - i32::from(q)) as usize] * inverse;
        let code = if up { (p + 0.5) as i32 } else { rha(f64::from(p)) };
        *y = code.saturating_sub(128).clamp(-128, 127) as i8;
    }
}

fn by_short(x: &[i8], y: &mut [i8], max: i32, table: &[i32], scale: f32) {
    let exponential = |q: i8| table[(max - i32::from(q)) as usize];
    let sum = x.iter().fold(0_i32, |sum, &q| sum.wrapping_add(exponential(q)));
    let by = quantize_multiplier(f64::from(1.0 / (sum as f32 * scale)));
    for (y, &q) in y.iter_mut().zip(x) {
        *y = mul_away(exponential(q), by).saturating_sub(128).clamp(-128, 127) as i8;
    }
}

fn by_integers(x: &[i8], y: &mut [i8], max: i32, (multiplier, left, least): (i32, u32, i32)) {
    let exponential = |q: i8| {
        let diff = i32::from(q) - max;
        (diff >= least).then(|| exp_negative(srdhm(diff.wrapping_shl(left), multiplier)))
    };
    let sum = x.iter().filter_map(|&q| exponential(q)).fold(0_i32, |sum, e| sum.wrapping_add(rdbp(e, 12)));
    let head = sum.leading_zeros();
    let bits = 12 - head as i32;
    let r = reciprocal((((sum as u32) << (head & 31)) as i32).wrapping_sub(i32::MIN));
    for (y, &q) in y.iter_mut().zip(x) {
        let code = exponential(q).map_or(0, |e| rdbp(srdhm(r, e), (bits + 31 - 8).clamp(0, 31)));
        *y = (code - 128).clamp(-128, 127) as i8;
    }
}

fn log(x: &[i8], y: &mut [i8], max: i32, table: &[f32], (scale_in, scale, shift): (f32, f32, i32)) {
    let log = libm::log(f64::from(sum(x, max, table))) as f32;
    let offset = (scale_in * (max + shift) as f32 + log) / scale;
    let factor = scale_in / scale;
    for (y, &q) in y.iter_mut().zip(x) {
        let code = rne(factor * (i32::from(q) + shift) as f32 - offset);
        *y = code.saturating_add(127).clamp(-128, 127) as i8;
    }
}
