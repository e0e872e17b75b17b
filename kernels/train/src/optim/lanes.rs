//! What is done with a vector of parameters.

use super::{AdamStep, SgdStep};
use crate::arch::Vector;
use crate::stream::{Lane, get, put};

/// See [`super::sgd_momentum`].
pub(super) struct Sgd {
    pub step: SgdStep,
    pub w: *mut f32,
    pub g: *const f32,
    pub v: *mut f32,
}

impl Lane for Sgd {
    #[inline(always)]
    unsafe fn at<V: Vector, const WHOLE: bool>(&self, i: usize, _: usize, n: usize) {
        // SAFETY: as this function's.
        unsafe {
            let momentum = V::splat(self.step.momentum);
            let (w, v) = (get::<V, WHOLE>(self.w.add(i), n), get::<V, WHOLE>(self.v.add(i), n));
            let g = V::fma(w, V::splat(self.step.weight_decay), get::<V, WHOLE>(self.g.add(i), n));
            let v = V::fma(v, momentum, g);
            let by = if self.step.nesterov { V::fma(v, momentum, g) } else { v };
            put::<V, WHOLE>(self.v.add(i), v, n);
            put::<V, WHOLE>(self.w.add(i), V::fma(by, V::splat(-self.step.rate), w), n);
        }
    }
}

/// See [`super::adam`].
pub(super) struct Adam {
    pub step: AdamStep,
    pub w: *mut f32,
    pub g: *const f32,
    pub m: *mut f32,
    pub v: *mut f32,
}

impl Lane for Adam {
    #[inline(always)]
    unsafe fn at<V: Vector, const WHOLE: bool>(&self, i: usize, _: usize, n: usize) {
        let s = &self.step;
        // SAFETY: as this function's.
        unsafe {
            let g = get::<V, WHOLE>(self.g.add(i), n);
            let m = V::fma(V::sub(get::<V, WHOLE>(self.m.add(i), n), g), V::splat(s.beta1), g);
            let old = V::mul(get::<V, WHOLE>(self.v.add(i), n), V::splat(s.beta2));
            let v = V::fma(V::mul(g, g), V::splat(s.share2), old);
            let by = V::div(m, V::fma(V::sqrt(v), V::splat(s.root), V::splat(s.epsilon)));
            let w = V::mul(get::<V, WHOLE>(self.w.add(i), n), V::splat(s.keep));
            put::<V, WHOLE>(self.m.add(i), m, n);
            put::<V, WHOLE>(self.v.add(i), v, n);
            put::<V, WHOLE>(self.w.add(i), V::fma(by, V::splat(-s.rate), w), n);
        }
    }
}
