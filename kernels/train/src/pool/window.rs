//! Maximum and average of windows.

use super::taps::{Average, AverageBack, EachTap, Max, MaxBack, Scaled, taps};
use crate::stream::Stream;
use crate::{Kernels, PoolShape};

fn check(s: &PoolShape, n: usize, x: usize, y: usize) {
    s.check().expect("a shape that can be computed");
    assert_eq!(x, n * s.x_len(), "inputs (or their gradient) of another shape");
    assert_eq!(y, n * s.y_len(), "outputs (or their gradient) of another shape");
}

/// The largest value of each window's valid pixels, for `n` images.
///
/// # Panics
/// If a slice has another length than the shape says, or [`PoolShape::check`] fails.
pub fn max_pool_forward(k: &Kernels, s: &PoolShape, n: usize, x: &[f32], y: &mut [f32]) {
    check(s, n, x.len(), y.len());
    let each = EachTap { s, n, taps: taps(s), rule: Max { x: x.as_ptr(), y: y.as_mut_ptr() } };
    // SAFETY: lengths were checked; taps are inside.
    unsafe { k.run(each) }
}

/// Gives each `dy` to the first pixel of its window, by rows, that holds the largest value; windows in order.
///
/// # Panics
/// As [`max_pool_forward`].
pub fn max_pool_backward(
    k: &Kernels,
    s: &PoolShape,
    x: &[f32],
    y: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    accumulate: bool,
) {
    s.check().expect("a shape that can be computed");
    let n = dy.len() / s.y_len();
    check(s, n, x.len(), y.len());
    check(s, n, dx.len(), dy.len());
    if !accumulate {
        dx.fill(0.0);
    }
    let mut left = vec![0.0; s.channels];
    let rule = MaxBack { x: x.as_ptr(), y: y.as_ptr(), dy: dy.as_ptr(), left: left.as_mut_ptr(), dx: dx.as_mut_ptr() };
    // SAFETY: lengths were checked; taps are inside.
    unsafe { k.run(EachTap { s, n, taps: taps(s), rule }) }
}

/// The mean of each window's valid pixels, for `n` images: their sum in order, times `1 / count`.
///
/// # Panics
/// As [`max_pool_forward`].
pub fn average_pool_forward(k: &Kernels, s: &PoolShape, n: usize, x: &[f32], y: &mut [f32]) {
    check(s, n, x.len(), y.len());
    let c = s.channels;
    let each = EachTap { s, n, taps: taps(s), rule: Average { x: x.as_ptr(), y: y.as_mut_ptr() } };
    // SAFETY: lengths were checked; taps are inside.
    unsafe { k.run(each) }
    for y in y.chunks_exact_mut(s.y_len()) {
        for (o, y) in y.chunks_exact_mut(c).enumerate() {
            let count = s.span(0, o / s.out_w).len() * s.span(1, o % s.out_w).len();
            let lane = Scaled { y: y.as_mut_ptr(), by: 1.0 / count as f32 };
            // SAFETY: the pixel is all that it reads and writes.
            unsafe { k.run(Stream { len: c, period: c, lane }) }
        }
    }
}

/// Gives `dy / count` to each valid pixel of each window; windows in order.
///
/// # Panics
/// As [`max_pool_forward`].
pub fn average_pool_backward(k: &Kernels, s: &PoolShape, n: usize, dy: &[f32], dx: &mut [f32], accumulate: bool) {
    check(s, n, dx.len(), dy.len());
    if !accumulate {
        dx.fill(0.0);
    }
    let each = EachTap { s, n, taps: taps(s), rule: AverageBack { dy: dy.as_ptr(), dx: dx.as_mut_ptr() } };
    // SAFETY: lengths were checked; taps are inside.
    unsafe { k.run(each) }
}

/// The mean of all pixels of each image: `[n, pixels, channels]` to `[n, channels]`.
///
/// # Panics
/// If lengths do not fit each other.
pub fn global_average_forward(k: &Kernels, n: usize, channels: usize, x: &[f32], y: &mut [f32]) {
    average_pool_forward(k, &whole(n, channels, x.len()), n, x, y);
}

/// The gradient of [`global_average_forward`].
///
/// # Panics
/// If lengths do not fit each other.
pub fn global_average_backward(k: &Kernels, n: usize, channels: usize, dy: &[f32], dx: &mut [f32], accumulate: bool) {
    average_pool_backward(k, &whole(n, channels, dx.len()), n, dy, dx, accumulate);
}

/// One window over each image of `n`, which together have `len` elements.
fn whole(n: usize, channels: usize, len: usize) -> PoolShape {
    let pixels = len.checked_div(n * channels).unwrap_or(0);
    PoolShape { in_h: 1, in_w: pixels, channels, out_h: 1, out_w: 1, window: [1, pixels], stride: [1, 1], pad: [0, 0] }
}
