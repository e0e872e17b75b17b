//! The peak loops: see [`crate::peak`].

use core::arch::x86_64::*;

use crate::peak::chains;

#[target_feature(enable = "avx512f,avx512vnni")]
pub(super) unsafe fn int8(iterations: u64) -> u64 {
    let x = _mm512_set1_epi8(core::hint::black_box(3));
    chains(iterations, 64, |i| _mm512_set1_epi32(i as i32), |acc| _mm512_dpbusd_epi32(acc, x, x))
}

#[target_feature(enable = "avx512f")]
pub(super) unsafe fn f32(iterations: u64) -> u64 {
    let x = _mm512_set1_ps(core::hint::black_box(0.5));
    chains(iterations, 16, |i| _mm512_set1_ps(i as f32), |acc| _mm512_fmadd_ps(acc, x, x))
}
