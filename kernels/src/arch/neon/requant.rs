//! From accumulators to codes, eight at a time.

use core::arch::aarch64::*;

use crate::arith::{Requant, RequantData, Rounding};

/// Eight accumulators.
pub(in crate::arch) type Acc = [int32x4_t; 2];

/// The constants of [`Rounding::F32Even`] in vector form.
#[derive(Clone, Copy)]
pub(in crate::arch) struct F32Even {
    zero: int16x8_t,
    lo: int8x16_t,
    hi: int8x16_t,
}

/// Whether codes are what [`F32Even`] makes.
pub(in crate::arch) fn is_f32_even(requant: &RequantData<'_>) -> bool {
    requant.rule.rounding == Rounding::F32Even
}

impl F32Even {
    #[inline(always)]
    pub(in crate::arch) fn new(rule: &Requant) -> F32Even {
        // SAFETY: NEON is always there.
        unsafe {
            F32Even {
                zero: vdupq_n_s16(rule.zero_point as i16),
                lo: vdupq_n_s8(rule.lo as i8),
                hi: vdupq_n_s8(rule.hi as i8),
            }
        }
    }

    /// Rounded, zero point added, in 16 bits: what saturates there is beyond every limit.
    #[inline(always)]
    fn words(&self, acc: Acc, scale: [float32x4_t; 2]) -> int16x8_t {
        // SAFETY: NEON is always there.
        unsafe {
            let rounded = |i: usize| vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(acc[i]), scale[i]));
            vqaddq_s16(vqmovn_high_s32(vqmovn_s32(rounded(0)), rounded(1)), self.zero)
        }
    }

    /// Codes of 16 accumulators.
    #[inline(always)]
    pub(in crate::arch) fn codes(&self, acc: [Acc; 2], scale: [[float32x4_t; 2]; 2]) -> int8x16_t {
        let [a, b] = [self.words(acc[0], scale[0]), self.words(acc[1], scale[1])];
        // SAFETY: NEON is always there.
        unsafe { vminq_s8(vmaxq_s8(vqmovn_high_s16(vqmovn_s16(a), b), self.lo), self.hi) }
    }
}

/// Numbers `at..at + 8`, of which only `valid` need be there.
#[inline(always)]
pub(in crate::arch) fn load_i32(from: &[i32], at: usize, valid: usize) -> Acc {
    let mut numbers = [0_i32; 8];
    let from = match from.get(at..at + 8) {
        Some(all) => all,
        None => {
            let there = &from[at.min(from.len())..];
            let count = there.len().min(valid).min(8);
            numbers[..count].copy_from_slice(&there[..count]);
            &numbers
        }
    };
    // SAFETY: the slice has eight numbers.
    unsafe { [vld1q_s32(from.as_ptr()), vld1q_s32(from.as_ptr().add(4))] }
}

/// As [`load_i32`].
#[inline(always)]
pub(in crate::arch) fn load_f32(from: &[f32], at: usize, valid: usize) -> [float32x4_t; 2] {
    let mut numbers = [0_f32; 8];
    let from = match from.get(at..at + 8) {
        Some(all) => all,
        None => {
            let there = &from[at.min(from.len())..];
            let count = there.len().min(valid).min(8);
            numbers[..count].copy_from_slice(&there[..count]);
            &numbers
        }
    };
    // SAFETY: the slice has eight numbers.
    unsafe { [vld1q_f32(from.as_ptr()), vld1q_f32(from.as_ptr().add(4))] }
}

/// The codes of up to eight accumulators from `channel` on, by any rule.
#[cold]
#[inline(never)]
pub(in crate::arch) fn codes_slowly(requant: &RequantData<'_>, channel: usize, acc: Acc, to: &mut [i8]) {
    let mut numbers = [0_i32; 8];
    // SAFETY: the array has eight numbers.
    unsafe {
        vst1q_s32(numbers.as_mut_ptr(), acc[0]);
        vst1q_s32(numbers.as_mut_ptr().add(4), acc[1]);
    }
    for (i, (to, acc)) in to.iter_mut().zip(numbers).enumerate() {
        *to = requant.scaled(acc, channel + i) as i8;
    }
}
