//! FULLY_CONNECTED and BATCH_MATMUL in float32.

use edgebench_kernels::Span;
use edgebench_kernels::ops::conv::ConvShape;
use edgebench_kernels::ops::float_matmul::{MATMUL_AXES, MatMulF32};

use super::conv::{Product, conv_step};
use super::{bias, bounds, float_output, numbers};
use crate::error::Error;
use crate::graph::Activation;
use crate::lower::Cx;
use crate::lower::movement::{expect_shape, strides};

/// A convolution over `rows` single pixels.
fn dense_shape(rows: usize, in_c: usize, out_c: usize) -> ConvShape {
    ConvShape {
        batch: 1,
        in_h: 1,
        in_w: rows,
        in_c,
        out_h: 1,
        out_w: rows,
        out_c,
        k_h: 1,
        k_w: 1,
        stride_h: 1,
        stride_w: 1,
        dilation_h: 1,
        dilation_w: 1,
        pad_top: 0,
        pad_left: 0,
        groups: 1,
    }
}

/// FULLY_CONNECTED: every row of `I` inputs times `[O, I]` weights.
pub(super) fn fully_connected(cx: &mut Cx<'_>, activation: Activation) -> Result<(), Error> {
    float_output(cx)?;
    let (x, w, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    let [out_c, in_c] = w.shape[..] else {
        return Err(cx.inconsistent("rank of the weights", 2, w.shape.len()));
    };
    if in_c == 0 || out_c == 0 || !x.elements().is_multiple_of(in_c) {
        return Err(cx.inconsistent("elements of the input", format!("a multiple of {in_c}"), x.elements()));
    }
    let rows = x.elements() / in_c;
    if y.elements() != rows * out_c || y.shape.last() != Some(&out_c) {
        return Err(cx.inconsistent("output shape", format!("{:?}", [rows, out_c]), format!("{:?}", y.shape)));
    }
    if let Some(weights) = numbers(cx, 1)? {
        let memory = (cx.input(0)?, cx.output(0)?);
        let shape = dense_shape(rows, in_c, out_c);
        return conv_step(cx, memory, &Product { shape, activation, bias: 2 }, &weights);
    }
    if w.dtype != x.dtype {
        return Err(cx.unsupported(&format!("computed weights of type {}", w.dtype)));
    }
    let (lo, hi) = bounds(activation);
    let step = MatMulF32 {
        a: cx.input(0)?,
        b: cx.input(1)?,
        bias: bias(cx, 2, out_c)?,
        output: cx.output(0)?,
        batch: [1; MATMUL_AXES],
        a_batch: [0; MATMUL_AXES],
        b_batch: [0; MATMUL_AXES],
        size: [rows, in_c, out_c],
        a_stride: [in_c, 1],
        b_stride: [1, in_c],
        fused: false,
        lo,
        hi,
    };
    cx.push(step, (rows * in_c * out_c) as u64);
    Ok(())
}

/// BATCH_MATMUL: the last two axes are matrices, transposed where `adj` says so; the others broadcast.
pub(super) fn batch_matmul(cx: &mut Cx<'_>, adj_x: bool, adj_y: bool) -> Result<(), Error> {
    float_output(cx)?;
    let (x, w) = (cx.tensor(0)?, cx.tensor(1)?);
    let ([x_batch @ .., x0, x1], [w_batch @ .., w0, w1]) = (&x.shape[..], &w.shape[..]) else {
        return Err(cx.inconsistent("rank", "at least 2", x.shape.len().min(w.shape.len())));
    };
    let (m, k) = if adj_x { (*x1, *x0) } else { (*x0, *x1) };
    let (k2, n) = if adj_y { (*w1, *w0) } else { (*w0, *w1) };
    if k != k2 {
        return Err(cx.inconsistent("inner size", k, k2));
    }
    let rank = x_batch.len().max(w_batch.len());
    if rank > MATMUL_AXES {
        return Err(cx.unsupported(&format!("{rank} batch axes")));
    }
    let mut step = MatMulF32 {
        a: Span::EMPTY,
        b: Span::EMPTY,
        bias: Span::EMPTY,
        output: Span::EMPTY,
        batch: [1; MATMUL_AXES],
        a_batch: [0; MATMUL_AXES],
        b_batch: [0; MATMUL_AXES],
        size: [m, k, n],
        a_stride: if adj_x { [1, *x1] } else { [*x1, 1] },
        b_stride: if adj_y { [1, *w1] } else { [*w1, 1] },
        fused: cx.is_litert(),
        lo: f32::NEG_INFINITY,
        hi: f32::INFINITY,
    };
    let (x_strides, w_strides) = (strides(&x.shape), strides(&w.shape));
    for i in 1..=rank {
        let d = MATMUL_AXES - i;
        let of = |batch: &[usize], strides: &[usize]| match batch.len().checked_sub(i) {
            Some(at) if batch[at] != 1 => (batch[at], strides[at]),
            _ => (1, 0),
        };
        let ((a, a_stride), (b, b_stride)) = (of(x_batch, &x_strides), of(w_batch, &w_strides));
        if a != b && a != 1 && b != 1 {
            return Err(cx.inconsistent("batch axes", format!("{x_batch:?} to broadcast"), format!("{w_batch:?}")));
        }
        step.batch[d] = if a == 1 { b } else { a };
        (step.a_batch[d], step.b_batch[d]) = (a_stride, b_stride);
    }
    let mut shape = step.batch[MATMUL_AXES - rank..].to_vec();
    shape.extend([m, n]);
    expect_shape(cx, 0, &shape)?;
    if shape.contains(&0) {
        cx.output(0)?;
        return Ok(());
    }
    (step.a, step.b, step.output) = (cx.input(0)?, cx.input(1)?, cx.output(0)?);
    let products = shape.iter().product::<usize>() * k;
    cx.push(step, products as u64);
    Ok(())
}
