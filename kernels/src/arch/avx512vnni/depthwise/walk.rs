//! Kernels of up to three rows and one or three columns, over the image where it lies.
//!
//! A walk makes one output row, or two neighbouring ones, of one block. Quads stay in registers from tap column to tap column. Two
//! rows (at stride 1) see four lines, which fill the quads: the second row has weights of its own, a row further down.

use core::arch::x86_64::*;
use core::mem::MaybeUninit;

use super::finish::Finish;
use super::tables::{HEADER, block_len};
use super::vectors::{gather, interleave, load, pieces, shifted};
use super::{BLOCK, Block, QUADS, blocks};
use crate::ops::conv::ConvShape;
use crate::ops::depthwise::DepthwiseData;
use crate::span::view_mut;

/// Aimed-at bytes of input under the rows that are made block after block.
const STRIP: usize = 64 * 1024;
/// At most so many times are some of a walk's pixels outside of the image.
const EDGES: usize = 8;

/// Whether a clipped shape is for this file.
pub(super) fn takes(s: &ConvShape) -> bool {
    let columns = match s.k_w {
        1 => s.stride_w == 1,
        3 => s.stride_w <= 2 && s.dilation_w == 1,
        _ => false,
    };
    let right = (s.out_w.saturating_sub(1) * s.stride_w + s.k_w).saturating_sub(s.pad_left + s.in_w);
    columns && s.k_h <= 3 && s.pad_left.max(right) <= 2 && (s.in_c == 8 || s.in_c >= 16)
}

/// Whether rows are made two by two.
fn in_pairs(s: &ConvShape) -> bool {
    s.k_w == 3 && s.out_h > 1 && s.stride_w * s.stride_h * s.dilation_h == 1
}

/// Tables of weights: one per row of a walk.
pub(super) fn tables(s: &ConvShape) -> usize {
    if in_pairs(s) { 2 } else { 1 }
}

/// Bytes of scratch space: a line that stands for those outside the image.
pub(super) fn scratch_len(s: &ConvShape) -> usize {
    (s.in_w * s.in_c).next_multiple_of(64)
}

/// See [`super::depthwise`]; `s` is clipped.
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) fn depthwise(s: &ConvShape, pad: i8, data: DepthwiseData<'_>) {
    let DepthwiseData { input, output, requant, tables, scratch, .. } = data;
    let (line_len, row_len) = (s.in_w * s.in_c, s.out_w * s.out_c);
    if line_len * s.in_h == 0 || row_len * s.out_h == 0 {
        return;
    }
    let outside = &mut view_mut::<i8>(scratch)[..line_len];
    outside.fill(pad);
    let outside = &*outside;
    let (header, tables) = tables.split_at(HEADER);
    let relu = header[0] != 0;
    let finish = Finish::new(&requant, relu);
    let (at_once, mut lines) = (self::tables(s), [outside; 4]);
    let strip = (STRIP / (line_len * s.stride_h)).next_multiple_of(2).max(2);
    let images = input.chunks_exact(s.in_h * line_len).zip(output.chunks_exact_mut(s.out_h * row_len));
    for (image, output) in images {
        for (top, output) in (0..).step_by(strip).zip(output.chunks_mut(strip * row_len)) {
            for (block, tables) in blocks(s.in_c).zip(tables.chunks_exact(block_len(s))) {
                let run = choose(s, block, relu);
                let walk = Walk { s, outside, block, edges: edge_columns(s, block), tables, finish: &finish };
                let mut y = top;
                for output in output.chunks_mut(at_once * row_len) {
                    for (i, line) in lines.iter_mut().enumerate() {
                        // A line below the kernel is multiplied by zeros: any will do.
                        let down = i.min(s.k_h + at_once - 2) * s.dilation_h;
                        let row = (y * s.stride_h + down).wrapping_sub(s.pad_top);
                        *line = if row < s.in_h { &image[row * line_len..][..line_len] } else { outside };
                    }
                    let run = run[usize::from(output.len() > row_len)];
                    // SAFETY: this function has the features.
                    unsafe { run(&walk, &lines, output) };
                    y += at_once;
                }
            }
        }
    }
}

