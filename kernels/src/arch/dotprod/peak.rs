//! The peak loop: see [`crate::peak`].

use core::arch::aarch64::*;

use super::conv::sdot;
use crate::peak::chains;

#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn int8(iterations: u64) -> u64 {
    let x = vdupq_n_s8(core::hint::black_box(3));
    // SAFETY: this function has the feature.
    chains(iterations, 16, |i| vdupq_n_s32(i as i32), |acc| unsafe { sdot(acc, x, x) })
}
