//! Tensors that are held without their repeated lines and columns, and without their padding.
//!
//! Networks made for large images are often fed small ones through a nearest-neighbour up-sampling. Its output repeats lines and
//! columns, and so does every convolution after it: outputs whose windows see the same values are the same. Such a tensor is held
//! *compact*: the distinct lines and columns, and for each line and column of the tensor which of these it is. RESIZE_NEAREST and
//! PAD then compute nothing; a convolution gathers the few lines and columns that its distinct windows need and is an ordinary
//! convolution over them, with the same sums in the same order. Whoever needs the whole tensor gets it by a copy
//! ([`Cx::operand`]).

use edgebench_kernels::Span;
use edgebench_kernels::ops::conv::ConvShape;

use super::conv::four;
use super::movement::{Layout, fill_span};
use crate::error::Error;
use crate::graph::TensorId;
use crate::lower::Cx;

/// In an index of lines or columns: outside the image.
pub(crate) const OUTSIDE: i64 = -1;

/// A `[batch, h, w, channels]` tensor, held as `[batch, held_h, held_w, channels]`.
#[derive(Clone, Debug)]
pub(crate) struct Compact {
    pub(crate) span: Span,
    /// Lines and columns that are held.
    pub(crate) held: [usize; 2],
    /// For each line, and each column, of the tensor: which of the held ones it is, or [`OUTSIDE`].
    pub(crate) index: [Vec<i64>; 2],
    /// What stands outside, as plans hold it.
    pub(crate) fill: [u8; 8],
    /// The node that made it.
    pub(crate) node: usize,
}

impl Compact {
    /// Whether something stands outside.
    pub(crate) fn has_border(&self) -> bool {
        self.index.iter().flatten().any(|&i| i == OUTSIDE)
    }

    /// Lines above and columns left of the image, if the tensor is the image with a border.
    pub(crate) fn border(&self) -> Option<[usize; 2]> {
        let before = |axis: usize| {
            let (index, held) = (&self.index[axis], self.held[axis] as i64);
            let before = index.iter().take_while(|&&i| i == OUTSIDE).count();
            let image = index.get(before..before + held as usize)?;
            let after = &index[before + held as usize..];
            (image.iter().copied().eq(0..held) && after.iter().all(|&i| i == OUTSIDE)).then_some(before)
        };
        Some([before(0)?, before(1)?])
    }
}

/// The windows of a convolution along one axis, those equal to their predecessor left out.
struct Windows {
    /// Held index, or [`OUTSIDE`], of each position of the shortened input.
    gather: Vec<i64>,
    /// Positions from window to window.
    stride: usize,
    /// For each output of the whole axis: which of the computed ones it is.
    output: Vec<i64>,
}

impl Windows {
    /// `outputs` windows of `taps` positions of `index`, `stride` apart, the first of them `pad` before the first position.
    fn of(index: &[i64], taps: usize, stride: usize, pad: usize, outputs: usize) -> Windows {
        let at = |o: usize, tap: usize| {
            let position = (o * stride + tap).checked_sub(pad);
            position.and_then(|p| index.get(p)).copied().unwrap_or(OUTSIDE)
        };
        // Windows that follow each other share `taps - stride` positions, and so do those that are left.
        let step = stride.min(taps);
        let (mut gather, mut output, mut count) = (Vec::new(), Vec::with_capacity(outputs), 0);
        for o in 0..outputs {
            if o == 0 {
                gather.extend((0..taps).map(|tap| at(o, tap)));
                count = 1;
            } else if (0..taps).any(|tap| at(o, tap) != at(o - 1, tap)) {
                gather.extend((taps - step..taps).map(|tap| at(o, tap)));
                count += 1;
            }
            output.push(count - 1);
        }
        Windows { gather, stride: step, output }
    }

    fn count(&self) -> usize {
        self.output.last().map_or(0, |&last| last as usize + 1)
    }
}

/// Where a convolution reads and writes, and the sizes that it has there.
pub(crate) struct Site {
    pub(crate) shape: ConvShape,
    pub(crate) input: Span,
    pub(crate) output: Span,
}