/// What makes the rows of a walk.
type Run = unsafe fn(&Walk<'_>, &Lines<'_>, &mut [i8]);

/// The lines of the image that a walk sees.
type Lines<'a> = [&'a [i8]; 4];

/// By how many rows are made.
fn choose(s: &ConvShape, block: Block, relu: bool) -> [Run; 2] {
    if relu { choose_of::<true>(s, block) } else { choose_of::<false>(s, block) }
}

fn choose_of<const RELU: bool>(s: &ConvShape, block: Block) -> [Run; 2] {
    macro_rules! sizes {
        ($k:literal, $s:literal, $rows:literal) => {
            match block.pixels() {
                1 => [run::<1, $k, $s, 1, RELU>, run::<1, $k, $s, $rows, RELU>],
                2 => [run::<2, $k, $s, 1, RELU>, run::<2, $k, $s, $rows, RELU>],
                4 => [run::<4, $k, $s, 1, RELU>, run::<4, $k, $s, $rows, RELU>],
                _ => [run::<8, $k, $s, 1, RELU>, run::<8, $k, $s, $rows, RELU>],
            }
        };
    }
    match (s.k_w, s.stride_w) {
        (1, _) => sizes!(1, 1, 1),
        (_, 1) => sizes!(3, 1, 2),
        _ => sizes!(3, 2, 1),
    }
}

/// What the walks of a block share.
struct Walk<'a> {
    s: &'a ConvShape,
    /// A line outside of the image.
    outside: &'a [i8],
    block: Block,
    /// [`edge_columns`].
    edges: ([usize; EDGES], usize),
    tables: &'a [u8],
    finish: &'a Finish<'a>,
}

/// Makes `ROWS` rows, `P` pixels at a time, of a kernel with `K` columns and stride `S`.
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn run<const P: usize, const K: usize, const S: usize, const ROWS: usize, const RELU: bool>(
    walk: &Walk<'_>,
    lines: &Lines<'_>,
    output: &mut [i8],
) {
    let (weights, rest) = walk.tables.split_at(walk.tables.len() - 3 * QUADS);
    let [bias, scale, shift] = [load(rest), load(&rest[QUADS..]), load(&rest[2 * QUADS..])];
    let weights = &weights[..ROWS * K * QUADS];
    let (first, second) = output.split_at_mut(walk.s.out_w * walk.s.out_c);
    // SAFETY: this function has the features.
    unsafe {
        let mut edges = Edges { quads: [MaybeUninit::uninit(); EDGES], used: 0 };
        if P > 1 {
            walk.edges::<P, S>(lines, &mut edges);
        }
        let zero = [_mm512_setzero_si512(); 4];
        let (mut a, mut b) = (zero, zero);
        if K == 3 {
            a = walk.quads::<P, S, ROWS>(lines, 0, &mut edges);
            if S == 1 && P == 1 {
                b = walk.quads::<P, S, ROWS>(lines, 1, &mut edges);
            }
        }
        for x in (0..walk.s.out_w).step_by(P) {
            let taps = if K == 1 {
                [walk.quads::<P, S, ROWS>(lines, x, &mut edges), zero, zero]
            } else if S == 2 {
                let odd = walk.quads::<P, S, ROWS>(lines, 2 * x + 1, &mut edges);
                let next = walk.quads::<P, S, ROWS>(lines, 2 * (x + P), &mut edges);
                let taps = [a, odd, shifted::<P, 1>(a, next)];
                a = next;
                taps
            } else if P == 1 {
                let next = walk.quads::<P, S, ROWS>(lines, x + 2, &mut edges);
                let taps = [a, b, next];
                (a, b) = (b, next);
                taps
            } else {
                let next = walk.quads::<P, S, ROWS>(lines, x + P, &mut edges);
                let taps = [a, shifted::<P, 1>(a, next), shifted::<P, 2>(a, next)];
                a = next;
                taps
            };
            // There are more weights than registers: each is read where it is used.
            let weights = read_anew(weights);
            for row in 0..ROWS {
                let mut acc = bias;
                for (k, x) in taps.iter().enumerate().take(K) {
                    for j in 0..4 {
                        let w = weights.add(((row * K + k) * 4 + j) * BLOCK);
                        acc[j] = _mm512_dpbusd_epi32(acc[j], x[j], _mm512_loadu_si512(w.cast()));
                    }
                }
                let codes = walk.finish.codes::<RELU>(acc, [scale, shift], walk.block);
                walk.store::<P>(codes, x, if row == 0 { first } else { second });
            }
        }
    }
}

