//! CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV on codes: geometry, and the choice between int8 and wide kernels.

use edgebench_kernels::arith::Rounding;
use edgebench_kernels::ops::conv::{Conv, ConvShape, scratch_len};
use edgebench_kernels::ops::pack::{Sums, arrange, fits_words, is_small_relu, pack, packed_len};
use edgebench_kernels::span::{view, view_mut};

use super::compact::Site;
use super::product::{Family, Product, Rule, Weights};
use super::{hybrid, wide};
use crate::error::Error;
use crate::graph::{DType, Op, Padding, Tensor};
use crate::lower::Cx;

/// Output size and padding before, along one axis.
pub(crate) fn window(padding: Padding, input: usize, kernel: usize, stride: usize, dilation: usize) -> (usize, usize) {
    let effective = (kernel - 1) * dilation + 1;
    match padding {
        Padding::Same => {
            let out = input.div_ceil(stride);
            let total = ((out.max(1) - 1) * stride + effective).saturating_sub(input);
            (out, total / 2)
        }
        Padding::Valid => ((input + stride).saturating_sub(effective) / stride, 0),
    }
}

/// Sizes of four axes of a tensor.
pub(crate) fn four(cx: &Cx<'_>, tensor: &Tensor) -> Result<[usize; 4], Error> {
    let rank = || cx.inconsistent(&format!("rank of {}", tensor.name), 4, tensor.shape.len());
    tensor.shape.as_slice().try_into().map_err(|_| rank())
}

/// Refuses sizes, strides and dilations of zero.
pub(crate) fn positive(cx: &Cx<'_>, what: &str, values: &[usize]) -> Result<(), Error> {
    match values.iter().find(|&&v| v == 0 || v > i32::MAX as usize) {
        Some(bad) => Err(cx.inconsistent(what, "1 or more", bad)),
        None => Ok(()),
    }
}

/// Refuses an output whose shape is not the one that follows from the inputs.
pub(crate) fn expect_shape(cx: &Cx<'_>, y: &Tensor, expected: &[usize]) -> Result<(), Error> {
    if y.shape == expected {
        return Ok(());
    }
    Err(cx.inconsistent("output shape", format!("{expected:?}"), format!("{:?}", y.shape)))
}

/// Window attributes of a convolution.
pub(crate) struct Window {
    pub(crate) padding: Padding,
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
}

/// Geometry of a convolution of `x` with a `k_h × k_w` kernel, checked against the output `y`.
pub(crate) fn geometry(
    cx: &Cx<'_>,
    (x, y): (&Tensor, &Tensor),
    [k_h, k_w]: [usize; 2],
    at: &Window,
    groups: usize,
) -> Result<ConvShape, Error> {
    let ([batch, in_h, in_w, in_c], [_, _, _, out_c]) = (four(cx, x)?, four(cx, y)?);
    let Window { padding, stride, dilation } = at;
    positive(cx, "sizes of the weights", &[k_h, k_w])?;
    positive(cx, "sizes of the input", &[batch, in_h, in_w, in_c, out_c])?;
    positive(cx, "strides and dilations", &[stride[0], stride[1], dilation[0], dilation[1]])?;
    let ((out_h, pad_top), (out_w, pad_left)) =
        (window(*padding, in_h, k_h, stride[0], dilation[0]), window(*padding, in_w, k_w, stride[1], dilation[1]));
    expect_shape(cx, y, &[batch, out_h, out_w, out_c])?;
    Ok(ConvShape {
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
        dilation_h: dilation[0],
        dilation_w: dilation[1],
        pad_top,
        pad_left,
        groups,
    })
}

