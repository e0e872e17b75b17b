//! Blocks of pixels into channels or batches and back: SPACE_TO_DEPTH, DEPTH_TO_SPACE, SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND.

use super::{Layout, expect_shape, fill_span, same_type, zero_bytes};
use crate::error::Error;
use crate::graph::DType;
use crate::lower::conv::four;
use crate::lower::{Arithmetic, Cx};

/// Most blocks of SPACE_TO_BATCH_ND: each is a step.
const MAX_BLOCKS: usize = 1024;

/// SPACE_TO_DEPTH.
pub(super) fn space_to_depth(cx: &mut Cx<'_>, block: usize) -> Result<(), Error> {
    let [n, h, w, c] = four(cx, cx.tensor(0)?)?;
    if block == 0 || h % block != 0 || w % block != 0 {
        return Err(cx.inconsistent("block", format!("a divisor of {h} and {w}"), block));
    }
    let deep = [n, h / block, w / block, c * block * block];
    shuffle(cx, deep, block, true)
}

/// DEPTH_TO_SPACE.
pub(super) fn depth_to_space(cx: &mut Cx<'_>, block: usize) -> Result<(), Error> {
    let deep = four(cx, cx.tensor(0)?)?;
    if block == 0 || block > 1 << 15 || deep[3] % (block * block) != 0 {
        return Err(cx.inconsistent("block", format!("one whose square divides {}", deep[3]), block));
    }
    shuffle(cx, deep, block, false)
}

/// Between `[n, h, w, block · block · c]` and `[n, h · block, w · block, c]`.
fn shuffle(cx: &mut Cx<'_>, deep: [usize; 4], block: usize, to_depth: bool) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    same_type(cx, x, y)?;
    let [n, h, w, depth] = deep;
    let c = depth / (block * block);
    let wide = [n, h * block, w * block, c];
    expect_shape(cx, 0, if to_depth { &deep } else { &wide })?;
    // Per level: count, stride in the deep tensor, stride in the wide one.
    let row = w * block * c;
    let levels = [
        (n, h * w * depth, h * block * row),
        (h, w * depth, block * row),
        (block, block * c, row),
        (w, depth, block * c),
        (block, c, c),
        (c, 1, 1),
    ];
    let mut layout = Layout::new(x.dtype.size());
    for (count, in_deep, in_wide) in levels {
        let (from, to) = if to_depth { (in_wide, in_deep) } else { (in_deep, in_wide) };
        layout.stride(count, to, from);
    }
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    layout.emit(cx, input, output)
}

/// Geometry of the two batch operators: block and (before, after) along height and width; a rank-3 tensor has width 1.
struct Blocks {
    block: [usize; 2],
    edges: [[usize; 2]; 2],
}

fn blocks(cx: &Cx<'_>) -> Result<Blocks, Error> {
    let rank = cx.tensor(0)?.shape.len();
    if rank != 3 && rank != 4 {
        return Err(cx.unsupported(&format!("rank {rank}")));
    }
    let (block, edges) = (cx.integers(1)?, cx.integers(2)?);
    if block.len() != rank - 2 || edges.len() != 2 * (rank - 2) {
        return Err(cx.inconsistent("elements of the block shape", rank - 2, block.len()));
    }
    let most = 1_i64 << 31;
    if !block.iter().all(|b| (1..=most).contains(b)) || !edges.iter().all(|e| (0..=most).contains(e)) {
        let got = format!("{block:?} and {edges:?}");
        return Err(cx.inconsistent("block shape and edges", "positive numbers, numbers from 0 on", got));
    }
    let of = |v: &[i64], i: usize, or: usize| v.get(i).map_or(or, |&v| v as usize);
    let found = Blocks {
        block: [of(&block, 0, 1), of(&block, 1, 1)],
        edges: [[of(&edges, 0, 0), of(&edges, 1, 0)], [of(&edges, 2, 0), of(&edges, 3, 0)]],
    };
    if found.block[0].saturating_mul(found.block[1]) > MAX_BLOCKS {
        return Err(cx.unsupported(&format!("a block shape of {block:?}")));
    }
    Ok(found)
}

/// Sizes `[n, h, w, c]` of a tensor of rank 3 (width 1) or 4.
fn sizes(shape: &[usize]) -> [usize; 4] {
    match *shape {
        [n, h, c] => [n, h, 1, c],
        [n, h, w, c] => [n, h, w, c],
        _ => unreachable!("the rank was checked"),
    }
}

fn shape_of(rank: usize, [n, h, w, c]: [usize; 4]) -> Vec<usize> {
    if rank == 3 { vec![n, h, c] } else { vec![n, h, w, c] }
}

