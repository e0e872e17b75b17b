//! Products that int8 kernels do not cover, as a [`WideConv`]; TRANSPOSE_CONV.

use edgebench_kernels::ops::conv::ConvShape;
use edgebench_kernels::ops::wide_conv::{WideConv, pack_index, packed_len};

use super::conv::{Window, expect_shape, four, positive, window};
use super::product::{Family, Product, Rule};
use crate::error::Error;
use crate::graph::{DType, Op};
use crate::lower::Cx;

/// A layer that a [`WideConv`] runs.
pub(crate) struct Layer {
    pub(crate) shape: ConvShape,
    pub(crate) rule: Rule,
    pub(crate) transposed: bool,
}

/// Emits the step. `weight(o, tap, c)` is the centred weight of an output channel, `input` the node's operand with activations.
pub(crate) fn emit(
    cx: &mut Cx<'_>,
    product: &Product<'_>,
    input: usize,
    layer: Layer,
    weight: &dyn Fn(usize, usize, usize) -> i16,
) -> Result<(), Error> {
    let Layer { shape, rule, transposed } = layer;
    let (_, zero) = cx.scale_zero(product.x)?;
    let requant = product.requant(cx, rule, &[])?;
    let mut packed = vec![0_i16; packed_len(&shape)];
    for o in 0..shape.out_c {
        for tap in 0..shape.k_h * shape.k_w {
            for c in 0..shape.in_c / shape.groups {
                packed[pack_index(&shape, o, tap, c)] = weight(o, tap, c);
            }
        }
    }
    let bytes: Vec<u8> = packed.iter().flat_map(|w| w.to_ne_bytes()).collect();
    let step = WideConv {
        input: cx.input(input)?,
        weights: cx.bytes(&bytes),
        requant,
        shape,
        zero: zero as i16,
        wide_sum: product.wide_sum(rule.0),
        wide_input: product.x.dtype == DType::I16,
        wide_output: product.y.dtype == DType::I16,
        transposed,
        output: cx.output(0)?,
    };
    cx.push(step, shape.macs());
    Ok(())
}

/// TRANSPOSE_CONV: the convolution's gradient, from `in` to the size that operand 0 asks for.
pub(crate) fn transpose_conv(cx: &mut Cx<'_>) -> Result<(), Error> {
    let Op::TransposeConv { padding, stride, activation } = cx.node().op else {
        unreachable!("dispatched on the operator")
    };
    let (w, x, y) = (cx.tensor(1)?, cx.tensor(2)?, cx.out(0)?);
    let ([batch, in_h, in_w, in_c], [out_c, k_h, k_w, w_c]) = (four(cx, x)?, four(cx, w)?);
    let asked: Vec<usize> = cx.integers(0)?.into_iter().map(|d| usize::try_from(d).unwrap_or(0)).collect();
    positive(cx, "sizes", &[batch, in_h, in_w, in_c, out_c, k_h, k_w])?;
    positive(cx, "strides", &stride)?;
    if w_c != in_c {
        return Err(cx.inconsistent("input channels of the weights", in_c, w_c));
    }
    let [_, out_h, out_w, _] = four(cx, y)?;
    expect_shape(cx, y, &[batch, out_h, out_w, out_c])?;
    if asked != y.shape {
        return Err(cx.inconsistent("requested output shape", format!("{:?}", y.shape), format!("{asked:?}")));
    }
    // The forward convolution from the output must give the input's size.
    let at = Window { padding, stride, dilation: [1, 1] };
    let forward = |out: usize, k: usize, i: usize| window(at.padding, out, k, at.stride[i], 1).0;
    let sizes = [forward(out_h, k_h, 0), forward(out_w, k_w, 1)];
    if sizes != [in_h, in_w] {
        return Err(cx.inconsistent("input size", format!("{sizes:?}"), format!("{:?}", [in_h, in_w])));
    }
    let pad = |i: usize, size: usize, k: usize, out: usize| match padding {
        crate::graph::Padding::Same => ((size - 1) * stride[i] + k).saturating_sub(out) / 2,
        crate::graph::Padding::Valid => 0,
    };
    let shape = ConvShape {
        batch,
        in_h,
        in_w,
        in_c,
        out_h,
        out_w,
        out_c,
        k_h,
        k_w,
        stride_h: stride[0],
        stride_w: stride[1],
        dilation_h: 1,
        dilation_w: 1,
        pad_top: pad(0, in_h, k_h, out_h),
        pad_left: pad(1, in_w, k_w, out_w),
        groups: 1,
    };
    let product = Product { x, w, y, bias: 3, channels: out_c, axis: 0, activation };
    product.check_types(cx)?;
    let rule = product.rule(cx, Family::Transpose)?;
    let weights = product.centred_weights(cx, 1)?;
    let weight = |o: usize, tap: usize, c: usize| weights[(o * k_h * k_w + tap) * in_c + c];
    emit(cx, &product, 2, Layer { shape, rule, transposed: true }, &weight)
}
