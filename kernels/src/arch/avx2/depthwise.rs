//! int8 depthwise convolution with `vpmaddwd`: two kernel rows at a time.
//!
//! The lines of the padded image are held two by two (lines 0 and 1, 2 and 3, …) in a ring of *slots*: for 16 channels of a column,
//! the codes of both, widened to 16 bits and interleaved to pairs. One multiply-add then does two taps. A kernel whose first row
//! sees the second line of a slot has its weights a row further down. Interleaving works within 128-bit lanes: the first vector
//! has channels 0–3 and 8–11, the second 4–7 and 12–15, which is the order that packing the accumulators to bytes undoes.

use core::arch::x86_64::*;

use super::requant::{F32Even, code_of_lane, is_f32_even};
use crate::arch::scalar;
use crate::arith::RequantData;
use crate::ops::conv::ConvShape;
use crate::ops::depthwise::{Depthwise, DepthwiseData};
use crate::span::{view, view_mut};

/// Channels of a block.
const BLOCK: usize = 16;
/// 16-bit numbers of a block of pairs.
const PAIRS: usize = 2 * BLOCK;
/// Pixels of a tile.
const TILE: usize = 4;

/// How the work is cut.
#[derive(Clone, Copy)]
struct Layout {
    /// Lines per slot: 2, or 1 (and the same once more, multiplied by zeros) for a kernel whose rows do not touch.
    per_slot: usize,
    /// In how many of a slot's lines a kernel may begin.
    phases: usize,
    /// Slots that a kernel sees.
    taps: usize,
    /// Slots in the ring.
    slots: usize,
    /// Blocks per pixel.
    blocks: usize,
    /// Columns of a slot.
    columns: usize,
}

impl Layout {
    fn new(s: &ConvShape) -> Layout {
        let per_slot = if s.dilation_h == 1 { 2 } else { 1 };
        let phases = if per_slot == 2 && s.stride_h % 2 == 1 && s.out_h > 1 { 2 } else { 1 };
        let taps = (s.k_h + phases - 1).div_ceil(per_slot);
        let slots = taps.saturating_sub(1) * s.dilation_h + 1;
        let columns = s.out_w.saturating_sub(1) * s.stride_w + s.k_w.saturating_sub(1) * s.dilation_w + 1;
        Layout { per_slot, phases, taps, slots, blocks: s.in_c.div_ceil(BLOCK), columns }
    }

    /// 16-bit numbers of a pixel, of a slot.
    fn slot_lens(&self) -> (usize, usize) {
        (self.blocks * PAIRS, self.columns * self.blocks * PAIRS)
    }

    /// 16-bit weights per block.
    fn weights_len(&self, s: &ConvShape) -> usize {
        self.phases * s.k_w * self.taps * PAIRS
    }
}

/// Bytes of scratch space: the ring.
pub(super) fn scratch_len(s: &ConvShape) -> usize {
    let layout = Layout::new(s);
    (layout.slots * layout.slot_lens().1 * size_of::<i16>()).next_multiple_of(64)
}

/// Bytes of the interleaved weights; none where the portable kernel runs.
pub(super) fn tables_len(s: &ConvShape) -> usize {
    let layout = Layout::new(s);
    if s.in_c == s.out_c { layout.blocks * layout.weights_len(s) * size_of::<i16>() } else { 0 }
}

