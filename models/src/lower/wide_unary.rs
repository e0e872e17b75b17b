//! Unary operators and SOFTMAX on int16 codes.

use edgebench_kernels::arith::{mul_away, quantize_multiplier, rha, rne};
use edgebench_kernels::ops::wide_lut::WideLut;
use edgebench_kernels::ops::wide_softmax::{ENTRIES, WideSoftmax};

use super::checks;
use super::quant::{ClampRule, clamp};
use crate::error::Error;
use crate::graph::{Activation, DType, Tensor, UnaryKind};
use crate::lower::Cx;

/// LOGISTIC, TANH, LEAKY_RELU, RELU and its kin: a table of every code.
pub(super) fn unary(cx: &mut Cx<'_>, kind: UnaryKind) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    checks::same_dtype(cx, x, y)?;
    checks::shape(cx, y, &x.shape)?;
    let ((s_in, z_in), (s_out, z_out)) = (cx.scale_zero(x)?, cx.scale_zero(y)?);
    let table = match kind {
        UnaryKind::Logistic | UnaryKind::Tanh => {
            fixed_output(cx, y)?;
            let tanh = kind == UnaryKind::Tanh;
            let sigmoid =
                Sigmoid::new(s_in, tanh).ok_or_else(|| cx.unsupported(&format!("an input scale of {s_in}")))?;
            table(|q| sigmoid.code(q - z_in))
        }
        UnaryKind::LeakyRelu { alpha } => {
            let slope = f64::from(s_in * alpha / s_out);
            let (up, down) = (quantize_multiplier(f64::from(s_in / s_out)), quantize_multiplier(slope.abs()));
            table(|q| {
                let d = q - z_in;
                let v = match d {
                    0.. => mul_away(d, up),
                    _ if slope < 0.0 => mul_away(d, down).saturating_neg(),
                    _ => mul_away(d, down),
                };
                v.saturating_add(z_out)
            })
        }
        UnaryKind::Relu | UnaryKind::Relu6 | UnaryKind::ReluN1To1 => {
            let activation = match kind {
                UnaryKind::Relu => Activation::Relu,
                UnaryKind::Relu6 => Activation::Relu6,
                _ => Activation::ReluN1To1,
            };
            let by = quantize_multiplier(f64::from(s_in / s_out));
            let (lo, hi) = clamp(cx, y, activation, ClampRule::Tfl)?;
            table(|q| mul_away(q - z_in, by).saturating_add(z_out).clamp(lo, hi))
        }
        _ => return Err(cx.unsupported("int16 operands")),
    };
    let step = WideLut { input: cx.input(0)?, output: cx.output(0)?, table: cx.bytes(&table) };
    cx.push(step, 0);
    Ok(())
}

/// SOFTMAX with the input scale times beta, over rows of `depth`.
pub(super) fn softmax(cx: &mut Cx<'_>, scale: f32, depth: usize) -> Result<(), Error> {
    fixed_output(cx, cx.out(0)?)?;
    let by = quantize_multiplier(f64::from(scale) / (10.0 / 65535.0));
    if by.e > 30 || by.e < -31 {
        return Err(cx.unsupported(&format!("an input scale of {scale}")));
    }
    let exponential = interpolated(libm::exp, 10.0 / 65535.0, 32767.0);
    let reciprocal = interpolated(|x| 1.0 / (1.0 + x), 1.0 / 65535.0, -32768.0);
    let step = WideSoftmax {
        input: cx.input(0)?,
        depth,
        by,
        exponential: cx.bytes(&exponential),
        reciprocal: cx.bytes(&reciprocal),
        scratch: cx.scratch(4 * depth),
        output: cx.output(0)?,
    };
    cx.push(step, 0);
    Ok(())
}

/// Scale 1/32768 and zero point 0 are the operator's, not the file's choice.
fn fixed_output(cx: &Cx<'_>, y: &Tensor) -> Result<(), Error> {
    match cx.scale_zero(y)? {
        (s, 0) if y.dtype == DType::I16 && s == 1.0 / 32768.0 => Ok(()),
        (s, z) => {
            let got = format!("scale {s}, zero point {z}");
            Err(cx.inconsistent("output quantisation", "scale 1/32768, zero point 0", got))
        }
    }
}

