//! AVERAGE_POOL_2D, MAX_POOL_2D, MEAN, SUM, REDUCE_MAX, REDUCE_MIN in float32.

use edgebench_kernels::ops::float_pool::{PoolF32, PoolF32Kind};
use edgebench_kernels::ops::float_reduce::{REDUCE_AXES, ReduceF32, ReduceF32Kind};

use super::{bounds, float_output};
use crate::error::Error;
use crate::graph::{Activation, DType, Padding, ReduceKind};
use crate::lower::Cx;
use crate::lower::conv::{Window, four, geometry};
use crate::lower::movement::{axis_of, expect_shape};

/// Attributes of a pooling operator.
pub(super) struct Pooling {
    pub(super) padding: Padding,
    pub(super) stride: [usize; 2],
    pub(super) filter: [usize; 2],
    pub(super) activation: Activation,
}

/// MAX_POOL_2D, else AVERAGE_POOL_2D.
pub(super) fn pool(cx: &mut Cx<'_>, max: bool, at: &Pooling) -> Result<(), Error> {
    float_output(cx)?;
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    let ([.., channels], [.., out_c]) = (four(cx, x)?, four(cx, y)?);
    if out_c != channels {
        return Err(cx.inconsistent("output channels", channels, out_c));
    }
    let window = Window { padding: at.padding, stride: at.stride, dilation: [1, 1] };
    let shape = geometry(cx, (x, y), at.filter, &window, channels)?;
    // XNNPACK leaves windows that skip pixels to LiteRT's own kernel.
    let skips = at.stride[0] > at.filter[0] || at.stride[1] > at.filter[1];
    let kind = match max {
        true => PoolF32Kind::Max,
        false if cx.is_litert() && !skips => PoolF32Kind::Nines,
        false => PoolF32Kind::Sequential,
    };
    let (lo, hi) = bounds(at.activation);
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    cx.push(PoolF32 { input, output, shape, kind, lo, hi }, 0);
    Ok(())
}

/// MEAN, SUM, REDUCE_MAX, REDUCE_MIN over constant axes.
pub(super) fn reduce(cx: &mut Cx<'_>, kind: ReduceKind, keep_dims: bool) -> Result<(), Error> {
    let x = cx.tensor(0)?;
    let integer = x.dtype == DType::I32;
    if integer && kind == ReduceKind::Mean {
        return Err(cx.unsupported("a mean of int32"));
    }
    if cx.out(0)?.dtype != x.dtype {
        return Err(cx.inconsistent("output type", x.dtype, cx.out(0)?.dtype));
    }
    let mut reduced = vec![false; x.shape.len()];
    for axis in cx.integers(1)? {
        reduced[axis_of(cx, axis, x.shape.len())?] = true;
    }
    let sizes = x.shape.iter().zip(&reduced);
    let kept = |(&n, &gone): (&usize, &bool)| if gone { keep_dims.then_some(1) } else { Some(n) };
    let shape: Vec<usize> = sizes.clone().filter_map(kept).collect();
    expect_shape(cx, 0, &shape)?;
    // Neighbouring axes of one kind are one axis.
    let mut merged: Vec<(usize, bool)> = Vec::new();
    for (&n, &gone) in sizes.clone() {
        match merged.last_mut() {
            _ if n == 1 => {}
            Some((m, g)) if *g == gone => *m *= n,
            _ => merged.push((n, gone)),
        }
    }
    if merged.len() > REDUCE_AXES {
        return Err(cx.unsupported(&format!("a reduction over {} separate groups of axes", merged.len())));
    }
    let (mut lengths, mut out_stride) = ([1; REDUCE_AXES], [0; REDUCE_AXES]);
    let mut stride = 1;
    for (d, &(n, gone)) in (0..REDUCE_AXES).rev().zip(merged.iter().rev()) {
        lengths[d] = n;
        if !gone {
            out_stride[d] = stride;
            stride *= n;
        }
    }
    let count: usize = sizes.filter(|(_, gone)| **gone).map(|(&n, _)| n).product();
    if count == 0 {
        return Err(cx.inconsistent("elements that are reduced", "at least 1", 0));
    }
    let kind = match kind {
        ReduceKind::Mean if cx.is_litert() => ReduceF32Kind::Scaled(1.0 / count as f32),
        ReduceKind::Mean => ReduceF32Kind::Divided(count as f32),
        ReduceKind::Sum => ReduceF32Kind::Divided(1.0),
        ReduceKind::Max => ReduceF32Kind::Max,
        ReduceKind::Min => ReduceF32Kind::Min,
    };
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    cx.push(ReduceF32 { input, output, kind, integer, shape: lengths, out_stride }, 0);
    Ok(())
}
