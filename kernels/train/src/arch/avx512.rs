//! AVX-512.

use core::arch::x86_64::*;

use super::{Op, Vector, instructions};

pub(crate) type V = __m512;

#[target_feature(enable = "avx2,fma,avx512f,avx512vl")]
unsafe fn call<O: Op>(op: O) {
    // SAFETY: as this function's.
    unsafe { op.run::<V>() }
}

/// The first `n` lanes.
#[inline(always)]
fn first(n: usize) -> __mmask16 {
    if n >= 16 { !0 } else { (1 << n) - 1 }
}

impl Vector for V {
    const LANES: usize = 16;
    const ACCUMULATORS: usize = 28;

    #[inline(always)]
    unsafe fn call<O: Op>(op: O) {
        // SAFETY: as this function's.
        unsafe { call(op) }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> V {
        // SAFETY: the caller vouches for the CPU.
        unsafe { _mm512_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> V {
        // SAFETY: the caller vouches for the CPU and 16 elements.
        unsafe { _mm512_loadu_ps(at) }
    }

    #[inline(always)]
    unsafe fn load_first(at: *const f32, n: usize) -> V {
        // SAFETY: lanes beyond `n` are masked off.
        unsafe { _mm512_maskz_loadu_ps(first(n), at) }
    }

    #[inline(always)]
    unsafe fn store(at: *mut f32, v: V) {
        // SAFETY: the caller vouches for the CPU and 16 elements.
        unsafe { _mm512_storeu_ps(at, v) }
    }

    #[inline(always)]
    unsafe fn store_first(at: *mut f32, v: V, n: usize) {
        // SAFETY: lanes beyond `n` are masked off.
        unsafe { _mm512_mask_storeu_ps(at, first(n), v) }
    }

    instructions! {
        fma(x, w, acc) = _mm512_fmadd_ps(x, w, acc);
        add(a, b) = _mm512_add_ps(a, b);
        sub(a, b) = _mm512_sub_ps(a, b);
        mul(a, b) = _mm512_mul_ps(a, b);
        div(a, b) = _mm512_div_ps(a, b);
        sqrt(a) = _mm512_sqrt_ps(a);
        round(a) = _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
        max(a, b) = _mm512_max_ps(a, b);
        min(a, b) = _mm512_min_ps(a, b);
        where_gt(a, b, yes, no) = _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), no, yes);
    }
}
