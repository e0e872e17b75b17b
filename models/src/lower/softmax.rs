//! SOFTMAX, LOG_SOFTMAX, L2_NORMALIZATION: along the innermost axis.

use edgebench_kernels::arith::quantize_multiplier;
use edgebench_kernels::ops::l2norm::L2Norm;
use edgebench_kernels::ops::softmax::{Softmax, SoftmaxRule};

use super::{checks, wide_unary};
use crate::error::Error;
use crate::graph::{Activation, DType, Op, Tensor};
use crate::lower::Cx;

/// SOFTMAX.
pub(crate) fn softmax(cx: &mut Cx<'_>) -> Result<(), Error> {
    let Op::Softmax { beta } = cx.node().op else { unreachable!("dispatched on the operator") };
    let y = cx.out(0)?;
    let depth = rows(cx, &[DType::I8, DType::U8, DType::I16])?;
    let s_in = cx.scale_zero(cx.tensor(0)?)?.0;
    if !(beta.is_finite() && beta > 0.0) {
        return Err(cx.inconsistent("beta", "a finite number above 0", beta));
    }
    if y.dtype == DType::I16 {
        return wide_unary::softmax(cx, s_in * beta, depth);
    }
    let s_out = fixed_output(cx, y, 1.0 / 256.0, -128)?;
    let rule = if cx.is_arm64() {
        let short = |d: i32| {
            // The differences are those of the kernel's table, from the largest code down.
            let value = libm::exp(f64::from(-(s_in * beta) * d as f32)) as f32 * 65_535.0;
            ((f64::from(value) + 0.5) as i32).min(65_535)
        };
        SoftmaxRule::Short { table: cx.ints(&(0..256).map(short).collect::<Vec<i32>>()), scale: s_out }
    } else if cx.is_litert() {
        let table = exponentials(cx, s_in * beta);
        SoftmaxRule::Table { table, scale: s_out, up: y.dtype == DType::U8 }
    } else {
        let real = (f64::from(beta) * f64::from(s_in) * f64::from(1 << 26)).min(2_147_483_647.0);
        let by = quantize_multiplier(real);
        let left = u32::try_from(by.e).ok().filter(|e| *e <= 31 && real > 1.0);
        let left = left.ok_or_else(|| cx.unsupported(&format!("an input scale of {s_in}")))?;
        let radius = 31.0 * f64::from(1 << 26) / f64::from(2.0_f32.powi(by.e));
        SoftmaxRule::Fixed { multiplier: by.m, left, least: -(radius.floor() as i32) }
    };
    let step = Softmax { input: cx.input(0)?, output: cx.output(0)?, depth, rule };
    cx.push(step, 0);
    Ok(())
}

/// LOG_SOFTMAX.
pub(crate) fn log_softmax(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    let depth = rows(cx, &[DType::I8, DType::U8])?;
    let (scale_in, scale) = (cx.scale_zero(x)?.0, fixed_output(cx, y, 16.0 / 256.0, 127)?);
    let shift = if x.dtype == DType::U8 { 128 } else { 0 };
    let table = exponentials(cx, scale_in);
    let rule = SoftmaxRule::Log { table, scale_in, scale, shift };
    let step = Softmax { input: cx.input(0)?, output: cx.output(0)?, depth, rule };
    cx.push(step, 0);
    Ok(())
}

/// L2_NORMALIZATION.
pub(crate) fn l2_normalization(cx: &mut Cx<'_>) -> Result<(), Error> {
    let Op::L2Normalization { activation } = cx.node().op else { unreachable!("dispatched on the operator") };
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    let depth = rows(cx, &[DType::I8, DType::U8])?;
    if activation != Activation::None {
        return Err(cx.unsupported("a fused activation"));
    }
    fixed_output(cx, y, 1.0 / 128.0, 0)?;
    let (zero, gain_first) = (cx.scale_zero(x)?.1, x.dtype == DType::U8);
    let step = L2Norm { input: cx.input(0)?, output: cx.output(0)?, depth, zero, gain_first };
    cx.push(step, 0);
    Ok(())
}

/// Checks operands of one of the types and of equal shapes; the length of a row.
fn rows(cx: &Cx<'_>, types: &[DType]) -> Result<usize, Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    if !types.contains(&x.dtype) {
        return Err(cx.unsupported(&format!("{} operands", x.dtype)));
    }
    checks::nonempty(cx)?;
    checks::same_dtype(cx, x, y)?;
    checks::shape(cx, y, &x.shape)?;
    x.shape.last().copied().ok_or_else(|| cx.inconsistent("rank of the input", "at least 1", 0))
}

/// The output's scale, which the operator prescribes together with the held zero point.
fn fixed_output(cx: &Cx<'_>, y: &Tensor, scale: f32, zero: i32) -> Result<f32, Error> {
    let (s, z) = cx.scale_zero(y)?;
    if (s - scale).abs() <= 1e-3 * scale && z == zero {
        return Ok(s);
    }
    let held = if y.dtype == DType::U8 { 128 } else { 0 };
    let text = |s: f32, z: i32| format!("scale {s}, zero point {}", z + held);
    Err(cx.inconsistent("output quantisation", text(scale, zero), text(s, z)))
}

/// `exp(−step·d)` for `d = 0..=255`.
fn exponentials(cx: &mut Cx<'_>, step: f32) -> edgebench_kernels::Span {
    let values: Vec<f32> = (0..256).map(|d| libm::exp(f64::from(-step * d as f32)) as f32).collect();
    cx.floats(&values)
}
