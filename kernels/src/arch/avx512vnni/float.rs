//! float32 convolutions on 16 lanes.

use core::arch::x86_64::*;

use super::requant::first;
use crate::arch::float::{self, Float, Rule, Vector};
use crate::arch::float_depthwise::{self, Line};
use crate::arch::gemm::{self, Source, Taps, Target, TileFn};
use crate::ops::conv_f32::{ConvF32, DataF32};
use crate::ops::depthwise_f32::DepthwiseF32;

impl Vector for __m512 {
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(x: f32) -> __m512 {
        // SAFETY: the caller vouches for the CPU.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> __m512 {
        // SAFETY: the caller vouches for the CPU and 16 elements.
        unsafe { _mm512_loadu_ps(at) }
    }

    #[inline(always)]
    unsafe fn load_first(at: *const f32, n: usize) -> __m512 {
        // SAFETY: lanes beyond `n` are masked off.
        unsafe { _mm512_maskz_loadu_ps(first(n), at) }
    }

    #[inline(always)]
    unsafe fn store_first(self, at: *mut f32, n: usize) {
        // SAFETY: lanes beyond `n` are masked off.
        unsafe {
            if n >= 16 {
                _mm512_storeu_ps(at, self);
            } else {
                _mm512_mask_storeu_ps(at, first(n), self);
            }
        }
    }

    #[inline(always)]
    unsafe fn fma(self, x: __m512, w: __m512) -> __m512 {
        // SAFETY: the caller vouches for the CPU.
        unsafe { _mm512_fmadd_ps(x, w, self) }
    }

    #[inline(always)]
    unsafe fn clamp(self, lo: __m512, hi: __m512) -> __m512 {
        // SAFETY: the caller vouches for the CPU. Where neither is larger, `max` and `min` give their second operand.
        unsafe { _mm512_min_ps(hi, _mm512_max_ps(lo, self)) }
    }

    #[inline(always)]
    fn tiles(panels: usize, pixels: usize) -> (usize, &'static [TileFn<Float<__m512>>]) {
        match panels {
            4.. if pixels <= TILES_4.len() => (4, &TILES_4),
            2.. => (2, &TILES_2),
            _ => (1, &TILES_1),
        }
    }
}

#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq")]
unsafe fn tiles<const MR: usize, const NP: usize, const U: usize>(
    rule: &Rule<'_>,
    taps: &Taps,
    source: Source<Float<__m512>>,
    to: Target<f32>,
) {
    // SAFETY: this function has the features; the caller vouches for the rest.
    unsafe { gemm::tiles::<Float<__m512>, MR, NP, U>(rule, taps, source, to) }
}

static TILES_1: [TileFn<Float<__m512>>; 16] = gemm::table!(tiles, 1, 4: 1 2 3 4 5 6 7 8, 2: 9 10 11 12 13 14 15 16);
static TILES_2: [TileFn<Float<__m512>>; 12] = gemm::table!(tiles, 2, 2: 1 2 3 4 5 6 7 8 9 10 11 12);
static TILES_4: [TileFn<Float<__m512>>; 6] = gemm::table!(tiles, 4, 1: 1 2 3 4 5 6);

/// See [`ConvF32`].
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq")]
pub(super) unsafe fn conv(step: &ConvF32, data: DataF32<'_>) {
    // SAFETY: this function has the features.
    unsafe { float::conv::<__m512>(step, data) }
}

#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq")]
unsafe fn depthwise_line(line: &Line<'_>, output: &mut [f32]) {
    // SAFETY: this function has the features.
    unsafe { float_depthwise::depthwise_line::<__m512>(line, output) }
}

/// See [`DepthwiseF32`].
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq")]
pub(super) unsafe fn depthwise(step: &DepthwiseF32, data: DataF32<'_>) {
    // SAFETY: this function has the features.
    unsafe { float_depthwise::depthwise(step, data, (depthwise_line, __m512::LANES)) }
}
