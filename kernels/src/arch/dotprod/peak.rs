//! The peak loop: see [`crate::peak`].

use core::arch::aarch64::*;
use core::arch::asm;

/// `acc + weights · codes`, by fours. (The intrinsic is not stable.)
///
/// # Safety
/// The CPU has dot products.
#[inline(always)]
unsafe fn sdot(mut acc: int32x4_t, weights: int8x16_t, codes: int8x16_t) -> int32x4_t {
    // SAFETY: registers only; the caller vouches for the CPU.
    unsafe {
        asm!(
            ".arch_extension dotprod",
            "sdot {acc:v}.4s, {weights:v}.16b, {codes:v}.16b",
            acc = inout(vreg) acc,
            weights = in(vreg) weights,
            codes = in(vreg) codes,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    acc
}
use crate::peak::chains;

#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn int8(iterations: u64) -> u64 {
    let x = vdupq_n_s8(core::hint::black_box(3));
    // SAFETY: this function has the feature.
    chains(iterations, 16, |i| vdupq_n_s32(i as i32), |acc| unsafe { sdot(acc, x, x) })
}
