//! ADD and SUB of int8 codes with `vpdpwssd`: each multiplier is split as `256·high + low`, and one instruction multiplies a pair
//! of codes with a pair of halves. Interleaving works within 128-bit lanes, and packing to bytes undoes it.

use core::arch::x86_64::*;

use crate::ops::binary::{AddRow, add_row};

/// The rule in vector form.
struct Rule {
    low: __m512i,
    high: __m512i,
    bias: __m512i,
    shift: __m512i,
    zero: __m512i,
    limits: [__m512i; 2],
}

/// The low 8 bits of both multipliers, or what is above them, as 16-bit pairs.
fn halves(rule: &AddRow) -> [i32; 2] {
    let pair = |a: i32, b: i32| (b << 16) | (a & 0xFFFF);
    [pair(rule.ma & 0xFF, rule.mb & 0xFF), pair(rule.ma >> 8, rule.mb >> 8)]
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn codes(rule: &Rule, a: __m512i, b: __m512i) -> __m512i {
    let pairs = [_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b)];
    let sum = |shifted: __m512i| {
        let sum = _mm512_dpwssd_epi32(rule.bias, shifted, rule.high);
        _mm512_srav_epi32(_mm512_dpwssd_epi32(sum, _mm512_srai_epi16::<8>(shifted), rule.low), rule.shift)
    };
    let words = pairs.map(|pair| {
        // Codes times 256.
        let low = _mm512_unpacklo_epi8(_mm512_setzero_si512(), pair);
        let high = _mm512_unpackhi_epi8(_mm512_setzero_si512(), pair);
        _mm512_adds_epi16(_mm512_packs_epi32(sum(low), sum(high)), rule.zero)
    });
    let codes = _mm512_packs_epi16(words[0], words[1]);
    _mm512_min_epi8(_mm512_max_epi8(codes, rule.limits[0]), rule.limits[1])
}

/// Up to 64 codes from `at` on; one code is broadcast.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load(from: &[i8], at: usize, mask: __mmask64) -> __m512i {
    match from {
        [one] => _mm512_set1_epi8(*one),
        // SAFETY: the mask has no lanes beyond the end of `from`.
        _ => unsafe { _mm512_maskz_loadu_epi8(mask, from[at..].as_ptr()) },
    }
}

/// See [`AddRow`].
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) unsafe fn add(rule: &AddRow, a: &[i8], b: &[i8], out: &mut [i8]) {
    if [rule.ma, rule.mb].iter().any(|m| i16::try_from(m >> 8).is_err()) {
        return add_row(rule, a, b, out);
    }
    let [low, high] = halves(rule);
    let vectors = Rule {
        low: _mm512_set1_epi32(low),
        high: _mm512_set1_epi32(high),
        bias: _mm512_set1_epi32(rule.bias),
        shift: _mm512_set1_epi32(rule.shift as i32),
        zero: _mm512_set1_epi16(rule.zero as i16),
        limits: [_mm512_set1_epi8(rule.lo as i8), _mm512_set1_epi8(rule.hi as i8)],
    };
    let mut at = 0;
    if a.len() == out.len() && b.len() == out.len() {
        let (a, b) = (a.as_chunks::<64>().0, b.as_chunks::<64>().0);
        for ((a, b), to) in a.iter().zip(b).zip(out.as_chunks_mut::<64>().0) {
            // SAFETY: the arrays are one vector each.
            unsafe {
                let (a, b) = (_mm512_loadu_epi8(a.as_ptr()), _mm512_loadu_epi8(b.as_ptr()));
                _mm512_storeu_epi8(to.as_mut_ptr(), codes(&vectors, a, b));
            }
        }
        at = out.len() / 64 * 64;
    }
    for (i, to) in out[at..].chunks_mut(64).enumerate() {
        let (at, mask) = (at + 64 * i, !0 >> (64 - to.len()));
        let codes = codes(&vectors, load(a, at, mask), load(b, at, mask));
        // SAFETY: the mask has no lanes beyond the end of `to`.
        unsafe { _mm512_mask_storeu_epi8(to.as_mut_ptr(), mask, codes) };
    }
}
