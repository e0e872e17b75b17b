//! Operators on float32 activations (and the element-wise ones on int32 and int64).
//!
//! Elementary functions are `f64` polynomials rounded once, so the bits are the same on every CPU; where the order of operations
//! of LiteRT's default path (XNNPACK) and of its reference kernels is known and differs, each mode has its own: products (fused
//! chains from the bias, or plain ones with the bias last), MEAN, AVERAGE_POOL_2D, HARD_SWISH. Mode tflm runs as reference.

mod conv;
mod elementwise;
mod matmul;
mod pool;
mod rows;

use edgebench_kernels::Span;
use edgebench_kernels::ops::cast::f16_to_f32;
use edgebench_kernels::ops::float_binary::BinaryNumKind;

use crate::error::Error;
use crate::graph::{Activation, DType, Op};
use crate::lower::Cx;

/// Lowers the current node if it is one of these operators on these types.
pub(crate) fn lower_node(cx: &mut Cx<'_>) -> Result<bool, Error> {
    let is = |cx: &Cx<'_>, i: usize, types: &[DType]| cx.optional(i).is_some_and(|(_, t)| types.contains(&t.dtype));
    let float = is(cx, 0, &[DType::F32]);
    let weights = is(cx, 1, &[DType::F32, DType::F16]);
    match cx.node().op {
        Op::Conv2d { activation, .. } if float && weights => conv::conv2d(cx, activation)?,
        Op::DepthwiseConv2d { activation, .. } if float && weights => conv::depthwise(cx, activation)?,
        Op::FullyConnected { activation, .. } if float && weights => matmul::fully_connected(cx, activation)?,
        Op::TransposeConv { padding, stride, activation } if weights && is(cx, 2, &[DType::F32]) => {
            conv::transpose(cx, padding, stride, activation)?;
        }
        Op::BatchMatMul { adj_x, adj_y } if float && is(cx, 1, &[DType::F32]) => {
            matmul::batch_matmul(cx, adj_x, adj_y)?;
        }
        Op::Binary { kind, activation } if is(cx, 0, &[DType::F32, DType::I32, DType::I64]) => {
            elementwise::binary(cx, elementwise::binary_kind(kind), activation)?;
        }
        Op::Prelu if float => elementwise::binary(cx, BinaryNumKind::Prelu, Activation::None)?,
        Op::Unary(kind) if float => elementwise::unary(cx, kind)?,
        Op::AveragePool { padding, stride, filter, activation } if float => {
            pool::pool(cx, false, &pool::Pooling { padding, stride, filter, activation })?;
        }
        Op::MaxPool { padding, stride, filter, activation } if float => {
            pool::pool(cx, true, &pool::Pooling { padding, stride, filter, activation })?;
        }
        Op::Reduce { kind, keep_dims } if float || is(cx, 0, &[DType::I32]) => pool::reduce(cx, kind, keep_dims)?,
        Op::Softmax { beta } if float => rows::softmax(cx, beta)?,
        Op::LogSoftmax if float => rows::log_softmax(cx)?,
        Op::L2Normalization { activation } if float => rows::l2(cx, activation)?,
        Op::ResizeBilinear { align_corners, half_pixel_centers } if float => {
            rows::resize_bilinear(cx, align_corners, half_pixel_centers)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Lower and upper bound of an activation.
fn bounds(activation: Activation) -> (f32, f32) {
    match activation {
        Activation::None => (f32::NEG_INFINITY, f32::INFINITY),
        Activation::Relu => (0.0, f32::INFINITY),
        Activation::Relu6 => (0.0, 6.0),
        Activation::ReluN1To1 => (-1.0, 1.0),
    }
}

/// The numbers of input `i` (float32 or float16), if they are known before running.
fn numbers(cx: &Cx<'_>, i: usize) -> Result<Option<Vec<f32>>, Error> {
    let dtype = cx.tensor(i)?.dtype;
    let Some(bytes) = cx.value(i) else { return Ok(None) };
    match dtype {
        DType::F32 => Ok(Some(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())),
        DType::F16 => Ok(Some(bytes.as_chunks::<2>().0.iter().map(|b| f16_to_f32(u16::from_le_bytes(*b))).collect())),
        other => Err(cx.inconsistent(&format!("type of input {i}"), "float32 or float16", other)),
    }
}

/// As [`numbers`], which must be known.
fn constant(cx: &Cx<'_>, i: usize, what: &str) -> Result<Vec<f32>, Error> {
    numbers(cx, i)?.ok_or_else(|| cx.unsupported(&format!("{what} that is not constant")))
}

/// Bias in input `i` (zeros where there is none), padded to whole blocks of channels.
fn bias(cx: &mut Cx<'_>, i: usize, channels: usize) -> Result<Span, Error> {
    let mut values = match cx.optional(i) {
        None => vec![0.0; channels],
        Some(_) => constant(cx, i, "a bias")?,
    };
    if values.len() != channels {
        return Err(cx.inconsistent("elements of the bias", channels, values.len()));
    }
    values.resize(channels.next_multiple_of(64), 0.0);
    Ok(cx.floats(&values))
}

/// Errors unless the output is float32.
fn float_output(cx: &Cx<'_>) -> Result<(), Error> {
    match cx.out(0)?.dtype {
        DType::F32 => Ok(()),
        other => Err(cx.inconsistent("output type", DType::F32, other)),
    }
}