/// The place of a table, in a way that keeps the compiler from reading it before a loop and copying what it read to the stack.
#[inline(always)]
fn read_anew(table: &[u8]) -> *const u8 {
    let mut offset = 0_usize;
    // SAFETY: no instruction at all; `offset` stays 0.
    unsafe { core::arch::asm!("/* {0} */", inout(reg) offset, options(nomem, nostack, preserves_flags)) };
    table.as_ptr().wrapping_add(offset)
}

/// The quads of a row at [`edge_columns`], in their order.
struct Edges {
    quads: [MaybeUninit<[__m512i; 4]>; EDGES],
    used: usize,
}

/// The columns (of padded lines) whose quads a walk makes, in their order.
fn columns(s: &ConvShape, pixels: usize) -> impl Iterator<Item = usize> {
    let first = if s.k_w == 3 { Some(0) } else { None };
    let (wide, far) = (s.k_w == 3, s.stride_w == 2);
    let next = (0..s.out_w).step_by(pixels).flat_map(move |x| match (wide, far) {
        (false, _) => [Some(x), None],
        (true, false) => [Some(x + pixels), None],
        (true, true) => [Some(2 * x + 1), Some(2 * (x + pixels))],
    });
    first.into_iter().chain(next.flatten())
}

/// Those of [`columns`] where some of several pixels are outside of the image.
fn edge_columns(s: &ConvShape, block: Block) -> ([usize; EDGES], usize) {
    let (mut edges, mut count) = ([0; EDGES], 0);
    let reach = (block.pixels() - 1) * s.stride_w;
    if reach > 0 {
        for column in columns(s, block.pixels()).filter(|c| c.wrapping_sub(s.pad_left) >= s.in_w.saturating_sub(reach))
        {
            edges[count] = column;
            count += 1;
        }
    }
    (edges, count)
}

