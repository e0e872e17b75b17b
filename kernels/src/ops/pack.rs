//! The layout of convolution weights that the kernels read, and what is known of the weights on the way there: their sums.

use crate::arith::{RequantData, Rounding};
use crate::isa::{Isa, PackSpec};
use crate::ops::conv::ConvShape;

/// Sums of the weights of an output channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Of all, wrapping.
    pub all: i32,
    /// Of the positive ones, wrapping.
    pub positive: i32,
}

impl Sums {
    /// Largest and smallest accumulator of a channel with this bias, for a kernel that adds `offset` to each activation code.
    fn range(self, bias: i32, offset: i32) -> [i64; 2] {
        let (positive, negative) = (i64::from(self.positive), i64::from(self.all) - i64::from(self.positive));
        let (least, most) = (i64::from(offset) - 128, i64::from(offset) + 127);
        [positive * least + negative * most, positive * most + negative * least].map(|sum| i64::from(bias) + sum)
    }
}

/// Whether the layer is a ReLU ([`RequantData::is_relu`]) whose accumulators are all above −2²⁶ and below 2²³. `offset` is
/// [`PackSpec::offset`], and the bias has its part taken out.
#[must_use]
pub fn is_small_relu(requant: &RequantData<'_>, sums: &[Sums], offset: i32) -> bool {
    let fits = |(&bias, sums): (&i32, &Sums)| {
        let [least, most] = sums.range(bias, offset);
        least > -1 << 26 && most < 1 << 23
    };
    requant.is_relu() && requant.bias.iter().zip(sums).all(fits)
}

/// Whether codes are what is left of `sum · scale + zero point` in 16 bits when it is rounded once, half to even, and saturated: the layer allows
/// all codes, no such number is larger than 32,000, and the zero point is even, so that adding it leaves numbers half way between two integers
/// at the same choice. `offset` as in [`is_small_relu`].
#[must_use]
pub fn fits_words(requant: &RequantData<'_>, sums: &[Sums], offset: i32) -> bool {
    let rule = requant.rule;
    if rule.rounding != Rounding::F32Even || rule.lo > -128 || rule.hi < 127 || rule.zero_point % 2 != 0 {
        return false;
    }
    let scales: &[f32] = crate::span::view(requant.multiplier);
    let fits = |((&bias, &scale), sums): ((&i32, &f32), &Sums)| {
        sums.range(bias, offset)
            .iter()
            .all(|sum| sum.unsigned_abs() < 1 << 30 && sum.unsigned_abs() as f32 * scale.abs() < 32_000.0)
    };
    requant.bias.iter().zip(scales).zip(sums).all(fits)
}

/// How the weights of a channel are packed: in so many runs of so many, in blocks of so many.
fn layout(spec: PackSpec, shape: &ConvShape) -> [usize; 3] {
    let (runs, run_len) = shape.runs();
    match spec.joined(shape) {
        Some(kr) => [1, shape.k_h * runs * run_len, kr],
        None => [shape.k_h * runs, run_len, spec.kr],
    }
}

/// Bytes that [`pack`] writes.
#[must_use]
pub fn packed_len(spec: PackSpec, shape: &ConvShape) -> usize {
    let [runs, run_len, kr] = layout(spec, shape);
    let depth = runs * run_len.next_multiple_of(kr);
    shape.groups * (shape.out_c / shape.groups).next_multiple_of(spec.nr) * depth
}

