//! AVERAGE_POOL_2D and MAX_POOL_2D on codes of 8 or 16 bits.

use crate::code::{Code, is_wide};
use crate::isa::Kernels;
use crate::ops::conv::ConvShape;
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// What a window becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolRule {
    /// The largest code.
    Maximum,
    /// The mean of the taps inside the image, half away from zero, of codes as the user sees them.
    Average {
        /// The user's code less the held one: 128 where the user's codes are unsigned.
        shift: i32,
    },
}

/// A pooling operator. Taps outside the image do not count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pool {
    /// `[batch, in_h, in_w, c]` codes.
    pub input: Span,
    /// `[batch, out_h, out_w, c]` codes.
    pub output: Span,
    /// `c` `i32`s for [`PoolRule::Average`].
    pub scratch: Span,
    /// Sizes; `in_c == out_c`, dilation 1.
    pub shape: ConvShape,
    /// The rule.
    pub rule: PoolRule,
    /// Codes are `i16` instead of `i8`.
    pub wide: bool,
    /// Smallest code, activation included.
    pub lo: i32,
    /// Largest code, activation included.
    pub hi: i32,
}

impl Run for Pool {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.input, Access::Read);
        visit(&mut self.output, Access::Write);
        visit(&mut self.scratch, Access::Scratch);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        if is_wide(self.wide) { self.pool::<i16>(memory) } else { self.pool::<i8>(memory) }
    }
}

impl Pool {
    fn pool<T: Code>(&self, memory: &mut Memory<'_>) {
        let s = &self.shape;
        let ([input], [output, scratch]) = memory.split([self.input], [self.output, self.scratch]);
        let (input, output, sums): (&[T], &mut [T], &mut [i32]) = (view(input), view_mut(output), view_mut(scratch));
        let mut pixels = output.chunks_exact_mut(s.out_c);
        for image in input.chunks_exact(s.in_h * s.in_w * s.in_c) {
            for y in 0..s.out_h {
                for x in 0..s.out_w {
                    if let Some(pixel) = pixels.next() {
                        self.window(image, [y, x], sums, pixel);
                    }
                }
            }
        }
    }

    fn window<T: Code>(&self, image: &[T], [y, x]: [usize; 2], sums: &mut [i32], pixel: &mut [T]) {
        let s = &self.shape;
        let rows = inside(y * s.stride_h, s.pad_top, s.k_h, s.in_h);
        let columns = inside(x * s.stride_w, s.pad_left, s.k_w, s.in_w);
        let taps = (rows.len() * columns.len()) as i32;
        let taps_of = rows.flat_map(|y| columns.clone().map(move |x| (y * s.in_w + x) * s.in_c));
        match self.rule {
            PoolRule::Maximum => {
                pixel.fill(T::narrow(T::LO));
                for at in taps_of {
                    for (m, &code) in pixel.iter_mut().zip(&image[at..at + s.in_c]) {
                        *m = (*m).max(code);
                    }
                }
                for m in pixel {
                    *m = (*m).clamp(T::narrow(self.lo), T::narrow(self.hi));
                }
            }
            PoolRule::Average { shift } => {
                sums.fill(0);
                for at in taps_of {
                    for (sum, &code) in sums.iter_mut().zip(&image[at..at + s.in_c]) {
                        *sum = sum.wrapping_add(code.wide());
                    }
                }
                let n = taps.max(1);
                for (y, &sum) in pixel.iter_mut().zip(sums.iter()) {
                    let sum = sum.wrapping_add(n.wrapping_mul(shift));
                    let half = if sum > 0 { n / 2 } else { -(n / 2) };
                    *y = T::narrow((sum.wrapping_add(half) / n - shift).clamp(self.lo, self.hi));
                }
            }
        }
    }
}

/// Indices of a window that lie inside the image.
fn inside(start: usize, pad: usize, kernel: usize, size: usize) -> core::ops::Range<usize> {
    start.saturating_sub(pad)..(start + kernel).saturating_sub(pad).min(size)
}
