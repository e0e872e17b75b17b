//! float32 convolutions for every instruction set: what differs is a [`Vector`].
//!
//! Lanes are output channels, so that each lane is one chain of fused multiply-adds in the order of the rule.

use core::marker::PhantomData;

use crate::arch::gemm::{self, Kernel, Operands, Target, TileFn};
use crate::arch::rows::{Row, for_each_row};
use crate::arch::scalar;
use crate::ops::conv_f32::{ConvF32, DataF32};
use crate::ops::depthwise_f32::DepthwiseF32;
use crate::ops::window::Window;
use crate::span::view_mut;

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
    fn tiles(panels: usize, pixels: usize) -> (usize, &'static [TileFn<Self>]) {
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

/// What the tiles of one line share.
pub(crate) struct Line<'a> {
    step: &'a DepthwiseF32,
    window: Window,
    ring: &'a [f32],
    weights: &'a [f32],
    bias: &'a [f32],
    slot: usize,
}

impl Line<'_> {
    /// Accumulators of `P` pixels from `x` on, `V::LANES` channels from `channel` on.
    ///
    /// # Safety
    /// The CPU has the features that `V` needs.
    #[inline(always)]
    unsafe fn tile<V: Vector, const P: usize>(&self, bias: V, x: usize, channel: usize) -> [V; P] {
        let s = &self.step.shape;
        let (row_len, line_len) = (s.out_c.next_multiple_of(64), self.window.line_len());
        let pitch = s.stride_w * s.in_c;
        let mut acc = [bias; P];
        for kx in 0..s.k_w {
            let column = (x * s.stride_w + kx * s.dilation_w) * s.in_c + channel;
            let mut slot = self.slot;
            for ky in 0..s.k_h {
                let w = &self.weights[(ky * s.k_w + kx) * row_len + channel..][..V::LANES];
                let codes = &self.ring[slot * line_len + column..][..(P - 1) * pitch + V::LANES];
                for (p, acc) in acc.iter_mut().enumerate() {
                    // SAFETY: the slices hold the vectors; the caller vouches for the CPU.
                    *acc = unsafe { acc.fma(V::load(codes.as_ptr().add(p * pitch)), V::load(w.as_ptr())) };
                }
                slot += s.dilation_h;
                if slot >= self.window.lines {
                    slot -= self.window.lines;
                }
            }
        }
        acc
    }
}

/// Computes one line of outputs, `[pixels, out_c]`.
///
/// Safety: the CPU has the features of the instruction set.
pub(crate) type LineFn = unsafe fn(&Line<'_>, &mut [f32]);

/// A [`LineFn`], to be inlined into a function with the features of the instruction set.
///
/// # Safety
/// The CPU has the features that `V` needs.
#[inline(always)]
pub(crate) unsafe fn depthwise_line<V: Vector>(line: &Line<'_>, output: &mut [f32]) {
    const P: usize = 8;
    let channels = line.step.shape.out_c;
    let count = output.len() / channels;
    // SAFETY: the caller vouches for the CPU.
    let (lo, hi) = unsafe { (V::splat(line.step.lo), V::splat(line.step.hi)) };
    for channel in (0..channels).step_by(V::LANES) {
        let valid = (channels - channel).min(V::LANES);
        let bias = &line.bias[channel..][..V::LANES];
        // SAFETY: the slice has all lanes; the caller vouches for the CPU.
        let bias = unsafe { V::load(bias.as_ptr()) };
        let mut x = 0;
        while x + P <= count {
            // SAFETY: the caller vouches for the CPU.
            let acc = unsafe { line.tile::<V, P>(bias, x, channel) };
            for (p, acc) in acc.into_iter().enumerate() {
                let to = &mut output[(x + p) * channels + channel..][..valid];
                // SAFETY: the slice has `valid` elements; the caller vouches for the CPU.
                unsafe { acc.clamp(lo, hi).store_first(to.as_mut_ptr(), valid) };
            }
            x += P;
        }
        for x in x..count {
            // SAFETY: the caller vouches for the CPU.
            let [acc] = unsafe { line.tile::<V, 1>(bias, x, channel) };
            let to = &mut output[x * channels + channel..][..valid];
            // SAFETY: the slice has `valid` elements; the caller vouches for the CPU.
            unsafe { acc.clamp(lo, hi).store_first(to.as_mut_ptr(), valid) };
        }
    }
}

/// The whole depthwise convolution, each line by `line`: a function of its own because a closure has the features of the
/// instruction set only where the compiler inlines it.
///
/// # Safety
/// The CPU has the features that `line` needs.
pub(crate) unsafe fn depthwise(step: &DepthwiseF32, data: DataF32<'_>, line: LineFn) {
    let s = &step.shape;
    if s.in_c != s.out_c {
        return scalar::depthwise_f32(step, data);
    }
    let window = Window::new(s, size_of::<f32>());
    let DataF32 { input, output, weights, bias, scratch } = data;
    let ring = (view_mut::<f32>(scratch), 0.0);
    let copy = |from: &[f32], to: &mut [f32]| to.copy_from_slice(from);
    for_each_row((s, &window), input, ring, copy, |ring: &[f32], row: Row| {
        let shared = Line { step, window, ring, weights, bias, slot: row.slot };
        // SAFETY: the caller vouches for the CPU.
        unsafe { line(&shared, &mut output[row.pixel * s.out_c..][..row.count * s.out_c]) };
    });
}
