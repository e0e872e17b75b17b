//! PAD, PADV2, MIRROR_PAD, FILL.

use super::{Layout, MAX_TABLE, expect_shape, fill_span, same_type, strides, zero_bytes};
use crate::error::Error;
use crate::lower::Cx;
use crate::lower::compact::{Compact, OUTSIDE};
use crate::session::flip;

/// Before and after, per axis.
fn paddings(cx: &Cx<'_>) -> Result<Vec<[usize; 2]>, Error> {
    let (x, values) = (cx.tensor(0)?, cx.integers(1)?);
    if values.len() != 2 * x.shape.len() {
        return Err(cx.inconsistent("number of paddings", 2 * x.shape.len(), values.len()));
    }
    // Above this no output shape of an accepted tensor could match.
    let size = |v: i64| usize::try_from(v).ok().filter(|&v| v <= 1 << 31);
    let pairs: Option<Vec<[usize; 2]>> =
        values.as_chunks::<2>().0.iter().map(|&[a, b]| Some([size(a)?, size(b)?])).collect();
    let pairs = pairs.ok_or_else(|| cx.inconsistent("paddings", "numbers from 0 on", format!("{values:?}")))?;
    same_type(cx, x, cx.out(0)?)?;
    let shape: Vec<usize> = x.shape.iter().zip(&pairs).map(|(&n, [a, b])| a + n + b).collect();
    expect_shape(cx, 0, &shape)?;
    Ok(pairs)
}

/// PAD: with zeros, of quantised tensors the zero point.
pub(super) fn pad(cx: &mut Cx<'_>) -> Result<(), Error> {
    let fill = zero_bytes(cx, cx.tensor(0)?)?;
    constant_pad(cx, fill)
}

/// PADV2: with a constant, of quantised tensors a code.
pub(super) fn pad_v2(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, v) = (cx.tensor(0)?, cx.tensor(2)?);
    same_type(cx, x, v)?;
    let bytes = cx.value(2).ok_or_else(|| cx.unsupported("a pad value that is not constant"))?;
    if v.elements() != 1 {
        return Err(cx.inconsistent("elements of the pad value", 1, v.elements()));
    }
    let mut fill = [0; 8];
    fill[..bytes.len()].copy_from_slice(bytes);
    flip(x.dtype, &mut fill);
    constant_pad(cx, fill)
}

/// Fills the output, then copies the input into its place.
fn constant_pad(cx: &mut Cx<'_>, fill: [u8; 8]) -> Result<(), Error> {
    let pairs = paddings(cx)?;
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    if let &[[0, 0], lines, columns, [0, 0]] = pairs.as_slice()
        && x.elements() > 0
        && y.shape.iter().all(|&n| n <= MAX_TABLE)
    {
        let from = cx.as_compact()?;
        if from.has_border() && from.fill != fill {
            // Two borders of different values: the inner one is made.
            cx.operand(cx.optional(0).map_or(0, |(id, _)| id))?;
        }
        let from = cx.as_compact()?;
        let with = |index: &[i64], [before, after]: [usize; 2]| {
            let outside = |n: usize| std::iter::repeat_n(OUTSIDE, n);
            outside(before).chain(index.iter().copied()).chain(outside(after)).collect()
        };
        let index = [with(&from.index[0], lines), with(&from.index[1], columns)];
        return cx.define_compact(0, Compact { index, fill, node: cx.node_index(), ..from });
    }
    let mut layout = Layout::block(x.dtype.size(), &x.shape, &x.shape, &y.shape);
    layout.out_offset = strides(&y.shape).iter().zip(&pairs).map(|(s, [before, _])| s * before).sum();
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    if y.elements() != x.elements() {
        fill_span(cx, output, fill, x.dtype.size());
    }
    layout.emit(cx, input, output)
}

/// MIRROR_PAD: with the reflected border.
pub(super) fn mirror_pad(cx: &mut Cx<'_>, symmetric: bool) -> Result<(), Error> {
    let pairs = paddings(cx)?;
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    let mut layout = Layout::new(x.dtype.size());
    let (from, to) = (strides(&x.shape), strides(&y.shape));
    for (d, (&n, &[before, after])) in x.shape.iter().zip(&pairs).enumerate() {
        let most = if symmetric { n } else { n.saturating_sub(1) };
        if before > most || after > most {
            return Err(cx.inconsistent(&format!("padding of axis {d}"), format!("at most {most}"), before.max(after)));
        }
        let (n, skip) = (n as i64, i64::from(!symmetric));
        let table = (-(before as i64)..n + after as i64).map(|i| {
            let i = if i < 0 { -i - 1 + skip } else { i };
            (if i >= n { 2 * n - 1 - i - skip } else { i }) * from[d] as i64
        });
        layout.table(to[d], table.collect());
    }
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    layout.emit(cx, input, output)
}

/// FILL: a shape and one value, which may be computed.
pub(super) fn fill(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (v, y) = (cx.tensor(1)?, cx.out(0)?);
    same_type(cx, v, y)?;
    if v.elements() != 1 {
        return Err(cx.inconsistent("elements of the value", 1, v.elements()));
    }
    let mut layout = Layout::new(y.dtype.size());
    layout.stride(y.elements(), 1, 0);
    let (input, output) = (cx.input(1)?, cx.output(0)?);
    layout.emit(cx, input, output)
}