/// Bytes of `f` of every code.
fn table(f: impl Fn(i32) -> i32) -> Vec<u8> {
    (-32768..32768).flat_map(|q| (f(q).clamp(-32768, 32767) as i16).to_ne_bytes()).collect()
}

/// A table for linear interpolation, its entries moved by half the error in the middle of each interval.
fn interpolated(f: impl Fn(f64) -> f64, step: f64, zero: f64) -> Vec<u8> {
    let (a, b) = (step * (-32768.0 - zero), step * (32767.0 - zero));
    /// Codes per unit: the tables hold values of −1 to 1.
    const INVERSE: f64 = 32768.0;
    let width = (b - a) / 512.0;
    let entry = |i: usize| {
        let x = a + i as f64 * width;
        let here = f64::from(rha(f(x) * INVERSE));
        if i == ENTRIES - 1 {
            return f64::from(rha(f(b) * INVERSE));
        }
        let middle = f64::from(rha((f(x + width) * INVERSE + here) / 2.0));
        let exact = f64::from(rha(f(x + width / 2.0) * INVERSE));
        here - f64::from(rha((middle - exact) / 2.0))
    };
    (0..ENTRIES).flat_map(|i| (entry(i).clamp(-32768.0, 32767.0) as i16).to_ne_bytes()).collect()
}

/// LOGISTIC and TANH by a table of 256 entries over [0, 10.7].
struct Sigmoid {
    tanh: bool,
    multiplier: i64,
    shift: u32,
    table: [i64; 256],
}

impl Sigmoid {
    /// `None` if the input's scale is out of the rule's range.
    fn new(scale: f32, tanh: bool) -> Option<Sigmoid> {
        let log = libm::log2(f64::from(scale));
        let power = 12.0 + log;
        let exact = log == libm::round(log) && (power == 0.0 || (tanh && power == 1.0));
        let (multiplier, shift) = if exact {
            (3_i64 << power as u32, 0)
        } else {
            let (mut m, mut n) = (f64::from(scale) * 4096.0 * 3.0, 0);
            while m <= 32767.0 / 2.0 && n <= 30 {
                n += 1;
                m *= 2.0;
            }
            (m as i64, n)
        };
        let g = |x: f64| 65536.0 / (1.0 + libm::exp(-x / 24.0));
        let mut table = [65535; 256];
        for (i, entry) in table.iter_mut().enumerate().take(255) {
            let x = i as f64;
            *entry = i64::from(rne((g(x) - (f64::midpoint(g(x), g(x + 1.0)) - g(x + 0.5)) / 2.0) as f32));
        }
        (multiplier <= i64::from(i32::MAX)).then_some(Sigmoid { tanh, multiplier, shift, table })
    }

    fn code(&self, x: i32) -> i32 {
        let half = if self.shift > 0 { 1_i64 << (self.shift - 1) } else { 0 };
        let v = (i64::from(x) * self.multiplier + half) >> self.shift;
        let bits = if self.tanh { 8 } else { 9 };
        let (u, w) = (v.unsigned_abs() >> bits, v.unsigned_abs() & ((1 << bits) - 1));
        let line = |u: usize| (self.table[u] << bits) + w as i64 * (self.table[u + 1] - self.table[u]);
        let saturated = if self.tanh { 0xFFFF << 8 } else { 0x7FFF << 10 };
        let p = if u >= 255 { saturated } else { line(u as usize) };
        let y = match (self.tanh, v >= 0) {
            (false, true) => (p + (1 << 9)) >> 10,
            (false, false) => ((1 << 25) - p + (1 << 9) - 1) >> 10,
            (true, true) => (p - (1 << 23) + (1 << 7)) >> 8,
            (true, false) => (-p + (1 << 23) + (1 << 7) - 1) >> 8,
        };
        y as i32
    }
}
