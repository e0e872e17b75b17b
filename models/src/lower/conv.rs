//! CONV_2D on int8 codes.

use edgebench_kernels::Span;
use edgebench_kernels::arith::{Multiplier, Requant, Rounding, quantize_multiplier};
use edgebench_kernels::ops::conv::{Conv, ConvShape, pack, packed_len, scratch_len};

use super::quant::{ClampRule, clamp};
use crate::error::Error;
use crate::graph::{Activation, DType, Op, Padding, Tensor};
use crate::lower::{Arithmetic, Cx};

/// Channels that per-channel constants are padded to.
const CHANNEL_PAD: usize = 64;

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

/// CONV_2D.
pub(crate) fn conv2d(cx: &mut Cx<'_>) -> Result<(), Error> {
    let Op::Conv2d { padding, stride, dilation, activation, .. } = cx.node().op else {
        unreachable!("dispatched on the operator")
    };
    let (x, w, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    let ([batch, in_h, in_w, in_c], [out_c, k_h, k_w, group_in]) = (four(cx, x)?, four(cx, w)?);
    if group_in == 0 || in_c % group_in != 0 || out_c % (in_c / group_in) != 0 {
        return Err(cx.inconsistent("input channels of the weights", format!("a divisor of {in_c}"), group_in));
    }
    let ((out_h, pad_top), (out_w, pad_left)) =
        (window(padding, in_h, k_h, stride[0], dilation[0]), window(padding, in_w, k_w, stride[1], dilation[1]));
    if y.shape != [batch, out_h, out_w, out_c] {
        return Err(cx.inconsistent(
            "output shape",
            format!("{:?}", [batch, out_h, out_w, out_c]),
            format!("{:?}", y.shape),
        ));
    }
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
        dilation_h: dilation[0],
        dilation_w: dilation[1],
        pad_top,
        pad_left,
        groups: in_c / group_in,
    };
    match (x.dtype, w.dtype) {
        (DType::I8, DType::I8) => int8(cx, shape, activation),
        (a, b) => Err(cx.unsupported(&format!("{a} activations with {b} weights"))),
    }
}

fn int8(cx: &mut Cx<'_>, shape: ConvShape, activation: Activation) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    let (_, zero) = cx.scale_zero(x)?;
    let value = cx.value(1).ok_or_else(|| cx.unsupported("weights that are not constant"))?;
    let weights: Vec<i8> = value.iter().map(|b| b.cast_signed()).collect();
    let spec = cx.kernels.conv_pack;
    let taps = weights.len() / shape.out_c;
    let sums = weights.chunks_exact(taps).map(|w| w.iter().map(|&w| i32::from(w)).sum::<i32>());
    // The kernel adds `offset` to each code; the rule subtracts the zero point: both are constants per channel.
    let correction: Vec<i32> = sums.map(|sum| sum.wrapping_mul(-(zero + spec.offset))).collect();
    let rounding = match cx.arithmetic {
        Arithmetic::Litert => Rounding::F32Even,
        Arithmetic::Reference | Arithmetic::Tflm => Rounding::DoubleAway,
    };
    let requant = requant(cx, rounding, activation, &correction)?;
    let mut packed = vec![0; packed_len(spec, &shape)];
    pack(spec, &shape, &weights, &mut packed);
    let step = Conv {
        input: cx.input(0)?,
        weights: cx.codes(&packed),
        requant,
        shape,
        pad_value: zero as i8,
        scratch: cx.scratch(scratch_len(cx.kernels, &shape)),
        output: cx.output(0)?,
    };
    debug_assert_eq!(y.bytes(), step.output.len);
    cx.push(step, shape.macs());
    Ok(())
}

/// Bias, multipliers and limits of a convolution-like operator (inputs: activations, weights, bias) per output channel.
/// `correction` is added to the bias of each channel.
pub(crate) fn requant(
    cx: &mut Cx<'_>,
    rounding: Rounding,
    activation: Activation,
    correction: &[i32],
) -> Result<Requant, Error> {
    let (x, w, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    let channels = correction.len();
    let ((s_in, _), (s_out, zero_point)) = (cx.scale_zero(x)?, cx.scale_zero(y)?);
    let scales = &cx.quant(w)?.scale;
    if scales.len() != 1 && scales.len() != channels {
        return Err(cx.inconsistent("scales of the weights", channels, scales.len()));
    }
    let scale = |c: usize| scales[if scales.len() == 1 { 0 } else { c }];
    let mut bias = match cx.optional(2) {
        None => vec![0; channels],
        Some((_, b)) => {
            let bytes = cx.value(2).ok_or_else(|| cx.unsupported("a bias that is not constant"))?;
            let values = super::quant::integers(b.dtype, bytes);
            let values = values.ok_or_else(|| cx.inconsistent("type of the bias", DType::I32, b.dtype))?;
            values.into_iter().map(|v| v as i32).collect()
        }
    };
    if bias.len() != channels {
        return Err(cx.inconsistent("elements of the bias", channels, bias.len()));
    }
    for (b, c) in bias.iter_mut().zip(correction) {
        *b = b.wrapping_add(*c);
    }
    let padded = channels.next_multiple_of(CHANNEL_PAD);
    bias.resize(padded, 0);
    let per_channel =
        |multiplier: &dyn Fn(f32) -> f64| -> Vec<f64> { (0..channels).map(|c| multiplier(scale(c))).collect() };
    // Reference kernels for uint8 form the product of the scales in binary32.
    let single = y.dtype == DType::U8 && x.dtype == DType::U8;
    let product = |s: f32| if single { f64::from(s_in * s) } else { f64::from(s_in) * f64::from(s) };
    let multiplier: Span = match rounding {
        Rounding::F32Even => {
            let mut values: Vec<f32> = (0..channels).map(|c| s_in * scale(c) / s_out).collect();
            values.resize(padded, 0.0);
            cx.floats(&values)
        }
        Rounding::F64Away => {
            let mut values = per_channel(&|s| f64::from(s_in) * f64::from(s) / f64::from(s_out));
            values.resize(padded, 0.0);
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
            cx.bytes(&bytes)
        }
        Rounding::DoubleAway | Rounding::DoubleUp | Rounding::Mixed8 => {
            let values = per_channel(&|s| product(s) / f64::from(s_out));
            let mut pairs: Vec<i32> = Vec::with_capacity(2 * padded);
            for Multiplier { m, e } in values.into_iter().map(quantize_multiplier) {
                pairs.extend([m, e]);
            }
            pairs.resize(2 * padded, 0);
            cx.ints(&pairs)
        }
    };
    let rule = if rounding == Rounding::F32Even { ClampRule::Xnn } else { ClampRule::Tfl };
    let (lo, hi) = clamp(cx, y, activation, rule)?;
    Ok(Requant { rounding, bias: cx.ints(&bias), multiplier, zero_point, lo, hi })
}
