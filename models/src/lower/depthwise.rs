//! DEPTHWISE_CONV_2D on codes.

use edgebench_kernels::Span;
use edgebench_kernels::arith::Requant;
use edgebench_kernels::ops::conv::ConvShape;
use edgebench_kernels::ops::depthwise::{Depthwise, depthwise_scratch_len, depthwise_tables, depthwise_tables_len};

use super::compact::Site;
use super::conv::{Window, four, geometry, narrow, positive};
use super::product::{Family, Product};
use super::{hybrid, wide};
use crate::error::Error;
use crate::graph::{DType, Op};
use crate::lower::Cx;

/// Geometry of the current DEPTHWISE_CONV_2D; `groups` is the number of input channels.
pub(crate) fn depthwise_shape(cx: &Cx<'_>) -> Result<ConvShape, Error> {
    let Op::DepthwiseConv2d { padding, stride, dilation, .. } = cx.node().op else {
        unreachable!("dispatched on the operator")
    };
    let (x, w, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    let ([.., in_c], [one, k_h, k_w, out_c], [.., y_c]) = (four(cx, x)?, four(cx, w)?, four(cx, y)?);
    positive(cx, "channels", &[in_c, out_c])?;
    if one != 1 || out_c % in_c != 0 {
        let expected = format!("[1, {k_h}, {k_w}, a multiple of {in_c}]");
        return Err(cx.inconsistent("shape of the weights", expected, format!("{:?}", w.shape)));
    }
    if y_c != out_c {
        return Err(cx.inconsistent("output channels", out_c, y_c));
    }
    geometry(cx, (x, y), [k_h, k_w], &Window { padding, stride, dilation }, in_c)
}

/// DEPTHWISE_CONV_2D.
pub(crate) fn depthwise_conv2d(cx: &mut Cx<'_>) -> Result<(), Error> {
    let Op::DepthwiseConv2d { activation, .. } = cx.node().op else { unreachable!("dispatched on the operator") };
    if hybrid::is_hybrid(cx)? {
        return hybrid::depthwise_conv2d(cx, activation);
    }
    let (x, w, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    let shape = depthwise_shape(cx)?;
    let product = Product { x, w, y, bias: 2, channels: shape.out_c, axis: 3, activation };
    product.check_types(cx)?;
    let rule = product.rule(cx, Family::Depthwise)?;
    let centred = product.centred_weights(cx, 1)?;
    let narrow = if x.dtype == DType::I16 { None } else { narrow(&centred) };
    let Some(weights) = narrow else {
        let weight = |o: usize, tap: usize, _: usize| centred[tap * shape.out_c + o];
        return wide::emit(cx, &product, 0, wide::Layer { shape, rule, transposed: false }, &weight);
    };
    if cx.is_arm64() && x.dtype == DType::I8 && weights.contains(&-128) {
        cx.warn("weights of -128, which int8 excludes: LiteRT's kernels for ARM may overflow 16 bits here");
    }
    let (_, zero) = cx.scale_zero(x)?;
    let row_len = shape.out_c.next_multiple_of(64);
    let mut correction = vec![0_i32; shape.out_c];
    let mut packed = vec![0_i8; shape.k_h * shape.k_w * row_len];
    for (from, to) in weights.chunks_exact(shape.out_c).zip(packed.chunks_exact_mut(row_len)) {
        to[..shape.out_c].copy_from_slice(from);
        for (sum, &w) in correction.iter_mut().zip(from) {
            *sum = sum.wrapping_sub(zero.wrapping_mul(i32::from(w)));
        }
    }
    let requant = product.requant(cx, rule, &correction)?;
    let pad_value = zero as i8;
    let Site { shape, input, output } = Site::compact(cx, shape, &pad_value.to_ne_bytes())?;
    let tables = tables(cx, &shape, &packed, (requant, pad_value));
    let scratch = cx.scratch(depthwise_scratch_len(cx.kernels, &shape));
    let weights = cx.codes(&packed);
    let step = Depthwise { tables, input, weights, requant, shape, pad_value, scratch, output };
    cx.push(step, shape.macs());
    Ok(())
}

/// What the kernels make of weights (laid out as [`Depthwise::weights`]) and requantisation for images of this very shape.
pub(crate) fn tables(cx: &mut Cx<'_>, shape: &ConvShape, weights: &[i8], (rule, pad_value): (Requant, i8)) -> Span {
    let len = depthwise_tables_len(cx.kernels, shape);
    cx.fill_from(len, rule, shape.out_c, |kernels, requant, target| {
        depthwise_tables(kernels, shape, weights, (requant, pad_value), target);
    })
}
