//! The peak loop: see [`crate::peak`].

use core::arch::x86_64::*;

use crate::peak::chains;

#[target_feature(enable = "avx2,avxvnni")]
pub(super) unsafe fn int8(iterations: u64) -> u64 {
    let x = _mm256_set1_epi8(core::hint::black_box(3));
    chains(iterations, 32, |i| _mm256_set1_epi32(i as i32), |acc| _mm256_dpbusd_avx_epi32(acc, x, x))
}
