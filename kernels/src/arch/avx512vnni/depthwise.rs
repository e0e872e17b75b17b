//! int8 depthwise convolution with `vpdpbusd`: four kernel rows at a time.
//!
//! For a block of 64 channels, the bytes of four input lines at one column are interleaved to 64 groups of four (one vertical
//! *quad* per channel); one dot product then adds four taps. Quads are made once per column and used by every tap column that
//! sees it. Interleaving works within 128-bit lanes: vector `j` of a block holds channels `16·lane + 4j..+4`, which is the order
//! that packing the accumulators to bytes undoes.
//!
//! With 8, 16 or 32 channels a block is 8, 4 or 2 neighbouring pixels.

use core::arch::x86_64::*;

use super::requant::{F32Even, code_of_lane, is_f32_even};
use crate::arch::rows::{Row, for_each_row};
use crate::arch::scalar;
use crate::arith::RequantData;
use crate::ops::conv::ConvShape;
use crate::ops::depthwise::{Depthwise, DepthwiseData};
use crate::ops::window::Window;
use crate::span::{view, view_mut};

/// Bytes of one vector; channels of a block.
const BLOCK: usize = 64;
/// Bytes of the quads of a block.
const QUADS: usize = 4 * BLOCK;
/// Blocks of pixels whose quads are held at a time.
const CHUNK: usize = 32;

/// How the work is cut.
struct Layout {
    window: Window,
    /// Blocks per pixel, or 1 where a block is several pixels.
    blocks: usize,
    /// Pixels per block.
    pixels: usize,
    /// Groups of four kernel rows.
    sets: usize,
    /// Bytes of the ring, of the quads, of the tables of one block.
    lens: [usize; 3],
}

impl Layout {
    fn new(s: &ConvShape) -> Layout {
        let window = Window::new(s, 1);
        let pixels = match (s.in_c, s.stride_w) {
            (8, 1) => 8,
            (16, _) => 4,
            (32, _) => 2,
            _ => 1,
        };
        let sets = s.k_h.div_ceil(4);
        let groups = window.width.div_ceil(pixels).clamp(1, CHUNK);
        let columns = (groups - 1) * pixels * s.stride_w + (s.k_w - 1) * s.dilation_w + 1;
        // A block may reach over the last column.
        let ring = window.bytes() + (BLOCK * s.stride_w).next_multiple_of(64);
        let tables = s.k_w * sets * QUADS + 2 * QUADS;
        Layout { window, blocks: s.out_c.div_ceil(BLOCK), pixels, sets, lens: [ring, columns * sets * QUADS, tables] }
    }
}

/// Bytes of scratch space.
pub(super) fn scratch_len(s: &ConvShape) -> usize {
    let layout = Layout::new(s);
    layout.lens[0] + layout.lens[1]
}

/// Bytes of the tables of all blocks; none where the portable kernel runs.
pub(super) fn tables_len(s: &ConvShape) -> usize {
    if s.in_c != s.out_c {
        return 0;
    }
    let layout = Layout::new(s);
    layout.blocks * layout.lens[2]
}

/// The tables of all blocks.
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) unsafe fn tables(s: &ConvShape, weights: &[i8], requant: &RequantData<'_>, to: &mut [u8]) {
    let layout = Layout::new(s);
    for (block, to) in to.chunks_exact_mut(layout.lens[2]).enumerate() {
        block_tables(s, &layout, block, (weights, requant), to);
    }
}

/// Four vectors of bytes to quads.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn interleave(rows: [__m512i; 4]) -> [__m512i; 4] {
    let low = (_mm512_unpacklo_epi8(rows[0], rows[1]), _mm512_unpacklo_epi8(rows[2], rows[3]));
    let high = (_mm512_unpackhi_epi8(rows[0], rows[1]), _mm512_unpackhi_epi8(rows[2], rows[3]));
    [
        _mm512_unpacklo_epi16(low.0, low.1),
        _mm512_unpackhi_epi16(low.0, low.1),
        _mm512_unpacklo_epi16(high.0, high.1),
        _mm512_unpackhi_epi16(high.0, high.1),
    ]
}

