//! CONCATENATION, PACK, UNPACK, SPLIT, SPLIT_V.

use edgebench_kernels::Span;
use edgebench_kernels::ops::lut::Lut;

use super::{Layout, axis_of, expect_shape, same_type, strides};
use crate::error::Error;
use crate::graph::{Activation, DType, Tensor};
use crate::lower::Cx;

/// CONCATENATION. `uint8` inputs whose quantisation is not the output's are rescaled; other codes must agree, as LiteRT asks.
pub(super) fn concatenation(cx: &mut Cx<'_>, axis: i32, activation: Activation) -> Result<(), Error> {
    if activation != Activation::None {
        return Err(cx.unsupported("a fused activation"));
    }
    let y = cx.out(0)?;
    let axis = axis_of(cx, axis.into(), y.shape.len())?;
    let count = cx.node().inputs.len();
    let mut total = 0_usize;
    for i in 0..count {
        let x = cx.tensor(i)?;
        same_type(cx, x, y)?;
        let fits = x.shape.len() == y.shape.len()
            && x.shape.iter().zip(&y.shape).enumerate().all(|(d, (a, b))| d == axis || a == b);
        if !fits {
            return Err(cx.inconsistent(
                &format!("shape of input {i}"),
                format!("{:?} but for axis {axis}", y.shape),
                format!("{:?}", x.shape),
            ));
        }
        total += x.shape[axis];
    }
    if total != y.shape[axis] {
        return Err(cx.inconsistent(&format!("output size of axis {axis}"), total, y.shape[axis]));
    }
    let output = cx.output(0)?;
    let mut at = 0;
    for i in 0..count {
        let x = cx.tensor(i)?;
        let input = rescaled(cx, i, x, y)?;
        let mut layout = Layout::block(x.dtype.size(), &x.shape, &x.shape, &y.shape);
        layout.out_offset = at * strides(&y.shape)[axis];
        at += x.shape[axis];
        layout.emit(cx, input, output)?;
    }
    Ok(())
}

/// Input `i` in the quantisation of the output.
fn rescaled(cx: &mut Cx<'_>, i: usize, x: &Tensor, y: &Tensor) -> Result<Span, Error> {
    if !matches!(x.dtype, DType::I8 | DType::U8 | DType::I16) || x.quant.is_none() || y.quant.is_none() {
        return cx.input(i);
    }
    let ((s_in, z_in), (s_out, z_out)) = (cx.scale_zero(x)?, cx.scale_zero(y)?);
    if (s_in, z_in) == (s_out, z_out) {
        return cx.input(i);
    }
    if x.dtype != DType::U8 {
        return Err(cx.inconsistent(
            &format!("quantisation of input {i}"),
            format!("that of the output (scale {s_out}, zero point {z_out})"),
            format!("scale {s_in}, zero point {z_in}"),
        ));
    }
    // The rule speaks of unsigned codes and their zero points; the table is in held ones.
    let scale = s_in * (1.0 / s_out);
    let bias = -((z_in + 128) as f32) * scale;
    let code = |held: i32| {
        let moved = libm::roundf((held + 128) as f32 * scale + bias) as i32;
        (moved.saturating_add(z_out + 128).clamp(0, 255) - 128) as i8
    };
    let table: Vec<i8> = (-128..128).map(code).collect();
    let (input, output, table) = (cx.input(i)?, cx.scratch(x.bytes()), cx.codes(&table));
    cx.push(Lut { input, output, table, tail: Span::EMPTY, tail_start: usize::MAX, size: 1 }, 0);
    Ok(output)
}

/// PACK: inputs of one shape along a new axis.
pub(super) fn pack(cx: &mut Cx<'_>, axis: i32) -> Result<(), Error> {
    let (first, y) = (cx.tensor(0)?, cx.out(0)?);
    let axis = axis_of(cx, axis.into(), first.shape.len() + 1)?;
    let count = cx.node().inputs.len();
    let mut shape = first.shape.clone();
    shape.insert(axis, count);
    expect_shape(cx, 0, &shape)?;
    let (outer, inner) = around(&first.shape, axis, axis);
    let output = cx.output(0)?;
    for i in 0..count {
        let x = cx.tensor(i)?;
        same_type(cx, x, y)?;
        if x.shape != first.shape {
            return Err(cx.inconsistent(
                &format!("shape of input {i}"),
                format!("{:?}", first.shape),
                format!("{:?}", x.shape),
            ));
        }
        let mut layout = Layout::block(x.dtype.size(), &[outer, inner], &[outer, inner], &[outer, count * inner]);
        layout.out_offset = i * inner;
        let input = cx.input(i)?;
        layout.emit(cx, input, output)?;
    }
    Ok(())
}

