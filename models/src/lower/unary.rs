//! Element-wise operators of one operand on 8-bit codes: tables of 256 entries.

use edgebench_kernels::Span;
use edgebench_kernels::arith::{Multiplier, mul_away, quantize_multiplier, rdbp, rha, rne};
use edgebench_kernels::fixed::inverse_sqrt;
use edgebench_kernels::ops::lut::Lut;

use super::quant::{ClampRule, clamp};
use super::{checks, wide_unary};
use crate::error::Error;
use crate::graph::{Activation, DType, Op, UnaryKind};
use crate::lower::{Arithmetic, Cx};

/// Scales and held zero points of a unary operator.
#[derive(Clone, Copy)]
struct Codes {
    s_in: f32,
    z_in: i32,
    s_out: f32,
    z_out: i32,
}

/// RELU and its kin.
pub(crate) fn unary(cx: &mut Cx<'_>) -> Result<(), Error> {
    let Op::Unary(kind) = cx.node().op else { unreachable!("dispatched on the operator") };
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    if x.dtype == DType::I16 {
        return wide_unary::unary(cx, kind);
    }
    if !x.dtype.is_8bit() {
        return Err(cx.unsupported(&format!("{} operands", x.dtype)));
    }
    checks::same_dtype(cx, x, y)?;
    checks::shape(cx, y, &x.shape)?;
    let ((s_in, z_in), (s_out, z_out)) = (cx.scale_zero(x)?, cx.scale_zero(y)?);
    let codes = Codes { s_in, z_in, s_out, z_out };
    let table = match kind {
        UnaryKind::Relu => relu(cx, codes, Activation::Relu)?,
        UnaryKind::Relu6 if cx.arithmetic == Arithmetic::Tflm => {
            // TFLite Micro does not rescale.
            let hi = z_in.saturating_add(rha(f64::from(6.0 / s_in)));
            table(|q| q.clamp(z_in, hi))
        }
        UnaryKind::Relu6 => relu(cx, codes, Activation::Relu6)?,
        UnaryKind::ReluN1To1 => relu(cx, codes, Activation::ReluN1To1)?,
        UnaryKind::LeakyRelu { alpha } => leaky_relu(cx, codes, alpha),
        UnaryKind::HardSwish => hard_swish(cx, codes)?,
        UnaryKind::Abs => {
            let by = quantize_multiplier(f64::from(s_in / s_out));
            table(|q| mul_away((q - z_in).abs(), by).saturating_add(z_out))
        }
        UnaryKind::Rsqrt => rsqrt(cx, codes)?,
        UnaryKind::Exp => tfl_table(codes, |d| libm::exp(f64::from(d)) as f32),
        UnaryKind::Gelu { approximate } => tfl_table(codes, |d| gelu(d, approximate)),
        UnaryKind::Logistic if cx.is_litert() => xnn_table(codes, xnn_logistic),
        UnaryKind::Logistic => tfl_table(codes, |d| 1.0 / (1.0 + libm::exp(f64::from(-d)) as f32)),
        UnaryKind::Tanh if cx.is_litert() => xnn_table(codes, tanh),
        UnaryKind::Tanh => tfl_table(codes, tanh),
        UnaryKind::Elu if cx.is_litert() => xnn_table(codes, elu),
        UnaryKind::Elu => tfl_table(codes, elu),
        UnaryKind::Neg => return Err(cx.unsupported("8-bit operands")),
    };
    let table = cx.codes(&table);
    push(cx, table, (Span::EMPTY, usize::MAX), 1)
}

/// Appends a table look-up from input 0 to output 0, with another table from an index on.
pub(crate) fn push(cx: &mut Cx<'_>, table: Span, (tail, tail_start): (Span, usize), size: usize) -> Result<(), Error> {
    let step = Lut { input: cx.input(0)?, output: cx.output(0)?, table, tail, tail_start, size };
    cx.push(step, 0);
    Ok(())
}

/// `f` of every held code, limited to the type.
pub(crate) fn table(f: impl Fn(i32) -> i32) -> Vec<i8> {
    (-128..128).map(|q| f(q).clamp(-128, 127) as i8).collect()
}

/// A table by TFLite's rule (EXACT P9).
fn tfl_table(c: Codes, f: impl Fn(f32) -> f32) -> Vec<i8> {
    let inverse = 1.0 / c.s_out;
    table(|q| {
        let t = f(c.s_in * (q - c.z_in) as f32) * inverse;
        rha(f64::from(t)).saturating_add(c.z_out)
    })
}

/// A table by XNNPACK's rule (EXACT P10).
fn xnn_table(c: Codes, f: impl Fn(f32) -> f32) -> Vec<i8> {
    let inverse = 1.0 / c.s_out;
    table(|q| rne(f((q - c.z_in) as f32 * c.s_in) * inverse + c.z_out as f32))
}

fn tanh(d: f32) -> f32 {
    libm::tanh(f64::from(d)) as f32
}

