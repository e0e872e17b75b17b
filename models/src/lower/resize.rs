//! RESIZE_BILINEAR.

use edgebench_kernels::arith::rne;
use edgebench_kernels::ops::resize::{Resize, ResizeRule};

use super::checks;
use super::conv::four;
use crate::error::Error;
use crate::graph::{DType, Op};
use crate::lower::Cx;

/// How output indices map to input coordinates.
#[derive(Clone, Copy)]
struct Grid {
    align_corners: bool,
    half_pixel: bool,
}

/// RESIZE_BILINEAR of 8-bit codes.
pub(crate) fn resize_bilinear(cx: &mut Cx<'_>) -> Result<(), Error> {
    let Op::ResizeBilinear { align_corners, half_pixel_centers } = cx.node().op else {
        unreachable!("dispatched on the operator")
    };
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    if !x.dtype.is_8bit() {
        return Err(cx.unsupported(&format!("{} operands", x.dtype)));
    }
    checks::nonempty(cx)?;
    checks::same_dtype(cx, x, y)?;
    let [batch, in_h, in_w, channels] = four(cx, x)?;
    let out: Vec<usize> = cx.integers(1)?.iter().map(|&d| usize::try_from(d).unwrap_or(0)).collect();
    let &[out_h, out_w] = out.as_slice() else { return Err(cx.inconsistent("sizes", 2, out.len())) };
    checks::shape(cx, y, &[batch, out_h, out_w, channels])?;
    if [in_h, in_w, out_h, out_w].iter().any(|&d| d > 1 << 15) {
        return Err(cx.unsupported("an image side above 32768"));
    }
    let grid = Grid { align_corners, half_pixel: half_pixel_centers };
    let rule = match (cx.is_litert(), x.dtype) {
        (true, _) => ResizeRule::Bits11,
        (false, DType::U8) => ResizeRule::Float,
        (false, _) => ResizeRule::Bits10,
    };
    let mut axis = |input: usize, output: usize| {
        let entry = |o: usize| match rule {
            ResizeRule::Bits11 => grid.bits11(o, input, output),
            ResizeRule::Bits10 => grid.bits10(o, input, output),
            ResizeRule::Float => grid.float(o, input, output),
        };
        let entries: Vec<i32> = (0..output).flat_map(entry).collect();
        cx.ints(&entries)
    };
    let (rows, columns) = (axis(in_h, out_h), axis(in_w, out_w));
    let step = Resize { input: cx.input(0)?, output: cx.output(0)?, rows, columns, size: [in_h, in_w], channels, rule };
    cx.push(step, 0);
    Ok(())
}

impl Grid {
    /// Input and output intervals, in pixels or in gaps between them.
    fn intervals(self, input: usize, output: usize) -> (usize, usize) {
        if self.align_corners && output > 1 { (input - 1, output - 1) } else { (input, output) }
    }

    fn scale(self, input: usize, output: usize) -> f32 {
        let (from, to) = self.intervals(input, output);
        from as f32 / to as f32
    }

    /// XNNPACK: first index, second index, weight of the second in units of 2^-11.
    fn bits11(self, o: usize, input: usize, output: usize) -> [i32; 3] {
        let (scale, last) = (self.scale(input, output), (input - 1) as f32);
        let c = if self.half_pixel {
            (o as f32 * scale + (0.5 * scale - 0.5)).clamp(0.0, last)
        } else {
            (o as f32 * scale).min(last)
        };
        let first = c as i32;
        [first, (first + 1).min(input as i32 - 1), rne((c - first as f32) * 2048.0)]
    }

    /// TFLite int8: the same in units of 2^-10, in integers.
    fn bits10(self, o: usize, input: usize, output: usize) -> [i32; 3] {
        let (from, to) = self.intervals(input, output);
        let (from, to, last) = (from as i64, to as i64, input as i64 - 1);
        let scale = (1024 * from + to / 2) / to;
        let c = o as i64 * scale + if self.half_pixel { scale / 2 - 512 } else { 0 };
        let first = (c / 1024).clamp(0, last);
        let second = ((c + 1023) / 1024).clamp(0, last);
        [first as i32, second as i32, (c - 1024 * first) as i32]
    }

    /// TFLite uint8: the same with the bits of an `f32`.
    fn float(self, o: usize, input: usize, output: usize) -> [i32; 3] {
        let (scale, last) = (self.scale(input, output), (input - 1) as f32);
        let c = if self.half_pixel { (o as f32 + 0.5) * scale - 0.5 } else { o as f32 * scale };
        let first = libm::floorf(c).max(0.0).min(last);
        let second = libm::ceilf(c).clamp(0.0, last);
        [first as i32, second as i32, (c - first).to_bits().cast_signed()]
    }
}
