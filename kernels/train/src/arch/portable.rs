//! Portable Rust: arrays that a compiler may put into vectors.

use super::{Op, Vector};

/// Eight numbers.
#[derive(Clone, Copy)]
pub(crate) struct V([f32; 8]);

#[inline(always)]
fn map<const N: usize>(operands: [V; N], f: impl Fn([f32; N]) -> f32) -> V {
    V(core::array::from_fn(|i| f(operands.map(|v| v.0[i]))))
}

macro_rules! functions {
    ($($name:ident($($a:ident),*) = $f:expr;)*) => {
        $(#[inline(always)]
        unsafe fn $name($($a: Self),*) -> Self {
            map([$($a),*], |[$($a),*]| $f)
        })*
    };
}

impl Vector for V {
    const LANES: usize = 8;
    const ACCUMULATORS: usize = 8;

    #[inline(never)]
    unsafe fn call<O: Op>(op: O) {
        // SAFETY: as this function's.
        unsafe { op.run::<V>() }
    }

    #[inline(always)]
    unsafe fn splat(x: f32) -> V {
        V([x; 8])
    }

    #[inline(always)]
    unsafe fn load(at: *const f32) -> V {
        // SAFETY: the caller vouches for 8 elements.
        V(unsafe { at.cast::<[f32; 8]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn load_first(at: *const f32, n: usize) -> V {
        // SAFETY: the caller vouches for `n` elements.
        V(core::array::from_fn(|i| if i < n { unsafe { at.add(i).read() } } else { 0.0 }))
    }

    #[inline(always)]
    unsafe fn store(at: *mut f32, v: V) {
        // SAFETY: the caller vouches for 8 elements.
        unsafe { at.cast::<[f32; 8]>().write_unaligned(v.0) }
    }

    #[inline(always)]
    unsafe fn store_first(at: *mut f32, v: V, n: usize) {
        // SAFETY: the caller vouches for `n` elements.
        v.0.into_iter().take(n).enumerate().for_each(|(i, v)| unsafe { at.add(i).write(v) });
    }

    functions! {
        fma(x, w, acc) = x.mul_add(w, acc);
        add(a, b) = a + b;
        sub(a, b) = a - b;
        mul(a, b) = a * b;
        div(a, b) = a / b;
        sqrt(a) = a.sqrt();
        round(a) = a.round_ties_even();
        max(a, b) = if a > b { a } else { b };
        min(a, b) = if a < b { a } else { b };
        where_gt(a, b, yes, no) = if a > b { yes } else { no };
    }
}