/// The weights of all blocks: for each phase, each tap column, each slot, the two vectors of pairs.
pub(super) fn tables(s: &ConvShape, weights: &[i8], _: (&RequantData<'_>, i8), to: &mut [u8]) {
    let layout = Layout::new(s);
    let row_len = s.out_c.next_multiple_of(64);
    for (block, to) in view_mut::<i16>(to).chunks_exact_mut(layout.weights_len(s)).enumerate() {
        for (i, to) in to.chunks_exact_mut(PAIRS).enumerate() {
            let (phase, kx, tap) = (i / layout.taps / s.k_w, i / layout.taps % s.k_w, i % layout.taps);
            for (j, to) in to.iter_mut().enumerate() {
                // Element `j`: vector, lane, channel of four, line of two.
                let c = block * BLOCK + j / 16 * 4 + j / 8 % 2 * 8 + j / 2 % 4;
                let ky = (tap * layout.per_slot + j % 2).checked_sub(phase).filter(|&ky| ky < s.k_h);
                *to = match ky.filter(|_| j % 2 < layout.per_slot) {
                    Some(ky) => weights[(ky * s.k_w + kx) * row_len + c].into(),
                    None => 0,
                };
            }
        }
    }
}

/// 16 values of a padded table in the order of pairs.
#[inline]
#[target_feature(enable = "avx2")]
fn by_pairs(table: &[i32]) -> [__m256i; 2] {
    let table: &[i32; BLOCK] = table[..BLOCK].try_into().expect("cut to length");
    // SAFETY: the array is two vectors.
    let (a, b) = unsafe {
        let at = table.as_ptr().cast::<__m256i>();
        (_mm256_loadu_si256(at), _mm256_loadu_si256(at.add(1)))
    };
    [_mm256_permute2x128_si256::<0x20>(a, b), _mm256_permute2x128_si256::<0x31>(a, b)]
}

/// Up to 16 codes at `at`, widened. Beyond the line there may be anything.
#[inline]
#[target_feature(enable = "avx2")]
fn widened(line: &[i8], at: usize) -> __m256i {
    let line = &line[at..];
    let codes = if let Some(codes) = line.first_chunk::<BLOCK>() {
        // SAFETY: the array is one vector.
        unsafe { _mm_loadu_si128(codes.as_ptr().cast()) }
    } else {
        let mut codes = [0_i8; BLOCK];
        codes[..line.len()].copy_from_slice(line);
        // SAFETY: as above.
        unsafe { _mm_loadu_si128(codes.as_ptr().cast()) }
    };
    _mm256_cvtepi8_epi16(codes)
}

/// Fills a slot with the pairs of two lines of the image (`None`: outside of it).
#[target_feature(enable = "avx2")]
fn fill_slot((s, layout): (&ConvShape, &Layout), lines: [Option<&[i8]>; 2], pad: i8, slot: &mut [i16]) {
    let pads = _mm256_set1_epi16(pad.into());
    for (x, to) in slot.chunks_exact_mut(layout.slot_lens().0).enumerate() {
        let column = x.wrapping_sub(s.pad_left);
        for (block, to) in to.chunks_exact_mut(PAIRS).enumerate() {
            let mut rows = [pads; 2];
            if column < s.in_w {
                for (row, line) in rows.iter_mut().zip(lines) {
                    if let Some(line) = line {
                        *row = widened(line, column * s.in_c + block * BLOCK);
                    }
                }
            }
            // SAFETY: the chunk is two vectors.
            unsafe {
                let at = to.as_mut_ptr().cast::<__m256i>();
                _mm256_storeu_si256(at, _mm256_unpacklo_epi16(rows[0], rows[1]));
                _mm256_storeu_si256(at.add(1), _mm256_unpackhi_epi16(rows[0], rows[1]));
            }
        }
    }
}

/// What the tiles of a row share.
struct Row<'a> {
    s: &'a ConvShape,
    layout: &'a Layout,
    ring: &'a [i16],
    /// The slot of the first tap.
    slot: usize,
    requant: &'a RequantData<'a>,
    even: &'a F32Even,
    simple: bool,
}