/// Transposes the 128-bit pieces: natural order of 64 channels to the order of quads, and back.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(v: [__m512i; 4]) -> [__m512i; 4] {
    let (a, b) = (_mm512_shuffle_i32x4::<0x44>(v[0], v[1]), _mm512_shuffle_i32x4::<0x44>(v[2], v[3]));
    let (c, d) = (_mm512_shuffle_i32x4::<0xEE>(v[0], v[1]), _mm512_shuffle_i32x4::<0xEE>(v[2], v[3]));
    [
        _mm512_shuffle_i32x4::<0x88>(a, b),
        _mm512_shuffle_i32x4::<0xDD>(a, b),
        _mm512_shuffle_i32x4::<0x88>(c, d),
        _mm512_shuffle_i32x4::<0xDD>(c, d),
    ]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load4(from: &[u8]) -> [__m512i; 4] {
    let from: &[u8; QUADS] = from[..QUADS].try_into().expect("cut to length");
    // SAFETY: the array has four vectors.
    core::array::from_fn(|i| unsafe { _mm512_loadu_si512(from.as_ptr().add(i * BLOCK).cast()) })
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store4(v: [__m512i; 4], to: &mut [u8]) {
    let to: &mut [u8; QUADS] = (&mut to[..QUADS]).try_into().expect("cut to length");
    for (i, v) in v.into_iter().enumerate() {
        // SAFETY: the array has four vectors.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().add(i * BLOCK).cast(), v) };
    }
}

/// The tables of block `block`: quads of weights per tap column and set, then bias (with the offset of the unsigned codes taken
/// out) and scale, in the order of quads.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn block_tables(
    s: &ConvShape,
    layout: &Layout,
    block: usize,
    (weights, requant): (&[i8], &RequantData<'_>),
    to: &mut [u8],
) {
    let row_len = s.out_c.next_multiple_of(64);
    let first = block * BLOCK;
    let channel = |i: usize| if layout.pixels > 1 { i % s.out_c } else { first + i };
    let mut offsets = [_mm512_setzero_si512(); 4];
    for kx in 0..s.k_w {
        for set in 0..layout.sets {
            let mut rows = [[0_i8; BLOCK]; 4];
            for (row, ky) in rows.iter_mut().zip(4 * set..s.k_h) {
                let weights = &weights[(ky * s.k_w + kx) * row_len..][..row_len];
                *row = core::array::from_fn(|i| weights[channel(i)]);
            }
            // SAFETY: each row is one vector.
            let quads = interleave(rows.map(|row| unsafe { _mm512_loadu_si512(row.as_ptr().cast()) }));
            for (sum, &w) in offsets.iter_mut().zip(&quads) {
                *sum = _mm512_dpbusd_epi32(*sum, _mm512_set1_epi8(i8::MIN), w);
            }
            store4(quads, &mut to[(kx * layout.sets + set) * QUADS..]);
        }
    }
    let rest = &mut to[s.k_w * layout.sets * QUADS..];
    let words: [i32; BLOCK] = core::array::from_fn(|i| requant.bias[channel(i)]);
    let bias = transpose(load4(bytes(&words)));
    store4(core::array::from_fn(|j| _mm512_sub_epi32(bias[j], offsets[j])), rest);
    if is_f32_even(requant) {
        let scale: &[i32] = view(requant.multiplier);
        let words: [i32; BLOCK] = core::array::from_fn(|i| scale[channel(i)]);
        store4(transpose(load4(bytes(&words))), &mut rest[QUADS..]);
    }
}

fn bytes(words: &[i32; BLOCK]) -> &[u8] {
    // SAFETY: 64 words are 256 initialised bytes.
    unsafe { core::slice::from_raw_parts(words.as_ptr().cast(), QUADS) }
}

/// A block of bytes at `at`: 64 in a row, or one piece from each of several pixels `step` bytes apart.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn pixels(line: &[u8], at: usize, pixels: usize, step: usize) -> __m512i {
    let span = if pixels == 1 || step * pixels == BLOCK { BLOCK } else { step * (pixels - 1) + BLOCK / pixels };
    let from = line[at..at + span].as_ptr();
    // SAFETY: `span` bytes were checked.
    unsafe {
        match pixels {
            _ if span == BLOCK => _mm512_loadu_si512(from.cast()),
            2 => {
                let low = _mm512_castsi256_si512(_mm256_loadu_si256(from.cast()));
                _mm512_inserti64x4::<1>(low, _mm256_loadu_si256(from.add(step).cast()))
            }
            _ => {
                let v = _mm512_castsi128_si512(_mm_loadu_si128(from.cast()));
                let v = _mm512_inserti32x4::<1>(v, _mm_loadu_si128(from.add(step).cast()));
                let v = _mm512_inserti32x4::<2>(v, _mm_loadu_si128(from.add(2 * step).cast()));
                _mm512_inserti32x4::<3>(v, _mm_loadu_si128(from.add(3 * step).cast()))
            }
        }
    }
}

/// Quads of the columns from `first` on, for the block of channels at `channel`, of all sets.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn fill_quads(
    s: &ConvShape,
    layout: &Layout,
    ring: &[u8],
    row: Row,
    (channel, first): (usize, usize),
    quads: &mut [u8],
) {
    let line_len = layout.window.line_len();
    let step = s.stride_w * s.in_c;
    for set in 0..layout.sets {
        // Rows beyond the kernel are multiplied by zeros: any line will do.
        let line = |i: usize| {
            let ky = (4 * set + i).min(s.k_h - 1);
            &ring[(row.slot + ky * s.dilation_h) % layout.window.lines * line_len + channel..]
        };
        let lines = [line(0), line(1), line(2), line(3)];
        for (i, to) in quads.chunks_exact_mut(QUADS).skip(set).step_by(layout.sets).enumerate() {
            let at = (first + i) * s.in_c;
            let rows = [
                pixels(lines[0], at, layout.pixels, step),
                pixels(lines[1], at, layout.pixels, step),
                pixels(lines[2], at, layout.pixels, step),
                pixels(lines[3], at, layout.pixels, step),
            ];
            store4(interleave(rows), to);
        }
    }
}

