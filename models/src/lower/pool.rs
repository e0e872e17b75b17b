//! AVERAGE_POOL_2D and MAX_POOL_2D.

use edgebench_kernels::ops::conv::ConvShape;
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
    let scratch = cx.scratch(if maximum { 0 } else { 4 * shape.in_c });
    let wide = x.dtype == DType::I16;
    let step = Pool { input: cx.input(0)?, output: cx.output(0)?, scratch, shape, rule, wide, lo, hi };
    cx.push(step, 0);
    Ok(())
}
