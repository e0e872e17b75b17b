//! Bytes of several pixels and lines as vectors.

use core::arch::x86_64::*;

use super::BLOCK;

/// Four vectors of bytes to quads.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn interleave(rows: [__m512i; 4]) -> [__m512i; 4] {
    let low = (_mm512_unpacklo_epi8(rows[0], rows[1]), _mm512_unpacklo_epi8(rows[2], rows[3]));
    let high = (_mm512_unpackhi_epi8(rows[0], rows[1]), _mm512_unpackhi_epi8(rows[2], rows[3]));
    [
        _mm512_unpacklo_epi16(low.0, low.1),
        _mm512_unpackhi_epi16(low.0, low.1),
        _mm512_unpacklo_epi16(high.0, high.1),
        _mm512_unpackhi_epi16(high.0, high.1),
    ]
}

/// `N` vectors in a row.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load<const N: usize>(from: &[u8]) -> [__m512i; N] {
    let from = &from[..N * BLOCK];
    // SAFETY: the slice has `N` vectors.
    core::array::from_fn(|i| unsafe { _mm512_loadu_si512(from.as_ptr().add(i * BLOCK).cast()) })
}

/// The quads of `BY` pixels further right, of those of `P` pixels and of the next `P`.
///
/// # Safety
/// The caller has the features of [`super::depthwise`]. (Without features of its own, this is always inlined.)
#[inline(always)]
pub(super) unsafe fn shifted<const P: usize, const BY: usize>(a: [__m512i; 4], b: [__m512i; 4]) -> [__m512i; 4] {
    let mut to = b;
    for j in 0..4 {
        // SAFETY: the caller vouches for the CPU.
        unsafe {
            match (P, BY) {
                (2, 1) | (4, 2) => to[j] = _mm512_alignr_epi64::<4>(b[j], a[j]),
                (4, 1) | (8, 2) => to[j] = _mm512_alignr_epi64::<2>(b[j], a[j]),
                // The second pixel of a 128-bit lane is in the third and fourth vector.
                (8, 1) if j < 2 => to[j] = a[j + 2],
                (8, 1) => to[j] = _mm512_alignr_epi64::<2>(b[j - 2], a[j - 2]),
                _ => (),
            }
        }
    }
    to
}

/// `P` pieces of a line, together one vector, `step` bytes apart.
///
/// # Safety
/// The caller has the features of [`super::depthwise`]. (Without features of its own, this is always inlined.)
#[inline(always)]
pub(super) unsafe fn pieces<const P: usize>(line: &[i8], at: usize, step: usize) -> __m512i {
    let width = BLOCK / P;
    let first = line[at..at + (P - 1) * step + width].as_ptr();
    // SAFETY: the caller vouches for the CPU; the bytes were checked.
    unsafe {
        if P == 1 || step == width {
            return _mm512_loadu_si512(first.cast());
        }
        let mut from = [first; P];
        for (p, from) in from.iter_mut().enumerate() {
            *from = first.add(p * step);
        }
        gather::<P>(from)
    }
}

/// `P` pieces, together one vector.
///
/// # Safety
/// As [`pieces`]; at each place is a whole piece.
#[inline(always)]
pub(super) unsafe fn gather<const P: usize>(from: [*const i8; P]) -> __m512i {
    // SAFETY: as this function's.
    unsafe {
        match P {
            1 => _mm512_loadu_si512(from[0].cast()),
            2 => {
                let low = _mm512_castsi256_si512(_mm256_loadu_si256(from[0].cast()));
                _mm512_inserti64x4::<1>(low, _mm256_loadu_si256(from[1].cast()))
            }
            4 => {
                let v = _mm512_castsi128_si512(_mm_loadu_si128(from[0].cast()));
                let v = _mm512_inserti32x4::<1>(v, _mm_loadu_si128(from[1].cast()));
                let v = _mm512_inserti32x4::<2>(v, _mm_loadu_si128(from[2].cast()));
                _mm512_inserti32x4::<3>(v, _mm_loadu_si128(from[3].cast()))
            }
            _ => {
                let mut pixels = [0; 8];
                for (to, from) in pixels.iter_mut().zip(from) {
                    *to = from.cast::<i64>().read_unaligned();
                }
                let [a, b, c, d, e, f, g, h] = pixels;
                _mm512_setr_epi64(a, b, c, d, e, f, g, h)
            }
        }
    }
}
