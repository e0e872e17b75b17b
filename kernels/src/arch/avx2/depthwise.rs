//! int8 depthwise convolution with `vpmaddwd`: two kernel rows at a time.
//!
//! For 16 channels, the codes of two input lines (widened to 16 bits in the ring) are interleaved to pairs; one multiply-add then
//! does two taps. Interleaving works within 128-bit lanes: the first vector has channels 0–3 and 8–11, the second 4–7 and 12–15,
//! which is the order that packing the accumulators to bytes undoes.

use core::arch::x86_64::*;

use super::requant::{F32Even, code_of_lane, is_f32_even};
use crate::arch::rows::{Row, for_each_row};
use crate::arch::scalar;
use crate::arith::RequantData;
use crate::ops::conv::ConvShape;
use crate::ops::depthwise::{Depthwise, DepthwiseData};
use crate::ops::window::Window;
use crate::span::{view, view_mut};

/// Channels of a block.
const BLOCK: usize = 16;

/// Bytes of scratch space: the ring (with slack for a block).
pub(super) fn scratch_len(s: &ConvShape) -> usize {
    ring_len(s)
}

/// Bytes of the interleaved weights; none where the portable kernel runs.
pub(super) fn tables_len(s: &ConvShape) -> usize {
    if s.in_c == s.out_c { s.out_c.div_ceil(BLOCK) * 2 * weights_len(s) } else { 0 }
}

