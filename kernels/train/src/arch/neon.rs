//! NEON.

use core::arch::aarch64::*;

use super::{Op, Vector, instructions};

pub(crate) type V = float32x4_t;

impl Vector for V {
    const LANES: usize = 4;
    const ACCUMULATORS: usize = 24;

    #[inline(never)]
    unsafe fn call<O: Op>(op: O) {
        // SAFETY: every 64-bit Arm that Rust compiles for has NEON.
        unsafe { op.run::<V>() }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> V {
        // SAFETY: the caller vouches for the CPU.
        unsafe { vdupq_n_f32(x) }
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> V {
        // SAFETY: the caller vouches for the CPU and 4 elements.
        unsafe { vld1q_f32(at) }
    }

    #[inline(always)]
    unsafe fn load_first(at: *const f32, n: usize) -> V {
        let mut all = [0.0; 4];
        // SAFETY: the caller vouches for `n` elements, and no more than 4 are copied.
        unsafe {
            core::ptr::copy_nonoverlapping(at, all.as_mut_ptr(), n.min(4));
            vld1q_f32(all.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store(at: *mut f32, v: V) {
        // SAFETY: the caller vouches for the CPU and 4 elements.
        unsafe { vst1q_f32(at, v) }
    }

    #[inline(always)]
    unsafe fn store_first(at: *mut f32, v: V, n: usize) {
        let mut all = [0.0; 4];
        // SAFETY: the caller vouches for `n` elements, and no more than 4 are copied.
        unsafe {
            vst1q_f32(all.as_mut_ptr(), v);
            core::ptr::copy_nonoverlapping(all.as_ptr(), at, n.min(4));
        }
    }

    instructions! {
        fma(x, w, acc) = vfmaq_f32(acc, x, w);
        add(a, b) = vaddq_f32(a, b);
        sub(a, b) = vsubq_f32(a, b);
        mul(a, b) = vmulq_f32(a, b);
        div(a, b) = vdivq_f32(a, b);
        sqrt(a) = vsqrtq_f32(a);
        round(a) = vrndnq_f32(a);
        max(a, b) = vbslq_f32(vcgtq_f32(a, b), a, b);
        min(a, b) = vbslq_f32(vcltq_f32(a, b), a, b);
        where_gt(a, b, yes, no) = vbslq_f32(vcgtq_f32(a, b), yes, no);
    }
}