/// Accumulators of the block whose first tap column is at `quads`; `K` is the number of quads per channel if it is known.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn dot<const K: usize>(weights: &[[__m512i; 4]; K], bias: [__m512i; 4], quads: &[u8], step: usize) -> [__m512i; 4] {
    let mut acc = bias;
    for (k, w) in weights.iter().enumerate() {
        let x = load4(&quads[k * step..]);
        for j in 0..4 {
            acc[j] = _mm512_dpbusd_epi32(acc[j], x[j], w[j]);
        }
    }
    acc
}

/// As [`dot`], with the weights in memory.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn dot_any(weights: &[u8], bias: [__m512i; 4], quads: &[u8], (sets, step): (usize, usize)) -> [__m512i; 4] {
    let mut acc = bias;
    for (k, w) in weights.chunks_exact(QUADS).enumerate() {
        let (x, w) = (load4(&quads[k / sets * step + k % sets * QUADS..]), load4(w));
        for j in 0..4 {
            acc[j] = _mm512_dpbusd_epi32(acc[j], x[j], w[j]);
        }
    }
    acc
}

/// Writes up to 64 codes of the accumulators of one block to `to`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn finish(even: &F32Even, scale: [__m512i; 4], acc: [__m512i; 4], to: &mut [i8]) {
    let scale = [
        _mm512_castsi512_ps(scale[0]),
        _mm512_castsi512_ps(scale[1]),
        _mm512_castsi512_ps(scale[2]),
        _mm512_castsi512_ps(scale[3]),
    ];
    let codes = even.codes_by_lane(acc, scale);
    let mask = if to.len() >= BLOCK { !0 } else { (1 << to.len()) - 1 };
    // SAFETY: the lanes beyond the end of `to` are masked off.
    unsafe { _mm512_mask_storeu_epi8(to.as_mut_ptr(), mask, codes) };
}

#[cold]
#[target_feature(enable = "avx512f")]
fn finish_slowly(requant: &RequantData<'_>, channel: usize, acc: [__m512i; 4], to: &mut [i8]) {
    for (i, acc) in transpose(acc).into_iter().enumerate() {
        for (j, to) in to.iter_mut().skip(16 * i).take(16).enumerate() {
            let c = (channel + 16 * i + j) % requant.channels;
            *to = code_of_lane(requant, acc, [c, j]);
        }
    }
}

/// See [`Depthwise`].
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) unsafe fn depthwise(step: &Depthwise, data: DepthwiseData<'_>) {
    let s = &step.shape;
    if s.out_c != s.in_c {
        return scalar::depthwise(step, data);
    }
    let layout = Layout::new(s);
    let DepthwiseData { input, output, requant, tables: all_tables, scratch, .. } = data;
    assert_eq!(all_tables.len(), layout.blocks * layout.lens[2], "tables were made for another shape or set");
    let (ring, quads) = scratch.split_at_mut(layout.lens[0]);
    let even = F32Even::new(&requant.rule);
    let simple = is_f32_even(&requant);
    let taps_len = s.k_w * layout.sets * QUADS;
    let (tap_step, pixel_step) = (s.dilation_w * layout.sets * QUADS, layout.pixels * s.stride_w * layout.sets * QUADS);
    let ring = (view_mut::<u8>(ring), step.pad_value.cast_unsigned() ^ 0x80);
    let rows = (s, &layout.window, 0..layout.window.rows);
    for_each_row(rows, input, ring, super::to_unsigned, |ring: &[u8], row: Row| {
        for (block, tables) in all_tables.chunks_exact(layout.lens[2]).take(layout.blocks).enumerate() {
            let channel = block * BLOCK;
            let (weights, rest) = tables.split_at(taps_len);
            let (bias, scale) = (load4(rest), load4(&rest[QUADS..]));
            let known = core::array::from_fn(|k| load4(&tables[(k * QUADS).min(taps_len - QUADS)..]));
            let mut x = 0;
            while x < row.count {
                let groups = (row.count - x).div_ceil(layout.pixels).min(CHUNK);
                let columns = (groups - 1) * layout.pixels * s.stride_w + (s.k_w - 1) * s.dilation_w + 1;
                let quads = &mut quads[..columns * layout.sets * QUADS];
                fill_quads(s, &layout, ring, row, (channel, x * s.stride_w), quads);
                for group in 0..groups {
                    let seen = &quads[group * pixel_step..];
                    let acc = if s.k_w == 3 && layout.sets == 1 {
                        dot::<3>(&known, bias, seen, tap_step)
                    } else {
                        dot_any(weights, bias, seen, (layout.sets, tap_step))
                    };
                    let at = (row.pixel + x + group * layout.pixels) * s.out_c + channel;
                    let left = if layout.pixels == 1 {
                        s.out_c - channel
                    } else {
                        (row.count - x - group * layout.pixels) * s.out_c
                    };
                    let to = &mut output[at..at + left.min(BLOCK)];
                    if simple {
                        finish(&even, scale, acc, to);
                    } else {
                        finish_slowly(&requant, channel, acc, to);
                    }
                }
                x += groups * layout.pixels;
            }
        }
    });
}
