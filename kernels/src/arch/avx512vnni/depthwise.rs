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
        let columns = if is_sliding(s) { 0 } else { columns };
        let tables = s.k_w * sets * QUADS + 2 * QUADS;
        Layout { window, blocks: s.out_c.div_ceil(BLOCK), pixels, sets, lens: [ring, columns * sets * QUADS, tables] }
    }
}

/// Whether [`slide`] takes it.
fn is_sliding(s: &ConvShape) -> bool {
    (s.k_h, s.k_w) == (3, 3) && s.dilation_w == 1
}

/// Bytes of scratch space.
pub(super) fn scratch_len(s: &ConvShape) -> usize {
    let layout = Layout::new(s);
    layout.lens[0] + layout.lens[1]
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

/// Bytes of the tables of all blocks; none where the portable kernel runs.
pub(super) fn tables_len(s: &ConvShape) -> usize {
    if s.in_c != s.out_c {
        return 0;
    }
    let layout = Layout::new(s);
    layout.blocks * layout.lens[2]
}

/// The tables of all blocks: quads of weights per tap column and set, then bias (with the offset of the unsigned codes taken out)
/// and scale, all in the order of quads.
pub(super) fn tables(s: &ConvShape, weights: &[i8], requant: &RequantData<'_>, to: &mut [u8]) {
    let layout = Layout::new(s);
    let row_len = s.out_c.next_multiple_of(64);
    let factors: &[i32] = if is_f32_even(requant) { view(requant.multiplier) } else { &[] };
    for (block, to) in to.chunks_exact_mut(layout.lens[2]).enumerate() {
        let (quads, rest) = to.split_at_mut(s.k_w * layout.sets * QUADS);
        let (bias, scale) = rest.split_at_mut(QUADS);
        for place in 0..BLOCK {
            // Vector, 128-bit lane, channel of four.
            let i = place / 4 % 4 * 16 + place / 16 * 4 + place % 4;
            let c = if layout.pixels > 1 { i % s.out_c } else { block * BLOCK + i };
            let mut sum = 0;
            for (group, quads) in quads.chunks_exact_mut(QUADS).enumerate() {
                let (kx, set) = (group / layout.sets, group % layout.sets);
                for (j, to) in quads[4 * place..][..4].iter_mut().enumerate() {
                    let ky = 4 * set + j;
                    let w = if ky < s.k_h { weights[(ky * s.k_w + kx) * row_len + c] } else { 0 };
                    *to = w.cast_unsigned();
                    sum += i32::from(w);
                }
            }
            bias[4 * place..][..4].copy_from_slice(&requant.bias[c].wrapping_sub(128 * sum).to_ne_bytes());
            let factor = factors.get(c).copied().unwrap_or_default();
            scale[4 * place..][..4].copy_from_slice(&factor.to_ne_bytes());
        }
    }
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

/// Accumulators of the block whose first tap column is at `quads`.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn dot(weights: &[u8], bias: [__m512i; 4], quads: &[u8], (sets, step): (usize, usize)) -> [__m512i; 4] {
    let mut acc = bias;
    for (k, w) in weights.chunks_exact(QUADS).enumerate() {
        let (x, w) = (load4(&quads[k / sets * step + k % sets * QUADS..]), load4(w));
        for j in 0..4 {
            acc[j] = _mm512_dpbusd_epi32(acc[j], x[j], w[j]);
        }
    }
    acc
}

/// Where the codes of one block of channels of one row go, and by which rule.
struct Target<'a> {
    requant: &'a RequantData<'a>,
    even: F32Even,
    scale: [__m512i; 4],
    channel: usize,
    /// The row's pixels.
    output: &'a mut [i8],
    channels: usize,
    /// Whether a block is several pixels.
    several: bool,
}

impl Target<'_> {
    /// Writes up to 64 codes of the group of pixels that starts at column `x`.
    ///
    /// # Safety
    /// The caller has the features of this file. (Without features of its own, this is always inlined.)
    #[inline(always)]
    unsafe fn write(&mut self, x: usize, acc: [__m512i; 4]) {
        let row = &mut self.output[x * self.channels + self.channel..];
        let len = if self.several { row.len() } else { self.channels - self.channel };
        let to = &mut row[..len.min(BLOCK)];
        if !is_f32_even(self.requant) {
            // SAFETY: the caller vouches for the CPU.
            return unsafe { finish_slowly(self.requant, self.channel, acc, to) };
        }
        let mask = !0 >> (BLOCK - to.len());
        // SAFETY: the caller vouches for the CPU; the lanes beyond the end of `to` are masked off.
        unsafe {
            let codes = self.even.codes_by_lane(acc, self.scale.map(|v| _mm512_castsi512_ps(v)));
            _mm512_mask_storeu_epi8(to.as_mut_ptr(), mask, codes);
        }
    }
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

/// The lines under a row of a 3×3 kernel, from the first channel of a block on.
struct Lines<'a> {
    lines: [&'a [u8]; 3],
    /// Pixels of a block; bytes between two of them.
    pixels: usize,
    step: usize,
}

