//! float32 SOFTMAX, LOG_SOFTMAX and L2_NORMALIZATION along the last axis: single `f32` operations in
//! order, elementary functions rounded once (LiteRT's reference rules, in every arithmetic); and RESIZE_BILINEAR.

use crate::isa::Kernels;
use crate::ops::conv_f32::clamp_f32;
use crate::ops::float_math::exp;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// The functions of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum RowsF32Kind {
    Softmax {
        beta: f32,
    },
    LogSoftmax,
    /// Divided by the Euclidean norm, which counts as at least 1e-6.
    L2 {
        lo: f32,
        hi: f32,
    },
}

/// `output[r, ..] = f(input[r, ..])`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowsF32 {
    /// `[rows, depth]`, `f32`.
    pub input: Span,
    /// `[rows, depth]`, `f32`.
    pub output: Span,
    /// Elements per row.
    pub depth: usize,
    /// `f`.
    pub kind: RowsF32Kind,
}

impl Run for RowsF32 {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::ReadInPlace);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        if (self.input.place, self.input.offset) != (self.output.place, self.output.offset) {
            let ([input], [output]) = memory.split([self.input], [self.output]);
            output.copy_from_slice(input);
        }
        // From here on everything happens inside the output.
        for row in memory.write::<f32>(self.output).chunks_exact_mut(self.depth.max(1)) {
            match self.kind {
                RowsF32Kind::Softmax { beta } => softmax(row, beta),
                RowsF32Kind::LogSoftmax => log_softmax(row),
                RowsF32Kind::L2 { lo, hi } => l2(row, lo, hi),
            }
        }
    }
}

fn maximum(row: &[f32]) -> f32 {
    row.iter().fold(f32::NEG_INFINITY, |m, &v| if v > m { v } else { m })
}

fn softmax(row: &mut [f32], beta: f32) {
    let max = maximum(row);
    for v in &mut *row {
        *v = exp(f64::from((*v - max) * beta)) as f32;
    }
    let sum = row.iter().fold(0.0, |sum, &v| sum + v);
    for v in row {
        *v /= sum;
    }
}

fn log_softmax(row: &mut [f32]) {
    let max = maximum(row);
    let sum = row.iter().fold(0.0, |sum, &v| sum + exp(f64::from(v - max)) as f32);
    let log = libm::log(f64::from(sum)) as f32;
    for v in row {
        *v = *v - max - log;
    }
}

fn l2(row: &mut [f32], lo: f32, hi: f32) {
    let sum = row.iter().fold(0.0, |sum, &v| sum + v * v);
    let norm = libm::sqrtf(sum).max(1e-6);
    for v in row {
        *v = clamp_f32(*v / norm, lo, hi);
    }
}

/// float32 RESIZE_BILINEAR, with its positions worked out beforehand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BilinearF32 {
    /// `[batch, in_h, in_w, channels]`, `f32`.
    pub input: Span,
    /// `[batch, out_h, out_w, channels]`, `f32`.
    pub output: Span,
    /// Per output row: the two input rows, then the weight of the second (`i32, i32, f32`).
    pub rows: Span,
    /// Likewise per output column.
    pub columns: Span,
    /// Elements of an input image.
    pub image: usize,
    /// Elements of an input row.
    pub line: usize,
    /// Channels.
    pub channels: usize,
}

impl Run for BilinearF32 {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.rows, Access::Read);
        visit(&mut self.columns, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let ([input, rows, columns], [output]) = memory.split([self.input, self.rows, self.columns], [self.output]);
        let (input, rows, columns) = (view::<f32>(input), view::<i32>(rows), view::<i32>(columns));
        let c = self.channels;
        let mut out = view_mut::<f32>(output).chunks_exact_mut(c);
        for image in input.chunks_exact(self.image) {
            for row in rows.as_chunks::<3>().0 {
                let dy = f32::from_bits(row[2].cast_unsigned());
                let (upper, lower) = (&image[row[0] as usize * self.line..], &image[row[1] as usize * self.line..]);
                for column in columns.as_chunks::<3>().0 {
                    let dx = f32::from_bits(column[2].cast_unsigned());
                    let (left, right) = (column[0] as usize * c, column[1] as usize * c);
                    let Some(pixel) = out.next() else { return };
                    let (tl, tr) = (&upper[left..][..c], &upper[right..][..c]);
                    let (bl, br) = (&lower[left..][..c], &lower[right..][..c]);
                    for (i, y) in pixel.iter_mut().enumerate() {
                        let top = tl[i] + (tr[i] - tl[i]) * dx;
                        let bottom = bl[i] + (br[i] - bl[i]) * dx;
                        *y = top + (bottom - top) * dy;
                    }
                }
            }
        }
    }
}
