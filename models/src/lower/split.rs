//! Splitting heavy steps into parts that several threads run at the same time.
//!
//! A step is plain data, so a part of it is a step of the same kind: a band of its output lines, with the input lines that they
//! need, or, of a single pixel, a block of its output channels. Every output is computed from the same operands in the same order
//! as before, so that the parts together give the same bytes. What they write is disjoint; scratch space is each part's own.

use std::mem;
use std::ops::Range;

use edgebench_kernels::ops::binary::{AXES, Binary};
use edgebench_kernels::ops::conv::{Conv, ConvShape, scratch_len};
use edgebench_kernels::ops::conv_f32::{ConvF32, packed_len_f32, scratch_len_f32};
use edgebench_kernels::ops::depthwise::{Depthwise, depthwise_scratch_len};
use edgebench_kernels::ops::depthwise_f32::{DepthwiseF32, depthwise_scratch_len_f32};
use edgebench_kernels::ops::max_pool::MaxPool;
use edgebench_kernels::ops::pack::packed_len;
use edgebench_kernels::ops::pool::Pool;
use edgebench_kernels::shared::MOST_STEPS;
use edgebench_kernels::span::view;
use edgebench_kernels::{Span, Step};

use super::depthwise;
use super::product::CHANNEL_PAD;
use crate::lower::{Cx, LowerOptions};
use crate::plan::Origin;

/// See [`LowerOptions::grain`]: a few times what it costs to wait for each other.
pub(crate) const GRAIN: u64 = 1000;

/// Splits the steps so far, and gives the groups that may run at the same time.
pub(crate) fn split(cx: &mut Cx<'_>, options: &LowerOptions) -> Vec<Range<usize>> {
    let threads = options.threads.clamp(1, MOST_STEPS);
    let whole = mem::take(&mut cx.steps).into_iter().zip(mem::take(&mut cx.origins));
    let mut groups = Vec::new();
    for (step, origin) in whole {
        let worth = |cost: u64| usize::try_from(cost / options.grain.max(1)).unwrap_or(threads).min(threads);
        let parts = match worth(cost(&step)) {
            0 | 1 => Vec::new(),
            parts => parts_of(cx, &step, parts),
        };
        let first = cx.steps.len();
        if parts.len() > 1 {
            for (step, macs) in parts {
                cx.steps.push(step);
                cx.origins.push(Origin { macs, ..origin });
            }
        } else {
            cx.steps.push(step);
            cx.origins.push(origin);
        }
        groups.push(first..cx.steps.len());
    }
    groups
}

/// About how many nanoseconds a step takes with vector instructions; 0 for kinds that are never split.
pub(super) fn cost(step: &Step) -> u64 {
    let window = |s: &ConvShape| (s.batch * s.out_h * s.out_w * s.out_c * s.k_h * s.k_w) as u64;
    match step {
        Step::Conv(step) => step.shape.macs() / 150,
        Step::ConvF32(step) => step.shape.macs() / 40,
        Step::Depthwise(step) => step.shape.macs() / 40,
        Step::DepthwiseF32(step) => step.shape.macs() / 15,
        Step::Binary(step) => step.levels.iter().map(|level| level.count as u64).product::<u64>() / 8,
        Step::MaxPool(step) => (step.output.len as u64) * (step.lines.len / 4 / step.out[0].max(1)) as u64 / 8,
        Step::Pool(step) => window(&step.shape) / 2,
        _ => 0,
    }
}