impl Site {
    /// Input 0 and output 0 of the current node as they are.
    pub(crate) fn whole(cx: &mut Cx<'_>, shape: ConvShape) -> Result<Site, Error> {
        Ok(Site { shape, input: cx.input(0)?, output: cx.output(0)? })
    }

    /// For a convolution of input 0 over `shape` to which `outside`, an element, stands outside the image: the same without what
    /// need not be computed.
    pub(crate) fn compact(cx: &mut Cx<'_>, shape: ConvShape, outside: &[u8]) -> Result<Site, Error> {
        let Some(compact) = cx.compact(0).filter(|c| !c.has_border() || c.fill[..outside.len()] == *outside) else {
            return Site::whole(cx, shape);
        };
        if let Some([top, left]) = compact.border() {
            let (input, [in_h, in_w]) = (compact.span, compact.held);
            let (pad_top, pad_left) = (shape.pad_top + top, shape.pad_left + left);
            return Ok(Site {
                shape: ConvShape { in_h, in_w, pad_top, pad_left, ..shape },
                input,
                output: cx.output(0)?,
            });
        }
        if (shape.dilation_h, shape.dilation_w) != (1, 1) {
            return Site::whole(cx, shape);
        }
        let [lines, columns] = &compact.index;
        let lines = Windows::of(lines, shape.k_h, shape.stride_h, shape.pad_top, shape.out_h);
        let columns = Windows::of(columns, shape.k_w, shape.stride_w, shape.pad_left, shape.out_w);
        if (lines.count(), columns.count()) == (shape.out_h, shape.out_w) {
            return Site::whole(cx, shape);
        }
        Site::shortened(cx, shape, [lines, columns], outside)
    }

    fn shortened(cx: &mut Cx<'_>, whole: ConvShape, axes: [Windows; 2], outside: &[u8]) -> Result<Site, Error> {
        let [lines, columns] = &axes;
        let shape = ConvShape {
            in_h: lines.gather.len(),
            in_w: columns.gather.len(),
            out_h: lines.count(),
            out_w: columns.count(),
            stride_h: lines.stride,
            stride_w: columns.stride,
            pad_top: 0,
            pad_left: 0,
            ..whole
        };
        let size = outside.len();
        let Some(compact) = cx.compact(0) else { return Site::whole(cx, whole) };
        let mut from = compact;
        from.index = axes.each_ref().map(|axis| axis.gather.clone());
        from.fill[..size].copy_from_slice(outside);
        let input = cx.scratch(whole.batch * shape.in_h * shape.in_w * whole.in_c * size);
        from.copy(cx, [whole.batch, whole.in_c, size], input)?;
        let output = cx.scratch(whole.batch * shape.out_h * shape.out_w * whole.out_c * size);
        let held = [shape.out_h, shape.out_w];
        let index = axes.map(|axis| axis.output);
        let node = cx.node_index();
        cx.define_compact(0, Compact { span: output, held, index, fill: [0; 8], node })?;
        Ok(Site { shape, input, output })
    }
}

impl Compact {
    /// Emits the copy to the whole tensor, of `batch` images of `channels` elements of `size` bytes, at `output`.
    pub(crate) fn copy(&self, cx: &mut Cx<'_>, [batch, channels, size]: [usize; 3], output: Span) -> Result<(), Error> {
        let [held_h, held_w] = self.held;
        let [h, w] = self.index.each_ref().map(Vec::len);
        let mut layout = Layout::new(size);
        layout.fill = self.fill;
        layout.stride(batch, h * w * channels, held_h * held_w * channels);
        if let Some([top, left]) = self.border() {
            // The border first, then whole lines of the image.
            if self.has_border() {
                fill_span(cx, output, self.fill, size);
            }
            layout.out_offset = (top * w + left) * channels;
            layout.stride(held_h, w * channels, held_w * channels);
            layout.stride(held_w * channels, 1, 1);
        } else {
            let elements = |index: &[i64], stride: usize| {
                index.iter().map(|&i| if i == OUTSIDE { OUTSIDE } else { i * stride as i64 }).collect()
            };
            layout.table(w * channels, elements(&self.index[0], held_w * channels));
            layout.table(channels, elements(&self.index[1], channels));
            layout.stride(channels, 1, 1);
        }
        layout.emit(cx, self.span, output)
    }
}

