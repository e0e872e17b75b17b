//! Cortex-M with DSP instructions: two products at a time of 16-bit codes (`smlad`).
//!
//! Inputs are widened once, on the way to scratch space. Weights stay 8-bit in flash and are widened in registers, four codes in two
//! instructions, for two pixels at a time.

use super::dsp_dot as dot;
use super::{Dots, Taps};
use crate::arch::scalar;
use crate::arith::RequantData;
use crate::isa::{Isa, Kernels, PackSpec};

/// The table.
pub static KERNELS: Kernels = Kernels {
    isa: Isa::Dsp,
    conv_pack: PackSpec { nr: Dsp::NR, kr: Dsp::KR, offset: 0, code_size: 2, slides: false },
    conv: |step, data| super::conv::<Dsp>(step, data),
    depthwise: |step, data| super::depthwise::<Dsp>(step, data),
    depthwise_scratch: super::depthwise_scratch,
    depthwise_tables_len: super::depthwise_tables_len::<Dsp>,
    depthwise_tables: |shape, weights, _, to| super::depthwise_tables::<Dsp>(shape, weights, to),
    ..scalar::KERNELS
};

struct Dsp;

impl Dots for Dsp {
    type Code = i16;
    const NR: usize = 2;
    const KR: usize = 4;
    const SIDE: usize = 4;
    const TOGETHER: usize = 2;

    #[inline(always)]
    fn hold(from: &[i8], to: &mut [i16]) {
        dot::widen(from, to);
    }

    #[inline(always)]
    unsafe fn dot(two: bool, taps: &Taps, pixel: *const i16, weights: *const i8, sums: *mut i32) {
        // SAFETY: the caller's.
        unsafe { if two { dot::two(taps, pixel, weights, sums) } else { dot::one(taps, pixel, weights, sums) } }
    }

    #[inline(always)]
    unsafe fn depthwise(taps: &Taps, pixel: *const i8, weights: *const u8, sums: *mut i32) {
        // SAFETY: the caller's.
        unsafe { dot::depthwise(taps, pixel, weights, sums) }
    }

    /// Pairs of 16-bit weights of four channels for each pair of taps.
    fn weight_bytes(taps: usize) -> usize {
        taps.next_multiple_of(2) * 8
    }

    fn weigh(taps: usize, weight: impl Fn(usize, usize) -> i8, to: &mut [u8]) {
        for (pair, to) in to.chunks_exact_mut(16).enumerate() {
            // The order in which widening gives the channels.
            for (channel, to) in [0, 2, 1, 3].into_iter().zip(to.chunks_exact_mut(4)) {
                let of = |tap: usize| i16::from(if tap < taps { weight(tap, channel) } else { 0 }).to_le_bytes();
                to[..2].copy_from_slice(&of(2 * pair));
                to[2..].copy_from_slice(&of(2 * pair + 1));
            }
        }
    }

    #[inline(always)]
    fn finish(rule: &RequantData<'_>, first: usize, sums: &[i32], codes: &mut [i8]) {
        let Some(scales) = super::scales(rule) else { return super::finish(rule, first, sums, codes) };
        let limits = [rule.rule.zero_point, rule.rule.lo, rule.rule.hi];
        dot::codes(sums, &scales[first..first + codes.len()], &limits, codes);
    }
}
