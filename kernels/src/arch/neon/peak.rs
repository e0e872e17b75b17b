//! The peak loops: see [`crate::peak`].

use core::arch::aarch64::*;

use crate::peak::chains;

#[target_feature(enable = "neon")]
pub(super) unsafe fn int8(iterations: u64) -> u64 {
    let x = vdup_n_s8(core::hint::black_box(3));
    chains(
        iterations,
        16,
        |i| vdupq_n_s32(i as i32),
        |acc| {
            // Products of the accumulator, so that they cannot be taken out of the loop.
            let codes = vreinterpretq_s8_s32(acc);
            let products = vmlal_s8(vmull_s8(vget_low_s8(codes), x), vget_low_s8(codes), x);
            vpadalq_s16(acc, products)
        },
    )
}

#[target_feature(enable = "neon")]
pub(super) unsafe fn f32(iterations: u64) -> u64 {
    let x = vdupq_n_f32(core::hint::black_box(0.5));
    chains(iterations, 4, |i| vdupq_n_f32(i as f32), |acc| vfmaq_f32(acc, acc, x))
}