/// Lays OHWI weights out in tiles: for each group, each block of `nr` output channels, each run of inputs ([`ConvShape::runs`], [`PackSpec::joined`]),
/// each block of `kr` inputs: `nr × kr` codes, channel by channel; zeros fill the edges, and stand for channels that only scratch
/// space has ([`PackSpec::held_channels`]). `sums` becomes the sums of each output
/// channel's weights: they are read while they are at hand.
///
/// # Panics
/// If a length is wrong.
pub fn pack(spec: PackSpec, shape: &ConvShape, ohwi: &[i8], packed: &mut [i8], sums: &mut [Sums]) {
    assert_eq!(packed.len(), packed_len(spec, shape));
    let [runs, run_len, kr] = layout(spec, shape);
    let depth = runs * run_len;
    assert_eq!((ohwi.len(), sums.len()), (shape.out_c * depth, shape.out_c));
    if packed.len() != ohwi.len() {
        packed.fill(0);
    }
    if run_len.is_multiple_of(kr) {
        // Runs follow each other without gaps.
        return match kr {
            1 => pack_rows::<1>(spec.nr, shape, ohwi, packed, sums),
            2 => pack_rows::<2>(spec.nr, shape, ohwi, packed, sums),
            4 => pack_rows::<4>(spec.nr, shape, ohwi, packed, sums),
            8 => pack_rows::<8>(spec.nr, shape, ohwi, packed, sums),
            _ => pack_any(spec, shape, ohwi, packed, sums),
        };
    }
    pack_any(spec, shape, ohwi, packed, sums);
}

/// Brings packed weights into the order in which an instruction set widens them: of `dsp`, four codes become two pairs by taking every
/// other byte, so the second and the third change places.
pub fn arrange(isa: Isa, packed: &mut [i8]) {
    if isa == Isa::Dsp {
        packed.as_chunks_mut::<4>().0.iter_mut().for_each(|word| word.swap(1, 2));
    }
}

/// [`pack`] where whole rows are blocks of `KR` inputs.
fn pack_rows<const KR: usize>(nr: usize, shape: &ConvShape, ohwi: &[i8], packed: &mut [i8], sums: &mut [Sums]) {
    let (from, to) = (ohwi.as_chunks::<KR>().0, packed.as_chunks_mut::<KR>().0);
    let blocks = from.len() / shape.out_c;
    let group_out = shape.out_c / shape.groups;
    if blocks == 0 {
        return sums.fill(Sums::default());
    }
    let to = to.chunks_mut(group_out.next_multiple_of(nr) * blocks);
    for ((rows, to), sums) in from.chunks(group_out * blocks).zip(to).zip(sums.chunks_mut(group_out)) {
        let tiles = rows.chunks(nr * blocks).zip(to.chunks_mut(nr * blocks));
        for ((rows, tile), sums) in tiles.zip(sums.chunks_mut(nr)) {
            // Row after row brings the tile's weights into the cache as fast as memory gives them.
            for (row, sum) in rows.chunks_exact(blocks).zip(sums) {
                *sum = row_sums(row.as_flattened());
            }
            pack_tile(nr, blocks, rows, tile);
        }
    }
}

/// One tile: `rows` of so many `blocks` become blocks of so many rows, `nr` with those that are not there.
fn pack_tile<const KR: usize>(nr: usize, blocks: usize, rows: &[[i8; KR]], tile: &mut [[i8; KR]]) {
    /// Blocks at a time: their targets stay in the first-level cache while all channels of a tile go through.
    const STRETCH: usize = 16;
    /// Channels at a time, which lie side by side in the tile.
    const SIDE: usize = 4;
    for (stretch, tile) in tile.chunks_mut(nr * STRETCH).enumerate() {
        let (start, len) = (stretch * STRETCH, tile.len() / nr);
        let row = |channel: usize| &rows[channel * blocks + start..][..len];
        let channels = rows.len() / blocks;
        let beside = channels - channels % SIDE;
        for channel in (0..beside).step_by(SIDE) {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| row(channel + i));
            for (block, to) in tile.chunks_exact_mut(nr).enumerate() {
                to[channel..channel + SIDE].copy_from_slice(&[a[block], b[block], c[block], d[block]]);
            }
        }
        for channel in beside..channels {
            for (block, to) in row(channel).iter().zip(tile.chunks_exact_mut(nr)) {
                to[channel] = *block;
            }
        }
    }
}

