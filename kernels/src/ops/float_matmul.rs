//! float32 matrix product of two computed operands: one chain of multiply-adds per element, `k` ascending; fused and from the
//! bias (XNNPACK), or rounded after each product with the bias last (LiteRT's reference kernels).

use crate::isa::Kernels;
use crate::ops::conv_f32::{clamp_f32, fma};
use crate::span::{Memory, Span, view, view_mut};
use crate::step::{Access, Run};

/// Most batch axes.
pub const MATMUL_AXES: usize = 4;

/// `output[.., i, j] = clamp(bias[j] + Σ_k a[.., i, k] · b[.., k, j])`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MatMulF32 {
    /// First operand, `f32`.
    pub a: Span,
    /// Second operand, `f32`.
    pub b: Span,
    /// `f32` per column, or [`Span::EMPTY`].
    pub bias: Span,
    /// `[batch.., m, n]`, `f32`.
    pub output: Span,
    /// Sizes of the batch axes, outermost first; unused ones are 1.
    pub batch: [usize; MATMUL_AXES],
    /// Elements from batch to batch in `a`; 0 where it is broadcast.
    pub a_batch: [usize; MATMUL_AXES],
    /// Likewise in `b`.
    pub b_batch: [usize; MATMUL_AXES],
    /// `[m, k, n]`.
    pub size: [usize; 3],
    /// Elements from row to row and from column to column of `a`.
    pub a_stride: [usize; 2],
    /// Likewise of `b`.
    pub b_stride: [usize; 2],
    /// Whether products are fused with the sum.
    pub fused: bool,
    /// Lower bound of the activation; −∞ for none.
    pub lo: f32,
    /// Upper bound of the activation; +∞ for none.
    pub hi: f32,
}

impl Run for MatMulF32 {
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
        visit(&mut self.a, Access::Read);
        visit(&mut self.b, Access::Read);
        visit(&mut self.bias, Access::Read);
        visit(&mut self.output, Access::Write);
    }

    fn run(&self, _: &'static Kernels, memory: &mut Memory<'_>) {
        let ([a, b, bias], [output]) = memory.split([self.a, self.b, self.bias], [self.output]);
        let (a, b, bias, output) = (view::<f32>(a), view::<f32>(b), view::<f32>(bias), view_mut::<f32>(output));
        let [m, k, n] = self.size;
        for (batch, block) in output.chunks_exact_mut((m * n).max(1)).enumerate() {
            let (mut rest, mut from_a, mut from_b) = (batch, 0, 0);
            for d in (0..MATMUL_AXES).rev() {
                let i = rest % self.batch[d];
                rest /= self.batch[d];
                from_a += i * self.a_batch[d];
                from_b += i * self.b_batch[d];
            }
            for (i, row) in block.chunks_exact_mut(n).enumerate() {
                match bias {
                    [_, ..] if self.fused => row.copy_from_slice(&bias[..n]),
                    _ => row.fill(0.0),
                }
                for k in 0..k {
                    let x = a[from_a + i * self.a_stride[0] + k * self.a_stride[1]];
                    let line = from_b + k * self.b_stride[0];
                    for (j, acc) in row.iter_mut().enumerate() {
                        let w = b[line + j * self.b_stride[1]];
                        *acc = if self.fused { fma(x, w, *acc) } else { x * w + *acc };
                    }
                }
                if !self.fused {
                    row.iter_mut().zip(bias).for_each(|(v, b)| *v += b);
                }
                row.iter_mut().for_each(|v| *v = clamp_f32(*v, self.lo, self.hi));
            }
        }
    }
}
