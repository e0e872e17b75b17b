//! Reductions over constant axes: MEAN SUM REDUCE_MAX REDUCE_MIN.

use edgebench_kernels::Span;
use edgebench_kernels::arith::{Multiplier, quantize_multiplier};
use edgebench_kernels::ops::reduce::{AXES, Level, Reduce, ReduceRule};

use super::checks;
use super::unary::{push, table};
use crate::error::Error;
use crate::graph::{DType, Op, ReduceKind, Tensor};
use crate::lower::Cx;

/// MEAN and its kin.
pub(crate) fn reduce(cx: &mut Cx<'_>) -> Result<(), Error> {
    let Op::Reduce { kind, keep_dims } = cx.node().op else { unreachable!("dispatched on the operator") };
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    let wide = x.dtype == DType::I16;
    if !x.dtype.is_8bit() && !wide {
        return Err(cx.unsupported(&format!("{} operands", x.dtype)));
    }
    checks::nonempty(cx)?;
    checks::same_dtype(cx, x, y)?;
    let reduced = reduced_axes(cx, x)?;
    checks::shape(cx, y, &reduced_shape(&x.shape, &reduced, keep_dims))?;
    let levels = levels(&x.shape, &reduced)
        .ok_or_else(|| cx.unsupported(&format!("more than {AXES} alternations of kept and reduced axes")))?;
    let count: usize = x.shape.iter().zip(&reduced).filter(|(_, r)| **r).map(|(d, _)| d).product();
    let rule = match kind {
        ReduceKind::Max | ReduceKind::Min => {
            checks::same_quant(cx, x, y)?;
            if kind == ReduceKind::Max { ReduceRule::Maximum } else { ReduceRule::Minimum }
        }
        ReduceKind::Mean | ReduceKind::Sum if cx.is_litert() && !wide => sum_even(cx, kind, count)?,
        ReduceKind::Mean | ReduceKind::Sum => sum_away(cx, kind, count)?,
    };
    if count == 1 && !wide {
        let codes = rule.of_one();
        if codes[..] == table(|q| q) {
            return cx.alias(0, 0);
        }
        let codes = cx.codes(&codes);
        return push(cx, codes, (Span::EMPTY, usize::MAX), 1);
    }
    let scratch = cx.scratch(4 * y.elements());
    let step = Reduce { input: cx.input(0)?, output: cx.output(0)?, wide, scratch, levels, rule };
    cx.push(step, 0);
    Ok(())
}

/// Which axes go away.
pub(crate) fn reduced_axes(cx: &Cx<'_>, x: &Tensor) -> Result<Vec<bool>, Error> {
    let rank = x.shape.len();
    let mut reduced = vec![false; rank];
    for axis in cx.integers(1)? {
        let index = if axis < 0 { axis + rank as i64 } else { axis };
        let slot = usize::try_from(index).ok().and_then(|i| reduced.get_mut(i));
        *slot.ok_or_else(|| cx.inconsistent("axis", format!("an axis of a rank {rank} tensor"), axis))? = true;
    }
    Ok(reduced)
}

/// The output's shape.
pub(crate) fn reduced_shape(shape: &[usize], reduced: &[bool], keep_dims: bool) -> Vec<usize> {
    let pairs = shape.iter().zip(reduced);
    pairs.filter(|(_, r)| keep_dims || !**r).map(|(&d, &r)| if r { 1 } else { d }).collect()
}

/// The input's axes, neighbours of one kind merged; `None` if there are too many.
fn levels(shape: &[usize], reduced: &[bool]) -> Option<[Level; AXES]> {
    let mut merged: Vec<(usize, bool)> = Vec::new();
    for (&count, &gone) in shape.iter().zip(reduced).filter(|(d, _)| **d != 1) {
        match merged.last_mut() {
            Some((n, kind)) if *kind == gone => *n *= count,
            _ => merged.push((count, gone)),
        }
    }
    if merged.len() > AXES {
        return None;
    }
    let mut levels = [Level::ONE; AXES];
    let mut stride = 1;
    for (slot, (count, gone)) in levels.iter_mut().rev().zip(merged.into_iter().rev()) {
        *slot = Level { count, out_stride: if gone { 0 } else { stride } };
        stride *= if gone { 1 } else { count };
    }
    Some(levels)
}

/// XNNPACK's rule (EXACT P14), on codes as the user sees them.
fn sum_even(cx: &Cx<'_>, kind: ReduceKind, count: usize) -> Result<ReduceRule, Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    let ((s_in, z_in), (s_out, z_out)) = (cx.scale_zero(x)?, cx.scale_zero(y)?);
    let shift = if x.dtype == DType::U8 { 128 } else { 0 };
    let n = i32::try_from(count).map_err(|_| cx.unsupported(&format!("a reduction of {count} elements")))?;
    let mut scale = s_in / s_out;
    if kind == ReduceKind::Mean {
        scale *= 1.0 / count as f32;
    }
    let (zero, share, fused) = ((z_out + shift) as f32, n.wrapping_mul(z_in + shift) as f32, cx.is_arm64());
    let zero = if fused { (-share).mul_add(scale, zero) } else { zero - share * scale };
    Ok(ReduceRule::SumEven { offset: n.wrapping_mul(shift), scale, zero, shift, fused })
}

/// TFLite's rule (EXACT P15).
fn sum_away(cx: &Cx<'_>, kind: ReduceKind, count: usize) -> Result<ReduceRule, Error> {
    let ((s_in, z_in), (s_out, zero)) = (cx.scale_zero(cx.tensor(0)?)?, cx.scale_zero(cx.out(0)?)?);
    let mut by = quantize_multiplier(f64::from(s_in) / f64::from(s_out));
    if kind == ReduceKind::Mean {
        let bits = (count.ilog2() as i32).min(32).min(31 + by.e);
        let m = (i64::from(by.m) << bits) / count as i64;
        by = Multiplier { m: m as i32, e: by.e - bits };
    }
    let offset = (count as i32).wrapping_mul(z_in).wrapping_neg();
    Ok(ReduceRule::SumAway { offset, by, zero })
}
