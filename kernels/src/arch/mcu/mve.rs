//! Cortex-M with Helium: sixteen products of 8-bit codes at a time (`vmladava`).
//!
//! Inputs lie in scratch space as they are. A tile is four channels of two pixels, whose sums are the eight registers that
//! `vmladava` can add to.

use super::mve_dot as dot;
use super::{Dots, Rule, Tiles};
use crate::arch::scalar;
use crate::isa::{Isa, Kernels, PackSpec};

/// The table.
pub static KERNELS: Kernels = Kernels {
    isa: Isa::Mve,
    conv_pack: PackSpec { nr: Mve::NR, kr: Mve::KR, offset: 0, code_size: 1, slides: false, joins: 0 },
    conv: |step, data| super::conv::<Mve>(step, data),
    depthwise: |step, data| super::depthwise::<Mve>(step, data),
    depthwise_scratch: super::depthwise_scratch,
    depthwise_tables_len: super::depthwise_tables_len::<Mve>,
    depthwise_tables: |shape, weights, _, to| super::depthwise_tables::<Mve>(shape, weights, to),
    add: dot::add,
    ..scalar::KERNELS
};

struct Mve;

impl Dots for Mve {
    type Code = i8;
    const NR: usize = 4;
    const KR: usize = 16;
    const SIDE: usize = 8;
    const TOGETHER: usize = 1;

    /// Tiles read up to a block behind the last pixel, which assembly may (an arena has a block to spare) and Rust may not.
    fn as_they_lie(codes: &[i8]) -> Option<&[i8]> {
        cfg!(all(feature = "mve", target_arch = "arm", target_os = "none")).then_some(codes)
    }

    #[inline(always)]
    fn hold(from: &[i8], to: &mut [i8]) {
        to[..from.len()].copy_from_slice(from);
    }

    #[inline(always)]
    unsafe fn dot(two: bool, _: bool, tiles: &mut Tiles) {
        // SAFETY: the caller's.
        unsafe {
            match two {
                true if tiles.is_flat() => dot::two_flat(tiles),
                true => dot::two(tiles),
                false => dot::one(tiles),
            }
        }
    }

    #[inline(always)]
    unsafe fn depthwise(two: bool, tiles: &mut Tiles) {
        // SAFETY: the caller's.
        unsafe { if two { dot::depthwise_two(tiles) } else { dot::depthwise(tiles) } }
    }

    fn weight_bytes(taps: usize) -> usize {
        8 * taps
    }

    fn weigh(_: usize, weight: impl Fn(usize, usize) -> i8, to: &mut [u8]) {
        for (tap, to) in to.chunks_exact_mut(8).enumerate() {
            to.iter_mut().enumerate().for_each(|(channel, to)| *to = weight(tap, channel).cast_unsigned());
        }
    }

    #[inline(always)]
    fn finish(rule: &Rule<'_>, first: usize, sums: &[i32], codes: &mut [i8]) {
        match rule.scales {
            Some(scales) => dot::codes(sums, &scales[first..first + codes.len()], &rule.limits, codes),
            None => rule.finish(first, sums, codes),
        }
    }
}
