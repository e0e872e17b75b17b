//! FULLY_CONNECTED on codes: a 1×1 convolution over rows.

use edgebench_kernels::ops::conv::ConvShape;

use super::conv::{emit, positive};
use super::product::{Family, Product};
use super::{hybrid, matmul};
use crate::error::Error;
use crate::graph::Op;
use crate::lower::Cx;

/// Rows, depth and output channels of the current FULLY_CONNECTED.
pub(crate) fn dense_shape(cx: &Cx<'_>) -> Result<[usize; 3], Error> {
    let (x, w, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    let [out_c, depth] = w.shape[..] else {
        return Err(cx.inconsistent("rank of the weights", 2, w.shape.len()));
    };
    positive(cx, "sizes", &[out_c, depth, x.elements()])?;
    if x.elements() % depth != 0 {
        return Err(cx.inconsistent("elements of the input", format!("a multiple of {depth}"), x.elements()));
    }
    let rows = x.elements() / depth;
    if y.shape.last() != Some(&out_c) || y.elements() != rows * out_c {
        return Err(cx.inconsistent("output shape", format!("[{rows}, {out_c}]"), format!("{:?}", y.shape)));
    }
    Ok([rows, depth, out_c])
}

/// A 1×1 convolution over `rows` pixels.
pub(crate) const fn row_shape([rows, depth, out_c]: [usize; 3]) -> ConvShape {
    ConvShape {
        batch: 1,
        in_h: 1,
        in_w: rows,
        in_c: depth,
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

/// FULLY_CONNECTED.
pub(crate) fn fully_connected(cx: &mut Cx<'_>) -> Result<(), Error> {
    let Op::FullyConnected { activation, .. } = cx.node().op else { unreachable!("dispatched on the operator") };
    if hybrid::is_hybrid(cx)? {
        return hybrid::fully_connected(cx, activation);
    }
    if cx.value(1).is_none() {
        return matmul::dense(cx);
    }
    let (x, w, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    let sizes = dense_shape(cx)?;
    let product = Product { x, w, y, bias: 2, channels: sizes[2], axis: 0, activation };
    product.check_types(cx)?;
    let rule = product.rule(cx, Family::Dense)?;
    let weights = product.weights(cx, 1)?;
    emit(cx, &product, row_shape(sizes), rule, weights)
}