/// The weights of all blocks, interleaved.
pub(super) fn tables(s: &ConvShape, weights: &[i8], _: (&RequantData<'_>, i8), to: &mut [u8]) {
    for (block, to) in view_mut::<i16>(to).chunks_exact_mut(weights_len(s)).enumerate() {
        interleave_weights(s, block * BLOCK, weights, to);
    }
}

fn ring_len(s: &ConvShape) -> usize {
    Window::new(s, size_of::<i16>()).bytes()
}

/// 16-bit weights per block.
const fn weights_len(s: &ConvShape) -> usize {
    s.k_w * s.k_h.div_ceil(2) * 2 * BLOCK
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(from: &[i16]) -> __m256i {
    let from: &[i16; BLOCK] = from[..BLOCK].try_into().expect("cut to length");
    // SAFETY: the array is one vector.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_words(from: &[i32]) -> __m256i {
    let from: &[i32; 8] = from[..8].try_into().expect("cut to length");
    // SAFETY: the array is one vector.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

/// 16 values of a padded table in the order of pairs.
#[inline]
#[target_feature(enable = "avx2")]
fn by_pairs(table: &[i32]) -> [__m256i; 2] {
    let (a, b) = (load_words(table), load_words(&table[8..]));
    [_mm256_permute2x128_si256::<0x20>(a, b), _mm256_permute2x128_si256::<0x31>(a, b)]
}

/// Weights of one block: for each tap column, each pair of rows, the two vectors of pairs.
fn interleave_weights(s: &ConvShape, channel: usize, weights: &[i8], to: &mut [i16]) {
    let row_len = s.out_c.next_multiple_of(64);
    let pairs = s.k_h.div_ceil(2);
    for (i, to) in to.chunks_exact_mut(2 * BLOCK).enumerate() {
        let (kx, pair) = (i / pairs, i % pairs);
        for (j, to) in to.iter_mut().enumerate() {
            // Element `j`: vector, lane, channel of four, row of two.
            let c = j / 16 * 4 + j / 8 % 2 * 8 + j / 2 % 4;
            let ky = 2 * pair + j % 2;
            *to = if ky < s.k_h { weights[(ky * s.k_w + kx) * row_len + channel + c].into() } else { 0 };
        }
    }
}

/// Accumulators of 16 channels of one pixel; `at` is its first column and channel in a line.
#[inline]
#[target_feature(enable = "avx2")]
fn pixel(
    (s, window, slot): (&ConvShape, &Window, usize),
    ring: &[i16],
    at: usize,
    weights: &[i16],
    mut acc: [__m256i; 2],
) -> [__m256i; 2] {
    let wrap = |slot: usize| if slot >= window.lines { slot - window.lines } else { slot };
    let line_len = window.line_len();
    let mut weights = weights.chunks_exact(2 * BLOCK);
    for kx in 0..s.k_w {
        let at = at + kx * s.dilation_w * s.in_c;
        let mut slot = slot;
        for ky in (0..s.k_h).step_by(2) {
            let upper = load(&ring[slot * line_len + at..]);
            // A row beyond the kernel is multiplied by zeros: any line will do.
            let next = if ky + 1 < s.k_h { wrap(slot + s.dilation_h) } else { slot };
            let lower = load(&ring[next * line_len + at..]);
            slot = wrap(next + s.dilation_h % window.lines);
            let w = weights.next().expect("one per tap column and pair of rows");
            let (a, b) = (_mm256_unpacklo_epi16(upper, lower), _mm256_unpackhi_epi16(upper, lower));
            acc[0] = _mm256_add_epi32(acc[0], _mm256_madd_epi16(a, load(w)));
            acc[1] = _mm256_add_epi32(acc[1], _mm256_madd_epi16(b, load(&w[BLOCK..])));
        }
    }
    acc
}

#[cold]
#[target_feature(enable = "avx2")]
fn finish_slowly(requant: &RequantData<'_>, channel: usize, acc: [__m256i; 2], to: &mut [i8]) {
    let natural =
        [_mm256_permute2x128_si256::<0x20>(acc[0], acc[1]), _mm256_permute2x128_si256::<0x31>(acc[0], acc[1])];
    for (i, to) in to.iter_mut().enumerate() {
        *to = code_of_lane(requant, natural[i / 8], [channel + i, i % 8]);
    }
}

/// See [`Depthwise`].
#[target_feature(enable = "avx2")]
pub(super) unsafe fn depthwise(step: &Depthwise, data: DepthwiseData<'_>) {
    let s = &step.shape;
    if s.out_c != s.in_c {
        return scalar::depthwise(step, data);
    }
    let window = Window::new(s, size_of::<i16>());
    let DepthwiseData { input, output, requant, tables, scratch: ring, .. } = data;
    let packed: &[i16] = view(tables);
    assert_eq!(packed.len(), s.out_c.div_ceil(BLOCK) * weights_len(s), "tables were made for another shape or set");
    let even = F32Even::new(&requant.rule);
    let simple = is_f32_even(&requant);
    let scales: &[i32] = if simple { view(requant.multiplier) } else { requant.bias };
    let ring = (view_mut::<i16>(ring), i16::from(step.pad_value));
    for_each_row((s, &window, 0..window.rows), input, ring, super::widen, |ring: &[i16], row: Row| {
        for channel in (0..s.out_c).step_by(BLOCK) {
            let weights = &packed[channel / BLOCK * weights_len(s)..][..weights_len(s)];
            let bias = by_pairs(&requant.bias[channel..]);
            let scale = by_pairs(&scales[channel..]).map(|v| _mm256_castsi256_ps(v));
            let valid = (s.out_c - channel).min(BLOCK);
            let geometry = (s, &window, row.slot);
            // Two pixels fill the vectors that are packed to bytes; the last may be done twice.
            for x in (0..row.count).step_by(2) {
                let both = [x, (x + 1).min(row.count - 1)];
                let [a, b] = both.map(|x| pixel(geometry, ring, x * s.stride_w * s.in_c + channel, weights, bias));
                let places = both.map(|x| (row.pixel + x) * s.out_c + channel);
                if simple {
                    let scale = [scale[0], scale[1], scale[0], scale[1]];
                    let codes = even.codes_by_lane([a[0], a[1], b[0], b[1]], scale);
                    let mut bytes = [0_i8; 2 * BLOCK];
                    // SAFETY: the array is one vector.
                    unsafe {
                        let codes = _mm256_permute4x64_epi64::<0b11_01_10_00>(codes);
                        _mm256_storeu_si256(bytes.as_mut_ptr().cast(), codes);
                    }
                    output[places[0]..][..valid].copy_from_slice(&bytes[..valid]);
                    output[places[1]..][..valid].copy_from_slice(&bytes[BLOCK..][..valid]);
                } else {
                    finish_slowly(&requant, channel, a, &mut output[places[0]..][..valid]);
                    finish_slowly(&requant, channel, b, &mut output[places[1]..][..valid]);
                }
            }
        }
    });
}
