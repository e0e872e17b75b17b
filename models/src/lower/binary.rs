//! Element-wise operators of two operands: ADD SUB MUL DIV MAXIMUM MINIMUM SQUARED_DIFFERENCE PRELU.

use edgebench_kernels::arith::{quantize_multiplier, rndnu_multiplier};
use edgebench_kernels::ops::binary::{AXES, Binary, BinaryRule, Level};

use super::checks;
use super::quant::{ClampRule, clamp, code_range};
use crate::error::Error;
use crate::graph::{Activation, BinaryKind, DType, Op, Tensor};
use crate::lower::Cx;

/// ADD and its kin.
pub(crate) fn binary(cx: &mut Cx<'_>) -> Result<(), Error> {
    let Op::Binary { kind, activation } = cx.node().op else { unreachable!("dispatched on the operator") };
    match cx.tensor(0)?.dtype {
        DType::I8 | DType::U8 | DType::I16 => quantised(cx, kind, activation),
        other => Err(cx.unsupported(&format!("{other} operands"))),
    }
}

/// A rule with the limits of the output.
type Chosen = (BinaryRule, (i32, i32));

fn quantised(cx: &mut Cx<'_>, kind: BinaryKind, activation: Activation) -> Result<(), Error> {
    let (a, b, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    checks::nonempty(cx)?;
    checks::same_dtype(cx, a, b)?;
    checks::same_dtype(cx, a, y)?;
    let chosen = match kind {
        BinaryKind::Add => add(cx, activation, false)?,
        BinaryKind::Sub => add(cx, activation, true)?,
        BinaryKind::Mul => mul(cx, activation)?,
        BinaryKind::Div => div(cx, activation)?,
        BinaryKind::SquaredDifference => squared_difference(cx)?,
        BinaryKind::Maximum | BinaryKind::Minimum => {
            checks::same_quant(cx, a, b)?;
            checks::same_quant(cx, a, y)?;
            let rule = if kind == BinaryKind::Maximum { BinaryRule::Maximum } else { BinaryRule::Minimum };
            (rule, code_range(y.dtype))
        }
    };
    emit(cx, chosen)
}

/// PRELU with 8-bit codes.
pub(crate) fn prelu(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, alpha, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    if !x.dtype.is_8bit() {
        return Err(cx.unsupported(&format!("{} operands", x.dtype)));
    }
    checks::nonempty(cx)?;
    checks::same_dtype(cx, x, alpha)?;
    checks::same_dtype(cx, x, y)?;
    checks::shape(cx, y, &x.shape)?;
    let (s_in, s_a, s_out) = scales(cx)?;
    let rule = BinaryRule::Prelu {
        positive: quantize_multiplier(f64::from(s_in / s_out)),
        negative: quantize_multiplier(f64::from(s_in * s_a / s_out)),
    };
    emit(cx, (rule, code_range(y.dtype)))
}

fn scales(cx: &Cx<'_>) -> Result<(f32, f32, f32), Error> {
    Ok((cx.scale_zero(cx.tensor(0)?)?.0, cx.scale_zero(cx.tensor(1)?)?.0, cx.scale_zero(cx.out(0)?)?.0))
}

fn emit(cx: &mut Cx<'_>, (rule, (lo, hi)): Chosen) -> Result<(), Error> {
    let (a, b, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    let levels = levels(cx, a, b, y)?;
    let step = Binary {
        a: cx.input(0)?,
        b: cx.input(1)?,
        output: cx.output(0)?,
        levels,
        wide: y.dtype == DType::I16,
        rule,
        zero_a: cx.scale_zero(a)?.1,
        zero_b: cx.scale_zero(b)?.1,
        zero: cx.scale_zero(y)?.1,
        lo,
        hi,
    };
    cx.push(step, 0);
    Ok(())
}

/// The broadcast of two shapes as loops, neighbours merged where both operands run on.
fn levels(cx: &Cx<'_>, a: &Tensor, b: &Tensor, y: &Tensor) -> Result<[Level; AXES], Error> {
    let rank = a.shape.len().max(b.shape.len());
    let pad = |shape: &[usize]| [vec![1; rank - shape.len()], shape.to_vec()].concat();
    let (da, db) = (pad(&a.shape), pad(&b.shape));
    let mut out = Vec::new();
    for (&m, &n) in da.iter().zip(&db) {
        if m != n && m != 1 && n != 1 {
            return Err(cx.inconsistent("shapes of the operands", format!("{:?}", a.shape), format!("{:?}", b.shape)));
        }
        out.push(m.max(n));
    }
    checks::shape(cx, y, &out)?;
    let mut merged: Vec<Level> = Vec::new();
    let (mut step_a, mut step_b) = (1, 1);
    for axis in (0..rank).rev() {
        let stride = |dim: usize, step: usize| if dim == 1 { 0 } else { step };
        let level = Level { count: out[axis], a: stride(da[axis], step_a), b: stride(db[axis], step_b) };
        (step_a, step_b) = (step_a * da[axis], step_b * db[axis]);
        if level.count == 1 {
            continue;
        }
        match merged.last_mut() {
            Some(inner) if level.a == inner.a * inner.count && level.b == inner.b * inner.count => {
                inner.count *= level.count;
            }
            _ => merged.push(level),
        }
    }
    if merged.len() > AXES {
        return Err(cx.unsupported(&format!("broadcasting over {} alternating axes", merged.len())));
    }
    let mut levels = [Level::ONE; AXES];
    for (slot, level) in levels.iter_mut().rev().zip(merged) {
        *slot = level;
    }
    Ok(levels)
}

fn add(cx: &mut Cx<'_>, activation: Activation, subtract: bool) -> Result<Chosen, Error> {
    let y = cx.out(0)?;
    let (s_a, s_b, s_out) = scales(cx)?;
    let (ra, rb) = (s_a / s_out, s_b / s_out);
    let taken = |r: f32| (1.0 / 1024.0..256.0).contains(&r);
    if cx.is_litert() && y.dtype.is_8bit() {
        if taken(ra) && taken(rb) {
            let (za, zb) = (cx.scale_zero(cx.tensor(0)?)?.1, cx.scale_zero(cx.tensor(1)?)?.1);
            let rule = xnn_add((ra, za), (if subtract { -rb } else { rb }, zb));
            return Ok((rule, clamp(cx, y, activation, ClampRule::Xnn)?));
        }
        cx.warn("the scales are outside what XNNPACK takes; LiteRT's own kernel may saturate in 16 bits here");
    }
    let left = if y.dtype == DType::I16 { 15 } else { 20 };
    let twice = 2.0 * f64::from(s_a.max(s_b));
    let rule = BinaryRule::AddAway {
        left,
        a: quantize_multiplier(f64::from(s_a) / twice),
        b: quantize_multiplier(f64::from(s_b) / twice),
        out: quantize_multiplier(twice / (f64::from(1 << left) * f64::from(s_out))),
        subtract,
    };
    Ok((rule, clamp(cx, y, activation, ClampRule::Tfl)?))
}

/// XNNPACK's multipliers: the larger one gets 21 bits (EXACT P12).
fn xnn_add((ra, za): (f32, i32), (rb, zb): (f32, i32)) -> BinaryRule {
    let largest = ra.abs().max(rb.abs());
    // The exponent of a normal number: lowering has checked 2^-10 ≤ largest < 2^8.
    let exponent = (largest.to_bits() >> 23) as i32 - 127;
    let shift = (20 - exponent) as u32;
    let fixed = |r: f32| libm::rint(f64::from(r) * f64::from(1_u32 << shift)) as i32;
    let (ma, mb) = (fixed(ra), fixed(rb));
    let bias = (1_i32 << (shift - 1)).wrapping_sub(ma.wrapping_mul(za)).wrapping_sub(mb.wrapping_mul(zb));
    BinaryRule::Add { ma, mb, bias, shift }
}

fn mul(cx: &mut Cx<'_>, activation: Activation) -> Result<Chosen, Error> {
    let y = cx.out(0)?;
    let (s_a, s_b, s_out) = scales(cx)?;
    let scale = s_a * s_b / s_out;
    if cx.is_litert() && y.dtype.is_8bit() {
        if (1.0 / 65536.0..256.0).contains(&scale) {
            let rule = match cx.is_arm64() {
                true => BinaryRule::MulRndnu { by: rndnu_multiplier(scale) },
                false => BinaryRule::MulEven { scale },
            };
            return Ok((rule, clamp(cx, y, activation, ClampRule::Xnn)?));
        }
        cx.warn("the scales are outside what XNNPACK takes; LiteRT's own kernel may saturate in 16 bits here");
    }
    let by = quantize_multiplier(f64::from(scale));
    Ok((BinaryRule::MulAway { by }, clamp(cx, y, activation, ClampRule::Tfl)?))
}

fn div(cx: &mut Cx<'_>, activation: Activation) -> Result<Chosen, Error> {
    let y = cx.out(0)?;
    if y.dtype != DType::U8 {
        return Err(cx.unsupported(&format!("{} operands", y.dtype)));
    }
    let (s_a, s_b, s_out) = scales(cx)?;
    let by = quantize_multiplier(f64::from(s_a / (s_b * s_out)));
    cx.warn("a divisor of zero gives the zero point; LiteRT leaves it undefined");
    Ok((BinaryRule::Div { by }, clamp(cx, y, activation, ClampRule::Tfl)?))
}

fn squared_difference(cx: &Cx<'_>) -> Result<Chosen, Error> {
    let y = cx.out(0)?;
    if y.dtype != DType::I8 {
        return Err(cx.unsupported(&format!("{} operands", y.dtype)));
    }
    let (s_a, s_b, s_out) = scales(cx)?;
    let twice = 2.0 * f64::from(s_a.max(s_b));
    let real = twice * twice / f64::from(16384.0 * s_out);
    if real > 1.0 {
        return Err(cx.unsupported("an output scale that needs a multiplier above 1"));
    }
    let rule = BinaryRule::SquaredDifference {
        a: quantize_multiplier(f64::from(s_a) / twice),
        b: quantize_multiplier(f64::from(s_b) / twice),
        out: quantize_multiplier(real),
    };
    Ok((rule, code_range(y.dtype)))
}