/// Geometry of the current CONV_2D.
pub(crate) fn conv_shape(cx: &Cx<'_>) -> Result<ConvShape, Error> {
    let Op::Conv2d { padding, stride, dilation, .. } = cx.node().op else { unreachable!("dispatched on the operator") };
    let (x, w, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    let ([.., in_c], [out_c, k_h, k_w, group_in]) = (four(cx, x)?, four(cx, w)?);
    positive(cx, "channels", &[in_c, group_in, out_c])?;
    if in_c % group_in != 0 || out_c % (in_c / group_in) != 0 {
        return Err(cx.inconsistent("input channels of the weights", format!("a divisor of {in_c}"), group_in));
    }
    let [_, _, _, y_c] = four(cx, y)?;
    if y_c != out_c {
        return Err(cx.inconsistent("output channels", out_c, y_c));
    }
    geometry(cx, (x, y), [k_h, k_w], &Window { padding, stride, dilation }, in_c / group_in)
}

/// CONV_2D.
pub(crate) fn conv2d(cx: &mut Cx<'_>) -> Result<(), Error> {
    let Op::Conv2d { activation, .. } = cx.node().op else { unreachable!("dispatched on the operator") };
    if hybrid::is_hybrid(cx)? {
        return hybrid::conv2d(cx, activation);
    }
    let (x, w, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    let shape = conv_shape(cx)?;
    let product = Product { x, w, y, bias: 2, channels: shape.out_c, axis: 0, activation };
    product.check_types(cx)?;
    let mut rule = product.rule(cx, Family::Conv)?;
    if shape.groups > 1 && matches!(rule.0, Rounding::DoubleUp | Rounding::CutUp) {
        // LiteRT runs grouped convolutions that XNNPACK does not take in the reference kernel.
        rule.0 = Rounding::DoubleAway;
    }
    let weights = product.weights(cx, 1)?;
    emit(cx, &product, shape, rule, weights)
}

/// Weights in int8 codes, if they fit.
pub(crate) fn narrow(weights: &[i16]) -> Option<Vec<i8>> {
    weights.iter().map(|&w| i8::try_from(w).ok()).collect()
}

/// A convolution of the current node's input 0 with OHWI weights.
pub(crate) fn emit(
    cx: &mut Cx<'_>,
    product: &Product<'_>,
    shape: ConvShape,
    rule: Rule,
    weights: Weights,
) -> Result<(), Error> {
    let wide = product.x.dtype == DType::I16;
    match weights {
        Weights::Codes(bytes) => emit_narrow(cx, product, shape, rule, view(&bytes)),
        Weights::Centred(centred) => match narrow(&centred).filter(|_| !wide) {
            Some(codes) => emit_narrow(cx, product, shape, rule, &codes),
            None => {
                let (taps, group_in) = (shape.k_h * shape.k_w, shape.in_c / shape.groups);
                let weight = |o: usize, tap: usize, c: usize| centred[(o * taps + tap) * group_in + c];
                wide::emit(cx, product, 0, wide::Layer { shape, rule, transposed: false }, &weight)
            }
        },
    }
}

fn emit_narrow(
    cx: &mut Cx<'_>,
    product: &Product<'_>,
    shape: ConvShape,
    rule: Rule,
    weights: &[i8],
) -> Result<(), Error> {
    let (_, zero) = cx.scale_zero(product.x)?;
    let (spec, isa) = (cx.kernels.conv_pack, cx.kernels.isa());
    let mut sums = vec![Sums::default(); shape.out_c];
    let packed = cx.fill(packed_len(spec, &shape), |target| {
        pack(spec, &shape, weights, view_mut(target), &mut sums);
        arrange(isa, view_mut(target));
    });
    // The kernel adds `offset` to each code; the rule subtracts the zero point: both are constants per channel.
    let correction: Vec<i32> = sums.iter().map(|sum| sum.all.wrapping_mul(-(zero + spec.offset))).collect();
    let requant = product.requant(cx, rule, &correction)?;
    let small_relu = cx.look_at(requant, shape.out_c, |requant| is_small_relu(requant, &sums, spec.offset));
    let fits_words = cx.look_at(requant, shape.out_c, |requant| fits_words(requant, &sums, spec.offset));
    let no_lowest = !weights.contains(&i8::MIN);
    let pad_value = zero as i8;
    let Site { shape, input, output } = match cx.node().op {
        Op::Conv2d { .. } => Site::compact(cx, shape, &pad_value.to_ne_bytes())?,
        _ => Site::whole(cx, shape)?,
    };
    let scratch = cx.scratch(scratch_len(cx.kernels, &shape));
    let step =
        Conv { input, weights: packed, requant, shape, small_relu, no_lowest, fits_words, pad_value, scratch, output };
    cx.push(step, shape.macs());
    Ok(())
}
