//! SLICE, STRIDED_SLICE, TRANSPOSE, TILE, BROADCAST_TO.

use super::{Layout, expect_shape, same_type, strides};
use crate::error::Error;
use crate::lower::Cx;

/// SLICE: a box; size −1 means to the end.
pub(super) fn slice(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    same_type(cx, x, y)?;
    let (begin, size) = (cx.integers(1)?, cx.integers(2)?);
    let rank = x.shape.len();
    if begin.len() != rank || size.len() != rank {
        return Err(cx.inconsistent("elements of begin and size", rank, format!("{} and {}", begin.len(), size.len())));
    }
    let mut shape = Vec::with_capacity(rank);
    let mut first = 0;
    for (d, &stride) in strides(&x.shape).iter().enumerate() {
        let n = x.shape[d] as i64;
        let count = if size[d] == -1 { n.saturating_sub(begin[d]) } else { size[d] };
        if begin[d] < 0 || count < 0 || begin[d].checked_add(count).is_none_or(|end| end > n) {
            let got = format!("{} of size {}", begin[d], size[d]);
            return Err(cx.inconsistent(&format!("begin of axis {d}"), format!("a part of 0..{n}"), got));
        }
        first += begin[d] as usize * stride;
        shape.push(count as usize);
    }
    expect_shape(cx, 0, &shape)?;
    let mut layout = Layout::block(x.dtype.size(), &shape, &x.shape, &shape);
    layout.in_offset = first;
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    layout.emit(cx, input, output)
}

/// Attributes of STRIDED_SLICE; bit `i` of a mask speaks of entry `i` of begin, end and strides.
pub(super) struct Masks {
    pub(super) begin_mask: u32,
    pub(super) end_mask: u32,
    pub(super) ellipsis_mask: u32,
    pub(super) new_axis_mask: u32,
    pub(super) shrink_axis_mask: u32,
    pub(super) offset: bool,
}

/// STRIDED_SLICE with every mask and strides of both signs.
pub(super) fn strided_slice(cx: &mut Cx<'_>, masks: &Masks) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    same_type(cx, x, y)?;
    let (begin, end, step) = (cx.integers(1)?, cx.integers(2)?, cx.integers(3)?);
    if begin.len() != end.len() || begin.len() != step.len() || begin.len() > 32 {
        let got = format!("{}, {}, {}", begin.len(), end.len(), step.len());
        return Err(cx.inconsistent("elements of begin, end and strides", "as many each, at most 32", got));
    }
    let bit = |mask: u32, i: usize| mask >> i & 1 == 1;
    if masks.ellipsis_mask.count_ones() > 1 {
        return Err(cx.inconsistent("ellipses", "at most 1", masks.ellipsis_mask.count_ones()));
    }
    let named = (0..begin.len()).filter(|&i| !bit(masks.ellipsis_mask, i) && !bit(masks.new_axis_mask, i)).count();
    let rank = x.shape.len();
    let Some(spare) = rank.checked_sub(named) else {
        return Err(cx.inconsistent("elements of begin", format!("at most {rank} axes"), named));
    };
    let from = strides(&x.shape);
    // Per input axis: count and stride; per output axis: size.
    let (mut levels, mut shape, mut first) = (Vec::new(), Vec::new(), 0_usize);
    let mut d = 0;
    let whole = |d: &mut usize, levels: &mut Vec<(usize, isize)>, shape: &mut Vec<usize>| {
        levels.push((x.shape[*d], from[*d].cast_signed()));
        shape.push(x.shape[*d]);
        *d += 1;
    };
    for i in 0..begin.len() {
        if bit(masks.ellipsis_mask, i) {
            for _ in 0..spare {
                whole(&mut d, &mut levels, &mut shape);
            }
            continue;
        }
        if bit(masks.new_axis_mask, i) {
            shape.push(1);
            continue;
        }
        let n = x.shape[d] as i64;
        let (b, s) = (begin[i], step[i]);
        let e = if masks.offset { b.saturating_add(end[i]) } else { end[i] };
        if bit(masks.shrink_axis_mask, i) {
            let at = if b < 0 { b.saturating_add(n) } else { b };
            if !(0..n).contains(&at) {
                return Err(cx.inconsistent(&format!("index into axis {d}"), format!("{}..{n}", -n), b));
            }
            first += at as usize * from[d];
            d += 1;
            continue;
        }
        if s == 0 {
            return Err(cx.inconsistent(&format!("stride of axis {d}"), "not 0", s));
        }
        let limit = |v: i64| {
            let v = if v < 0 { v.saturating_add(n) } else { v };
            if s > 0 { v.clamp(0, n) } else { v.clamp(-1, n - 1) }
        };
        let start = if bit(masks.begin_mask, i) { if s > 0 { 0 } else { n - 1 } } else { limit(b) };
        let stop = if bit(masks.end_mask, i) { if s > 0 { n } else { -1 } } else { limit(e) };
        let distance = if s > 0 { stop - start } else { start - stop };
        let count = if distance <= 0 { 0 } else { (distance as u64).div_ceil(s.unsigned_abs()) as usize };
        if count > 0 {
            first += start as usize * from[d];
        }
        // A stride beyond the axis takes one element only, so its size does not matter.
        levels.push((count, s.clamp(-n, n) as isize * from[d].cast_signed()));
        shape.push(count);
        d += 1;
    }
    while d < rank {
        whole(&mut d, &mut levels, &mut shape);
    }
    expect_shape(cx, 0, &shape)?;
    let mut layout = Layout::new(x.dtype.size());
    layout.in_offset = first;
    let counts: Vec<usize> = levels.iter().map(|l| l.0).collect();
    for (&(count, stride), out) in levels.iter().zip(strides(&counts)) {
        layout.signed(count, out, stride);
    }
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    layout.emit(cx, input, output)
}