impl Cx<'_> {
    /// Input `i` of the current node, if it is held compact only; a tensor that has been made whole is better read so.
    pub(crate) fn compact(&self, i: usize) -> Option<Compact> {
        let (id, _) = self.optional(i)?;
        if self.places[id].is_some() { None } else { self.compacts.get(&id).cloned() }
    }

    /// Input 0 of the current node, a tensor of four axes, as a compact one: as it is held, or as it lies.
    pub(crate) fn as_compact(&mut self) -> Result<Compact, Error> {
        if let Some(compact) = self.compact(0) {
            return Ok(compact);
        }
        let [_, h, w, _] = four(self, self.tensor(0)?)?;
        let all = |n: usize| (0..n as i64).collect();
        Ok(Compact {
            span: self.input(0)?,
            held: [h, w],
            index: [all(h), all(w)],
            fill: [0; 8],
            node: self.node_index(),
        })
    }

    /// Output `i` of the current node is held compact.
    pub(crate) fn define_compact(&mut self, i: usize, compact: Compact) -> Result<(), Error> {
        self.out(i)?;
        let id = self.node().outputs[i];
        self.compacts.insert(id, compact);
        Ok(())
    }

    /// Makes a compact tensor whole.
    pub(crate) fn make_whole(&mut self, id: TensorId) -> Result<Option<Span>, Error> {
        let Some(compact) = self.compacts.get(&id).cloned() else { return Ok(None) };
        let tensor = &self.graph.tensors[id];
        let &[batch, _, _, channels] = tensor.shape.as_slice() else { return Ok(None) };
        let span = self.define(id);
        // The copy belongs to the operator whose output it is.
        let now = self.node_index();
        self.enter(compact.node);
        let copied = compact.copy(self, [batch, channels, tensor.dtype.size()], span);
        self.enter(now);
        copied.map(|()| Some(span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The windows that a shortened axis has, and that the whole axis has.
    fn check(index: &[i64], taps: usize, stride: usize, pad: usize, outputs: usize) -> usize {
        let windows = Windows::of(index, taps, stride, pad, outputs);
        for o in 0..outputs {
            let short = &windows.gather[windows.output[o] as usize * windows.stride..][..taps];
            for (tap, &found) in short.iter().enumerate() {
                let position = (o * stride + tap) as i64 - pad as i64;
                let expected = usize::try_from(position).ok().and_then(|p| index.get(p)).copied();
                assert_eq!(found, expected.unwrap_or(OUTSIDE), "output {o}, tap {tap}");
            }
        }
        windows.count()
    }

    #[test]
    fn windows_are_those_of_the_whole_axis() {
        let upsampled: Vec<i64> = (0..224).map(|i| i / 7).collect();
        assert_eq!(check(&upsampled, 3, 1, 1, 224), 96);
        assert_eq!(check(&upsampled, 7, 2, 3, 112), 112);
        assert_eq!(check(&upsampled, 3, 2, 0, 112), 64);
        assert_eq!(check(&upsampled, 1, 1, 0, 224), 32);
        assert_eq!(check(&upsampled, 1, 2, 0, 112), 32);
        assert_eq!(check(&[0, 0, 0, 0, 0, 0, 1, 1, 1], 2, 3, 0, 3), 2);
        // The second convolution of a chain: two in five outputs of the middle of a cell are the same.
        let first: Vec<i64> = Windows::of(&upsampled, 3, 1, 1, 224).output;
        assert_eq!(check(&first, 3, 1, 1, 224), 160);
        let plain: Vec<i64> = (0..9).collect();
        for (taps, stride, pad, outputs) in [(3, 1, 1, 9), (3, 2, 1, 5), (2, 3, 0, 3), (5, 1, 2, 9)] {
            assert_eq!(check(&plain, taps, stride, pad, outputs), outputs);
        }
    }
}
