//! Operators that move elements without looking at them, of any type: all become [`Move`] steps.
//!
//! A [`Layout`] says for every output element which input element it is; [`Layout::emit`] merges loop levels and finds the longest
//! contiguous runs. Codes are copied as they are, whatever the quantisation of the output says, as LiteRT does.

mod blocks;
mod gather;
mod join;
mod pad;
mod slice;

use edgebench_kernels::Span;
use edgebench_kernels::ops::movement::{AXES, Axis, Move};

use crate::error::Error;
use crate::graph::{DType, Op, Tensor};
use crate::lower::Cx;

/// Most entries of an index table: beyond, a model is not sensible.
const MAX_TABLE: usize = 1 << 24;

/// Lowers the current node if it is one of these operators.
pub(crate) fn lower_node(cx: &mut Cx<'_>) -> Result<bool, Error> {
    match cx.node().op {
        Op::Reshape { .. } | Op::Squeeze | Op::ExpandDims | Op::Densify => alias(cx)?,
        Op::Pad => pad::pad(cx)?,
        Op::PadV2 => pad::pad_v2(cx)?,
        Op::MirrorPad { symmetric } => pad::mirror_pad(cx, symmetric)?,
        Op::Fill => pad::fill(cx)?,
        Op::Concatenation { axis, activation } => join::concatenation(cx, axis, activation)?,
        Op::Pack { axis } => join::pack(cx, axis)?,
        Op::Unpack { axis } => join::unpack(cx, axis)?,
        Op::Split => join::split(cx)?,
        Op::SplitV => join::split_v(cx)?,
        Op::Slice => slice::slice(cx)?,
        Op::StridedSlice { begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask, offset } => {
            let masks = slice::Masks { begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask, offset };
            slice::strided_slice(cx, &masks)?;
        }
        Op::Transpose => slice::transpose(cx)?,
        Op::Tile => slice::tile(cx)?,
        Op::BroadcastTo => slice::broadcast_to(cx)?,
        Op::Gather { axis, batch_dims } => gather::gather(cx, axis, batch_dims)?,
        Op::ResizeNearest { align_corners, half_pixel_centers } => {
            gather::resize_nearest(cx, align_corners, half_pixel_centers)?;
        }
        Op::ArgMax => gather::arg_max(cx)?,
        Op::SpaceToDepth { block } => blocks::space_to_depth(cx, block)?,
        Op::DepthToSpace { block } => blocks::depth_to_space(cx, block)?,
        Op::SpaceToBatchNd => blocks::space_to_batch(cx)?,
        Op::BatchToSpaceNd => blocks::batch_to_space(cx)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// RESHAPE, SQUEEZE, EXPAND_DIMS, DENSIFY: the output is the input's memory.
fn alias(cx: &mut Cx<'_>) -> Result<(), Error> {
    same_type(cx, cx.tensor(0)?, cx.out(0)?)?;
    cx.alias(0, 0)
}

/// Errors unless both tensors have one element type.
fn same_type(cx: &Cx<'_>, from: &Tensor, to: &Tensor) -> Result<(), Error> {
    if from.dtype != to.dtype {
        return Err(cx.inconsistent("output type", from.dtype, to.dtype));
    }
    Ok(())
}

/// Errors unless output `i` has this shape.
pub(crate) fn expect_shape(cx: &Cx<'_>, i: usize, shape: &[usize]) -> Result<(), Error> {
    let out = cx.out(i)?;
    if out.shape != shape {
        return Err(cx.inconsistent("output shape", format!("{shape:?}"), format!("{:?}", out.shape)));
    }
    Ok(())
}

/// An axis that may count from the end, as an index below `rank`.
pub(crate) fn axis_of(cx: &Cx<'_>, axis: i64, rank: usize) -> Result<usize, Error> {
    let r = rank as i64;
    let wrapped = if axis < 0 { axis + r } else { axis };
    if (0..r).contains(&wrapped) {
        Ok(wrapped as usize)
    } else {
        Err(cx.inconsistent("axis", format!("{}..{r}", -r), axis))
    }
}

/// Elements between neighbours along each axis of a row-major tensor.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for d in (1..shape.len()).rev() {
        strides[d - 1] = strides[d] * shape[d].max(1);
    }
    strides
}

/// The bytes of a pad or fill value of a type as plans hold it, e.g. the zero point of codes.
fn zero_bytes(cx: &Cx<'_>, tensor: &Tensor) -> Result<[u8; 8], Error> {
    let zero = if tensor.quant.is_some() && tensor.dtype != DType::F32 { cx.scale_zero(tensor)?.1 } else { 0 };
    let mut fill = [0; 8];
    match tensor.dtype.size() {
        // The low byte of a held code; an unsigned code without quantisation is held flipped.
        1 if tensor.dtype == DType::U8 && tensor.quant.is_none() => fill[0] = 0x80,
        1 => fill[0] = (zero as i8).cast_unsigned(),
        2 if tensor.dtype == DType::I16 => fill[..2].copy_from_slice(&(zero as i16).to_ne_bytes()),
        _ => {}
    }
    Ok(fill)
}

/// Where the elements of one loop level come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// This many elements further each time.
    Stride(isize),
    /// At these elements; −1: filled.
    Table(Vec<i64>),
}

/// One loop level, in elements.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    count: usize,
    out: usize,
    source: Source,
}

