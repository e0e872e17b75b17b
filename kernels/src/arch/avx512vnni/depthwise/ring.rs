//! Kernels of any size, over a ring of padded lines.
//!
//! Quads are made once per column and used by every tap column that sees it. With 8, 16 or 32 channels a block is 8, 4 or 2
//! neighbouring pixels.

use core::arch::x86_64::*;

use super::finish::Finish;
use super::tables::{HEADER, block_len};
use super::vectors::{interleave, load};
use super::{BLOCK, Block, QUADS};
use crate::arch::rows::{Row, for_each_row};
use crate::ops::conv::ConvShape;
use crate::ops::depthwise::DepthwiseData;
use crate::ops::window::Window;
use crate::span::view_mut;

/// Blocks of pixels whose quads are held at a time.
const CHUNK: usize = 32;

/// How the work is cut.
struct Layout {
    window: Window,
    /// Pixels per block.
    pixels: usize,
    /// Groups of four kernel rows.
    sets: usize,
    /// Bytes of the ring, of the quads.
    lens: [usize; 2],
}

impl Layout {
    fn new(s: &ConvShape) -> Layout {
        let window = Window::new(s, 1);
        let pixels = pixels(s);
        let sets = s.k_h.div_ceil(4);
        let groups = window.width.div_ceil(pixels).clamp(1, CHUNK);
        let columns = (groups - 1) * pixels * s.stride_w + (s.k_w - 1) * s.dilation_w + 1;
        // A block may reach over the last column.
        let ring = window.bytes() + (BLOCK * s.stride_w).next_multiple_of(64);
        Layout { window, pixels, sets, lens: [ring, columns * sets * QUADS] }
    }
}

/// Pixels per block.
fn pixels(s: &ConvShape) -> usize {
    match (s.in_c, s.stride_w) {
        (8, 1) => 8,
        (16, _) => 4,
        (32, _) => 2,
        _ => 1,
    }
}

/// The blocks; the last may have fewer channels than 64.
pub(super) fn blocks(s: &ConvShape) -> impl Iterator<Item = Block> {
    let width = BLOCK / pixels(s);
    (0..s.in_c).step_by(BLOCK).map(move |start| Block { start, width })
}

/// Bytes of scratch space.
pub(super) fn scratch_len(s: &ConvShape) -> usize {
    Layout::new(s).lens.into_iter().sum()
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

/// A block of bytes at `at`: 64 in a row, or one piece from each of several pixels `step` bytes apart.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn pieces(line: &[u8], at: usize, pixels: usize, step: usize) -> __m512i {
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
                pieces(lines[0], at, layout.pixels, step),
                pieces(lines[1], at, layout.pixels, step),
                pieces(lines[2], at, layout.pixels, step),
                pieces(lines[3], at, layout.pixels, step),
            ];
            store4(interleave(rows), to);
        }
    }
}

/// Where the quads of a group of pixels lie.
#[derive(Clone, Copy)]
struct Steps {
    /// Groups of four kernel rows.
    sets: usize,
    /// Bytes from tap column to tap column.
    tap: usize,
    /// Bytes from group to group.
    group: usize,
}

/// Accumulators of `G` groups of pixels; the first tap column of the first is at `quads`.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn dot<const G: usize>(weights: &[u8], bias: [__m512i; 4], quads: &[u8], steps: Steps) -> [[__m512i; 4]; G] {
    let mut acc = [bias; G];
    for (kx, weights) in weights.chunks_exact(steps.sets * QUADS).enumerate() {
        for (set, w) in weights.chunks_exact(QUADS).enumerate() {
            let w: [__m512i; 4] = load(w);
            for (g, acc) in acc.iter_mut().enumerate() {
                let x: [__m512i; 4] = load(&quads[kx * steps.tap + set * QUADS + g * steps.group..]);
                for j in 0..4 {
                    acc[j] = _mm512_dpbusd_epi32(acc[j], x[j], w[j]);
                }
            }
        }
    }
    acc
}

/// See [`super::depthwise`]; `s` is clipped.
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) fn depthwise(s: &ConvShape, pad: i8, data: DepthwiseData<'_>) {
    let layout = Layout::new(s);
    let DepthwiseData { input, output, requant, tables, scratch, .. } = data;
    let (ring, quads) = scratch.split_at_mut(layout.lens[0]);
    let finish = Finish::new(&requant, false);
    let taps_len = s.k_w * layout.sets * QUADS;
    let column = layout.sets * QUADS;
    let steps = Steps { sets: layout.sets, tap: s.dilation_w * column, group: layout.pixels * s.stride_w * column };
    let ring = (view_mut::<u8>(ring), pad.cast_unsigned() ^ 0x80);
    for_each_row((s, &layout.window), input, ring, super::super::to_unsigned, |ring: &[u8], row: Row| {
        for (block, tables) in blocks(s).zip(tables[HEADER..].chunks_exact(block_len(s))) {
            let (weights, rest) = tables.split_at(taps_len);
            let (bias, scale) = (load(rest), load(&rest[QUADS..]));
            let output = &mut output[row.pixel * s.out_c..][..row.count * s.out_c];
            let mut x = 0;
            while x < row.count {
                let groups = (row.count - x).div_ceil(layout.pixels).min(CHUNK);
                let columns = (groups - 1) * layout.pixels * s.stride_w + (s.k_w - 1) * s.dilation_w + 1;
                let quads = &mut quads[..columns * layout.sets * QUADS];
                fill_quads(s, &layout, ring, row, (block.start, x * s.stride_w), quads);
                let mut write = |group: usize, acc: [__m512i; 4]| {
                    let to = &mut output[(x + group * layout.pixels) * s.out_c + block.start..];
                    let len = if layout.pixels > 1 { to.len() } else { s.out_c - block.start };
                    let to = &mut to[..len.min(BLOCK)];
                    let mask = !0 >> (BLOCK - to.len());
                    // SAFETY: this function has the features; the lanes beyond the end of `to` are masked off.
                    unsafe {
                        let codes = finish.codes::<false>(acc, [scale, scale], block);
                        _mm512_mask_storeu_epi8(to.as_mut_ptr(), mask, codes);
                    }
                };
                for group in (0..groups).step_by(2) {
                    let seen = &quads[group * steps.group..];
                    if group + 1 < groups {
                        let [a, b] = dot(weights, bias, seen, steps);
                        write(group, a);
                        write(group + 1, b);
                    } else {
                        let [a] = dot(weights, bias, seen, steps);
                        write(group, a);
                    }
                }
                x += groups * layout.pixels;
            }
        }
    });
}