/// A step in parts, with the multiply-accumulates of each; empty if it cannot be split.
fn parts_of(cx: &mut Cx<'_>, step: &Step, parts: usize) -> Vec<(Step, u64)> {
    match step {
        Step::Conv(step) if is_pixel(&step.shape) => conv_channels(cx, step, parts),
        Step::ConvF32(step) if is_pixel(&step.shape) => conv_f32_channels(cx, step, parts),
        Step::Conv(step) => of_bands(&step.shape, 1, parts, |Band { shape, input, output }| {
            let (input, output) = (input.of(step.input), output.of(step.output));
            Conv { input, output, shape, scratch: cx.scratch(scratch_len(cx.kernels, &shape)), ..*step }
        }),
        Step::ConvF32(step) => of_bands(&step.shape, 4, parts, |Band { shape, input, output }| {
            let (input, output) = (input.of(step.input), output.of(step.output));
            ConvF32 { input, output, shape, scratch: cx.scratch(scratch_len_f32(cx.kernels, &shape)), ..*step }
        }),
        Step::Depthwise(step) => {
            let weights = cx.constant(step.weights);
            of_bands(&step.shape, 1, parts, |Band { shape, input, output }| {
                let (input, output) = (input.of(step.input), output.of(step.output));
                // Tables depend on the lines of the image: a kernel row that sees only padding is left out.
                let tables = depthwise::tables(cx, &shape, view(&weights), (step.requant, step.pad_value));
                let scratch = cx.scratch(depthwise_scratch_len(cx.kernels, &shape));
                Depthwise { input, output, shape, tables, scratch, ..*step }
            })
        }
        Step::DepthwiseF32(step) => of_bands(&step.shape, 4, parts, |Band { shape, input, output }| {
            let (input, output) = (input.of(step.input), output.of(step.output));
            let scratch = cx.scratch(depthwise_scratch_len_f32(cx.kernels, &shape));
            DepthwiseF32 { input, output, shape, scratch, ..*step }
        }),
        Step::Pool(step) => of_bands(&step.shape, if step.wide { 2 } else { 1 }, parts, |band| {
            let (input, output) = (band.input.of(step.input), band.output.of(step.output));
            Pool { input, output, shape: band.shape, scratch: cx.scratch(step.scratch.len), ..*step }
        })
        .into_iter()
        .map(|(step, _)| (step, 0))
        .collect(),
        Step::Binary(step) => binary(step, parts),
        Step::MaxPool(step) => max_pool(cx, step, parts),
        _ => Vec::new(),
    }
}

/// `0..count` in nearly equal ranges, none empty.
fn ranges(count: usize, parts: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = parts.min(count);
    (0..parts).map(move |i| i * count / parts..(i + 1) * count / parts)
}

fn is_pixel(s: &ConvShape) -> bool {
    (s.batch, s.out_h, s.out_w, s.groups) == (1, 1, 1, 1)
}

/// Bytes of a tensor.
struct Part {
    start: usize,
    len: usize,
}

impl Part {
    fn of(&self, whole: Span) -> Span {
        whole.part(self.start, self.len)
    }
}

/// Some of the output lines of a convolution, as a convolution of its own.
struct Band {
    shape: ConvShape,
    input: Part,
    output: Part,
}

impl Band {
    /// Output lines `lines` of one image; elements have `size` bytes. `None` where they see no line of the input.
    fn of(s: &ConvShape, lines: Range<usize>, size: usize) -> Option<Band> {
        // Lines counted from the top of the padding, and then of the image.
        let above = lines.start * s.stride_h;
        let below = (lines.end - 1) * s.stride_h + (s.k_h - 1) * s.dilation_h + 1;
        let image = |line: usize| line.saturating_sub(s.pad_top).min(s.in_h);
        let (top, bottom) = (image(above), image(below));
        let pad_top = (s.pad_top + top).checked_sub(above).filter(|_| top < bottom)?;
        let (in_line, out_line) = (s.in_w * s.in_c * size, s.out_w * s.out_c * size);
        Some(Band {
            shape: ConvShape { in_h: bottom - top, out_h: lines.len(), pad_top, ..*s },
            input: Part { start: top * in_line, len: (bottom - top) * in_line },
            output: Part { start: lines.start * out_line, len: lines.len() * out_line },
        })
    }
}