/// What a copy does, in elements: loop levels from the outermost in.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// Bytes per element.
    pub(crate) size: usize,
    pub(crate) in_offset: usize,
    pub(crate) out_offset: usize,
    pub(crate) levels: Vec<Level>,
    /// What stands where a table says −1.
    pub(crate) fill: [u8; 8],
}

impl Layout {
    /// A copy of elements of `size` bytes without any level yet: one element.
    pub(crate) fn new(size: usize) -> Layout {
        Layout { size, in_offset: 0, out_offset: 0, levels: Vec::new(), fill: [0; 8] }
    }

    /// Adds a level with a stride.
    pub(crate) fn stride(&mut self, count: usize, out: usize, stride: usize) {
        self.levels.push(Level { count, out, source: Source::Stride(stride.cast_signed()) });
    }

    /// Adds a level with a stride of either sign.
    pub(crate) fn signed(&mut self, count: usize, out: usize, stride: isize) {
        self.levels.push(Level { count, out, source: Source::Stride(stride) });
    }

    /// Adds a level with a table.
    pub(crate) fn table(&mut self, out: usize, table: Vec<i64>) {
        self.levels.push(Level { count: table.len(), out, source: Source::Table(table) });
    }

    /// Levels that read a part of `from` (row-major) and write a part of `to` (row-major), `counts` along each axis.
    pub(crate) fn block(size: usize, counts: &[usize], from: &[usize], to: &[usize]) -> Layout {
        let mut layout = Layout::new(size);
        for ((&count, &i), &o) in counts.iter().zip(&strides(from)).zip(&strides(to)) {
            layout.stride(count, o, i);
        }
        layout
    }

    /// Turns affine tables into strides and drops levels that run once.
    fn simplify(&mut self) {
        for level in &mut self.levels {
            let Source::Table(table) = &level.source else { continue };
            let step = if table.len() > 1 { table[1] - table[0] } else { 0 };
            let affine = table.first().is_some_and(|&first| first >= 0)
                && table.iter().all(|&v| v >= 0)
                && table.windows(2).all(|w| w[1] - w[0] == step);
            if affine {
                self.in_offset += table[0] as usize;
                level.source = Source::Stride(step as isize);
            }
        }
        self.levels.retain(|l| l.count != 1 || matches!(l.source, Source::Table(_)));
        let mut merged: Vec<Level> = Vec::new();
        for level in self.levels.drain(..) {
            if let (Some(Level { count, out, source: Source::Stride(outer) }), Source::Stride(inner)) =
                (merged.last_mut(), &level.source)
                && *out == level.out * level.count
                && *outer == inner * level.count.cast_signed()
            {
                *count *= level.count;
                (*out, *outer) = (level.out, *inner);
                continue;
            }
            merged.push(level);
        }
        self.levels = merged;
    }

    /// Emits the step.
    ///
    /// # Errors
    /// If there are more levels than a step has, or offsets beyond 2 GiB.
    pub(crate) fn emit(mut self, cx: &mut Cx<'_>, input: Span, output: Span) -> Result<(), Error> {
        if self.levels.iter().any(|l| l.count == 0) {
            return Ok(());
        }
        self.simplify();
        let size = self.size;
        let mut run = size;
        if let Some(Level { count, out: 1, source: Source::Stride(1) }) = self.levels.last() {
            run *= count;
            self.levels.pop();
        }
        if self.levels.len() > AXES {
            return Err(cx.unsupported(&format!("a data movement with more than {AXES} loop levels")));
        }
        let mut axes = [Axis::ONE; AXES];
        for (axis, level) in axes[AXES - self.levels.len()..].iter_mut().zip(&self.levels) {
            *axis = Axis { count: level.count, out_stride: level.out * size, ..Axis::ONE };
            match &level.source {
                Source::Stride(stride) => axis.in_stride = stride * size.cast_signed(),
                Source::Table(table) => axis.table = byte_table(cx, table, size)?,
            }
        }
        let step = Move {
            input,
            output,
            in_offset: self.in_offset * size,
            out_offset: self.out_offset * size,
            run,
            axes,
            fill: self.fill,
            fill_size: size,
        };
        cx.push(step, 0);
        Ok(())
    }
}

fn byte_table(cx: &mut Cx<'_>, table: &[i64], size: usize) -> Result<Span, Error> {
    if table.len() > MAX_TABLE {
        return Err(cx.unsupported(&format!("an axis of {} irregularly chosen elements", table.len())));
    }
    let bytes: Option<Vec<i32>> =
        table.iter().map(|&v| if v < 0 { Some(-1) } else { i32::try_from(v * size as i64).ok() }).collect();
    let bytes = bytes.ok_or_else(|| cx.unsupported("a tensor above 2 GiB here"))?;
    Ok(cx.ints(&bytes))
}

/// Fills all of a span with one element.
pub(crate) fn fill_span(cx: &mut Cx<'_>, output: Span, fill: [u8; 8], size: usize) {
    let table = cx.ints(&[-1]);
    let mut axes = [Axis::ONE; AXES];
    axes[AXES - 1].table = table;
    let input = Span::EMPTY;
    let step = Move { input, output, in_offset: 0, out_offset: 0, run: output.len, axes, fill, fill_size: size };
    cx.push(step, 0);
}
