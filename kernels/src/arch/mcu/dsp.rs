//! Cortex-M with DSP instructions: two products at a time of 16-bit codes (`smlad`).
//!
//! Inputs are widened once, on the way to scratch space. Weights stay 8-bit in flash and are widened in registers, four codes in two
//! instructions, for two pixels at a time.

use super::dsp_dot as dot;
use super::{CHANNELS, Dots, Rule, Tiles};
use crate::arch::scalar;
use crate::isa::{Isa, Kernels, PackSpec};

/// The table.
pub static KERNELS: Kernels = Kernels {
    isa: Isa::Dsp,
    conv_pack: PackSpec { nr: Dsp::NR, kr: Dsp::KR, offset: 0, code_size: 2, slides: false, joins: 0 },
    conv: |step, data| super::conv::<Dsp>(step, data),
    depthwise: |step, data| super::depthwise::<Dsp>(step, data),
    depthwise_scratch: super::depthwise_scratch,
    depthwise_tables_len: super::depthwise_tables_len::<Dsp>,
    depthwise_tables: |shape, weights, _, to| super::depthwise_tables::<Dsp>(shape, weights, to),
    ..scalar::KERNELS
};

struct Dsp;

impl Dots for Dsp {
    type Code = i16;
    const NR: usize = 2;
    const KR: usize = 4;
    const SIDE: usize = 4;
    const TOGETHER: usize = 2;

    fn as_they_lie(_: &[i8]) -> Option<&[i16]> {
        None
    }

    #[inline(always)]
    fn hold(from: &[i8], to: &mut [i16]) {
        dot::widen(from, to);
    }

    #[inline(always)]
    unsafe fn dot(two: bool, odd: bool, tiles: &mut Tiles) {
        // SAFETY: the caller's.
        unsafe {
            match (two, odd) {
                (true, false) => dot::two(tiles),
                (false, false) => dot::one(tiles),
                (true, true) => dot::two_odd(tiles),
                (false, true) => dot::one_odd(tiles),
            }
        }
    }

    #[inline(always)]
    unsafe fn depthwise(two: bool, tiles: &mut Tiles) {
        let second =
            Tiles { pixel: tiles.pixel.wrapping_add(tiles.pitch), sums: tiles.sums.wrapping_add(CHANNELS), ..*tiles };
        // SAFETY: the caller's, for both pixels.
        unsafe {
            dot::depthwise(tiles);
            if two {
                dot::depthwise(&mut { second });
            }
        }
    }

    /// Pairs of 16-bit weights of four channels for each pair of taps.
    fn weight_bytes(taps: usize) -> usize {
        taps.next_multiple_of(2) * 8
    }

    fn weigh(taps: usize, weight: impl Fn(usize, usize) -> i8, to: &mut [u8]) {
        for (pair, to) in to.chunks_exact_mut(16).enumerate() {
            // The order in which widening gives the channels.
            for (channel, to) in [0, 2, 1, 3].into_iter().zip(to.chunks_exact_mut(4)) {
                let of = |tap: usize| i16::from(if tap < taps { weight(tap, channel) } else { 0 }).to_le_bytes();
                to[..2].copy_from_slice(&of(2 * pair));
                to[2..].copy_from_slice(&of(2 * pair + 1));
            }
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
