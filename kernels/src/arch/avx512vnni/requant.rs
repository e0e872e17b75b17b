//! From 16-lane accumulators to codes.

use core::arch::x86_64::*;

use crate::arith::{Requant, RequantData, Rounding};

/// The constants of [`Rounding::F32Even`] in vector form.
#[derive(Clone, Copy)]
pub(super) struct F32Even {
    hi: __m512,
    zero_point: __m512i,
    lo: __m512i,
    high: __m512i,
    order: __m512i,
}

impl F32Even {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn new(rule: &Requant) -> F32Even {
        F32Even {
            hi: _mm512_set1_ps((rule.hi - rule.zero_point) as f32),
            zero_point: _mm512_set1_epi16(rule.zero_point as i16),
            lo: _mm512_set1_epi8(rule.lo as i8),
            high: _mm512_set1_epi8(rule.hi as i8),
            // Packing works within 128-bit lanes: 32-bit piece `4·lane + vector` belongs at `4·vector + lane`.
            order: _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
        }
    }

    /// `rne(f32(acc) · scale)`, at most `hi − zero_point`. What lies beyond `i32`, and NaN, becomes `i32::MIN`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn scaled(&self, acc: __m512i, scale: __m512) -> __m512i {
        let v = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), scale);
        // With NaN in either, `min` gives its second operand.
        _mm512_cvtps_epi32(_mm512_min_ps(self.hi, v))
    }

    /// Codes of four vectors; 128-bit lane `l` of the result holds lanes `4l..4l + 4` of each vector, vector after vector.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn codes_by_lane(&self, acc: [__m512i; 4], scale: [__m512; 4]) -> __m512i {
        let v: [__m512i; 4] = core::array::from_fn(|i| self.scaled(acc[i], scale[i]));
        let low = _mm512_adds_epi16(_mm512_packs_epi32(v[0], v[1]), self.zero_point);
        let high = _mm512_adds_epi16(_mm512_packs_epi32(v[2], v[3]), self.zero_point);
        _mm512_max_epi8(_mm512_packs_epi16(low, high), self.lo)
    }

    /// As [`F32Even::codes_by_lane`] for scales below 1: no product leaves `i32`, so the upper limit can wait for the codes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn codes_by_lane_below_one(&self, acc: [__m512i; 4], scale: [__m512; 4]) -> __m512i {
        let mut v = acc;
        for j in 0..4 {
            v[j] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(acc[j]), scale[j]));
        }
        let low = _mm512_adds_epi16(_mm512_packs_epi32(v[0], v[1]), self.zero_point);
        let high = _mm512_adds_epi16(_mm512_packs_epi32(v[2], v[3]), self.zero_point);
        _mm512_min_epi8(_mm512_max_epi8(_mm512_packs_epi16(low, high), self.lo), self.high)
    }

    /// As [`F32Even::codes`] for scales below 1: no product leaves `i32`, so the upper limit can wait for the codes.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn codes_below_one(&self, acc: [__m512i; 4], scale: [__m512; 4]) -> __m512i {
        let v: [__m512i; 4] =
            core::array::from_fn(|i| _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(acc[i]), scale[i])));
        let low = _mm512_adds_epi16(_mm512_packs_epi32(v[0], v[1]), self.zero_point);
        let high = _mm512_adds_epi16(_mm512_packs_epi32(v[2], v[3]), self.zero_point);
        let codes = _mm512_max_epi8(_mm512_packs_epi16(low, high), self.lo);
        _mm512_permutexvar_epi32(self.order, _mm512_min_epi8(codes, self.high))
    }

    /// As [`F32Even::codes_below_one`] where every code is allowed: packing to bytes limits.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn codes_unlimited(&self, acc: [__m512i; 4], scale: [__m512; 4]) -> __m512i {
        let v: [__m512i; 4] =
            core::array::from_fn(|i| _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(acc[i]), scale[i])));
        let low = _mm512_adds_epi16(_mm512_packs_epi32(v[0], v[1]), self.zero_point);
        let high = _mm512_adds_epi16(_mm512_packs_epi32(v[2], v[3]), self.zero_point);
        _mm512_permutexvar_epi32(self.order, _mm512_packs_epi16(low, high))
    }

    /// [`relu_by_lane`], 16 of each vector after the other.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn codes_of_relu(&self, acc: [__m512i; 4], scale: [__m512; 4], shift: [__m512; 4]) -> __m512i {
        _mm512_permutexvar_epi32(self.order, relu_by_lane(acc, scale, shift))
    }

    /// Codes of four vectors, 16 of each after the other.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn codes(&self, acc: [__m512i; 4], scale: [__m512; 4]) -> __m512i {
        _mm512_permutexvar_epi32(self.order, self.codes_by_lane(acc, scale))
    }
}

