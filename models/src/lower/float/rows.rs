//! SOFTMAX, LOG_SOFTMAX, L2_NORMALIZATION, RESIZE_BILINEAR in float32.

use edgebench_kernels::Span;
use edgebench_kernels::ops::float_rows::{BilinearF32, RowsF32, RowsF32Kind};

use super::{bounds, float_output};
use crate::error::Error;
use crate::graph::Activation;
use crate::lower::Cx;
use crate::lower::conv::four;
use crate::lower::movement::expect_shape;

/// SOFTMAX along the last axis.
pub(super) fn softmax(cx: &mut Cx<'_>, beta: f32) -> Result<(), Error> {
    rows(cx, RowsF32Kind::Softmax { beta })
}

/// LOG_SOFTMAX along the last axis.
pub(super) fn log_softmax(cx: &mut Cx<'_>) -> Result<(), Error> {
    rows(cx, RowsF32Kind::LogSoftmax)
}

/// L2_NORMALIZATION along the last axis.
pub(super) fn l2(cx: &mut Cx<'_>, activation: Activation) -> Result<(), Error> {
    let (lo, hi) = bounds(activation);
    rows(cx, RowsF32Kind::L2 { lo, hi })
}

fn rows(cx: &mut Cx<'_>, kind: RowsF32Kind) -> Result<(), Error> {
    float_output(cx)?;
    let shape = cx.tensor(0)?.shape.clone();
    expect_shape(cx, 0, &shape)?;
    let depth = shape.last().copied().unwrap_or(1);
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    cx.push(RowsF32 { input, output, depth, kind }, 0);
    Ok(())
}

/// RESIZE_BILINEAR to a constant size.
pub(super) fn resize_bilinear(cx: &mut Cx<'_>, align_corners: bool, half_pixel: bool) -> Result<(), Error> {
    float_output(cx)?;
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    let ([batch, in_h, in_w, channels], [_, out_h, out_w, _]) = (four(cx, x)?, four(cx, y)?);
    let size = cx.integers(1)?;
    if size != [out_h as i64, out_w as i64] {
        return Err(cx.inconsistent("size", format!("{:?}", [out_h, out_w]), format!("{size:?}")));
    }
    expect_shape(cx, 0, &[batch, out_h, out_w, channels])?;
    if x.elements() == 0 || y.elements() == 0 {
        return Err(cx.inconsistent("elements", "at least 1", 0));
    }
    let rows = positions(cx, in_h, out_h, (align_corners, half_pixel));
    let columns = positions(cx, in_w, out_w, (align_corners, half_pixel));
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    let line = in_w * channels;
    cx.push(BilinearF32 { input, output, rows, columns, image: in_h * line, line, channels }, 0);
    Ok(())
}

/// For each output position the two input positions and the weight of the second (XNNPACK's coordinates).
fn positions(cx: &mut Cx<'_>, input: usize, output: usize, (align, half_pixel): (bool, bool)) -> Span {
    let less = usize::from(align && output > 1);
    let scale = (input - less) as f32 / (output - less) as f32;
    let last = (input - 1) as f32;
    let entries: Vec<i32> = (0..output)
        .flat_map(|o| {
            let at = if half_pixel { o as f32 * scale + (0.5 * scale - 0.5) } else { o as f32 * scale };
            let at = at.clamp(0.0, last);
            let first = at as i32;
            [first, (first + 1).min(input as i32 - 1), (at - first as f32).to_bits().cast_signed()]
        })
        .collect();
    cx.ints(&entries)
}
