//! What is made of weights and requantisation while lowering.
//!
//! A header of 64 bytes (byte 0: whether [`Epilogue::Relu`] holds), then for each block: quads of weights per tap column and set of
//! four kernel rows (for walks of two rows once more, a row further down), bias, scale and `−2²³ · scale` (walks), 32 bits per
//! byte of the block. All in the order of quads.

use super::super::requant::TWO_23;
use super::finish::Epilogue;
use super::{BLOCK, Block, QUADS, blocks, ring, walk};
use crate::arith::RequantData;
use crate::ops::conv::ConvShape;
use crate::ops::depthwise::clipped;
use crate::span::view;

/// Bytes before the first block.
pub(super) const HEADER: usize = 64;

/// Bytes per block of a clipped shape.
pub(super) fn block_len(s: &ConvShape) -> usize {
    if walk::takes(s) { (s.k_w * walk::tables(s) + 3) * QUADS } else { (s.k_w * s.k_h.div_ceil(4) + 2) * QUADS }
}

/// Bytes of the tables of all blocks; none where the portable kernel runs.
pub(in super::super) fn tables_len(s: &ConvShape) -> usize {
    if s.in_c != s.out_c {
        return 0;
    }
    let (s, _) = clipped(s);
    HEADER + block_len(&s) * if walk::takes(&s) { blocks(s.out_c).count() } else { ring::blocks(&s).count() }
}

/// The weights of a clipped kernel, by channel.
struct Source<'a> {
    whole: &'a ConvShape,
    s: ConvShape,
    first: [usize; 2],
    weights: &'a [i8],
    requant: &'a RequantData<'a>,
    pad: i8,
}

impl Source<'_> {
    fn weight(&self, ky: usize, kx: usize, c: usize) -> i8 {
        let (ky, kx) = (self.first[0] + ky, self.first[1] + kx);
        self.weights[(ky * self.whole.k_w + kx) * self.whole.out_c.next_multiple_of(64) + c]
    }

    /// Bias for unsigned codes (code + 128) of the taps that are left; the smallest and largest accumulators.
    fn bias(&self, c: usize) -> (i32, [i64; 2]) {
        let all = self.weights.iter().skip(c).step_by(self.whole.out_c.next_multiple_of(64));
        let all: i32 = all.map(|&w| i32::from(w)).sum();
        let mut sums = [0_i32; 2];
        for ky in 0..self.s.k_h {
            for kx in 0..self.s.k_w {
                let w = i32::from(self.weight(ky, kx, c));
                sums[usize::from(w > 0)] += w;
            }
        }
        let kept = sums[0] + sums[1];
        let dropped = all - kept;
        let bias = self.requant.bias[c]
            .wrapping_sub(kept.wrapping_mul(128))
            .wrapping_add(dropped.wrapping_mul(self.pad.into()));
        (bias, sums.map(|sum| i64::from(bias) + 255 * i64::from(sum)))
    }

    /// [`Epilogue::Relu`].
    fn is_relu(&self) -> bool {
        let fits = |c| {
            let (_, [least, most]) = self.bias(c);
            least > -1 << 26 && most < 1 << 23
        };
        self.requant.is_relu() && (0..self.s.out_c).all(fits)
    }

    /// The tables of one block.
    fn fill(&self, Block { start, width }: Block, relu: bool, to: &mut [u8]) {
        let walks = walk::takes(&self.s);
        let sets = if walks { walk::tables(&self.s) } else { self.s.k_h.div_ceil(4) };
        let factors: &[f32] = match Epilogue::of(self.requant) {
            Epilogue::BelowOne | Epilogue::Even => view(self.requant.multiplier),
            Epilogue::Relu | Epilogue::Any => &[],
        };
        for place in 0..BLOCK {
            // Vector, 128-bit lane, channel of four.
            let i = place / 4 % 4 * 16 + place / 16 * 4 + place % 4;
            let c = start + i % width;
            let mut tables = to.chunks_exact_mut(QUADS).map(|table| &mut table[4 * place..][..4]);
            let mut next = |bytes: [u8; 4]| {
                if let Some(table) = tables.next() {
                    table.copy_from_slice(&bytes);
                }
            };
            for group in 0..self.s.k_w * sets {
                // Tables of a walk: all columns of the first, then of the second row. Of a ring: all sets of a column.
                let (kx, down) = if walks { (group % self.s.k_w, group / self.s.k_w) } else { (group / sets, 0) };
                let first = if walks { 0 } else { 4 * (group % sets) };
                next(core::array::from_fn(|j| match (first + j).checked_sub(down) {
                    Some(ky) if ky < self.s.k_h => self.weight(ky, kx, c).cast_unsigned(),
                    _ => 0,
                }));
            }
            let bias = self.bias(c).0.wrapping_add(if relu { TWO_23 } else { 0 });
            let scale = factors.get(c).copied().unwrap_or_default();
            next(bias.to_ne_bytes());
            next(scale.to_ne_bytes());
            next((scale * -8_388_608.0).to_ne_bytes());
        }
    }
}

/// The tables of all blocks.
pub(in super::super) fn tables(s: &ConvShape, weights: &[i8], (requant, pad): (&RequantData<'_>, i8), to: &mut [u8]) {
    let (c, first) = clipped(s);
    let source = Source { whole: s, s: c, first, weights, requant, pad };
    let walks = walk::takes(&c);
    let relu = walks && source.is_relu();
    let (header, rest) = to.split_at_mut(HEADER);
    header.fill(0);
    header[0] = relu.into();
    let targets = rest.chunks_exact_mut(block_len(&c));
    if walks {
        blocks(c.out_c).zip(targets).for_each(|(block, to)| source.fill(block, relu, to));
    } else {
        ring::blocks(&c).zip(targets).for_each(|(block, to)| source.fill(block, false, to));
    }
}
