//! float32 convolutions on 8 lanes.

use core::arch::x86_64::*;

use super::requant::first;
use crate::arch::float::{self, Float, Rule, Vector};
use crate::arch::float_depthwise::{self, Line};
use crate::arch::gemm::{self, Source, Taps, Target, TileFn};
use crate::ops::conv_f32::{ConvF32, DataF32};
use crate::ops::depthwise_f32::DepthwiseF32;

impl Vector for __m256 {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m256 {
        // SAFETY: the caller vouches for the CPU.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> __m256 {
        // SAFETY: the caller vouches for the CPU and 8 elements.
        unsafe { _mm256_loadu_ps(at) }
    }

    #[inline(always)]
    unsafe fn load_first(at: *const f32, n: usize) -> __m256 {
        // SAFETY: lanes beyond `n` are masked off.
        unsafe { _mm256_maskload_ps(at, first(n)) }
    }

    #[inline(always)]
    unsafe fn store_first(self, at: *mut f32, n: usize) {
        // SAFETY: lanes beyond `n` are masked off.
        unsafe {
            if n >= 8 {
                _mm256_storeu_ps(at, self);
            } else {
                _mm256_maskstore_ps(at, first(n), self);
            }
        }
    }

    #[inline(always)]
    unsafe fn fma(self, x: __m256, w: __m256) -> __m256 {
        // SAFETY: the caller vouches for the CPU.
        unsafe { _mm256_fmadd_ps(x, w, self) }
    }

    #[inline(always)]
    unsafe fn clamp(self, lo: __m256, hi: __m256) -> __m256 {
        // SAFETY: the caller vouches for the CPU. Where neither is larger, `max` and `min` give their second operand.
        unsafe { _mm256_min_ps(hi, _mm256_max_ps(lo, self)) }
    }

    #[inline(always)]
    fn tiles(panels: usize, pixels: usize) -> (usize, &'static [TileFn<Float<__m256>>]) {
        match panels {
            2.. if pixels > 1 => (2, &TILES_2),
            4.. => (4, &TILES_4),
            _ => (1, &TILES_1),
        }
    }
}

#[target_feature(enable = "avx2,fma")]
unsafe fn tiles<const MR: usize, const NP: usize, const U: usize>(
    rule: &Rule<'_>,
    taps: &Taps,
    source: Source<Float<__m256>>,
    to: Target<f32>,
) {
    // SAFETY: this function has the features; the caller vouches for the rest.
    unsafe { gemm::tiles::<Float<__m256>, MR, NP, U>(rule, taps, source, to) }
}

static TILES_1: [TileFn<Float<__m256>>; 10] = gemm::table!(tiles, 1, 1: 1 2 3 4 5 6 7 8 9 10);
static TILES_2: [TileFn<Float<__m256>>; 6] = gemm::table!(tiles, 2, 1: 1 2 3 4 5 6);
static TILES_4: [TileFn<Float<__m256>>; 1] = gemm::table!(tiles, 4, 1: 1);

/// See [`ConvF32`].
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn conv(step: &ConvF32, data: DataF32<'_>) {
    // SAFETY: this function has the features.
    unsafe { float::conv::<__m256>(step, data) }
}

#[target_feature(enable = "avx2,fma")]
unsafe fn depthwise_line(line: &Line<'_>, output: &mut [f32]) {
    // SAFETY: this function has the features.
    unsafe { float_depthwise::depthwise_line::<__m256>(line, output) }
}

/// See [`DepthwiseF32`].
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn depthwise(step: &DepthwiseF32, data: DataF32<'_>) {
    // SAFETY: this function has the features.
    unsafe { float_depthwise::depthwise(step, data, (depthwise_line, __m256::LANES)) }
}
