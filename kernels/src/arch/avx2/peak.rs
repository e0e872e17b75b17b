//! The peak loops: see [`crate::peak`].

use core::arch::x86_64::*;

use crate::peak::chains;

#[target_feature(enable = "avx2")]
pub(super) unsafe fn int8(iterations: u64) -> u64 {
    let x = _mm256_set1_epi16(core::hint::black_box(3));
    chains(
        iterations,
        16,
        |i| _mm256_set1_epi32(i as i32),
        // A product of the accumulator, so that it cannot be taken out of the loop.
        |acc| _mm256_add_epi32(acc, _mm256_madd_epi16(acc, x)),
    )
}

#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn f32(iterations: u64) -> u64 {
    let x = _mm256_set1_ps(core::hint::black_box(0.5));
    chains(iterations, 8, |i| _mm256_set1_ps(i as f32), |acc| _mm256_fmadd_ps(acc, x, x))
}