impl Walk<'_> {
    /// Quads of unsigned codes of `P` pixels, `S` columns apart, from `column` of the padded lines on.
    ///
    /// # Safety
    /// The caller has the features of [`run`]. (Without features of its own, this is always inlined.)
    #[inline(always)]
    unsafe fn quads<const P: usize, const S: usize, const ROWS: usize>(
        &self,
        lines: &Lines<'_>,
        column: usize,
        edges: &mut Edges,
    ) -> [__m512i; 4] {
        let s = self.s;
        // Wraps left of the image.
        let column = column.wrapping_sub(s.pad_left);
        // SAFETY: the caller vouches for the CPU; that an edge was made is checked.
        unsafe {
            let sign = _mm512_set1_epi8(-128);
            let last = column.wrapping_add((P - 1) * S);
            if column >= s.in_w || last >= s.in_w {
                if P == 1 {
                    return [_mm512_xor_si512(_mm512_set1_epi8(self.outside[0]), sign); 4];
                }
                // They come in the order in which they were made.
                assert!(edges.used < self.edges.1);
                edges.used += 1;
                return edges.quads[edges.used - 1].assume_init();
            }
            let at = column * s.in_c + self.block.start;
            let mut rows = [sign; 4];
            for (to, line) in rows.iter_mut().zip(lines).take(2 + ROWS) {
                *to = _mm512_xor_si512(pieces::<P>(line, at, S * s.in_c), sign);
            }
            if ROWS == 1 {
                rows[3] = rows[2];
            }
            interleave(rows)
        }
    }

    /// Makes the quads at the edges.
    ///
    /// # Safety
    /// The caller has the features of [`run`]. (Without features of its own, this is always inlined.)
    #[inline(always)]
    unsafe fn edges<const P: usize, const S: usize>(&self, lines: &Lines<'_>, to: &mut Edges) {
        let (columns, count) = &self.edges;
        for (&column, to) in columns[..*count].iter().zip(&mut to.quads) {
            // SAFETY: the caller vouches for the CPU.
            to.write(unsafe { self.edge::<P, S>(lines, column) });
        }
    }

    /// The quads of pixels of which some are outside of the image.
    ///
    /// # Safety
    /// The caller has the features of [`run`]. (Without features of its own, this is always inlined.)
    #[inline(always)]
    unsafe fn edge<const P: usize, const S: usize>(&self, lines: &Lines<'_>, column: usize) -> [__m512i; 4] {
        let (channels, Block { start, width }) = (self.s.in_c, self.block);
        // SAFETY: the caller vouches for the CPU; a whole piece was cut.
        unsafe {
            let mut rows = [_mm512_setzero_si512(); 4];
            for (to, line) in rows.iter_mut().zip(lines) {
                let mut from = [core::ptr::null(); P];
                for (p, from) in from.iter_mut().enumerate() {
                    let column = (column + p * S).wrapping_sub(self.s.pad_left);
                    let piece = if column < self.s.in_w { &line[column * channels + start..] } else { self.outside };
                    *from = piece[..width].as_ptr();
                }
                *to = _mm512_xor_si512(gather::<P>(from), _mm512_set1_epi8(-128));
            }
            interleave(rows)
        }
    }

    /// Writes the codes of `P` pixels from column `x` on.
    ///
    /// # Safety
    /// The caller has the features of [`run`]. (Without features of its own, this is always inlined.)
    #[inline(always)]
    unsafe fn store<const P: usize>(&self, codes: __m512i, x: usize, row: &mut [i8]) {
        let (channels, Block { start, width }) = (self.s.in_c, self.block);
        let to = &mut row[x * channels + start..];
        // SAFETY: the caller vouches for the CPU; what is written was cut from `to`, or its other lanes are masked off.
        unsafe {
            if P == 1 {
                _mm512_storeu_epi8(to[..BLOCK].as_mut_ptr(), codes);
            } else if width == channels {
                if to.len() >= BLOCK {
                    _mm512_storeu_epi8(to.as_mut_ptr(), codes);
                } else {
                    _mm512_mask_storeu_epi8(to.as_mut_ptr(), (1 << to.len()) - 1, codes);
                }
            } else if P == 2 {
                let halves = [_mm512_castsi512_si256(codes), _mm512_extracti64x4_epi64::<1>(codes)];
                for (half, to) in halves.into_iter().zip(to.chunks_mut(channels)) {
                    _mm256_storeu_epi8(to[..32].as_mut_ptr(), half);
                }
            } else {
                let quarters = [
                    _mm512_castsi512_si128(codes),
                    _mm512_extracti32x4_epi32::<1>(codes),
                    _mm512_extracti32x4_epi32::<2>(codes),
                    _mm512_extracti32x4_epi32::<3>(codes),
                ];
                for (quarter, to) in quarters.into_iter().zip(to.chunks_mut(channels)) {
                    _mm_storeu_epi8(to[..16].as_mut_ptr(), quarter);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_few() {
        for (i, pad_left) in (0..3).cycle().take(5000).enumerate() {
            let (k, stride, right) = ([3, 1][i % 2], 1 + i / 2 % 2, i / 4 % 3);
            let in_w = 1 + i / 12 % 40;
            let out_w = (pad_left + in_w + right).saturating_sub(k) / stride + 1;
            let s = ConvShape {
                batch: 1,
                in_h: 1,
                in_w,
                in_c: 8,
                out_h: 1,
                out_w,
                out_c: 8,
                k_h: 1,
                k_w: k,
                stride_h: 1,
                stride_w: stride,
                dilation_h: 1,
                dilation_w: 1,
                pad_top: 0,
                pad_left,
                groups: 8,
            };
            for width in [8, 16, 32, 64] {
                let (_, count) = edge_columns(&s, Block { start: 0, width });
                assert!(!takes(&s) || count <= EDGES, "{s:?}");
            }
        }
    }
}
