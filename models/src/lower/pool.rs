//! AVERAGE_POOL_2D and MAX_POOL_2D.

use edgebench_kernels::ops::conv::ConvShape;
use edgebench_kernels::ops::max_pool::MaxPool;
use edgebench_kernels::ops::pool::{Pool, PoolRule};

use super::checks;
use super::conv::{four, window};
use super::quant::{ClampRule, clamp};
use crate::error::Error;
use crate::graph::{Activation, DType, Op};
use crate::lower::Cx;

/// Sizes and fused activation of the current pooling operator, checked against the output's shape.
pub(crate) fn geometry(cx: &Cx<'_>) -> Result<(ConvShape, Activation), Error> {
    let (Op::AveragePool { padding, stride, filter, activation } | Op::MaxPool { padding, stride, filter, activation }) =
        cx.node().op
    else {
        unreachable!("dispatched on the operator")
    };
    checks::nonempty(cx)?;
    let [batch, in_h, in_w, channels] = four(cx, cx.tensor(0)?)?;
    if filter.contains(&0) || stride.contains(&0) {
        let got = format!("filter {filter:?}, stride {stride:?}");
        return Err(cx.inconsistent("geometry", "filter and stride of at least 1", got));
    }
    let ((out_h, pad_top), (out_w, pad_left)) =
        (window(padding, in_h, filter[0], stride[0], 1), window(padding, in_w, filter[1], stride[1], 1));
    checks::shape(cx, cx.out(0)?, &[batch, out_h, out_w, channels])?;
    let shape = ConvShape {
        batch,
        in_h,
        in_w,
        in_c: channels,
        out_h,
        out_w,
        out_c: channels,
        k_h: filter[0],
        k_w: filter[1],
        stride_h: stride[0],
        stride_w: stride[1],
        dilation_h: 1,
        dilation_w: 1,
        pad_top,
        pad_left,
        groups: channels,
    };
    Ok((shape, activation))
}

/// AVERAGE_POOL_2D and MAX_POOL_2D.
pub(crate) fn pool(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    if !x.dtype.is_8bit() && x.dtype != DType::I16 {
        return Err(cx.unsupported(&format!("{} operands", x.dtype)));
    }
    let (shape, activation) = geometry(cx)?;
    checks::same_quant(cx, x, y)?;
    let maximum = matches!(cx.node().op, Op::MaxPool { .. });
    let taken = shape.stride_h <= shape.k_h && shape.stride_w <= shape.k_w;
    let (rule, clamp_rule) = if !maximum {
        (PoolRule::Average { shift: if x.dtype == DType::U8 { 128 } else { 0 } }, ClampRule::Tfl)
    } else if cx.is_litert() && taken && x.dtype != DType::I16 {
        (PoolRule::Maximum, ClampRule::Xnn)
    } else {
        (PoolRule::Maximum, ClampRule::Tfl)
    };
    let (lo, hi) = clamp(cx, y, activation, clamp_rule)?;
    if maximum && x.dtype != DType::I16 {
        let limits = [lo as i8, hi as i8];
        if let Some(()) = max_pool(cx, &shape, limits)? {
            return Ok(());
        }
    }
    let scratch = cx.scratch(if maximum { 0 } else { 4 * shape.in_c });
    let wide = x.dtype == DType::I16;
    let step = Pool { input: cx.input(0)?, output: cx.output(0)?, scratch, shape, rule, wide, lo, hi };
    cx.push(step, 0);
    Ok(())
}

/// Most entries of a table of windows.
const MAX_TAPS: usize = 1 << 20;

/// The positions of each window along an axis of `size`, those outside replaced by one inside: equally many for each window.
fn windows([taps, stride, pad]: [usize; 3], size: usize, outputs: usize) -> Option<Vec<usize>> {
    let most = taps.min(size);
    if most.checked_mul(outputs)? > MAX_TAPS {
        return None;
    }
    let window = |o: usize| {
        let (first, end) = ((o * stride).saturating_sub(pad), (o * stride + taps).saturating_sub(pad).min(size));
        (0..most).map(move |tap| (first + tap).min(end.saturating_sub(1)))
    };
    Some((0..outputs).flat_map(window).collect())
}

/// The maximum over windows of a tensor that may be held compact; `None` if the tables would be too large.
fn max_pool(cx: &mut Cx<'_>, s: &ConvShape, limits: [i8; 2]) -> Result<Option<()>, Error> {
    let lines = windows([s.k_h, s.stride_h, s.pad_top], s.in_h, s.out_h);
    let columns = windows([s.k_w, s.stride_w, s.pad_left], s.in_w, s.out_w);
    let (Some(lines), Some(columns)) = (lines, columns) else { return Ok(None) };
    let from = cx.as_compact()?;
    let mut table = |windows: Vec<usize>, index: &[i64]| {
        let held: Vec<i32> = windows.into_iter().map(|i| index[i] as i32).collect();
        cx.ints(&held)
    };
    let (lines, columns) = (table(lines, &from.index[0]), table(columns, &from.index[1]));
    let step = MaxPool {
        input: from.span,
        lines,
        columns,
        scratch: cx.scratch(MaxPool::scratch_len(from.held[1], s.in_c)),
        batch: s.batch,
        size: from.held,
        out: [s.out_h, s.out_w],
        channels: s.in_c,
        fill: from.fill[0].cast_signed(),
        limits,
        output: cx.output(0)?,
    };
    cx.push(step, 0);
    Ok(Some(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_name_what_is_inside() {
        assert_eq!(windows([2, 2, 0], 4, 2), Some(vec![0, 1, 2, 3]));
        assert_eq!(windows([3, 2, 1], 4, 2), Some(vec![0, 1, 1, 1, 2, 3]));
        assert_eq!(windows([5, 1, 2], 2, 2), Some(vec![0, 1, 0, 1]));
        assert_eq!(windows([1 << 20, 1, 0], 1 << 20, 2), None);
    }
}