/// TRANSPOSE: output axis `d` is input axis `perm[d]`.
pub(super) fn transpose(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    same_type(cx, x, y)?;
    let perm = cx.integers(1)?;
    let rank = x.shape.len();
    let wrapped: Vec<usize> =
        perm.iter().filter_map(|&p| usize::try_from(if p < 0 { p + rank as i64 } else { p }).ok()).collect();
    let mut sorted = wrapped.clone();
    sorted.sort_unstable();
    if perm.len() != rank || !sorted.iter().copied().eq(0..rank) {
        return Err(cx.inconsistent("permutation", format!("one of 0..{rank}"), format!("{perm:?}")));
    }
    let shape: Vec<usize> = wrapped.iter().map(|&p| x.shape[p]).collect();
    expect_shape(cx, 0, &shape)?;
    let from = strides(&x.shape);
    let mut layout = Layout::new(x.dtype.size());
    for (&p, out) in wrapped.iter().zip(strides(&shape)) {
        layout.stride(x.shape[p], out, from[p]);
    }
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    layout.emit(cx, input, output)
}

/// TILE: every axis repeated.
pub(super) fn tile(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    same_type(cx, x, y)?;
    let times = cx.integers(1)?;
    if times.len() != x.shape.len() {
        return Err(cx.inconsistent("elements of the multiples", x.shape.len(), times.len()));
    }
    let sizes: Option<Vec<usize>> =
        x.shape.iter().zip(&times).map(|(&n, &t)| usize::try_from(t).ok()?.checked_mul(n)).collect();
    let sizes = sizes.ok_or_else(|| cx.inconsistent("multiples", "numbers from 0 on", format!("{times:?}")))?;
    expect_shape(cx, 0, &sizes)?;
    let mut layout = Layout::new(x.dtype.size());
    let outs = strides(&sizes);
    for (d, from) in strides(&x.shape).into_iter().enumerate() {
        layout.stride(times[d] as usize, outs[d] * x.shape[d], 0);
        layout.stride(x.shape[d], outs[d], from);
    }
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    layout.emit(cx, input, output)
}

/// BROADCAST_TO: axes of size 1 repeated, new axes in front.
pub(super) fn broadcast_to(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    same_type(cx, x, y)?;
    let Some(new) = y.shape.len().checked_sub(x.shape.len()) else {
        return Err(cx.inconsistent("output rank", format!("at least {}", x.shape.len()), y.shape.len()));
    };
    let from = strides(&x.shape);
    let mut layout = Layout::new(x.dtype.size());
    for (d, out) in strides(&y.shape).into_iter().enumerate() {
        let source = d.checked_sub(new).map(|i| (x.shape[i], from[i]));
        let stride = match source {
            Some((n, stride)) if n == y.shape[d] => stride,
            None | Some((1, _)) => 0,
            Some((n, _)) => return Err(cx.inconsistent(&format!("size of axis {d}"), n, y.shape[d])),
        };
        layout.stride(y.shape[d], out, stride);
    }
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    layout.emit(cx, input, output)
}