/// The bits of the float 2²³, whose neighbours are the integers.
pub(super) const TWO_23: i32 = 0x4B00_0000;

/// Codes, by lane as in [`F32Even::codes_by_lane`], of a ReLU ([`RequantData::is_relu`]) whose accumulators are above −2²⁶ and below
/// 2²³. `shift` is `−2²³ · scale`.
///
/// Accumulators start at the bits of the float 2²³. So a positive one, read as a float, is 2²³ + acc, and
/// `fma(·, scale, −2²³ · scale)` is `acc · scale` rounded once: what converting and multiplying give. A negative one, read as a
/// float, is below 2²³ (not by how much it should), and becomes the lowest code as it should.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn relu_by_lane(acc: [__m512i; 4], scale: [__m512; 4], shift: [__m512; 4]) -> __m512i {
    let mut v = acc;
    for j in 0..4 {
        v[j] = _mm512_cvtps_epi32(_mm512_fmadd_ps(_mm512_castsi512_ps(acc[j]), scale[j], shift[j]));
    }
    let codes = _mm512_packus_epi16(_mm512_packs_epi32(v[0], v[1]), _mm512_packs_epi32(v[2], v[3]));
    _mm512_xor_si512(codes, _mm512_set1_epi8(-128))
}

/// A mask of the first `n` lanes.
#[inline(always)]
pub(super) fn first(n: usize) -> __mmask16 {
    if n >= 16 { !0 } else { (1 << n) - 1 }
}

/// `valid` (or 16) values of a table from `index` on, zeros beyond.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_i32(table: &[i32], index: usize, valid: usize) -> __m512i {
    let table = &table[index..];
    let mask = first(valid.min(table.len()));
    // SAFETY: lanes beyond the table are masked off and not read.
    unsafe { _mm512_maskz_loadu_epi32(mask, table.as_ptr()) }
}

/// As [`load_i32`].
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_f32(table: &[f32], index: usize, valid: usize) -> __m512 {
    let table = &table[index..];
    let mask = first(valid.min(table.len()));
    // SAFETY: lanes beyond the table are masked off and not read.
    unsafe { _mm512_maskz_loadu_ps(mask, table.as_ptr()) }
}

/// Any rule, lane after lane: the code of an accumulator (bias included) of `channel` in lane `lane`.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn code_of_lane(requant: &RequantData<'_>, acc: __m512i, [channel, lane]: [usize; 2]) -> i8 {
    let mut lanes = [0_i32; 16];
    // SAFETY: the array has 16 lanes.
    unsafe { _mm512_storeu_epi32(lanes.as_mut_ptr(), acc) };
    requant.code(lanes[lane].wrapping_sub(requant.bias[channel]), channel) as i8
}

/// Whether every scale is below 1.
pub(super) fn all_below_one(scale: &[f32]) -> bool {
    scale.iter().fold(true, |all, &s| all & (s < 1.0))
}

/// Whether the vector path holds.
pub(super) fn is_f32_even(requant: &RequantData<'_>) -> bool {
    requant.rule.rounding == Rounding::F32Even
}
