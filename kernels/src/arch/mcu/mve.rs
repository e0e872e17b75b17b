//! Cortex-M with Helium: sixteen products of 8-bit codes at a time (`vmladava`).
//!
//! Inputs lie in scratch space as they are. A tile is four channels of two pixels, whose sums are the eight registers that
//! `vmladava` can add to.

use super::mve_dot as dot;
use super::{Dots, Taps};
use crate::arch::scalar;
use crate::arith::RequantData;
use crate::isa::{Isa, Kernels, PackSpec};

/// The table.
pub static KERNELS: Kernels = Kernels {
    isa: Isa::Mve,
    conv_pack: PackSpec { nr: Mve::NR, kr: Mve::KR, offset: 0, code_size: 1, slides: false },
    conv: |step, data| super::conv::<Mve>(step, data),
    depthwise: |step, data| super::depthwise::<Mve>(step, data),
    depthwise_scratch: super::depthwise_scratch,
    depthwise_tables_len: super::depthwise_tables_len::<Mve>,
    depthwise_tables: |shape, weights, _, to| super::depthwise_tables::<Mve>(shape, weights, to),
    ..scalar::KERNELS
};

struct Mve;

impl Dots for Mve {
    type Code = i8;
    const NR: usize = 4;
    const KR: usize = 16;
    const SIDE: usize = 8;
    const TOGETHER: usize = 1;

    #[inline(always)]
    fn hold(from: &[i8], to: &mut [i8]) {
        to[..from.len()].copy_from_slice(from);
    }

    #[inline(always)]
    unsafe fn dot(two: bool, taps: &Taps, pixel: *const i8, weights: *const i8, sums: *mut i32) {
        // SAFETY: the caller's.
        unsafe { if two { dot::two(taps, pixel, weights, sums) } else { dot::one(taps, pixel, weights, sums) } }
    }

    #[inline(always)]
    unsafe fn depthwise(taps: &Taps, pixel: *const i8, weights: *const u8, sums: *mut i32) {
        // SAFETY: the caller's.
        unsafe { dot::depthwise(taps, pixel, weights, sums) }
    }

    fn weight_bytes(taps: usize) -> usize {
        8 * taps
    }

    fn weigh(_: usize, weight: impl Fn(usize, usize) -> i8, to: &mut [u8]) {
        for (tap, to) in to.chunks_exact_mut(8).enumerate() {
            to.iter_mut().enumerate().for_each(|(channel, to)| *to = weight(tap, channel).cast_unsigned());
        }
    }

    #[inline(always)]
    fn finish(rule: &RequantData<'_>, first: usize, sums: &[i32], codes: &mut [i8]) {
        let Some(scales) = super::scales(rule) else { return super::finish(rule, first, sums, codes) };
        let limits = [rule.rule.zero_point, rule.rule.lo, rule.rule.hi];
        dot::codes(sums, &scales[first..first + codes.len()], &limits, codes);
    }
}