/// For phase `phase` of `block` along an axis: the first step and the number of steps `i` with `0 ≤ i·block + phase − before < n`,
/// `i < steps`.
fn phase_range(phase: usize, block: usize, before: usize, n: usize, steps: usize) -> (usize, usize) {
    let first = before.saturating_sub(phase).div_ceil(block);
    let end = (n + before).saturating_sub(phase).div_ceil(block).min(steps);
    (first, end.saturating_sub(first))
}

/// SPACE_TO_BATCH_ND: phases of the padded image become batches.
pub(super) fn space_to_batch(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    same_type(cx, x, y)?;
    let Blocks { block, edges } = blocks(cx)?;
    let [n, h, w, c] = sizes(&x.shape);
    let padded = [h + edges[0][0] + edges[0][1], w + edges[1][0] + edges[1][1]];
    if padded[0] % block[0] != 0 || padded[1] % block[1] != 0 {
        return Err(cx.inconsistent("padded sizes", format!("multiples of {block:?}"), format!("{padded:?}")));
    }
    let (out_h, out_w) = (padded[0] / block[0], padded[1] / block[1]);
    expect_shape(cx, 0, &shape_of(x.shape.len(), [n * block[0] * block[1], out_h, out_w, c]))?;
    // TFLite Micro pads with the code 0.
    let tflm = cx.arithmetic == Arithmetic::Tflm && x.dtype == DType::I8;
    let fill = if tflm { [0; 8] } else { zero_bytes(cx, x)? };
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    if x.elements() != y.elements() {
        fill_span(cx, output, fill, x.dtype.size());
    }
    phases(cx, &block, |cx, by, bx| {
        let (y0, rows) = phase_range(by, block[0], edges[0][0], h, out_h);
        let (x0, columns) = phase_range(bx, block[1], edges[1][0], w, out_w);
        if rows == 0 || columns == 0 {
            return Ok(());
        }
        let mut layout = Layout::new(x.dtype.size());
        layout.in_offset = ((y0 * block[0] + by - edges[0][0]) * w + x0 * block[1] + bx - edges[1][0]) * c;
        layout.out_offset = ((by * block[1] + bx) * n * out_h * out_w + y0 * out_w + x0) * c;
        layout.stride(n, out_h * out_w * c, h * w * c);
        layout.stride(rows, out_w * c, block[0] * w * c);
        layout.stride(columns, c, block[1] * c);
        layout.stride(c, 1, 1);
        layout.emit(cx, input, output)
    })
}

/// BATCH_TO_SPACE_ND: batches become phases of an image, which is then cropped.
pub(super) fn batch_to_space(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    same_type(cx, x, y)?;
    let Blocks { block, edges } = blocks(cx)?;
    let [batch, h, w, c] = sizes(&x.shape);
    if batch % (block[0] * block[1]) != 0 {
        return Err(cx.inconsistent("batch", format!("a multiple of {}", block[0] * block[1]), batch));
    }
    let n = batch / (block[0] * block[1]);
    let cropped = |size: usize, i: usize| (size * block[i]).checked_sub(edges[i][0] + edges[i][1]);
    let (Some(out_h), Some(out_w)) = (cropped(h, 0), cropped(w, 1)) else {
        return Err(cx.inconsistent("crops", "less than the image", format!("{edges:?}")));
    };
    expect_shape(cx, 0, &shape_of(x.shape.len(), [n, out_h, out_w, c]))?;
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    phases(cx, &block, |cx, by, bx| {
        let (y0, rows) = phase_range(by, block[0], edges[0][0], out_h, h);
        let (x0, columns) = phase_range(bx, block[1], edges[1][0], out_w, w);
        if rows == 0 || columns == 0 {
            return Ok(());
        }
        let mut layout = Layout::new(x.dtype.size());
        layout.in_offset = ((by * block[1] + bx) * n * h * w + y0 * w + x0) * c;
        layout.out_offset = ((y0 * block[0] + by - edges[0][0]) * out_w + x0 * block[1] + bx - edges[1][0]) * c;
        layout.stride(n, out_h * out_w * c, h * w * c);
        layout.stride(rows, block[0] * out_w * c, w * c);
        layout.stride(columns, block[1] * c, c);
        layout.stride(c, 1, 1);
        layout.emit(cx, input, output)
    })
}

fn phases<'g>(
    cx: &mut Cx<'g>,
    block: &[usize; 2],
    mut each: impl FnMut(&mut Cx<'g>, usize, usize) -> Result<(), Error>,
) -> Result<(), Error> {
    for by in 0..block[0] {
        for bx in 0..block[1] {
            each(cx, by, bx)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::phase_range;

    #[test]
    fn phases_skip_the_padding() {
        // 5 pixels, one before and none after, blocks of 2: padded indices 0..6, pixels at 1..6.
        assert_eq!(phase_range(0, 2, 1, 5, 3), (1, 2));
        assert_eq!(phase_range(1, 2, 1, 5, 3), (0, 3));
    }
}