/// A convolution in bands of lines; `make` makes the step of a band.
fn of_bands<S: Into<Step>>(
    s: &ConvShape,
    size: usize,
    parts: usize,
    mut make: impl FnMut(Band) -> S,
) -> Vec<(Step, u64)> {
    if s.batch != 1 {
        return Vec::new();
    }
    let mut shape = *s;
    if (s.k_h, s.k_w, s.stride_h, s.stride_w, s.pad_top, s.pad_left) == (1, 1, 1, 1, 0, 0)
        && (s.in_h, s.in_w) == (s.out_h, s.out_w)
    {
        // Where each output sees one pixel, lines may be cut too: each pixel is a line.
        (shape.in_h, shape.in_w) = (s.in_h * s.in_w, 1);
        (shape.out_h, shape.out_w) = (shape.in_h, 1);
    }
    let bands: Option<Vec<Band>> = ranges(shape.out_h, parts).map(|lines| Band::of(&shape, lines, size)).collect();
    let with_macs = |band: Band| {
        let macs = band.shape.macs();
        (make(band).into(), macs)
    };
    bands.unwrap_or_default().into_iter().map(with_macs).collect()
}

/// Output channels in blocks of [`CHANNEL_PAD`], to which constants per channel are padded and of which panels are a part.
fn channels(s: &ConvShape, parts: usize) -> impl Iterator<Item = Range<usize>> {
    let out_c = s.out_c;
    let blocks = ranges(out_c.div_ceil(CHANNEL_PAD), parts);
    blocks.map(move |block| block.start * CHANNEL_PAD..out_c.min(block.end * CHANNEL_PAD))
}

/// The part of a constant per channel, padded to [`CHANNEL_PAD`], that belongs to `channels` of `all`.
fn per_channel(constant: Span, all: usize, channels: &Range<usize>) -> Span {
    let size = constant.len / all.next_multiple_of(CHANNEL_PAD);
    constant.part(channels.start * size, channels.len().next_multiple_of(CHANNEL_PAD) * size)
}

fn conv_channels(cx: &mut Cx<'_>, step: &Conv, parts: usize) -> Vec<(Step, u64)> {
    let (s, spec) = (step.shape, cx.kernels.conv_pack);
    if !CHANNEL_PAD.is_multiple_of(spec.nr) {
        return Vec::new();
    }
    let part = |channels: Range<usize>| {
        let shape_of = |out_c: usize| ConvShape { out_c, ..s };
        let shape = shape_of(channels.len());
        let weights = step.weights.part(packed_len(spec, &shape_of(channels.start)), packed_len(spec, &shape));
        let mut requant = step.requant;
        requant.bias = per_channel(requant.bias, s.out_c, &channels);
        requant.multiplier = per_channel(requant.multiplier, s.out_c, &channels);
        let output = step.output.part(channels.start, channels.len());
        let scratch = cx.scratch(scratch_len(cx.kernels, &shape));
        (Conv { output, shape, weights, requant, scratch, ..*step }.into(), shape.macs())
    };
    channels(&s, parts).map(part).collect()
}

fn conv_f32_channels(cx: &mut Cx<'_>, step: &ConvF32, parts: usize) -> Vec<(Step, u64)> {
    let (s, nr, size) = (step.shape, cx.kernels.conv_f32_nr, size_of::<f32>());
    if !CHANNEL_PAD.is_multiple_of(nr) {
        return Vec::new();
    }
    let part = |channels: Range<usize>| {
        let shape_of = |out_c: usize| ConvShape { out_c, ..s };
        let shape = shape_of(channels.len());
        let (start, len) = (packed_len_f32(nr, &shape_of(channels.start)), packed_len_f32(nr, &shape));
        let weights = step.weights.part(size * start, size * len);
        let bias = per_channel(step.bias, s.out_c, &channels);
        let output = step.output.part(size * channels.start, size * channels.len());
        let scratch = cx.scratch(scratch_len_f32(cx.kernels, &shape));
        (ConvF32 { output, shape, weights, bias, scratch, ..*step }.into(), shape.macs())
    };
    channels(&s, parts).map(part).collect()
}

