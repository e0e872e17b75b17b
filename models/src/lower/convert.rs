//! QUANTIZE and DEQUANTIZE.

use edgebench_kernels::Span;
use edgebench_kernels::arith::{mul_away, mul_up, quantize_multiplier, rne};
use edgebench_kernels::ops::convert::{Convert, ConvertRule};

use super::checks;
use super::quant::code_range;
use super::unary::{push, table};
use crate::error::Error;
use crate::graph::DType;
use crate::lower::Cx;

/// QUANTIZE: float to codes, or codes to other codes.
pub(crate) fn quantize(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    checks::shape(cx, y, &x.shape)?;
    let wide = y.dtype == DType::I16;
    match (x.dtype, y.dtype) {
        (DType::F32, DType::I8 | DType::U8 | DType::I16) => {
            let (scale, zero) = cx.scale_zero(y)?;
            let rule = if cx.is_litert() && y.dtype.is_8bit() {
                ConvertRule::QuantizeEven { inverse: 1.0 / scale, zero }
            } else {
                let shift = if y.dtype == DType::U8 { 128 } else { 0 };
                // On x86 such a quotient becomes the least 32-bit integer, to which the zero point is added, wrapping.
                let (lo, hi) = code_range(y.dtype);
                let beyond = i32::MIN.wrapping_add(zero + shift).clamp(lo, hi);
                let body = if cx.is_litert() { x.elements() / 8 * 8 } else { 0 };
                ConvertRule::QuantizeAway { scale, zero, beyond, body }
            };
            convert(cx, rule, wide)
        }
        (DType::I8 | DType::U8, DType::I8 | DType::U8) => eight_to_eight(cx),
        (DType::I8 | DType::U8, DType::I16) => {
            let ((s_in, z_in), (s_out, z_out)) = (cx.scale_zero(x)?, cx.scale_zero(y)?);
            let by = quantize_multiplier(f64::from(s_in) / f64::from(s_out));
            let code = |q: i32| mul_away(q - z_in, by).saturating_add(z_out).clamp(-32768, 32767) as i16;
            let bytes: Vec<u8> = (-128..128).flat_map(|q| code(q).to_ne_bytes()).collect();
            let table = cx.bytes(&bytes);
            push(cx, table, (Span::EMPTY, usize::MAX), 2)
        }
        (DType::I16, DType::I8 | DType::U8 | DType::I16) => {
            let ((s_in, zero_in), (s_out, zero)) = (cx.scale_zero(x)?, cx.scale_zero(y)?);
            let by = quantize_multiplier(f64::from(s_in) / f64::from(s_out));
            convert(cx, ConvertRule::Requantize { by, zero_in, zero }, wide)
        }
        (a, b) => Err(cx.unsupported(&format!("{a} to {b}"))),
    }
}

fn convert(cx: &mut Cx<'_>, rule: ConvertRule, wide: bool) -> Result<(), Error> {
    let step = Convert { input: cx.input(0)?, output: cx.output(0)?, rule, wide };
    cx.push(step, 0);
    Ok(())
}

fn eight_to_eight(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    let ((s_in, z_in), (s_out, z_out)) = (cx.scale_zero(x)?, cx.scale_zero(y)?);
    let by = quantize_multiplier(f64::from(s_in) / f64::from(s_out));
    let away = table(|q| mul_away(q - z_in, by).saturating_add(z_out));
    let up = table(|q| mul_up(q - z_in, by).saturating_add(z_out));
    let ratio = s_in / s_out;
    // The vector body of LiteRT's own kernel covers whole groups of 16 elements and rounds differently from its scalar tail.
    let body = x.elements() / 16 * 16;
    let (codes, tail) = match cx.is_litert() {
        true if x.dtype == y.dtype && (1.0 / 256.0..=128.0).contains(&ratio) => {
            let m = rne(256.0 * ratio);
            (table(|q| (((q - z_in) * m + 128) >> 8) + z_out), None)
        }
        true if body == 0 => (away, None),
        true if up != away && body < x.elements() => (up, Some(away)),
        true => (up, None),
        false => (away, None),
    };
    if tail.is_none() && codes == table(|q| q) {
        return cx.alias(0, 0);
    }
    let codes = cx.codes(&codes);
    let tail = tail.map_or((Span::EMPTY, usize::MAX), |tail| (cx.codes(&tail), body));
    push(cx, codes, tail, 1)
}

/// DEQUANTIZE: codes or binary16 to float.
pub(crate) fn dequantize(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    checks::shape(cx, y, &x.shape)?;
    if y.dtype != DType::F32 {
        return Err(cx.unsupported(&format!("{} to {}", x.dtype, y.dtype)));
    }
    match x.dtype {
        DType::I8 | DType::U8 | DType::I16 => {
            let (scale, zero) = cx.scale_zero(x)?;
            let wide = x.dtype == DType::I16;
            convert(cx, ConvertRule::Dequantize { scale, zero }, wide)
        }
        DType::F16 => convert(cx, ConvertRule::Widen, false),
        other => Err(cx.unsupported(&format!("{other} to {}", y.dtype))),
    }
}
