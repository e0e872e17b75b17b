//! What is done with a vector of elements.

use super::Act;
use crate::arch::Vector;
use crate::stream::{Lane, get, put};

/// `act(z)`: where `z` is not a number, neither is this.
///
/// # Safety
/// The CPU has the features that `V` needs.
#[inline(always)]
pub(crate) unsafe fn act<V: Vector>(act: Act, z: V) -> V {
    // SAFETY: as this function's. Where neither is larger, `max` and `min` give their second operand.
    unsafe {
        let zero = V::splat(0.0);
        match act {
            Act::None => z,
            Act::Relu => V::max(zero, z),
            Act::Relu6 => V::min(V::splat(6.0), V::max(zero, z)),
            Act::HardSwish => {
                let up = V::min(V::splat(6.0), V::max(zero, V::add(z, V::splat(3.0))));
                V::mul(z, V::mul(up, V::splat(1.0 / 6.0)))
            }
        }
    }
}

/// `dy · act'(z)`.
///
/// # Safety
/// The CPU has the features that `V` needs.
#[inline(always)]
pub(crate) unsafe fn slope<V: Vector>(act: Act, z: V, dy: V) -> V {
    // SAFETY: as this function's.
    unsafe {
        let zero = V::splat(0.0);
        match act {
            Act::None => dy,
            Act::Relu => V::where_gt(z, zero, dy, zero),
            Act::Relu6 => V::where_gt(z, zero, V::where_gt(V::splat(6.0), z, dy, zero), zero),
            Act::HardSwish => {
                let three = V::splat(3.0);
                let inside = V::fma(z, V::splat(1.0 / 3.0), V::splat(0.5));
                let left = V::where_gt(z, V::splat(-3.0), inside, zero);
                V::mul(dy, V::where_gt(three, z, left, V::splat(1.0)))
            }
        }
    }
}

/// A [`super::Norm`]: constants per channel, a residual or null.
#[derive(Clone, Copy)]
pub(super) struct Pre {
    pub scale: *const f32,
    pub shift: *const f32,
    pub residual: *const f32,
    pub act: Act,
}

impl Pre {
    /// What the activation sees.
    ///
    /// # Safety
    /// As [`Lane::at`].
    #[inline(always)]
    unsafe fn z<V: Vector, const WHOLE: bool>(&self, x: V, i: usize, c: usize, n: usize) -> V {
        // SAFETY: as this function's.
        unsafe {
            self.with(x, get::<V, WHOLE>(self.scale.add(c), n), get::<V, WHOLE>(self.shift.add(c), n), i, n, WHOLE)
        }
    }

    /// The same with constants at hand.
    ///
    /// # Safety
    /// As [`Lane::at`].
    #[inline(always)]
    pub(super) unsafe fn with<V: Vector>(&self, x: V, scale: V, shift: V, i: usize, n: usize, whole: bool) -> V {
        // SAFETY: as this function's.
        unsafe {
            let z = V::fma(x, scale, shift);
            if self.residual.is_null() {
                z
            } else {
                let at = self.residual.add(i);
                V::add(z, if whole { V::load(at) } else { V::load_first(at, n) })
            }
        }
    }
}

/// See [`super::scale_shift_act`].
pub(super) struct Forward {
    pub pre: Pre,
    pub x: *const f32,
    pub y: *mut f32,
}

impl Lane for Forward {
    #[inline(always)]
    unsafe fn at<V: Vector, const WHOLE: bool>(&self, i: usize, c: usize, n: usize) {
        // SAFETY: as this function's.
        unsafe {
            let x = get::<V, WHOLE>(self.x.add(i), n);
            let z = self.pre.z::<V, WHOLE>(x, i, c, n);
            put::<V, WHOLE>(self.y.add(i), act(self.pre.act, z), n);
        }
    }
}

/// See [`super::norm_backward`].
pub(super) struct Backward {
    pub pre: Pre,
    pub x: *const f32,
    pub dy: *const f32,
    pub abc: [*const f32; 3],
    pub dx: *mut f32,
    /// Null, or the residual's gradient.
    pub d_residual: *mut f32,
    pub accumulate: bool,
}

impl Lane for Backward {
    #[inline(always)]
    unsafe fn at<V: Vector, const WHOLE: bool>(&self, i: usize, c: usize, n: usize) {
        // SAFETY: as this function's.
        unsafe {
            let x = get::<V, WHOLE>(self.x.add(i), n);
            let z = self.pre.z::<V, WHOLE>(x, i, c, n);
            let d = slope(self.pre.act, z, get::<V, WHOLE>(self.dy.add(i), n));
            let [a, b, c] = [0, 1, 2].map(|k| self.abc[k].add(c));
            let rest = V::fma(x, get::<V, WHOLE>(b, n), get::<V, WHOLE>(c, n));
            put::<V, WHOLE>(self.dx.add(i), V::fma(d, get::<V, WHOLE>(a, n), rest), n);
            if !self.d_residual.is_null() {
                let to = self.d_residual.add(i);
                let d = if self.accumulate { V::add(get::<V, WHOLE>(to, n), d) } else { d };
                put::<V, WHOLE>(to, d, n);
            }
        }
    }
}

/// See [`super::act_forward`].
pub(super) struct Activate {
    pub act: Act,
    pub x: *const f32,
    pub y: *mut f32,
}

impl Lane for Activate {
    #[inline(always)]
    unsafe fn at<V: Vector, const WHOLE: bool>(&self, i: usize, _: usize, n: usize) {
        // SAFETY: as this function's.
        unsafe { put::<V, WHOLE>(self.y.add(i), act(self.act, get::<V, WHOLE>(self.x.add(i), n)), n) };
    }
}

/// See [`super::act_backward`].
pub(super) struct ActivateBack {
    pub act: Act,
    pub x: *const f32,
    pub dy: *const f32,
    pub dx: *mut f32,
}

impl Lane for ActivateBack {
    #[inline(always)]
    unsafe fn at<V: Vector, const WHOLE: bool>(&self, i: usize, _: usize, n: usize) {
        // SAFETY: as this function's.
        unsafe {
            let (x, dy) = (get::<V, WHOLE>(self.x.add(i), n), get::<V, WHOLE>(self.dy.add(i), n));
            put::<V, WHOLE>(self.dx.add(i), slope(self.act, x, dy), n);
        }
    }
}

/// `y = a + b`; `y` may be `a`.
pub(crate) struct Pair {
    pub a: *const f32,
    pub b: *const f32,
    pub y: *mut f32,
}

impl Lane for Pair {
    #[inline(always)]
    unsafe fn at<V: Vector, const WHOLE: bool>(&self, i: usize, _: usize, n: usize) {
        // SAFETY: as this function's.
        unsafe {
            let (a, b) = (get::<V, WHOLE>(self.a.add(i), n), get::<V, WHOLE>(self.b.add(i), n));
            put::<V, WHOLE>(self.y.add(i), V::add(a, b), n);
        }
    }
}
