//! ADD and SUB of int8 codes with `vpmaddwd`: each multiplier is split as `256·high + low`, and one instruction multiplies a pair
//! of codes with a pair of halves. Interleaving works within 128-bit lanes, and packing to bytes undoes it.

use core::arch::x86_64::*;

use crate::ops::binary::{AddRow, add_row};

/// The rule in vector form.
struct Rule {
    low: __m256i,
    high: __m256i,
    bias: __m256i,
    shift: __m128i,
    zero: __m256i,
    limits: [__m256i; 2],
}

/// The low 8 bits of both multipliers, or what is above them, as 16-bit pairs.
fn halves(rule: &AddRow) -> [i32; 2] {
    let pair = |a: i32, b: i32| (b << 16) | (a & 0xFFFF);
    [pair(rule.ma & 0xFF, rule.mb & 0xFF), pair(rule.ma >> 8, rule.mb >> 8)]
}

#[inline]
#[target_feature(enable = "avx2")]
fn codes(rule: &Rule, a: __m256i, b: __m256i) -> __m256i {
    let pairs = [_mm256_unpacklo_epi8(a, b), _mm256_unpackhi_epi8(a, b)];
    let sum = |shifted: __m256i| {
        let high = _mm256_add_epi32(rule.bias, _mm256_madd_epi16(shifted, rule.high));
        let low = _mm256_madd_epi16(_mm256_srai_epi16::<8>(shifted), rule.low);
        _mm256_sra_epi32(_mm256_add_epi32(high, low), rule.shift)
    };
    let words = pairs.map(|pair| {
        // Codes times 256.
        let low = _mm256_unpacklo_epi8(_mm256_setzero_si256(), pair);
        let high = _mm256_unpackhi_epi8(_mm256_setzero_si256(), pair);
        _mm256_adds_epi16(_mm256_packs_epi32(sum(low), sum(high)), rule.zero)
    });
    let codes = _mm256_packs_epi16(words[0], words[1]);
    _mm256_min_epi8(_mm256_max_epi8(codes, rule.limits[0]), rule.limits[1])
}

/// 32 codes from `at` on; one code is broadcast.
#[inline]
#[target_feature(enable = "avx2")]
fn load(from: &[i8], at: usize) -> __m256i {
    match from {
        [one] => _mm256_set1_epi8(*one),
        // SAFETY: the slice has 32 codes.
        _ => unsafe { _mm256_loadu_si256(from[at..at + 32].as_ptr().cast()) },
    }
}

/// See [`AddRow`].
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn add(rule: &AddRow, a: &[i8], b: &[i8], out: &mut [i8]) {
    if out.len() < 32 || [rule.ma, rule.mb].iter().any(|m| i16::try_from(m >> 8).is_err()) {
        return add_row(rule, a, b, out);
    }
    let [low, high] = halves(rule);
    let vectors = Rule {
        low: _mm256_set1_epi32(low),
        high: _mm256_set1_epi32(high),
        bias: _mm256_set1_epi32(rule.bias),
        shift: _mm_cvtsi32_si128(rule.shift as i32),
        zero: _mm256_set1_epi16(rule.zero as i16),
        limits: [_mm256_set1_epi8(rule.lo as i8), _mm256_set1_epi8(rule.hi as i8)],
    };
    let last = out.len() - 32;
    for at in (0..out.len()).step_by(32) {
        // The last vector overlaps the one before it.
        let at = at.min(last);
        let codes = codes(&vectors, load(a, at), load(b, at));
        // SAFETY: the slice has 32 codes.
        unsafe { _mm256_storeu_si256(out[at..at + 32].as_mut_ptr().cast(), codes) };
    }
}
