//! ADD and SUB of int8 codes: sums in 32 bits.

use core::arch::aarch64::*;

use crate::ops::binary::{AddRow, add_row};

/// Codes `at..at + 16`; one code is broadcast.
#[inline(always)]
fn load(from: &[i8], at: usize) -> int8x16_t {
    match from {
        // SAFETY: NEON is always there.
        [one] => unsafe { vdupq_n_s8(*one) },
        // SAFETY: the slice has 16 codes.
        _ => unsafe { vld1q_s8(from[at..at + 16].as_ptr()) },
    }
}

/// See [`AddRow`].
#[target_feature(enable = "neon")]
pub(super) unsafe fn add(rule: &AddRow, a: &[i8], b: &[i8], out: &mut [i8]) {
    if out.len() < 16 {
        return add_row(rule, a, b, out);
    }
    let (ma, mb) = (vdupq_n_s32(rule.ma), vdupq_n_s32(rule.mb));
    let (bias, shift) = (vdupq_n_s32(rule.bias), vdupq_n_s32(-(rule.shift as i32)));
    let (zero, lo, hi) = (vdupq_n_s16(rule.zero as i16), vdupq_n_s8(rule.lo as i8), vdupq_n_s8(rule.hi as i8));
    let sum = |a: int16x4_t, b: int16x4_t| {
        let sum = vmlaq_s32(vmlaq_s32(bias, vmovl_s16(a), ma), vmovl_s16(b), mb);
        vqmovn_s32(vshlq_s32(sum, shift))
    };
    let words = |a: int16x8_t, b: int16x8_t| {
        let low = sum(vget_low_s16(a), vget_low_s16(b));
        vqaddq_s16(vcombine_s16(low, sum(vget_high_s16(a), vget_high_s16(b))), zero)
    };
    let last = out.len() - 16;
    for at in (0..out.len()).step_by(16) {
        // The last vector overlaps the one before it.
        let at = at.min(last);
        let (a, b) = (load(a, at), load(b, at));
        let low = vqmovn_s16(words(vmovl_s8(vget_low_s8(a)), vmovl_s8(vget_low_s8(b))));
        let codes = vqmovn_high_s16(low, words(vmovl_high_s8(a), vmovl_high_s8(b)));
        let codes = vminq_s8(vmaxq_s8(codes, lo), hi);
        // SAFETY: the slice has 16 codes.
        unsafe { vst1q_s8(out[at..at + 16].as_mut_ptr(), codes) };
    }
}