/// [`pack`] of any layout.
fn pack_any(spec: PackSpec, shape: &ConvShape, ohwi: &[i8], packed: &mut [i8], sums: &mut [Sums]) {
    let ([runs, run_len, kr], held) = (layout(spec, shape), spec.held_channels(shape));
    let depth = runs * run_len;
    let group_out = shape.out_c / shape.groups;
    let group_len = packed.len() / shape.groups;
    let blocks_per_run = run_len.div_ceil(kr);
    let blocks = runs * blocks_per_run;
    sums.fill(Sums::default());
    for ((o, row), sum) in ohwi.chunks_exact(depth.max(1)).enumerate().zip(sums) {
        *sum = row_sums(row);
        let (group, o) = (o / group_out, o % group_out);
        for (k, &w) in row.iter().enumerate() {
            let (run, mut k) = (k / run_len, k % run_len);
            if held != shape.in_c {
                k = k / shape.in_c * held + k % shape.in_c;
            }
            let block = o / spec.nr * blocks + run * blocks_per_run + k / kr;
            packed[group * group_len + (block * spec.nr + o % spec.nr) * kr + k % kr] = w;
        }
    }
}

/// Sums of codes in 16 lanes of 16 bits: vector code on any instruction set.
fn row_sums(row: &[i8]) -> Sums {
    /// Codes that a lane can hold whatever they are.
    const MOST: usize = 255;
    let mut sums = Sums::default();
    for part in row.chunks(16 * MOST) {
        let (words, rest) = part.as_chunks::<16>();
        let (mut all, mut positive) = ([0_i16; 16], [0_i16; 16]);
        for word in words {
            for (i, &code) in word.iter().enumerate() {
                all[i] += i16::from(code);
                positive[i] += i16::from(code.max(0));
            }
        }
        let sum = |lanes: [i16; 16], rest: i32| lanes.iter().map(|&lane| i32::from(lane)).sum::<i32>() + rest;
        let rest = |least: i8| rest.iter().map(|&code| i32::from(code.max(least))).sum();
        sums.all = sums.all.wrapping_add(sum(all, rest(i8::MIN)));
        sums.positive = sums.positive.wrapping_add(sum(positive, rest(0)));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(groups: usize, group_in: usize, group_out: usize, k: usize) -> ConvShape {
        ConvShape {
            batch: 1,
            in_h: 5,
            in_w: 5,
            in_c: groups * group_in,
            out_h: 5,
            out_w: 5,
            out_c: groups * group_out,
            k_h: k,
            k_w: k,
            stride_h: 1,
            stride_w: 1,
            dilation_h: 1,
            dilation_w: 1,
            pad_top: 0,
            pad_left: 0,
            groups,
        }
    }

    #[test]
    fn rows_are_packed_as_by_the_definition() {
        for (groups, group_in, group_out, k) in
            [(1, 8, 70, 3), (2, 4, 5, 1), (1, 64, 64, 1), (3, 16, 33, 2), (1, 68, 3, 3)]
        {
            let shape = shape(groups, group_in, group_out, k);
            for (nr, kr) in [(64, 4), (16, 4), (8, 2), (16, 1), (4, 8), (6, 4)] {
                let spec = PackSpec { nr, kr, offset: 0, code_size: 1, slides: false, joins: 0 };
                let weights: Vec<i8> =
                    (0..groups * group_out * k * k * group_in).map(|i| (i * 37 % 251) as i8).collect();
                let (mut found, mut expected) = (vec![1; packed_len(spec, &shape)], vec![0; packed_len(spec, &shape)]);
                let (mut sums, mut plain) = (vec![Sums::default(); shape.out_c], vec![Sums::default(); shape.out_c]);
                pack(spec, &shape, &weights, &mut found, &mut sums);
                pack_any(spec, &shape, &weights, &mut expected, &mut plain);
                let case = format!("{groups} groups of {group_in} to {group_out}, {k}x{k}, tile {nr}x{kr}");
                assert!(found == expected, "{case}");
                assert_eq!(sums, plain, "{case}");
            }
        }
    }

    #[test]
    fn sums_are_those_of_the_codes() {
        for len in [0, 1, 15, 16, 17, 4079, 4080, 4081, 4096, 9000] {
            for code in [|_| -128, |_| 127, |i: usize| (i * 89 % 256) as u8 as i8] {
                let row: Vec<i8> = (0..len).map(code).collect();
                let sum = |least: i8| row.iter().map(|&code| i32::from(code.max(least))).sum::<i32>();
                assert_eq!(row_sums(&row), Sums { all: sum(-128), positive: sum(0) });
            }
        }
    }
}
