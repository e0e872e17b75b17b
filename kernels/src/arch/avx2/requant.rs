//! From 8-lane accumulators to codes.

use core::arch::x86_64::*;

use crate::arith::{Requant, RequantData, Rounding};

/// The constants of [`Rounding::F32Even`] in vector form.
#[derive(Clone, Copy)]
pub(super) struct F32Even {
    hi: __m256,
    zero_point: __m256i,
    lo: __m256i,
}

impl F32Even {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(rule: &Requant) -> F32Even {
        F32Even {
            hi: _mm256_set1_ps((rule.hi - rule.zero_point) as f32),
            zero_point: _mm256_set1_epi16(rule.zero_point as i16),
            lo: _mm256_set1_epi8(rule.lo as i8),
        }
    }

    /// `rne(f32(acc) · scale)`, at most `hi − zero_point`. What lies beyond `i32`, and NaN, becomes `i32::MIN`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn scaled(&self, acc: __m256i, scale: __m256) -> __m256i {
        let v = _mm256_mul_ps(_mm256_cvtepi32_ps(acc), scale);
        // With NaN in either, `min` gives its second operand.
        _mm256_cvtps_epi32(_mm256_min_ps(self.hi, v))
    }

    /// Codes of four vectors; 128-bit lane `l` of the result holds lanes `4l..4l + 4` of each vector, vector after vector.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn codes_by_lane(&self, acc: [__m256i; 4], scale: [__m256; 4]) -> __m256i {
        let v: [__m256i; 4] = core::array::from_fn(|i| self.scaled(acc[i], scale[i]));
        let low = _mm256_adds_epi16(_mm256_packs_epi32(v[0], v[1]), self.zero_point);
        let high = _mm256_adds_epi16(_mm256_packs_epi32(v[2], v[3]), self.zero_point);
        _mm256_max_epi8(_mm256_packs_epi16(low, high), self.lo)
    }

    /// Codes of four vectors, 8 of each after the other.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn codes(&self, acc: [__m256i; 4], scale: [__m256; 4]) -> [[i8; 8]; 4] {
        let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        to_bytes(_mm256_permutevar8x32_epi32(self.codes_by_lane(acc, scale), order))
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn to_bytes(v: __m256i) -> [[i8; 8]; 4] {
    let mut bytes = [[0; 8]; 4];
    // SAFETY: the array has 32 bytes.
    unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), v) };
    bytes
}

/// A mask of the first `n` lanes.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn first(n: usize) -> __m256i {
    let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_cmpgt_epi32(_mm256_set1_epi32(n.min(8) as i32), lanes)
}

/// `valid` (or 8) values of a table from `index` on, zeros beyond.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_i32(table: &[i32], index: usize, valid: usize) -> __m256i {
    let table = &table[index..];
    // SAFETY: lanes beyond the table are masked off and not read.
    unsafe { _mm256_maskload_epi32(table.as_ptr(), first(valid.min(table.len()))) }
}

/// As [`load_i32`].
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_f32(table: &[f32], index: usize, valid: usize) -> __m256 {
    let table = &table[index..];
    // SAFETY: lanes beyond the table are masked off and not read.
    unsafe { _mm256_maskload_ps(table.as_ptr(), first(valid.min(table.len()))) }
}

/// Any rule, lane after lane: the code of an accumulator (bias included) of `channel` in lane `lane`.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn code_of_lane(requant: &RequantData<'_>, acc: __m256i, [channel, lane]: [usize; 2]) -> i8 {
    let mut lanes = [0_i32; 8];
    // SAFETY: the array has 8 lanes.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), acc) };
    requant.code(lanes[lane].wrapping_sub(requant.bias[channel]), channel) as i8
}

/// Whether the vector path holds.
pub(super) fn is_f32_even(requant: &RequantData<'_>) -> bool {
    requant.rule.rounding == Rounding::F32Even
}
