//! BATCH_MATMUL, and FULLY_CONNECTED with weights that are computed.

use edgebench_kernels::arith::{Requant, Rounding};
use edgebench_kernels::ops::matmul::{MatMul, Matrix};

use super::conv::{expect_shape, positive};
use super::dense::dense_shape;
use super::product::{CHANNEL_PAD, Family, Product, fixed_multipliers};
use super::quant::code_range;
use crate::error::Error;
use crate::graph::{DType, Op};
use crate::lower::Cx;

/// Leading axes of a product of matrices, broadcast against each other.
struct Batch {
    shape: Vec<usize>,
    /// For each operand, where the matrix of each product begins, in matrices.
    starts: [Vec<usize>; 2],
}

fn broadcast(cx: &Cx<'_>, a: &[usize], b: &[usize]) -> Result<Batch, Error> {
    let rank = a.len().max(b.len());
    let size = |s: &[usize], axis: usize| (axis + s.len()).checked_sub(rank).map_or(1, |i| s[i]);
    let mut shape = Vec::new();
    for axis in 0..rank {
        let (p, q) = (size(a, axis), size(b, axis));
        if p != q && p != 1 && q != 1 {
            return Err(cx.inconsistent("batch sizes", p, q));
        }
        shape.push(p.max(q));
    }
    let products: usize = shape.iter().product();
    let starts = [a, b].map(|operand| {
        let index = |mut i: usize| {
            let (mut at, mut stride) = (0, 1);
            for axis in (0..rank).rev() {
                let (n, full) = (size(operand, axis), shape[axis]);
                at += if n == 1 { 0 } else { i % full * stride };
                (stride, i) = (stride * n, i / full);
            }
            at
        };
        (0..products).map(index).collect()
    });
    Ok(Batch { shape, starts })
}

/// BATCH_MATMUL of int8 codes.
pub(crate) fn batch_matmul(cx: &mut Cx<'_>) -> Result<(), Error> {
    let Op::BatchMatMul { adj_x, adj_y } = cx.node().op else { unreachable!("dispatched on the operator") };
    let (a, b, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    if [a.dtype, b.dtype, y.dtype] != [DType::I8; 3] {
        return Err(cx.unsupported(&format!("{} times {} to {}", a.dtype, b.dtype, y.dtype)));
    }
    let ([a_batch @ .., p, q], [b_batch @ .., r, s]) = (&a.shape[..], &b.shape[..]) else {
        return Err(cx.inconsistent("rank of the operands", "2 or more", a.shape.len().min(b.shape.len())));
    };
    positive(cx, "sizes of the operands", &a.shape)?;
    positive(cx, "sizes of the operands", &b.shape)?;
    let (rows, depth) = if adj_x { (*q, *p) } else { (*p, *q) };
    let (b_depth, columns) = if adj_y { (*s, *r) } else { (*r, *s) };
    if depth != b_depth {
        return Err(cx.inconsistent("depth of the right operand", depth, b_depth));
    }
    let batch = broadcast(cx, a_batch, b_batch)?;
    expect_shape(cx, y, &[&batch.shape[..], &[rows, columns]].concat())?;
    let ((a_scale, a_zero), (b_scale, b_zero)) = (cx.scale_zero(a)?, cx.scale_zero(b)?);
    let (y_scale, zero_point) = cx.scale_zero(y)?;
    let product = a_scale * b_scale;
    let single = product / y_scale;
    let delegated = cx.is_litert() && b_zero == 0;
    let (rounding, multiplier) = if delegated {
        (Rounding::F32Even, cx.floats(&vec![single; columns.next_multiple_of(CHANNEL_PAD)]))
    } else {
        let real = f64::from(product) / f64::from(y_scale);
        (Rounding::DoubleAway, fixed_multipliers(cx, Rounding::DoubleAway, &vec![real; columns])?)
    };
    let bias = cx.ints(&vec![0; columns.next_multiple_of(CHANNEL_PAD)]);
    let (lo, hi) = code_range(DType::I8);
    let requant = Requant { rounding, bias, multiplier, zero_point, lo, hi };
    let [a_starts, b_starts] = batch.starts;
    let products = a_starts.len();
    let mut matrix = |input: usize, zero: i32, (line, step): (usize, usize), starts: Vec<usize>, len: usize| {
        let starts: Vec<i32> = starts.into_iter().map(|i| (i * len) as i32).collect();
        let codes = cx.input(input)?;
        Ok::<_, Error>(Matrix { codes, zero: zero as i16, line, depth: step, starts: cx.ints(&starts) })
    };
    let left = matrix(0, a_zero, if adj_x { (1, rows) } else { (depth, 1) }, a_starts, rows * depth)?;
    let right = matrix(1, b_zero, if adj_y { (depth, 1) } else { (1, columns) }, b_starts, depth * columns)?;
    let output = cx.output(0)?;
    let step = MatMul { left, right, output, products, rows, columns, depth, requant };
    cx.push(step, (products * rows * columns) as u64 * depth as u64);
    Ok(())
}

/// FULLY_CONNECTED whose weights are computed by the network.
pub(crate) fn dense(cx: &mut Cx<'_>) -> Result<(), Error> {
    let Op::FullyConnected { activation, .. } = cx.node().op else { unreachable!("dispatched on the operator") };
    let (x, w, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    let [rows, depth, columns] = dense_shape(cx)?;
    let product = Product { x, w, y, bias: 2, channels: columns, axis: 0, activation };
    product.check_types(cx)?;
    if !x.dtype.is_8bit() || !w.dtype.is_8bit() {
        return Err(cx.unsupported(&format!("{} weights that are not constant with {} activations", w.dtype, x.dtype)));
    }
    let rule = product.rule(cx, Family::DynamicDense)?;
    let requant = product.requant(cx, rule, &[])?;
    let ((_, x_zero), (_, w_zero)) = (cx.scale_zero(x)?, cx.scale_zero(w)?);
    let starts = cx.ints(&[0]);
    let left = Matrix { codes: cx.input(0)?, zero: x_zero as i16, line: depth, depth: 1, starts };
    let right = Matrix { codes: cx.input(1)?, zero: w_zero as i16, line: depth, depth: 1, starts };
    let output = cx.output(0)?;
    let step = MatMul { left, right, output, products: 1, rows, columns, depth, requant };
    cx.push(step, (rows * columns) as u64 * depth as u64);
    Ok(())
}
