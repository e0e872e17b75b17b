//! Fake quantisation and the ranges that it needs.

use crate::Kernels;

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

    /// Rounds `x` to a code, half to even, and back.
    fn value(&self, x: f32) -> f32 {
        let code = (x / self.scale).round_ties_even() + self.zero_point as f32;
        let code = if self.min as f32 > code { self.min as f32 } else { code };
        let code = if (self.max as f32) < code { self.max as f32 } else { code };
        (code - self.zero_point as f32) * self.scale
    }
}

/// `y = (clamp(round_half_even(x / scale) + zero_point, min, max) − zero_point) · scale`.
///
/// # Panics
/// If lengths differ.
pub fn fake_quant(k: &Kernels, rule: &FakeQuant, x: &[f32], y: &mut [f32]) {
    let _ = k;
    assert_eq!(x.len(), y.len(), "tensors of different lengths");
    x.iter().zip(y).for_each(|(x, y)| *y = rule.value(*x));
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

/// `dx = dy` where `lo ≤ x ≤ hi`, 0 elsewhere (the straight-through estimate).
///
/// # Panics
/// If lengths differ.
pub fn fake_quant_backward(k: &Kernels, x: &[f32], dy: &[f32], (lo, hi): (f32, f32), dx: &mut [f32]) {
    let _ = k;
    assert!(x.len() == dy.len() && x.len() == dx.len(), "tensors of different lengths");
    x.iter().zip(dy).zip(dx).for_each(|((x, dy), dx)| *dx = if *x >= lo && *x <= hi { *dy } else { 0.0 });
}

/// The smallest and the largest element; `(∞, −∞)` if there are none. NaN is passed over.
#[must_use]
pub fn min_max(k: &Kernels, x: &[f32]) -> (f32, f32) {
    let _ = k;
    x.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), x| {
        (if *x < lo { *x } else { lo }, if *x > hi { *x } else { hi })
    })
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
