//! float32 convolutions for every instruction set: what differs is a [`Vector`].
//!
//! Lanes are output channels, so that each lane is one chain of fused multiply-adds in the order of the rule.

use core::marker::PhantomData;

use crate::arch::gemm::{self, Kernel, Operands, Target, TileFn};
use crate::ops::conv_f32::{ConvF32, DataF32};

/// A vector of `f32`.
///
/// Safety of every function: the CPU has the features of the instruction set, and pointers are valid for what is said.
pub(crate) trait Vector: Copy + 'static {
    /// Lanes.
    const LANES: usize;
    /// One value in all lanes.
    unsafe fn splat(x: f32) -> Self;
    /// Reads all lanes.
    unsafe fn load(at: *const f32) -> Self;
    /// Reads the first `n` (or all) lanes; the rest are zeros.
    unsafe fn load_first(at: *const f32, n: usize) -> Self;
    /// Writes the first `n` (or all) lanes.
    unsafe fn store_first(self, at: *mut f32, n: usize);
    /// `x · w + self`, rounded once.
    unsafe fn fma(self, x: Self, w: Self) -> Self;
    /// [`crate::ops::conv_f32::clamp_f32`].
    unsafe fn clamp(self, lo: Self, hi: Self) -> Self;
    /// See [`Kernel::tiles`].
    fn tiles(panels: usize, pixels: usize) -> (usize, &'static [TileFn<Float<Self>>]);
}

/// The float [`Kernel`] of a vector.
pub(crate) struct Float<V>(PhantomData<V>);

/// Bias and activation.
#[derive(Clone, Copy)]
pub(crate) struct Rule<'a> {
    bias: &'a [f32],
    lo: f32,
    hi: f32,
}

impl<V: Vector> Kernel for Float<V> {
    type Input = f32;
    type Code = f32;
    type Weight = f32;
    type Output = f32;
    type Acc = V;
    type Weights = V;
    type Codes = V;
    type Rule<'a> = Rule<'a>;
    type Finish<'a, const NP: usize> = [V; 2];
    const NR: usize = V::LANES;
    const KR: usize = 1;

    #[inline(always)]
    unsafe fn weights(at: *const f32) -> V {
        // SAFETY: as this function's.
        unsafe { V::load(at) }
    }

    #[inline(always)]
    unsafe fn codes(at: *const f32) -> V {
        // SAFETY: as this function's.
        unsafe { V::splat(at.read()) }
    }

    #[inline(always)]
    unsafe fn dot(acc: V, codes: V, weights: V) -> V {
        // SAFETY: as this function's.
        unsafe { acc.fma(codes, weights) }
    }

    #[inline(always)]
    unsafe fn init(rule: &Rule<'_>, channel: usize, valid: usize) -> V {
        let bias = &rule.bias[channel..];
        // SAFETY: no more than the slice has; the caller vouches for the CPU.
        unsafe { V::load_first(bias.as_ptr(), valid.min(bias.len())) }
    }

    #[inline(always)]
    unsafe fn prepare<'a, const NP: usize>(rule: &Self::Rule<'a>, _: &Target<f32>) -> Self::Finish<'a, NP> {
        // SAFETY: the caller vouches for the CPU.
        unsafe { [V::splat(rule.lo), V::splat(rule.hi)] }
    }

    #[inline(always)]
    unsafe fn finish<const MR: usize, const NP: usize>(&[lo, hi]: &[V; 2], acc: [[V; NP]; MR], to: &Target<f32>) {
        let whole = to.valid >= NP * V::LANES;
        for (m, row) in acc.into_iter().enumerate() {
            for (n, acc) in row.into_iter().enumerate() {
                let first = n * V::LANES;
                // SAFETY: the caller vouches for the CPU and the target.
                unsafe {
                    let at = to.at.add(m * to.pitch + first);
                    let valid = if whole { V::LANES } else { to.valid.saturating_sub(first) };
                    acc.clamp(lo, hi).store_first(at, valid);
                }
            }
        }
    }

    #[inline(always)]
    fn copy(from: &[f32], to: &mut [f32]) {
        to.copy_from_slice(from);
    }

    #[inline(always)]
    fn tiles(panels: usize, pixels: usize, _: bool) -> (usize, &'static [TileFn<Self>]) {
        V::tiles(panels, pixels)
    }
}

/// The whole convolution; to be inlined into a function with the features of the instruction set.
///
/// # Safety
/// The CPU has the features that `V` needs.
#[inline(always)]
pub(crate) unsafe fn conv<V: Vector>(step: &ConvF32, data: DataF32<'_>) {
    let rule = Rule { bias: data.bias, lo: step.lo, hi: step.hi };
    let DataF32 { input, output, weights, scratch, .. } = data;
    // SAFETY: as this function's.
    unsafe { gemm::conv::<Float<V>>(&step.shape, &rule, Operands { input, output, weights, scratch, pad: 0.0 }) }
}
