//! Float activations with int8 weights ("dynamic range"): CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED.

use edgebench_kernels::ops::conv::ConvShape;
use edgebench_kernels::ops::hybrid::{Finish, Hybrid, Quantiser, scratch_len};
use edgebench_kernels::ops::wide_conv::{pack_index, packed_len};

use super::conv::conv_shape;
use super::dense::{dense_shape, row_shape};
use super::depthwise::depthwise_shape;
use super::product::Product;
use crate::error::Error;
use crate::graph::{Activation, DType, Op};
use crate::lower::{Arithmetic, Cx};

/// Whether the current node's operands 0 and 1 are float activations and 8-bit weights.
pub(crate) fn is_hybrid(cx: &Cx<'_>) -> Result<bool, Error> {
    Ok(cx.tensor(0)?.dtype == DType::F32 && cx.tensor(1)?.dtype == DType::I8)
}

/// A hybrid layer, before its weights are laid out.
struct Layer {
    shape: ConvShape,
    per_pixel: bool,
    rule: (Quantiser, Finish),
    /// The file's weights are `[1, h, w, c]`, not OHWI.
    depthwise: bool,
}

/// CONV_2D.
pub(crate) fn conv2d(cx: &mut Cx<'_>, activation: Activation) -> Result<(), Error> {
    let shape = conv_shape(cx)?;
    let one_scale = cx.quant(cx.tensor(1)?)?.scale.len() == 1;
    let pointwise = (shape.k_h, shape.k_w, shape.stride_h, shape.stride_w, shape.groups) == (1, 1, 1, 1, 1);
    let (per_pixel, rule) = match cx.arithmetic {
        Arithmetic::Litert | Arithmetic::LitertArm64 => (pointwise, (Quantiser::Xnn, Finish::Fma)),
        _ if one_scale => (false, (Quantiser::Symmetric, Finish::Product)),
        _ => (false, (Quantiser::Asymmetric, Finish::WeightFirst)),
    };
    emit(cx, activation, &Layer { shape, per_pixel, rule, depthwise: false })
}

/// DEPTHWISE_CONV_2D.
pub(crate) fn depthwise_conv2d(cx: &mut Cx<'_>, activation: Activation) -> Result<(), Error> {
    let shape = depthwise_shape(cx)?;
    if cx.quant(cx.tensor(1)?)?.scale.len() != shape.out_c {
        return Err(cx.unsupported("float32 activations with one scale for the int8 weights of all channels"));
    }
    let finish = if cx.is_litert() { Finish::Mixed4 } else { Finish::Product };
    emit(cx, activation, &Layer { shape, per_pixel: false, rule: (Quantiser::Asymmetric, finish), depthwise: true })
}

/// FULLY_CONNECTED.
pub(crate) fn fully_connected(cx: &mut Cx<'_>, activation: Activation) -> Result<(), Error> {
    let Op::FullyConnected { asymmetric_inputs, .. } = cx.node().op else { unreachable!("dispatched on the operator") };
    let shape = row_shape(dense_shape(cx)?);
    let rule = match cx.arithmetic {
        Arithmetic::Litert | Arithmetic::LitertArm64 => (Quantiser::Xnn, Finish::Fma),
        _ if asymmetric_inputs => (Quantiser::Asymmetric, Finish::Product),
        _ => (Quantiser::Symmetric, Finish::Product),
    };
    emit(cx, activation, &Layer { shape, per_pixel: true, rule, depthwise: false })
}

fn emit(cx: &mut Cx<'_>, activation: Activation, layer: &Layer) -> Result<(), Error> {
    let (x, w, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    if cx.arithmetic == Arithmetic::Tflm {
        return Err(cx.unsupported("float32 activations with int8 weights, which TFLite Micro does not run,"));
    }
    if y.dtype != DType::F32 {
        return Err(cx.inconsistent("output type", DType::F32, y.dtype));
    }
    let shape = layer.shape;
    let (taps, group_in) = (shape.k_h * shape.k_w, shape.in_c / shape.groups);
    let axis = if layer.depthwise { 3 } else { 0 };
    let product = Product { x, w, y, bias: 2, channels: shape.out_c, axis, activation };
    if product.weight_zero(cx)? != 0 {
        return Err(cx.inconsistent("zero point of the weights", 0, product.weight_zero(cx)?));
    }
    let weights = product.centred_weights(cx, 1)?;
    let mut packed = vec![0_i16; packed_len(&shape)];
    for o in 0..shape.out_c {
        for tap in 0..taps {
            for c in 0..group_in {
                let from = if layer.depthwise { tap * shape.out_c + o } else { (o * taps + tap) * group_in + c };
                packed[pack_index(&shape, o, tap, c)] = weights[from];
            }
        }
    }
    let bytes: Vec<u8> = packed.iter().flat_map(|w| w.to_ne_bytes()).collect();
    let scales = product.weight_scale(cx)?;
    let bias = bias(cx, shape.out_c)?;
    let (lo, hi) = match activation {
        Activation::None => (f32::NEG_INFINITY, f32::INFINITY),
        Activation::Relu => (0.0, f32::INFINITY),
        Activation::Relu6 => (0.0, 6.0),
        Activation::ReluN1To1 => (-1.0, 1.0),
    };
    let step = Hybrid {
        input: cx.input(0)?,
        weights: cx.bytes(&bytes),
        scales: cx.floats(&scales),
        bias: cx.floats(&bias),
        shape,
        per_pixel: layer.per_pixel,
        quantiser: layer.rule.0,
        finish: layer.rule.1,
        lo,
        hi,
        scratch: cx.scratch(scratch_len(&shape)),
        output: cx.output(0)?,
    };
    cx.push(step, shape.macs());
    Ok(())
}

/// The float bias, zeros if there is none.
fn bias(cx: &Cx<'_>, channels: usize) -> Result<Vec<f32>, Error> {
    let Some((_, tensor)) = cx.optional(2) else { return Ok(vec![0.0; channels]) };
    let bytes = cx.value(2).ok_or_else(|| cx.unsupported("a bias that is not constant"))?;
    if tensor.dtype != DType::F32 {
        return Err(cx.inconsistent("type of the bias", DType::F32, tensor.dtype));
    }
    if tensor.elements() != channels {
        return Err(cx.inconsistent("elements of the bias", channels, tensor.elements()));
    }
    Ok(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
}