impl Row<'_> {
    /// Accumulators of 16 channels of `P` pixels from `x` on; `K` is 3 for a kernel of three columns and two slots, else 0.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn tile<const P: usize, const K: usize>(
        &self,
        weights: &[i16],
        bias: [__m256i; 2],
        (x, channel): (usize, usize),
    ) -> [[__m256i; 2]; P] {
        let (s, layout) = (self.s, self.layout);
        let (pixel_len, slot_len) = layout.slot_lens();
        let pitch = s.stride_w * pixel_len;
        let mut acc = [bias; P];
        let mut weights = weights.chunks_exact(PAIRS);
        let (k_w, taps) = if K == 3 { (3, 2) } else { (s.k_w, layout.taps) };
        for kx in 0..k_w {
            let at = (x * s.stride_w + kx * s.dilation_w) * pixel_len + 2 * channel;
            let mut slot = self.slot;
            for _ in 0..taps {
                let Some(w) = weights.next() else { return acc };
                let pairs = &self.ring[slot * slot_len + at..][..(P - 1) * pitch + PAIRS];
                slot += s.dilation_h;
                if slot >= layout.slots {
                    slot -= layout.slots;
                }
                // SAFETY: the slices hold the vectors.
                unsafe {
                    let w = w.as_ptr().cast::<__m256i>();
                    let w = [_mm256_loadu_si256(w), _mm256_loadu_si256(w.add(1))];
                    for (p, acc) in acc.iter_mut().enumerate() {
                        let x = pairs.as_ptr().add(p * pitch).cast::<__m256i>();
                        acc[0] = _mm256_add_epi32(acc[0], _mm256_madd_epi16(_mm256_loadu_si256(x), w[0]));
                        acc[1] = _mm256_add_epi32(acc[1], _mm256_madd_epi16(_mm256_loadu_si256(x.add(1)), w[1]));
                    }
                }
            }
        }
        acc
    }

    /// Writes the codes of two pixels (or one, twice) to `[pixels, out_c]`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn write(&self, acc: [[__m256i; 2]; 2], scale: [__m256; 2], (x, channel): ([usize; 2], usize), row: &mut [i8]) {
        let channels = self.s.out_c;
        let valid = (channels - channel).min(BLOCK);
        if !self.simple {
            for (acc, x) in acc.into_iter().zip(x) {
                finish_slowly(self.requant, channel, acc, &mut row[x * channels + channel..][..valid]);
            }
            return;
        }
        let [[a, b], [c, d]] = acc;
        let codes = self.even.codes_by_lane([a, b, c, d], [scale[0], scale[1], scale[0], scale[1]]);
        let codes = _mm256_permute4x64_epi64::<0b11_01_10_00>(codes);
        for (i, x) in x.into_iter().enumerate() {
            let codes = if i == 0 { _mm256_castsi256_si128(codes) } else { _mm256_extracti128_si256::<1>(codes) };
            let to = &mut row[x * channels + channel..][..valid];
            if let Some(to) = to.first_chunk_mut::<BLOCK>() {
                // SAFETY: the array is one vector.
                unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), codes) };
            } else {
                let mut bytes = [0_i8; BLOCK];
                // SAFETY: as above.
                unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), codes) };
                to.copy_from_slice(&bytes[..valid]);
            }
        }
    }

    /// The whole row of one block of channels.
    #[target_feature(enable = "avx2")]
    fn make<const K: usize>(&self, weights: &[i16], channel: usize, output: &mut [i8]) {
        let bias = by_pairs(&self.requant.bias[channel..]);
        let scales: &[i32] = if self.simple { view(self.requant.multiplier) } else { self.requant.bias };
        let [a, b] = by_pairs(&scales[channel..]);
        let scale = [_mm256_castsi256_ps(a), _mm256_castsi256_ps(b)];
        let count = self.s.out_w;
        let mut x = 0;
        while x < count {
            if count < TILE {
                let [acc] = self.tile::<1, K>(weights, bias, (x, channel));
                self.write([acc, acc], scale, ([x, x], channel), output);
                x += 1;
                continue;
            }
            // The last tile may begin inside the one before.
            x = x.min(count - TILE);
            let [a, b, c, d] = self.tile::<TILE, K>(weights, bias, (x, channel));
            self.write([a, b], scale, ([x, x + 1], channel), output);
            self.write([c, d], scale, ([x + 2, x + 3], channel), output);
            x += TILE;
        }
    }
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
    let layout = &Layout::new(s);
    let DepthwiseData { input, output, requant, tables, scratch, .. } = data;
    assert_eq!(tables.len(), tables_len(s), "tables were made for another shape or set");
    let (line_len, row_len) = (s.in_w * s.in_c, s.out_w * s.out_c);
    if line_len * s.in_h * row_len * s.out_h * s.k_h * s.k_w == 0 {
        return;
    }
    let packed: &[i16] = view(tables);
    let ring = view_mut::<i16>(scratch);
    let (even, simple) = (&F32Even::new(requant.rule), is_f32_even(&requant));
    let slot_len = layout.slot_lens().1;
    let images = input.chunks_exact(s.in_h * line_len).zip(output.chunks_exact_mut(s.out_h * row_len));
    for (image, output) in images {
        // Slots below are in the ring.
        let mut fresh = 0;
        for (y, output) in output.chunks_exact_mut(row_len).enumerate() {
            let (first, phase) = (y * s.stride_h / layout.per_slot, y * s.stride_h % layout.per_slot);
            for i in fresh.max(first)..first + layout.slots {
                let mut lines = [None; 2];
                for (j, line) in lines.iter_mut().enumerate() {
                    let row = (i * layout.per_slot + j).wrapping_sub(s.pad_top);
                    *line = if row < s.in_h { Some(&image[row * line_len..][..line_len]) } else { None };
                }
                let slot = &mut ring[i % layout.slots * slot_len..][..slot_len];
                fill_slot((s, layout), lines, step.pad_value, slot);
            }
            fresh = first + layout.slots;
            let (slot, requant) = (first % layout.slots, &requant);
            let row = Row { s, layout, ring, slot, requant, even, simple };
            for (block, weights) in packed.chunks_exact(layout.weights_len(s)).enumerate() {
                let weights = &weights[phase * s.k_w * layout.taps * PAIRS..];
                if (s.k_w, layout.taps) == (3, 2) {
                    row.make::<3>(weights, block * BLOCK, output);
                } else {
                    row.make::<0>(weights, block * BLOCK, output);
                }
            }
        }
    }
}
