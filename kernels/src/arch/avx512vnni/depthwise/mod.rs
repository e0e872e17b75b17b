//! int8 depthwise convolution with `vpdpbusd`: four kernel rows at a time.
//!
//! For a block of 64 bytes (64 channels, or fewer channels of several pixels), the bytes of four input lines at one column are
//! interleaved to 64 groups of four (one vertical *quad* per channel); one dot product then adds four taps. Interleaving works
//! within 128-bit lanes: vector `j` of a block holds bytes `16·lane + 4j..+4`, which is the order that packing the accumulators
//! to bytes undoes.
//!
//! Kernels of up to three by three slide over the image where it lies ([`walk`]); others see it through a ring of padded
//! lines ([`ring`]).

mod finish;
mod ring;
mod tables;
mod vectors;
mod walk;

pub(super) use tables::{tables, tables_len};

use crate::arch::scalar;
use crate::ops::conv::ConvShape;
use crate::ops::depthwise::{Depthwise, DepthwiseData, clipped};

/// Bytes of one vector; codes of a block.
const BLOCK: usize = 64;
/// Bytes of the quads of a block.
const QUADS: usize = 4 * BLOCK;

/// Some channels of some neighbouring pixels, `pixels · width` bytes.
#[derive(Clone, Copy, Debug)]
struct Block {
    /// First channel.
    start: usize,
    /// Channels: 64, 32, 16 or 8.
    width: usize,
}

impl Block {
    const fn pixels(self) -> usize {
        BLOCK / self.width
    }
}

/// Blocks that cover all of 8, 16 or more channels; where they do not come out even, one begins inside the one before.
fn blocks(channels: usize) -> impl Iterator<Item = Block> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let rest = channels.checked_sub(at).filter(|&rest| rest > 0)?;
        let width = match rest {
            49.. if channels >= 64 => 64,
            17.. if channels >= 32 => 32,
            _ if channels == 8 => 8,
            _ => 16,
        };
        let start = at.min(channels - width);
        at += width;
        Some(Block { start, width })
    })
}

/// Bytes of scratch space.
pub(super) fn scratch_len(s: &ConvShape) -> usize {
    let (clipped, _) = clipped(s);
    if s.in_c != s.out_c {
        0
    } else if walk::takes(&clipped) {
        walk::scratch_len(&clipped)
    } else {
        ring::scratch_len(&clipped)
    }
}

/// See [`Depthwise`].
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) unsafe fn depthwise(step: &Depthwise, data: DepthwiseData<'_>) {
    let s = &step.shape;
    if s.out_c != s.in_c {
        return scalar::depthwise(step, data);
    }
    assert_eq!(data.tables.len(), tables_len(s), "tables were made for another shape or set");
    let (s, _) = clipped(s);
    if walk::takes(&s) {
        walk::depthwise(&s, step.pad_value, data);
    } else {
        ring::depthwise(&s, step.pad_value, data);
    }
}
