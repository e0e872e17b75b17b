//! The peak loop: see [`crate::peak`].

use core::arch::aarch64::*;
use core::arch::asm;

use crate::peak::chains;

/// Two rows of eight codes times two columns. (The intrinsic is not stable.)
///
/// # Safety
/// The CPU has int8 matrix products.
#[inline(always)]
unsafe fn smmla(mut acc: int32x4_t, rows: int8x16_t, columns: int8x16_t) -> int32x4_t {
    // SAFETY: registers only; the caller vouches for the CPU.
    unsafe {
        asm!(
            ".arch_extension i8mm",
            "smmla {acc:v}.4s, {rows:v}.16b, {columns:v}.16b",
            acc = inout(vreg) acc,
            rows = in(vreg) rows,
            columns = in(vreg) columns,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    acc
}

#[target_feature(enable = "neon,dotprod,i8mm")]
pub(super) unsafe fn int8(iterations: u64) -> u64 {
    let x = vdupq_n_s8(core::hint::black_box(3));
    // SAFETY: this function has the feature.
    chains(iterations, 32, |i| vdupq_n_s32(i as i32), |acc| unsafe { smmla(acc, x, x) })
}