/// An element-wise operator that is one row, in pieces of whole cache lines.
fn binary(step: &Binary, parts: usize) -> Vec<(Step, u64)> {
    const LINE: usize = 64;
    let (row, size) = (step.levels[AXES - 1], if step.wide { 2 } else { 1 });
    if step.levels[..AXES - 1].iter().any(|level| level.count != 1) {
        return Vec::new();
    }
    let part = |lines: Range<usize>| {
        let (start, end) = (lines.start * LINE, row.count.min(lines.end * LINE));
        let operand = |span: Span, stride: usize| {
            if stride == 0 { span } else { span.part(start * size, (end - start) * size) }
        };
        let mut part = *step;
        (part.a, part.b, part.output) = (operand(step.a, row.a), operand(step.b, row.b), operand(step.output, 1));
        part.levels[AXES - 1].count = end - start;
        (part.into(), 0)
    };
    ranges(row.count.div_ceil(LINE), parts).map(part).collect()
}

/// Bands of lines, each of which may look up any line of the input.
fn max_pool(cx: &mut Cx<'_>, step: &MaxPool, parts: usize) -> Vec<(Step, u64)> {
    let ([out_h, out_w], line) = (step.out, step.out[1] * step.channels);
    if step.batch != 1 {
        return Vec::new();
    }
    let entries = step.lines.len / out_h;
    let part = |lines: Range<usize>| {
        let (start, count) = (lines.start, lines.len());
        let part = MaxPool {
            output: step.output.part(start * line, count * line),
            lines: step.lines.part(start * entries, count * entries),
            out: [count, out_w],
            scratch: cx.scratch(step.scratch.len),
            ..*step
        };
        (part.into(), 0)
    };
    ranges(out_h, parts).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Input lines (or none, in the padding) that each output line of `s` sees.
    fn seen(s: &ConvShape) -> Vec<Vec<Option<usize>>> {
        let line = |y: usize, k: usize| ConvShape::source(y, s.stride_h, k, s.dilation_h, s.pad_top, s.in_h);
        (0..s.out_h).map(|y| (0..s.k_h).map(|k| line(y, k)).collect()).collect()
    }

    #[test]
    fn bands_see_what_the_whole_sees() {
        for (in_h, k_h, stride_h, dilation_h, pad_top) in
            [(9, 3, 1, 1, 1), (9, 3, 2, 1, 0), (10, 5, 3, 2, 4), (4, 1, 2, 1, 0), (7, 2, 1, 3, 5), (3, 7, 1, 1, 3)]
        {
            let out_h = (in_h + 2 * pad_top - (k_h - 1) * dilation_h - 1) / stride_h + 1;
            let s = ConvShape {
                batch: 1,
                in_h,
                in_w: 2,
                in_c: 3,
                out_h,
                out_w: 1,
                out_c: 5,
                k_h,
                k_w: 2,
                stride_h,
                stride_w: 1,
                dilation_h,
                dilation_w: 1,
                pad_top,
                pad_left: 0,
                groups: 1,
            };
            for parts in 1..=out_h {
                let bands: Option<Vec<Band>> = ranges(out_h, parts).map(|lines| Band::of(&s, lines, 4)).collect();
                let Some(bands) = bands else { continue };
                let mut found: Vec<Vec<Option<usize>>> = Vec::new();
                for band in &bands {
                    assert_eq!(band.output.start, 4 * found.len() * 5, "outputs follow each other");
                    let top = band.input.start / (4 * 2 * 3);
                    let lines = seen(&band.shape);
                    found.extend(lines.into_iter().map(|line| line.into_iter().map(|i| i.map(|i| i + top)).collect()));
                }
                assert_eq!(found, seen(&s), "{in_h} lines, kernel {k_h}, {parts} parts");
            }
        }
    }
}
