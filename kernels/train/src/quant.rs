//! Fake quantisation and the ranges that it needs.

use crate::Kernels;
use crate::arch::{Op, Vector};
use crate::stream::{Lane, Stream, get, put};

/// Quantisation of a tensor: `real = (code − zero_point) · scale`, codes between `min` and `max`, which fold in any activation's
/// clamp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FakeQuant {
    /// Size of a step; positive.
    pub scale: f32,
    /// The code of 0.
    pub zero_point: i32,
    /// Smallest code.
    pub min: i32,
    /// Largest code.
    pub max: i32,
}

impl FakeQuant {
    /// The real values of the smallest and the largest code, for [`fake_quant_backward`].
    #[must_use]
    pub fn range(&self) -> (f32, f32) {
        let real = |code: i32| (code as f32 - self.zero_point as f32) * self.scale;
        (real(self.min), real(self.max))
    }
}

/// See [`fake_quant`].
struct Rounded {
    rule: FakeQuant,
    x: *const f32,
    y: *mut f32,
}

impl Lane for Rounded {
    #[inline(always)]
    unsafe fn at<V: Vector, const WHOLE: bool>(&self, i: usize, _: usize, n: usize) {
        let FakeQuant { scale, zero_point, min, max } = self.rule;
        // SAFETY: as this function's.
        unsafe {
            let (inverse, scale, zero_point) = (V::splat(1.0 / scale), V::splat(scale), V::splat(zero_point as f32));
            let x = get::<V, WHOLE>(self.x.add(i), n);
            let code = V::add(V::round(V::mul(x, inverse)), zero_point);
            let code = V::min(V::splat(max as f32), V::max(V::splat(min as f32), code));
            put::<V, WHOLE>(self.y.add(i), V::mul(V::sub(code, zero_point), scale), n);
        }
    }
}

/// See [`fake_quant_backward`].
struct Through {
    lo: f32,
    hi: f32,
    x: *const f32,
    dy: *const f32,
    dx: *mut f32,
}

impl Lane for Through {
    #[inline(always)]
    unsafe fn at<V: Vector, const WHOLE: bool>(&self, i: usize, _: usize, n: usize) {
        // SAFETY: as this function's.
        unsafe {
            let (x, dy) = (get::<V, WHOLE>(self.x.add(i), n), get::<V, WHOLE>(self.dy.add(i), n));
            let zero = V::splat(0.0);
            let below = V::where_gt(V::splat(self.lo), x, zero, dy);
            put::<V, WHOLE>(self.dx.add(i), V::where_gt(x, V::splat(self.hi), zero, below), n);
        }
    }
}

/// See [`min_max`].
struct Extremes<'a> {
    x: &'a [f32],
    found: &'a mut (f32, f32),
}

impl Op for Extremes<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let mut ends = [[f32::INFINITY; 64], [f32::NEG_INFINITY; 64]];
        let (whole, rest) = self.x.split_at(self.x.len() - self.x.len() % (4 * V::LANES));
        // SAFETY: blocks are four vectors, and so many fit 64 elements.
        unsafe {
            const { assert!(V::LANES <= 16) };
            let (mut lo, mut hi) = ([V::splat(f32::INFINITY); 4], [V::splat(f32::NEG_INFINITY); 4]);
            for x in whole.chunks_exact(4 * V::LANES) {
                for b in 0..4 {
                    let x = V::load(x.as_ptr().add(b * V::LANES));
                    (lo[b], hi[b]) = (V::min(x, lo[b]), V::max(x, hi[b]));
                }
            }
            for b in 0..4 {
                V::store(ends[0].as_mut_ptr().add(b * V::LANES), lo[b]);
                V::store(ends[1].as_mut_ptr().add(b * V::LANES), hi[b]);
            }
        }
        let [lo, hi] = &ends;
        let least = lo.iter().chain(rest).fold(f32::INFINITY, |least, x| if *x < least { *x } else { least });
        let most = hi.iter().chain(rest).fold(f32::NEG_INFINITY, |most, x| if *x > most { *x } else { most });
        // Zeros of either sign are the same here.
        *self.found = (least + 0.0, most + 0.0);
    }
}

/// `y = (clamp(round_half_even(x · (1 / scale)) + zero_point, min, max) − zero_point) · scale`, in binary32: as QUANTIZE does it on
/// the device (and PyTorch in training), so that values on a tie, as pixels are with scale 2 / 255, get the code that they get there.
///
/// # Panics
/// If lengths differ.
pub fn fake_quant(k: &Kernels, rule: &FakeQuant, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "tensors of different lengths");
    let lane = Rounded { rule: *rule, x: x.as_ptr(), y: y.as_mut_ptr() };
    // SAFETY: lengths were checked.
    unsafe { k.run(Stream { len: x.len(), period: x.len(), lane }) }
}

/// [`fake_quant`] of weights: rows of `row_len`, each with its scale, symmetric codes −127…127.
///
/// # Panics
/// If lengths do not fit each other.
pub fn fake_quant_rows(k: &Kernels, row_len: usize, scales: &[f32], w: &[f32], y: &mut [f32]) {
    assert!(row_len > 0 && w.len() == row_len * scales.len() && y.len() == w.len(), "a scale for each row");
    for ((w, y), scale) in w.chunks_exact(row_len).zip(y.chunks_exact_mut(row_len)).zip(scales) {
        fake_quant(k, &FakeQuant { scale: *scale, zero_point: 0, min: -127, max: 127 }, w, y);
    }
}

/// `dx = 0` where `x < lo` or `x > hi`, `dy` elsewhere (the straight-through estimate).
///
/// # Panics
/// If lengths differ.
pub fn fake_quant_backward(k: &Kernels, x: &[f32], dy: &[f32], (lo, hi): (f32, f32), dx: &mut [f32]) {
    assert!(x.len() == dy.len() && x.len() == dx.len(), "tensors of different lengths");
    let lane = Through { lo, hi, x: x.as_ptr(), dy: dy.as_ptr(), dx: dx.as_mut_ptr() };
    // SAFETY: lengths were checked.
    unsafe { k.run(Stream { len: x.len(), period: x.len(), lane }) }
}

/// The smallest and the largest element; `(∞, −∞)` if there are none. NaN is passed over, zeros are positive.
#[must_use]
pub fn min_max(k: &Kernels, x: &[f32]) -> (f32, f32) {
    let mut found = (f32::INFINITY, f32::NEG_INFINITY);
    // SAFETY: the slice is all that it reads.
    unsafe { k.run(Extremes { x, found: &mut found }) }
    found
}

/// The largest absolute value of each row of `row_len`.
///
/// # Panics
/// If lengths do not fit each other.
pub fn row_abs_max(k: &Kernels, row_len: usize, w: &[f32], to: &mut [f32]) {
    assert!(row_len > 0 && w.len() == row_len * to.len(), "a result for each row");
    for (w, to) in w.chunks_exact(row_len).zip(to) {
        let (lo, hi) = min_max(k, w);
        *to = if hi > -lo { hi } else { -lo };
    }
}
