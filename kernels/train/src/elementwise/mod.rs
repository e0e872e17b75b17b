//! Element-wise functions over `[pixels, channels]`: batch normalisation, activations, sums.

mod lanes;
mod sums;

use core::ptr;

use crate::Kernels;
use crate::stream::{Lane, Periodic, Stream};
use lanes::{Activate, ActivateBack, Backward, Forward, Pair, Pre};
use sums::{BiasSums, Sums};

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

/// A lane over `len` elements in rows of `period`.
///
/// # Safety
/// As [`Lane::at`] for all of them.
unsafe fn stream(k: &Kernels, len: usize, period: usize, lane: impl Lane) {
    // SAFETY: as this function's.
    unsafe { k.run(Stream { len, period, lane }) }
}

impl Norm<'_> {
    /// With its constants as they are repeated.
    fn pre(&self, constants: &Periodic) -> Pre {
        Pre {
            scale: constants.at(0, self.scale),
            shift: constants.at(1, self.shift),
            residual: self.residual.map_or(ptr::null(), <[f32]>::as_ptr),
            act: self.act,
        }
    }

    fn check(&self, x: usize, y: usize) {
        assert_eq!(x, y, "tensors of different lengths");
        assert!(!self.scale.is_empty() && self.scale.len() == self.shift.len(), "scale and shift of each channel");
        assert!(x.is_multiple_of(self.scale.len()), "whole pixels");
        assert!(self.residual.is_none_or(|r| r.len() == x), "a residual of another length");
    }
}

/// Adds the sums and the sums of squares of each channel of `y`, `[pixels, channels]`.
///
/// Runs of 32 pixels from the slice's start are summed in `f32` (squares by fused multiply-adds), each in four chains of every
/// fourth pixel, which are joined as `(0 + 1) + (2 + 3)`; then they are added to `f64`.
///
/// # Panics
/// If lengths do not fit each other.
pub fn channel_sums(k: &Kernels, y: &[f32], sum: &mut [f64], sum_sq: &mut [f64]) {
    assert!(!sum.is_empty() && sum.len() == sum_sq.len() && y.len().is_multiple_of(sum.len()), "whole pixels");
    let pre = Pre { scale: ptr::null(), shift: ptr::null(), residual: ptr::null(), act: Act::None };
    let sums = Sums { len: y.len(), x: y.as_ptr(), dy: ptr::null(), pre, sums: [sum, sum_sq] };
    // SAFETY: lengths were checked.
    unsafe { k.run(sums) }
}

/// `y = act(fma(x, scale, shift) + residual)`.
///
/// # Panics
/// If lengths do not fit each other.
pub fn scale_shift_act(k: &Kernels, norm: &Norm<'_>, x: &[f32], y: &mut [f32]) {
    norm.check(x.len(), y.len());
    let constants = Periodic::new(&[norm.scale, norm.shift], k.lanes(), x.len());
    let lane = Forward { pre: norm.pre(&constants), x: x.as_ptr(), y: y.as_mut_ptr() };
    // SAFETY: lengths were checked.
    unsafe { stream(k, x.len(), constants.period, lane) }
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
    norm.check(x.len(), dy.len());
    assert!(sum_dy.len() == norm.scale.len() && sum_dy_x.len() == norm.scale.len(), "a sum for each channel");
    let residual = norm.residual.map_or(ptr::null(), <[f32]>::as_ptr);
    let pre = Pre { scale: norm.scale.as_ptr(), shift: norm.shift.as_ptr(), residual, act: norm.act };
    let sums = Sums { len: x.len(), x: x.as_ptr(), dy: dy.as_ptr(), pre, sums: [sum_dy, sum_dy_x] };
    // SAFETY: lengths were checked.
    unsafe { k.run(sums) }
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
    assert_eq!(dy.len(), dx.len(), "tensors of different lengths");
    norm.check(x.len(), dx.len());
    assert!(abc.iter().all(|v| v.len() == norm.scale.len()), "a factor for each channel");
    assert!(d_residual.as_ref().is_none_or(|(r, _)| r.len() == x.len()), "gradients of x's length");
    let constants = Periodic::new(&[norm.scale, norm.shift, abc[0], abc[1], abc[2]], k.lanes(), x.len());
    let (d_residual, accumulate) = d_residual.map_or((ptr::null_mut(), false), |(r, add)| (r.as_mut_ptr(), add));
    let lane = Backward {
        pre: norm.pre(&constants),
        x: x.as_ptr(),
        dy: dy.as_ptr(),
        abc: [0, 1, 2].map(|i| constants.at(2 + i, abc[i])),
        dx: dx.as_mut_ptr(),
        d_residual,
        accumulate,
    };
    // SAFETY: lengths were checked.
    unsafe { stream(k, x.len(), constants.period, lane) }
}

/// `y = act(x)`.
///
/// # Panics
/// If lengths differ.
pub fn act_forward(k: &Kernels, act: Act, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "tensors of different lengths");
    // SAFETY: lengths were checked.
    unsafe { stream(k, x.len(), x.len(), Activate { act, x: x.as_ptr(), y: y.as_mut_ptr() }) }
}

/// `dx = dy · act'(x)`.
///
/// # Panics
/// If lengths differ.
pub fn act_backward(k: &Kernels, act: Act, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    assert!(x.len() == dy.len() && x.len() == dx.len(), "tensors of different lengths");
    let lane = ActivateBack { act, x: x.as_ptr(), dy: dy.as_ptr(), dx: dx.as_mut_ptr() };
    // SAFETY: lengths were checked.
    unsafe { stream(k, x.len(), x.len(), lane) }
}

/// `y = a + b`.
///
/// # Panics
/// If lengths differ.
pub fn add(k: &Kernels, a: &[f32], b: &[f32], y: &mut [f32]) {
    assert!(a.len() == b.len() && a.len() == y.len(), "tensors of different lengths");
    let lane = Pair { a: a.as_ptr(), b: b.as_ptr(), y: y.as_mut_ptr() };
    // SAFETY: lengths were checked.
    unsafe { stream(k, a.len(), a.len(), lane) }
}

/// `y += a`.
///
/// # Panics
/// If lengths differ.
pub fn add_assign(k: &Kernels, y: &mut [f32], a: &[f32]) {
    assert_eq!(a.len(), y.len(), "tensors of different lengths");
    let y = y.as_mut_ptr();
    // SAFETY: lengths were checked.
    unsafe { stream(k, a.len(), a.len(), Pair { a: y, b: a.as_ptr(), y }) }
}

/// Adds the sum of each channel of `dy`, `[pixels, channels]`, to `db`: each is one chain over pixels.
///
/// # Panics
/// If there are no channels or no whole pixels.
pub fn bias_gradient(k: &Kernels, dy: &[f32], db: &mut [f32]) {
    assert!(!db.is_empty() && dy.len().is_multiple_of(db.len()), "whole pixels");
    // SAFETY: slices are all that it reads and writes.
    unsafe { k.run(BiasSums { dy, db }) }
}
