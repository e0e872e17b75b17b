//! MAX_POOL_2D: the larger of codes, 64 at a time. (With link-time optimisation the compiler makes scalar code of the portable loop.)

use core::arch::aarch64::*;

use crate::ops::max_pool::{MaxPool, MaxPoolData, max_pool_by};

/// Puts the larger of each two codes in the first slice; they are of one length.
#[inline(always)]
fn take_larger(to: &mut [i8], from: &[i8]) {
    assert_eq!(to.len(), from.len(), "slices of different lengths");
    let (to, to_rest) = to.as_chunks_mut::<64>();
    let (from, from_rest) = from.as_chunks::<64>();
    for (to, from) in to.iter_mut().zip(from) {
        // SAFETY: NEON is always there, and the arrays have 64 codes.
        unsafe {
            let (a, b) = (vld1q_s8_x4(to.as_ptr()), vld1q_s8_x4(from.as_ptr()));
            let larger = int8x16x4_t(vmaxq_s8(a.0, b.0), vmaxq_s8(a.1, b.1), vmaxq_s8(a.2, b.2), vmaxq_s8(a.3, b.3));
            vst1q_s8_x4(to.as_mut_ptr(), larger);
        }
    }
    let (to, to_rest) = to_rest.as_chunks_mut::<8>();
    let (from, from_rest) = from_rest.as_chunks::<8>();
    for (to, from) in to.iter_mut().zip(from) {
        // SAFETY: NEON is always there, and the arrays have 8 codes.
        unsafe { vst1_s8(to.as_mut_ptr(), vmax_s8(vld1_s8(to.as_ptr()), vld1_s8(from.as_ptr()))) };
    }
    for (to, &from) in to_rest.iter_mut().zip(from_rest) {
        *to = (*to).max(from);
    }
}

/// See [`MaxPool`].
#[target_feature(enable = "neon")]
pub(super) unsafe fn max_pool(step: &MaxPool, data: MaxPoolData<'_>) {
    max_pool_by(step, data, take_larger);
}
