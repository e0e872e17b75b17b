//! Elements chosen by indices: GATHER, RESIZE_NEAREST_NEIGHBOR; and ARG_MAX, which makes indices.

use edgebench_kernels::ops::argmax::ArgMax;
use edgebench_kernels::ops::gather::Gather;

use super::join::only;
use super::{Layout, MAX_TABLE, axis_of, expect_shape, same_type};
use crate::error::Error;
use crate::graph::DType;
use crate::lower::Cx;
use crate::lower::cast::number_kind;
use crate::lower::compact::Compact;
use crate::lower::conv::four;

/// GATHER. Constant indices must lie inside the axis; computed ones are clamped to it, since a run cannot fail.
pub(super) fn gather(cx: &mut Cx<'_>, axis: i32, batch_dims: i32) -> Result<(), Error> {
    let (x, indices, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    same_type(cx, x, y)?;
    let axis = axis_of(cx, axis.into(), x.shape.len())?;
    let rank = indices.shape.len() as i64;
    let batch_dims = i64::from(batch_dims) + if batch_dims < 0 { rank } else { 0 };
    let batch_dims = usize::try_from(batch_dims).ok().filter(|&b| b <= axis && b <= indices.shape.len());
    let Some(b) = batch_dims.filter(|&b| x.shape[..b] == indices.shape[..b]) else {
        return Err(cx.inconsistent("batch_dims", "axes that input and indices share, before the axis", rank));
    };
    let shape = [&x.shape[..axis], &indices.shape[b..], &x.shape[axis + 1..]].concat();
    expect_shape(cx, 0, &shape)?;
    let wide = match indices.dtype {
        DType::I32 => false,
        DType::I64 => true,
        other => return Err(cx.inconsistent("type of the indices", "int32 or int64", other)),
    };
    let count = x.shape[axis];
    let product = |shape: &[usize]| shape.iter().product::<usize>();
    let (batch, outer) = (product(&x.shape[..b]), product(&x.shape[b..axis]));
    let (picks, inner) = (product(&indices.shape[b..]), product(&x.shape[axis + 1..]));
    if y.elements() == 0 {
        cx.output(0)?;
        return Ok(());
    }
    if count == 0 {
        return Err(cx.inconsistent(&format!("size of axis {axis}"), "at least 1", 0));
    }
    if cx.value(1).is_some() {
        let values = cx.integers(1)?;
        if let Some(bad) = values.iter().find(|v| !(0..count as i64).contains(v)) {
            return Err(cx.inconsistent("indices", format!("0..{count}"), bad));
        }
        if b == 0 {
            let mut layout = Layout::new(x.dtype.size());
            layout.stride(outer, picks * inner, count * inner);
            layout.table(inner, values.iter().map(|v| v * inner as i64).collect());
            layout.stride(inner, 1, 1);
            let (input, output) = (cx.input(0)?, cx.output(0)?);
            return layout.emit(cx, input, output);
        }
    }
    let (input, indices, output) = (cx.input(0)?, cx.input(1)?, cx.output(0)?);
    let item = inner * x.dtype.size();
    cx.push(Gather { input, indices, output, batch, outer, count, picks, item, wide }, 0);
    Ok(())
}

/// RESIZE_NEAREST_NEIGHBOR.
pub(super) fn resize_nearest(cx: &mut Cx<'_>, align_corners: bool, half_pixel: bool) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    same_type(cx, x, y)?;
    let ([batch, in_h, in_w, channels], [_, out_h, out_w, _]) = (four(cx, x)?, four(cx, y)?);
    if cx.integers(1)? != [out_h as i64, out_w as i64] {
        return Err(cx.inconsistent("size", format!("{:?}", [out_h, out_w]), format!("{:?}", cx.integers(1)?)));
    }
    expect_shape(cx, 0, &[batch, out_h, out_w, channels])?;
    if y.elements() > 0 && x.elements() == 0 {
        return Err(cx.inconsistent("input elements", "at least 1", 0));
    }
    if y.elements() == 0 {
        cx.output(0)?;
        return Ok(());
    }
    if out_h.max(out_w) > MAX_TABLE {
        return Err(cx.unsupported(&format!("an output of {out_h}x{out_w} pixels")));
    }
    let line = |input: usize, output: usize| -> Vec<usize> {
        let scale = nearest_scale(input, output, align_corners);
        (0..output).map(|o| nearest(o, input, scale, align_corners, half_pixel)).collect()
    };
    let from = cx.as_compact()?;
    let pick = |index: &[i64], line: Vec<usize>| line.into_iter().map(|i| index[i]).collect();
    let index = [pick(&from.index[0], line(in_h, out_h)), pick(&from.index[1], line(in_w, out_w))];
    cx.define_compact(0, Compact { index, node: cx.node_index(), ..from })
}

/// Input steps per output step (EXACT §3.6).
fn nearest_scale(input: usize, output: usize, align_corners: bool) -> f32 {
    let less = usize::from(align_corners && output > 1);
    (input - less) as f32 / (output - less) as f32
}

/// The input position that output position `o` takes (EXACT NEAREST).
fn nearest(o: usize, input: usize, scale: f32, align_corners: bool, half_pixel: bool) -> usize {
    let at = (o as f32 + if half_pixel { 0.5 } else { 0.0 }) * scale;
    let at = if align_corners { libm::roundf(at) } else { libm::floorf(at) };
    (at as usize).min(input - 1)
}

/// ARG_MAX: the first maximum.
pub(super) fn arg_max(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    let axis = axis_of(cx, only(cx, 1, "axis")?, x.shape.len())?;
    let mut shape = x.shape.clone();
    let count = shape.remove(axis);
    // Both forms of the output occur: with the axis removed, and kept with size 1.
    let inner = shape[axis..].iter().product();
    if y.elements() != shape.iter().product::<usize>() {
        return Err(cx.inconsistent("output shape", format!("{shape:?}"), format!("{:?}", y.shape)));
    }
    if count == 0 {
        return Err(cx.inconsistent(&format!("size of axis {axis}"), "at least 1", 0));
    }
    let kind = match x.dtype {
        DType::F32 | DType::I8 | DType::U8 | DType::I16 | DType::I32 => number_kind(cx, x.dtype)?,
        other => return Err(cx.unsupported(&format!("type {other}"))),
    };
    let wide = match y.dtype {
        DType::I32 => false,
        DType::I64 => true,
        other => return Err(cx.inconsistent("output type", "int32 or int64", other)),
    };
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    cx.push(ArgMax { input, output, kind, count, inner, wide }, 0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_positions() {
        let line = |input, output, align, half| -> Vec<usize> {
            let scale = nearest_scale(input, output, align);
            (0..output).map(|o| nearest(o, input, scale, align, half)).collect()
        };
        assert_eq!(line(2, 4, false, false), [0, 0, 1, 1]);
        assert_eq!(line(3, 5, true, false), [0, 1, 1, 2, 2]);
        assert_eq!(line(4, 2, false, true), [1, 3]);
    }
}
