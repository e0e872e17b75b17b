//! float32 convolutions on 8 lanes: two vectors side by side.

use core::arch::aarch64::*;

use crate::arch::float::{self, Float, Rule, Vector};
use crate::arch::float_depthwise::{self, Line};
use crate::arch::gemm::{self, Source, Taps, Target, TileFn};
use crate::ops::conv_f32::{ConvF32, DataF32};
use crate::ops::depthwise_f32::DepthwiseF32;

/// Eight lanes.
type Pair = [float32x4_t; 2];

impl Vector for Pair {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Pair {
        // SAFETY: NEON is always there.
        unsafe { [vdupq_n_f32(x); 2] }
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> Pair {
        // SAFETY: the caller vouches for 8 elements.
        unsafe { [vld1q_f32(at), vld1q_f32(at.add(4))] }
    }

    #[inline(always)]
    unsafe fn load_first(at: *const f32, n: usize) -> Pair {
        let mut lanes = [0.0; 8];
        // SAFETY: the caller vouches for `n` elements, or 8.
        unsafe {
            if n >= 8 {
                return Self::load(at);
            }
            at.copy_to_nonoverlapping(lanes.as_mut_ptr(), n);
            Self::load(lanes.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store_first(self, at: *mut f32, n: usize) {
        // SAFETY: as in `load_first`.
        unsafe {
            if n >= 8 {
                vst1q_f32(at, self[0]);
                vst1q_f32(at.add(4), self[1]);
            } else {
                let mut lanes = [0.0; 8];
                vst1q_f32(lanes.as_mut_ptr(), self[0]);
                vst1q_f32(lanes.as_mut_ptr().add(4), self[1]);
                at.copy_from_nonoverlapping(lanes.as_ptr(), n);
            }
        }
    }

    #[inline(always)]
    unsafe fn fma(self, x: Pair, w: Pair) -> Pair {
        // SAFETY: NEON is always there.
        unsafe { [vfmaq_f32(self[0], x[0], w[0]), vfmaq_f32(self[1], x[1], w[1])] }
    }

    #[inline(always)]
    unsafe fn clamp(self, lo: Pair, hi: Pair) -> Pair {
        // What is not above `lo` is `lo`'s, and so on, as in `clamp_f32`; `fmax` would order zeros of either sign.
        // SAFETY: NEON is always there.
        unsafe {
            core::array::from_fn(|i| {
                let x = vbslq_f32(vcgtq_f32(lo[i], self[i]), lo[i], self[i]);
                vbslq_f32(vcgtq_f32(x, hi[i]), hi[i], x)
            })
        }
    }

    #[inline(always)]
    fn tiles(panels: usize, _: usize) -> (usize, &'static [TileFn<Float<Pair>>]) {
        match panels {
            2.. => (2, &TILES_2),
            _ => (1, &TILES_1),
        }
    }
}

#[target_feature(enable = "neon")]
unsafe fn tiles<const MR: usize, const NP: usize, const U: usize>(
    rule: &Rule<'_>,
    taps: &Taps,
    source: Source<Float<Pair>>,
    to: Target<f32>,
) {
    // SAFETY: this function has the feature; the caller vouches for the rest.
    unsafe { gemm::tiles::<Float<Pair>, MR, NP, U>(rule, taps, source, to) }
}

static TILES_1: [TileFn<Float<Pair>>; 8] = gemm::table!(tiles, 1, 1: 1 2 3 4 5 6 7 8);
static TILES_2: [TileFn<Float<Pair>>; 6] = gemm::table!(tiles, 2, 1: 1 2 3 4 5 6);

/// See [`ConvF32`].
#[target_feature(enable = "neon")]
pub(super) unsafe fn conv(step: &ConvF32, data: DataF32<'_>) {
    // SAFETY: this function has the feature.
    unsafe { float::conv::<Pair>(step, data) }
}

#[target_feature(enable = "neon")]
unsafe fn depthwise_line(line: &Line<'_>, output: &mut [f32]) {
    // SAFETY: this function has the feature.
    unsafe { float_depthwise::depthwise_line::<Pair>(line, output) }
}

/// See [`DepthwiseF32`].
#[target_feature(enable = "neon")]
pub(super) unsafe fn depthwise(step: &DepthwiseF32, data: DataF32<'_>) {
    // SAFETY: this function has the feature.
    unsafe { float_depthwise::depthwise(step, data, (depthwise_line, Pair::LANES)) }
}