fn elu(d: f32) -> f32 {
    if d < 0.0 { libm::expm1(f64::from(d)) as f32 } else { d }
}

fn xnn_logistic(d: f32) -> f32 {
    if d > 100.0 {
        1.0
    } else if d < -100.0 {
        0.0
    } else {
        let e = libm::exp(f64::from(d));
        (e / (1.0 + e)) as f32
    }
}

fn gelu(d: f32, approximate: bool) -> f32 {
    use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
    let inner = if approximate {
        libm::tanh(FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * f64::from(d + 0.044_715 * d * d * d))
    } else {
        libm::erf(f64::from(d) * FRAC_1_SQRT_2)
    };
    (f64::from(0.5 * d) * (1.0 + inner)) as f32
}

fn relu(cx: &Cx<'_>, c: Codes, activation: Activation) -> Result<Vec<i8>, Error> {
    let by = quantize_multiplier(f64::from(c.s_in / c.s_out));
    let (lo, hi) = clamp(cx, cx.out(0)?, activation, ClampRule::Tfl)?;
    Ok(table(|q| mul_away(q - c.z_in, by).saturating_add(c.z_out).clamp(lo, hi)))
}

fn leaky_relu(cx: &Cx<'_>, c: Codes, alpha: f32) -> Vec<i8> {
    let positive = c.s_in / c.s_out;
    let negative = positive * alpha;
    let taken = (1.0 / 256.0..=128.0).contains(&positive)
        && negative.abs() >= 1.0 / 256.0
        && (-127.996..=128.0).contains(&negative);
    if cx.is_litert() && taken {
        let (up, down) = (rne(256.0 * positive), rne(256.0 * negative));
        return table(|q| {
            let d = q - c.z_in;
            ((d * if d > 0 { up } else { down } + 128) >> 8) + c.z_out
        });
    }
    let slope = f64::from(c.s_in * alpha / c.s_out);
    let (up, down) = (quantize_multiplier(f64::from(positive)), quantize_multiplier(slope.abs()));
    table(|q| {
        let d = q - c.z_in;
        let v = match d {
            0.. => mul_away(d, up),
            _ if slope < 0.0 => mul_away(d, down).saturating_neg(),
            _ => mul_away(d, down),
        };
        v.saturating_add(c.z_out)
    })
}

fn hard_swish(cx: &Cx<'_>, c: Codes) -> Result<Vec<i8>, Error> {
    let high = c.s_in / 128.0;
    let (out, relu) =
        (quantize_multiplier(f64::from(high / c.s_out)), quantize_multiplier(f64::from(high / (3.0_f32 / 32768.0))));
    if out.e > 0 {
        return Err(cx.unsupported("an output scale below 1/128 of the input's"));
    }
    if out.e < -15 || relu.e < -15 {
        return Err(cx.unsupported("an input scale below 2^-9 of the output's"));
    }
    let half = |m: i32| if m >= 0x7FFF_0000 { 32767 } else { (m + 0x8000) >> 16 };
    let (m_out, m_relu) = (half(out.m), half(relu.m));
    Ok(table(|q| {
        let v = (q - c.z_in) * 128;
        let pre = srdhm16(v, m_out);
        let mut r = v;
        if relu.e > 0 {
            r = sat16(i64::from(r) << (relu.e - 1).min(32));
        }
        r = srdhm16(r, m_relu);
        if relu.e > 0 {
            r = sat16(i64::from(r) << 1);
        } else if relu.e < 0 {
            r = rdbp(r, -relu.e);
        }
        r = (r + 32768) >> 1;
        rdbp(r * pre / 32768, -out.e) + c.z_out
    }))
}

fn sat16(x: i64) -> i32 {
    x.clamp(-32768, 32767) as i32
}

/// Saturating rounding doubling high multiply of 16-bit numbers.
fn srdhm16(a: i32, b: i32) -> i32 {
    let product = a * b;
    ((product + if product >= 0 { 1 << 14 } else { 1 - (1 << 14) }) / (1 << 15)).clamp(-32768, 32767)
}

fn rsqrt(cx: &Cx<'_>, c: Codes) -> Result<Vec<i8>, Error> {
    const HEADROOM: i32 = 20;
    let by = quantize_multiplier(1.0 / f64::from(libm::sqrtf(c.s_in) * c.s_out));
    if by.e - HEADROOM < -31 {
        return Err(cx.unsupported("an output scale this large"));
    }
    let by = Multiplier { m: by.m, e: by.e - HEADROOM };
    Ok(table(|q| match q - c.z_in {
        // LiteRT refuses negative numbers when it meets them; here they give the largest code, as zero does.
        ..=0 => 127,
        v => {
            let Multiplier { m, e } = inverse_sqrt(v);
            mul_away(mul_away(1, Multiplier { m, e: e + HEADROOM }), by).saturating_add(c.z_out)
        }
    }))
}
