//! RESIZE_BILINEAR on 8-bit codes. Lowering computes where each output row and column lies; this file only mixes.

use crate::isa::Kernels;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// How four codes are mixed. Weights of the second row or column, by rule: integers in units of `2^-11` (XNNPACK) or `2^-10`
/// (TFLite int8), or the bits of an `f32` (TFLite uint8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizeRule {
    /// Horizontally, then vertically, in 22 fractional bits, rounded half up.
    Bits11,
    /// Four products in 20 fractional bits, rounded half away.
    Bits10,
    /// Four products in binary32 of the user's unsigned codes, rounded half up.
    Float,
}

/// A bilinear resize of `[batch, in_h, in_w, c]` to `[batch, out_h, out_w, c]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    /// Codes, `i8`.
    pub input: Span,
    /// Codes, `i8`.
    pub output: Span,
    /// `out_h` triples of `i32`: upper row, lower row, weight of the lower one.
    pub rows: Span,
    /// `out_w` triples: left column, right column, weight of the right one.
    pub columns: Span,
    /// Input height and width.
    pub size: [usize; 2],
    /// Channels.
    pub channels: usize,
    /// The rule.
    pub rule: ResizeRule,
}

impl Run for Resize {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.rows, Access::Read);
        visit(&mut self.columns, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let ([input, rows, columns], [output]) = memory.split([self.input, self.rows, self.columns], [self.output]);
        let (input, output): (&[i8], &mut [i8]) = (view(input), view_mut(output));
        let (rows, columns) = (view::<i32>(rows).as_chunks::<3>().0, view::<i32>(columns).as_chunks::<3>().0);
        let mut pixels = output.chunks_exact_mut(self.channels);
        for image in input.chunks_exact(self.size[0] * self.size[1] * self.channels) {
            for &[top, bottom, wy] in rows {
                for &[left, right, wx] in columns {
                    let at = |y: i32, x: i32| {
                        let start = (y as usize * self.size[1] + x as usize) * self.channels;
                        &image[start..start + self.channels]
                    };
                    let corners = [at(top, left), at(top, right), at(bottom, left), at(bottom, right)];
                    if let Some(pixel) = pixels.next() {
                        mix(self.rule, corners, wy, wx, pixel);
                    }
                }
            }
        }
    }
}

/// One output pixel from the upper left, upper right, lower left and lower right input pixels.
fn mix(rule: ResizeRule, [a, b, c, d]: [&[i8]; 4], wy: i32, wx: i32, pixel: &mut [i8]) {
    let n = pixel.len();
    let (a, b, c, d) = (&a[..n], &b[..n], &c[..n], &d[..n]);
    match rule {
        ResizeRule::Bits11 => {
            for i in 0..n {
                let [a, b, c, d] = [a[i], b[i], c[i], d[i]].map(i32::from);
                let (top, bottom) = (a * 2048 + (b - a) * wx, c * 2048 + (d - c) * wx);
                pixel[i] = ((top * 2048 + (bottom - top) * wy + (1 << 21)) >> 22) as i8;
            }
        }
        ResizeRule::Bits10 => {
            let (uy, ux) = (1024 - wy, 1024 - wx);
            for i in 0..n {
                let [a, b, c, d] = [a[i], b[i], c[i], d[i]].map(i32::from);
                let sum = a * (uy * ux) + c * (wy * ux) + b * (uy * wx) + d * (wy * wx);
                let half = if sum > 0 { 1 << 19 } else { -(1 << 19) };
                pixel[i] = ((sum + half) / (1 << 20)) as i8;
            }
        }
        ResizeRule::Float => {
            let (wy, wx) = (f32::from_bits(wy.cast_unsigned()), f32::from_bits(wx.cast_unsigned()));
            let (uy, ux) = (1.0 - wy, 1.0 - wx);
            for i in 0..n {
                let [a, b, c, d] = [a[i], b[i], c[i], d[i]].map(|q| (i32::from(q) + 128) as f32);
                let sum = a * uy * ux + c * wy * ux + b * uy * wx + d * wy * wx;
                pixel[i] = ((sum + 0.5) as i32 - 128) as i8;
            }
        }
    }
}
