//! Element-wise functions over `[pixels, channels]`: batch normalisation, activations, sums.

use crate::{Kernels, reference};

/// An activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// `z`
    None,
    /// `max(z, 0)`; its slope at 0 is 0.
    Relu,
    /// `min(max(z, 0), 6)`; its slope at 0 and 6 is 0.
    Relu6,
    /// `z · min(max(z + 3, 0), 6) / 6`; its slope is `z / 3 + 1/2` between −3 and 3.
    HardSwish,
}

/// What follows a convolution: `y = act(x · scale + shift + residual)`, scale and shift per channel.
#[derive(Clone, Copy, Debug)]
pub struct Norm<'a> {
    /// Factor of each channel.
    pub scale: &'a [f32],
    /// Summand of each channel.
    pub shift: &'a [f32],
    /// As long as `x`, if there is one.
    pub residual: Option<&'a [f32]>,
    /// Activation.
    pub act: Act,
}

impl Norm<'_> {
    fn check(&self, x: usize, y: usize) {
        assert_eq!(x, y, "tensors of different lengths");
        assert!(!self.scale.is_empty() && self.scale.len() == self.shift.len(), "scale and shift of each channel");
        assert!(x.is_multiple_of(self.scale.len()), "whole pixels");
        assert!(self.residual.is_none_or(|r| r.len() == x), "a residual of another length");
    }
}

/// Adds the sums and the sums of squares of each channel of `y`, `[pixels, channels]`.
///
/// Runs of 32 pixels from the slice's start are summed in `f32` (squares by fused multiply-adds), then added to `f64`.
///
/// # Panics
/// If lengths do not fit each other.
pub fn channel_sums(k: &Kernels, y: &[f32], sum: &mut [f64], sum_sq: &mut [f64]) {
    let _ = k;
    assert!(!sum.is_empty() && sum.len() == sum_sq.len() && y.len().is_multiple_of(sum.len()), "whole pixels");
    reference::channel_sums(y, sum, sum_sq);
}

/// `y = act(fma(x, scale, shift) + residual)`.
///
/// # Panics
/// If lengths do not fit each other.
pub fn scale_shift_act(k: &Kernels, norm: &Norm<'_>, x: &[f32], y: &mut [f32]) {
    let _ = k;
    norm.check(x.len(), y.len());
    reference::scale_shift_act(norm, x, y);
}

/// Adds, for each channel, the sums of `dy'` and of `dy' · x`, where `dy' = dy · act'(z)` and `z` is computed as in
/// [`scale_shift_act`]; in runs as in [`channel_sums`].
///
/// # Panics
/// If lengths do not fit each other.
pub fn norm_backward_sums(
    k: &Kernels,
    norm: &Norm<'_>,
    x: &[f32],
    dy: &[f32],
    sum_dy: &mut [f64],
    sum_dy_x: &mut [f64],
) {
    let _ = k;
    norm.check(x.len(), dy.len());
    assert!(sum_dy.len() == norm.scale.len() && sum_dy_x.len() == norm.scale.len(), "a sum for each channel");
    reference::norm_backward_sums(norm, x, dy, sum_dy, sum_dy_x);
}

/// `dx = fma(dy', a, fma(x, b, c))` with `[a, b, c]` per channel, and `dy'` written (or, with `true`, added) to `d_residual`.
///
/// # Panics
/// If lengths do not fit each other.
pub fn norm_backward(
    k: &Kernels,
    norm: &Norm<'_>,
    x: &[f32],
    dy: &[f32],
    abc: [&[f32]; 3],
    dx: &mut [f32],
    d_residual: Option<(&mut [f32], bool)>,
) {
    let _ = k;
    norm.check(x.len(), dy.len());
    assert!(abc.iter().all(|v| v.len() == norm.scale.len()), "a factor for each channel");
    assert!(
        dx.len() == x.len() && d_residual.as_ref().is_none_or(|(r, _)| r.len() == x.len()),
        "gradients of x's length"
    );
    reference::norm_backward(norm, x, dy, abc, dx, d_residual);
}

/// `y = act(x)`.
///
/// # Panics
/// If lengths differ.
pub fn act_forward(k: &Kernels, act: Act, x: &[f32], y: &mut [f32]) {
    let _ = k;
    assert_eq!(x.len(), y.len(), "tensors of different lengths");
    x.iter().zip(y).for_each(|(x, y)| *y = reference::act(act, *x));
}

/// `dx = dy · act'(x)`.
///
/// # Panics
/// If lengths differ.
pub fn act_backward(k: &Kernels, act: Act, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    let _ = k;
    assert!(x.len() == dy.len() && x.len() == dx.len(), "tensors of different lengths");
    x.iter().zip(dy).zip(dx).for_each(|((x, dy), dx)| *dx = reference::act_slope(act, *x, *dy));
}

/// `y = a + b`.
///
/// # Panics
/// If lengths differ.
pub fn add(k: &Kernels, a: &[f32], b: &[f32], y: &mut [f32]) {
    let _ = k;
    assert!(a.len() == b.len() && a.len() == y.len(), "tensors of different lengths");
    a.iter().zip(b).zip(y).for_each(|((a, b), y)| *y = a + b);
}

/// `y += a`.
///
/// # Panics
/// If lengths differ.
pub fn add_assign(k: &Kernels, y: &mut [f32], a: &[f32]) {
    let _ = k;
    assert_eq!(a.len(), y.len(), "tensors of different lengths");
    y.iter_mut().zip(a).for_each(|(y, a)| *y += a);
}

/// Adds the sum of each channel of `dy`, `[pixels, channels]`, to `db`: each is one chain over pixels.
///
/// # Panics
/// If there are no channels or no whole pixels.
pub fn bias_gradient(k: &Kernels, dy: &[f32], db: &mut [f32]) {
    let _ = k;
    assert!(!db.is_empty() && dy.len().is_multiple_of(db.len()), "whole pixels");
    dy.chunks_exact(db.len()).for_each(|dy| db.iter_mut().zip(dy).for_each(|(db, dy)| *db += dy));
}

/// `w *= mask`.
///
/// # Panics
/// If lengths differ.
pub fn mask_multiply(k: &Kernels, w: &mut [f32], mask: &[f32]) {
    let _ = k;
    assert_eq!(w.len(), mask.len(), "tensors of different lengths");
    w.iter_mut().zip(mask).for_each(|(w, m)| *w *= m);
}