/// Elements before axis `from` and from axis `to` on.
fn around(shape: &[usize], from: usize, to: usize) -> (usize, usize) {
    (shape[..from].iter().product(), shape[to..].iter().product())
}

/// UNPACK: one output per position of an axis.
pub(super) fn unpack(cx: &mut Cx<'_>, axis: i32) -> Result<(), Error> {
    let x = cx.tensor(0)?;
    let axis = axis_of(cx, axis.into(), x.shape.len())?;
    let count = cx.node().outputs.len();
    if count != x.shape[axis] {
        return Err(cx.inconsistent("number of outputs", x.shape[axis], count));
    }
    let mut shape = x.shape.clone();
    shape.remove(axis);
    let (outer, inner) = around(&x.shape, axis, axis + 1);
    for i in 0..count {
        same_type(cx, x, cx.out(i)?)?;
        expect_shape(cx, i, &shape)?;
        let mut layout = Layout::block(x.dtype.size(), &[outer, inner], &[outer, count * inner], &[outer, inner]);
        layout.in_offset = i * inner;
        let (input, output) = (cx.input(0)?, cx.output(i)?);
        layout.emit(cx, input, output)?;
    }
    Ok(())
}

/// SPLIT: equal parts.
pub(super) fn split(cx: &mut Cx<'_>) -> Result<(), Error> {
    let x = cx.tensor(1)?;
    let axis = only(cx, 0, "axis")?;
    let axis = axis_of(cx, axis, x.shape.len())?;
    let parts = cx.node().outputs.len();
    if !x.shape[axis].is_multiple_of(parts) {
        return Err(cx.inconsistent(&format!("size of axis {axis}"), format!("a multiple of {parts}"), x.shape[axis]));
    }
    parts_along(cx, 1, axis, &vec![x.shape[axis] / parts; parts])
}

/// SPLIT_V: parts of given sizes, one of which may be −1: the rest.
pub(super) fn split_v(cx: &mut Cx<'_>) -> Result<(), Error> {
    let x = cx.tensor(0)?;
    let (sizes, axis) = (cx.integers(1)?, only(cx, 2, "axis")?);
    let axis = axis_of(cx, axis, x.shape.len())?;
    let whole = x.shape[axis];
    if sizes.len() != cx.node().outputs.len() {
        return Err(cx.inconsistent("number of outputs", sizes.len(), cx.node().outputs.len()));
    }
    let wrong = || cx.inconsistent("sizes", format!("a sum of {whole}"), format!("{sizes:?}"));
    let known: usize = sizes
        .iter()
        .filter(|&&s| s != -1)
        .try_fold(0_usize, |sum, &s| usize::try_from(s).ok().and_then(|s| sum.checked_add(s)).ok_or_else(wrong))?;
    let rest = whole.checked_sub(known).ok_or_else(wrong)?;
    let open = sizes.iter().filter(|&&s| s == -1).count();
    if open > 1 || (open == 0 && rest != 0) {
        return Err(wrong());
    }
    let sizes: Vec<usize> = sizes.iter().map(|&s| if s == -1 { rest } else { s as usize }).collect();
    parts_along(cx, 0, axis, &sizes)
}

/// The one integer of constant input `i`.
pub(super) fn only(cx: &Cx<'_>, i: usize, what: &str) -> Result<i64, Error> {
    match cx.integers(i)?[..] {
        [value] => Ok(value),
        ref other => Err(cx.inconsistent(&format!("elements of the {what}"), 1, other.len())),
    }
}

fn parts_along(cx: &mut Cx<'_>, from: usize, axis: usize, sizes: &[usize]) -> Result<(), Error> {
    let x = cx.tensor(from)?;
    let mut at = 0;
    for (i, &size) in sizes.iter().enumerate() {
        let y = cx.out(i)?;
        same_type(cx, x, y)?;
        let mut shape = x.shape.clone();
        shape[axis] = size;
        expect_shape(cx, i, &shape)?;
        let mut layout = Layout::block(x.dtype.size(), &shape, &x.shape, &shape);
        layout.in_offset = at * strides(&x.shape)[axis];
        at += size;
        let (input, output) = (cx.input(from)?, cx.output(i)?);
        layout.emit(cx, input, output)?;
    }
    Ok(())
}
