//! Forward pass and input gradient: for each destination pixel, the products of source channels and packed weights.
//!
//! ```text
//! for some images, for each panel (NP vectors of channels), for each block of the chain (its weights fit the first cache)
//!     for each rectangle of pixels with the same taps, for each line of it: tiles
//! ```
//! A chain that is cut into blocks goes on from the destination's memory, so cutting changes nothing.

use super::pack::panel_len;
use super::tile::{Run, Start, Tiles, most, panels, tiles};
use crate::arch::{Op, Vector};
use crate::walk::{Dim, Part, Rect, Strips, chunk_len, tile_len};

/// Products of a block at most: 2 panels of them should stay in the first cache.
const BLOCK: usize = 320;
/// Floats of source and destination that should stay in the second cache.
const CHUNK: usize = 256 * 1024;

/// One direction of a layer.
#[derive(Clone, Debug)]
pub(super) struct Product {
    /// Channels of a source and of a destination pixel in a group.
    pub channels: [usize; 2],
    pub groups: usize,
    /// Elements of a source and of a destination image.
    pub image: [usize; 2],
    pub parts: Vec<ProductPart>,
}

/// A [`Part`] with its products in blocks.
#[derive(Clone, Debug)]
pub(super) struct ProductPart {
    pub taps: Vec<usize>,
    rects: Vec<Rect>,
    /// Of each block, of each rectangle.
    blocks: Vec<Vec<Vec<Run>>>,
}

impl ProductPart {
    pub(super) fn new(part: Part, channels: usize) -> ProductPart {
        let depth = part.taps.len() * channels;
        let blocks = depth.div_ceil(BLOCK).max(1);
        let len = depth.div_ceil(blocks).next_multiple_of(4);
        let runs = |block: usize| {
            let range = block * len..(block + 1) * len;
            part.rects.iter().map(|rect| block_runs(rect, channels, range.clone())).collect()
        };
        ProductPart { blocks: (0..blocks).map(runs).collect(), taps: part.taps, rects: part.rects }
    }
}

/// The products of a rectangle whose places in the panel are within `range`.
fn block_runs(rect: &Rect, channels: usize, range: core::ops::Range<usize>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for tap in &rect.taps {
        let first = tap.place * channels;
        let (start, end) = (first.max(range.start), (first + channels).min(range.end));
        if start >= end {
            continue;
        }
        let run = Run { src: tap.src + start - first, k: start, len: end - start };
        match runs.last_mut() {
            Some(last) if last.src + last.len == run.src && last.k + last.len == run.k => last.len += run.len,
            _ => runs.push(run),
        }
    }
    runs
}

/// A [`Product`] of `n` images.
///
/// Safety: slices have the lengths that the product says, `weights` is what it packs.
pub(super) struct Multiply<'a> {
    pub product: &'a Product,
    pub n: usize,
    pub src: &'a [f32],
    pub weights: &'a [f32],
    pub bias: Option<&'a [f32]>,
    pub dst: &'a mut [f32],
    /// Whether chains start at what the destination holds.
    pub accumulate: bool,
}

impl Op for Multiply<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Multiply { product: p, n, src, weights, bias, dst, accumulate } = self;
        let [src_len, dst_len] = p.image;
        assert!(src.len() == n * src_len && dst.len() == n * dst_len, "slices of the product's lengths");
        let chunk = chunk_len(CHUNK, src_len + dst_len);
        for (src, dst) in src.chunks(chunk * src_len).zip(dst.chunks_mut(chunk * dst_len)) {
            let mut at = weights;
            for part in &p.parts {
                for group in 0..p.groups {
                    let one = at.split_off(..panel_len(part, p.channels, V::LANES)).expect("weights of this product");
                    let start = match bias {
                        _ if accumulate => Start::Destination,
                        Some(bias) => Start::Bias(bias[group * p.channels[1]..][..p.channels[1]].as_ptr()),
                        None => Start::Zero,
                    };
                    // SAFETY: as this function's.
                    unsafe { multiply::<V>(p, (part, group), (src, one, dst), start) };
                }
            }
        }
    }
}

/// A part and a group of some images.
///
/// # Safety
/// The CPU has the features that `V` needs; slices are whole images and what the part packs for a group; biases are those of the
/// group.
#[inline(always)]
unsafe fn multiply<V: Vector>(
    p: &Product,
    (part, group): (&ProductPart, usize),
    (src, weights, dst): (&[f32], &[f32], &mut [f32]),
    start: Start,
) {
    let [src_c, dst_c] = p.channels;
    let n = src.len() / p.image[0];
    let images = Dim { count: n, src: p.image[0], dst: p.image[1] };
    let panel_pitch = part.taps.len() * src_c * V::LANES;
    let all = dst_c.div_ceil(V::LANES);
    let (src, dst) = (src.as_ptr().wrapping_add(group * src_c), dst.as_mut_ptr().wrapping_add(group * dst_c));
    let mut panel = 0;
    while panel < all {
        let np = panels(all - panel);
        let channel = panel * V::LANES;
        let weights = weights[panel * panel_pitch..][..np * panel_pitch].as_ptr();
        for (b, block) in part.blocks.iter().enumerate() {
            let start = match start {
                _ if b > 0 => Start::Destination,
                Start::Bias(bias) => Start::Bias(bias.wrapping_add(channel)),
                start => start,
            };
            for (rect, runs) in part.rects.iter().zip(block) {
                if runs.is_empty() && matches!(start, Start::Destination) {
                    continue;
                }
                let strips = Strips::new(rect, images, (most::<V>(np), most::<V>(np).div_ceil(2)));
                let mr = tile_len(strips.line.count, most::<V>(np));
                let (tiles_of_line, rest) = (strips.line.count / mr, strips.line.count % mr);
                strips.for_each(|s, d| {
                    let args = Tiles {
                        runs,
                        src: src.wrapping_add(s),
                        src_pitch: strips.line.src,
                        weights,
                        panel_pitch,
                        dst: dst.wrapping_add(rect.dst + d + channel),
                        dst_pitch: strips.line.dst,
                        valid: dst_c - channel,
                        start,
                        tiles: tiles_of_line,
                    };
                    // SAFETY: the walk stays inside of source and destination images; the caller vouches for the rest.
                    unsafe {
                        tiles::<V>(args, mr, np);
                        if rest > 0 {
                            let done = tiles_of_line * mr;
                            let src = args.src.wrapping_add(done * args.src_pitch);
                            let dst = args.dst.wrapping_add(done * args.dst_pitch);
                            tiles::<V>(Tiles { src, dst, tiles: 1, ..args }, rest, np);
                        }
                    }
                });
            }
        }
        panel += np;
    }
}
