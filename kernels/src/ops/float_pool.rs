//! float32 AVERAGE_POOL_2D and MAX_POOL_2D.

use crate::isa::Kernels;
use crate::ops::conv::ConvShape;
use crate::ops::conv_f32::clamp_f32;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// What becomes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolF32Kind {
    /// Maximum of the taps inside the image.
    Max,
    /// Sum of the taps inside the image, row by row, divided by their number: LiteRT's own kernels.
    Sequential,
    /// XNNPACK: taps column by column, those outside the image as +0, in groups of nine that are each summed as a tree; group
    /// sums are added in order; times the `f32` nearest to 1/n.
    Nines,
}

/// A float32 pooling step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolF32 {
    /// `[batch, in_h, in_w, in_c]`, `f32`.
    pub input: Span,
    /// `[batch, out_h, out_w, in_c]`, `f32`.
    pub output: Span,
    /// Sizes; `out_c == in_c`, dilation 1.
    pub shape: ConvShape,
    /// What becomes of a window.
    pub kind: PoolF32Kind,
    /// Lower bound of the activation; −∞ for none.
    pub lo: f32,
    /// Upper bound of the activation; +∞ for none.
    pub hi: f32,
}

impl Run for PoolF32 {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let ([input], [output]) = memory.split([self.input], [self.output]);
        let (input, output) = (view::<f32>(input), view_mut::<f32>(output));
        let s = &self.shape;
        for (pixel, out) in output.chunks_exact_mut(s.in_c.max(1)).enumerate() {
            let (x, y) = (pixel % s.out_w, pixel / s.out_w % s.out_h);
            let image = &input[pixel / (s.out_w * s.out_h) * s.in_h * s.in_w * s.in_c..];
            match self.kind {
                PoolF32Kind::Max => {
                    out.fill(f32::NEG_INFINITY);
                    self.row_major(image, (x, y), |tap| {
                        for (m, &v) in out.iter_mut().zip(tap) {
                            *m = if v > *m { v } else { *m };
                        }
                    });
                }
                PoolF32Kind::Sequential => {
                    out.fill(0.0);
                    let mut taps = 0_u32;
                    self.row_major(image, (x, y), |tap| {
                        taps += 1;
                        for (sum, &v) in out.iter_mut().zip(tap) {
                            *sum += v;
                        }
                    });
                    let taps = taps.max(1) as f32;
                    out.iter_mut().for_each(|v| *v /= taps);
                }
                PoolF32Kind::Nines => self.nines(image, (x, y), out),
            }
            out.iter_mut().for_each(|v| *v = clamp_f32(*v, self.lo, self.hi));
        }
    }
}

/// Channels that are averaged together.
const BLOCK: usize = 64;
static ZEROS: [f32; BLOCK] = [0.0; BLOCK];

impl PoolF32 {
    /// The channels of tap `(kx, ky)` of output pixel `(x, y)`, if it lies in the image.
    #[inline(always)]
    fn tap<'a>(&self, image: &'a [f32], (x, y): (usize, usize), (kx, ky): (usize, usize)) -> Option<&'a [f32]> {
        let s = &self.shape;
        let row = ConvShape::source(y, s.stride_h, ky, 1, s.pad_top, s.in_h)?;
        let column = ConvShape::source(x, s.stride_w, kx, 1, s.pad_left, s.in_w)?;
        Some(&image[(row * s.in_w + column) * s.in_c..][..s.in_c])
    }

    #[inline(always)]
    fn row_major(&self, image: &[f32], at: (usize, usize), mut each: impl FnMut(&[f32])) {
        for ky in 0..self.shape.k_h {
            for kx in 0..self.shape.k_w {
                if let Some(tap) = self.tap(image, at, (kx, ky)) {
                    each(tap);
                }
            }
        }
    }

    fn nines(&self, image: &[f32], at: (usize, usize), out: &mut [f32]) {
        let s = &self.shape;
        let taps = s.k_h * s.k_w;
        let mut inside = 0_u32;
        self.row_major(image, at, |_| inside += 1);
        let scale = 1.0 / inside.max(1) as f32;
        for (block, out) in out.chunks_mut(BLOCK).enumerate() {
            let n = out.len();
            let mut sums = [0.0; BLOCK];
            for group in (0..taps).step_by(9) {
                let mut t: [&[f32]; 9] = [&ZEROS[..n]; 9];
                for (i, t) in t.iter_mut().enumerate().take(taps - group) {
                    let tap = group + i;
                    if let Some(values) = self.tap(image, at, (tap / s.k_h, tap % s.k_h)) {
                        *t = &values[block * BLOCK..][..n];
                    }
                }
                for (c, sum) in sums[..n].iter_mut().enumerate() {
                    let outer = (t[0][c] + t[1][c] + t[8][c]) + (t[6][c] + t[7][c]);
                    let tree = ((t[2][c] + t[3][c]) + (t[4][c] + t[5][c])) + outer;
                    *sum = if group == 0 { tree } else { *sum + tree };
                }
            }
            for (v, sum) in out.iter_mut().zip(sums) {
                *v = sum * scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::span::{Block, Place};

    #[test]
    fn partial_windows_average_what_is_inside() {
        for kind in [PoolF32Kind::Sequential, PoolF32Kind::Nines, PoolF32Kind::Max] {
            let mut arena = [Block::ZERO; 2];
            view_mut::<f32>(Block::bytes_mut(&mut arena))[..4].copy_from_slice(&[1.0, 2.0, 3.0, 6.0]);
            let span = |offset| Span { place: Place::Arena, offset, len: 16 };
            let shape = ConvShape {
                batch: 1,
                in_h: 2,
                in_w: 2,
                in_c: 1,
                out_h: 2,
                out_w: 2,
                out_c: 1,
                k_h: 2,
                k_w: 2,
                stride_h: 1,
                stride_w: 1,
                dilation_h: 1,
                dilation_w: 1,
                pad_top: 0,
                pad_left: 0,
                groups: 1,
            };
            let (lo, hi) = (f32::NEG_INFINITY, 5.0);
            let step = PoolF32 { input: span(0), output: span(64), shape, kind, lo, hi };
            step.run(Isa::Scalar.kernels().expect("always there"), &mut Memory::new(&[], &mut arena));
            let want = if kind == PoolF32Kind::Max { [5.0; 4] } else { [3.0, 4.0, 4.5, 5.0] };
            assert_eq!(view::<f32>(&arena[1].0)[..4], want);
        }
    }
}
