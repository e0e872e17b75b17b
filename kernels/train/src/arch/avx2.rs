//! AVX2 with FMA.

use core::arch::x86_64::*;

use super::{Op, Vector, instructions};

pub(crate) type V = __m256;

#[target_feature(enable = "avx2,fma")]
unsafe fn call<O: Op>(op: O) {
    // SAFETY: as this function's.
    unsafe { op.run::<V>() }
}

/// Ones for the first `n` lanes, `8 − n` elements into it.
static FIRST: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

/// The first `n` lanes.
#[inline(always)]
unsafe fn first(n: usize) -> __m256i {
    // SAFETY: 8 of the 16 elements, from the 0th to the 8th on; the caller vouches for the CPU.
    unsafe { _mm256_loadu_si256(FIRST.as_ptr().add(8 - n.min(8)).cast()) }
}

impl Vector for V {
    const LANES: usize = 8;
    const ACCUMULATORS: usize = 12;

    #[inline(always)]
    unsafe fn call<O: Op>(op: O) {
        // SAFETY: as this function's.
        unsafe { call(op) }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> V {
        // SAFETY: the caller vouches for the CPU.
        unsafe { _mm256_set1_ps(x) }
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> V {
        // SAFETY: the caller vouches for the CPU and 8 elements.
        unsafe { _mm256_loadu_ps(at) }
    }

    #[inline(always)]
    unsafe fn load_first(at: *const f32, n: usize) -> V {
        // SAFETY: lanes beyond `n` are masked off.
        unsafe { _mm256_maskload_ps(at, first(n)) }
    }

    #[inline(always)]
    unsafe fn store(at: *mut f32, v: V) {
        // SAFETY: the caller vouches for the CPU and 8 elements.
        unsafe { _mm256_storeu_ps(at, v) }
    }

    #[inline(always)]
    unsafe fn store_first(at: *mut f32, v: V, n: usize) {
        // SAFETY: lanes beyond `n` are masked off.
        unsafe { _mm256_maskstore_ps(at, first(n), v) }
    }

    instructions! {
        fma(x, w, acc) = _mm256_fmadd_ps(x, w, acc);
        add(a, b) = _mm256_add_ps(a, b);
        sub(a, b) = _mm256_sub_ps(a, b);
        mul(a, b) = _mm256_mul_ps(a, b);
        div(a, b) = _mm256_div_ps(a, b);
        sqrt(a) = _mm256_sqrt_ps(a);
        round(a) = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
        max(a, b) = _mm256_max_ps(a, b);
        min(a, b) = _mm256_min_ps(a, b);
        where_gt(a, b, yes, no) = _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_GT_OQ>(a, b));
    }
}