impl Lines<'_> {
    /// Quads at byte `at`. The fourth row is multiplied by zeros.
    ///
    /// # Safety
    /// The caller has the features of this file. (Without features of its own, this is always inlined.)
    #[inline(always)]
    unsafe fn quads(&self, at: usize) -> [__m512i; 4] {
        // SAFETY: the caller vouches for the CPU.
        unsafe {
            let [a, b, c] = if self.pixels == 1 || self.pixels * self.step == BLOCK {
                [vector(self.lines[0], at), vector(self.lines[1], at), vector(self.lines[2], at)]
            } else {
                self.lines.map(|line| pixels(line, at, self.pixels, self.step))
            };
            interleave([a, b, c, c])
        }
    }
}

/// One row of a 3×3 kernel for one block of channels. Quads stay in registers: of the three tap columns of a group of pixels,
/// `FRESH` (1, 2 or 3) are new, the others were those of the group before.
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn slide<const FRESH: usize>(lines: &Lines<'_>, in_c: usize, tables: &[u8], groups: usize, to: &mut Target<'_>) {
    let weights = [load4(tables), load4(&tables[QUADS..]), load4(&tables[2 * QUADS..])];
    let bias = load4(&tables[3 * QUADS..]);
    // SAFETY: this function has the features.
    let (mut left, mut middle) = unsafe { (lines.quads(0), lines.quads(in_c)) };
    for group in 0..groups {
        let at = group * lines.pixels * lines.step;
        if FRESH > 2 {
            // SAFETY: as above.
            left = unsafe { lines.quads(at) };
        }
        if FRESH > 1 {
            // SAFETY: as above.
            middle = unsafe { lines.quads(at + in_c) };
        }
        // SAFETY: as above.
        let right = unsafe { lines.quads(at + 2 * in_c) };
        let mut acc = bias;
        for (x, w) in [&left, &middle, &right].into_iter().zip(&weights) {
            for j in 0..4 {
                acc[j] = _mm512_dpbusd_epi32(acc[j], x[j], w[j]);
            }
        }
        // SAFETY: as above.
        unsafe { to.write(group * lines.pixels, acc) };
        (left, middle) = if FRESH == 1 { (middle, right) } else { (right, middle) };
    }
}

/// One vector at `at`.
#[inline]
#[target_feature(enable = "avx512f")]
fn vector(line: &[u8], at: usize) -> __m512i {
    let from: &[u8; BLOCK] = line[at..at + BLOCK].try_into().expect("cut to length");
    // SAFETY: the array is one vector.
    unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
}

/// See [`Depthwise`].
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) unsafe fn depthwise(step: &Depthwise, data: DepthwiseData<'_>) {
    let s = &step.shape;
    if s.out_c != s.in_c {
        return scalar::depthwise(step, data);
    }
    let layout = Layout::new(s);
    let DepthwiseData { input, output, requant, tables, scratch, .. } = data;
    assert_eq!(tables.len(), layout.blocks * layout.lens[2], "tables were made for another shape or set");
    let (ring, quads) = scratch.split_at_mut(layout.lens[0]);
    let even = F32Even::new(&requant.rule);
    let taps_len = s.k_w * layout.sets * QUADS;
    let (tap_step, pixel_step) = (s.dilation_w * layout.sets * QUADS, layout.pixels * s.stride_w * layout.sets * QUADS);
    let line_len = layout.window.line_len();
    let ring = (view_mut::<u8>(ring), step.pad_value.cast_unsigned() ^ 0x80);
    for_each_row((s, &layout.window), input, ring, super::to_unsigned, |ring: &[u8], row: Row| {
        for (block, tables) in tables.chunks_exact(layout.lens[2]).enumerate() {
            let channel = block * BLOCK;
            let (weights, rest) = tables.split_at(taps_len);
            let (bias, scale) = (load4(rest), load4(&rest[QUADS..]));
            let output = &mut output[row.pixel * s.out_c..][..row.count * s.out_c];
            let several = layout.pixels > 1;
            let mut target = Target { requant: &requant, even, scale, channel, output, channels: s.out_c, several };
            if is_sliding(s) {
                let line =
                    |ky: usize| &ring[(row.slot + ky * s.dilation_h) % layout.window.lines * line_len + channel..];
                let lines = [line(0), line(1), line(2)];
                let lines = Lines { lines, pixels: layout.pixels, step: s.stride_w * s.in_c };
                let groups = row.count.div_ceil(layout.pixels);
                match layout.pixels * s.stride_w {
                    1 => slide::<1>(&lines, s.in_c, tables, groups, &mut target),
                    2 => slide::<2>(&lines, s.in_c, tables, groups, &mut target),
                    _ => slide::<3>(&lines, s.in_c, tables, groups, &mut target),
                }
                continue;
            }
            let mut x = 0;
            while x < row.count {
                let groups = (row.count - x).div_ceil(layout.pixels).min(CHUNK);
                let columns = (groups - 1) * layout.pixels * s.stride_w + (s.k_w - 1) * s.dilation_w + 1;
                let quads = &mut quads[..columns * layout.sets * QUADS];
                fill_quads(s, &layout, ring, row, (channel, x * s.stride_w), quads);
                for group in 0..groups {
                    let seen = &quads[group * pixel_step..];
                    let acc = dot(weights, bias, seen, (layout.sets, tap_step));
                    // SAFETY: this function has the features.
                    unsafe { target.write(x + group * layout.pixels, acc) };
                }
                x += groups * layout.pixels;
            }
        }
    });
}
