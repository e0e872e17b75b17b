//! int8 convolution with `vpdpbusd` on 256 bits: unsigned activations (code ^ 0x80, that is code + 128) times signed weights.

use core::arch::x86_64::*;

use crate::arch::avx2::conv::{Dot, Int8, Rule, conv_with};
use crate::arch::gemm::{self, Source, Taps, Target, TileFn};
use crate::ops::conv::{Conv, ConvData};

/// [`Dot`] of this instruction set.
struct Vnni;

impl Dot for Vnni {
    type Code = u8;
    const KR: usize = 4;

    #[inline(always)]
    unsafe fn weights(at: *const i8) -> __m256i {
        // SAFETY: the caller vouches for 32 weights.
        unsafe { _mm256_loadu_si256(at.cast()) }
    }

    #[inline(always)]
    unsafe fn codes(at: *const u8) -> __m256i {
        // SAFETY: the caller vouches for 4 codes.
        unsafe { _mm256_set1_epi32(at.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn dot(acc: __m256i, codes: __m256i, weights: __m256i) -> __m256i {
        // SAFETY: the caller vouches for the CPU.
        unsafe { _mm256_dpbusd_avx_epi32(acc, codes, weights) }
    }

    #[inline(always)]
    fn copy(from: &[i8], to: &mut [u8]) {
        for (x, y) in from.iter().zip(to) {
            *y = x.cast_unsigned() ^ 0x80;
        }
    }

    #[inline(always)]
    fn tiles(panels: usize, pixels: usize) -> (usize, &'static [TileFn<Int8<Vnni>>]) {
        match panels {
            4.. if pixels <= TILES_4.len() => (4, &TILES_4),
            2.. => (2, &TILES_2),
            _ => (1, &TILES_1),
        }
    }
}

#[target_feature(enable = "avx2,avxvnni")]
unsafe fn tiles<const MR: usize, const NP: usize, const U: usize>(
    rule: &Rule<'_>,
    taps: &Taps,
    source: Source<Int8<Vnni>>,
    to: Target<i8>,
) {
    // SAFETY: this function has the features; the caller vouches for the rest.
    unsafe { gemm::tiles::<Int8<Vnni>, MR, NP, U>(rule, taps, source, to) }
}

static TILES_1: [TileFn<Int8<Vnni>>; 12] = gemm::table!(tiles, 1, 2: 1 2 3 4 5 6 7 8 9 10 11 12);
static TILES_2: [TileFn<Int8<Vnni>>; 6] = gemm::table!(tiles, 2, 1: 1 2 3 4 5 6);
static TILES_4: [TileFn<Int8<Vnni>>; 2] = gemm::table!(tiles, 4, 1: 1 2);

/// See [`Conv`].
#[target_feature(enable = "avx2,avxvnni")]
pub(super) unsafe fn conv(step: &Conv, data: ConvData<'_>) {
    // SAFETY: this function has the features.
    unsafe { conv_with::<Vnni>(step, data, step.pad_value.cast_unsigned() ^ 0x80) }
}
