//! Maximum and average of windows.

use crate::{Kernels, PoolShape};

fn check(s: &PoolShape, n: usize, x: usize, y: usize) {
    s.check().expect("a shape that can be computed");
    assert_eq!(x, n * s.x_len(), "inputs (or their gradient) of another shape");
    assert_eq!(y, n * s.y_len(), "outputs (or their gradient) of another shape");
}

/// Calls `f` with each output pixel and the input pixels of its window, in order: (output, inputs so far, input).
fn windows(s: &PoolShape, mut f: impl FnMut(usize, usize, usize)) {
    for oy in 0..s.out_h {
        for ox in 0..s.out_w {
            let mut seen = 0;
            for iy in s.span(0, oy) {
                for ix in s.span(1, ox) {
                    f(oy * s.out_w + ox, seen, iy * s.in_w + ix);
                    seen += 1;
                }
            }
        }
    }
}

/// The largest value of each window's valid pixels, for `n` images.
///
/// # Panics
/// If a slice has another length than the shape says, or [`PoolShape::check`] fails.
pub fn max_pool_forward(k: &Kernels, s: &PoolShape, n: usize, x: &[f32], y: &mut [f32]) {
    let _ = k;
    check(s, n, x.len(), y.len());
    let c = s.channels;
    for (x, y) in x.chunks_exact(s.x_len()).zip(y.chunks_exact_mut(s.y_len())) {
        windows(s, |o, seen, i| {
            for (y, x) in y[o * c..][..c].iter_mut().zip(&x[i * c..][..c]) {
                *y = if seen == 0 || *x > *y { *x } else { *y };
            }
        });
    }
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
    let _ = k;
    s.check().expect("a shape that can be computed");
    let n = dy.len() / s.y_len();
    check(s, n, x.len(), y.len());
    check(s, n, dx.len(), dy.len());
    if !accumulate {
        dx.fill(0.0);
    }
    let c = s.channels;
    let mut given = vec![false; c];
    for i in 0..n {
        let (x, dx) = (&x[i * s.x_len()..][..s.x_len()], &mut dx[i * s.x_len()..][..s.x_len()]);
        let (y, dy) = (&y[i * s.y_len()..][..s.y_len()], &dy[i * s.y_len()..][..s.y_len()]);
        windows(s, |o, seen, i| {
            if seen == 0 {
                given.fill(false);
            }
            for ch in 0..c {
                if !given[ch] && x[i * c + ch] == y[o * c + ch] {
                    given[ch] = true;
                    dx[i * c + ch] += dy[o * c + ch];
                }
            }
        });
    }
}

/// The number of valid pixels of each window's row and column.
fn inverse_count(s: &PoolShape, o: usize) -> f32 {
    1.0 / (s.span(0, o / s.out_w).len() * s.span(1, o % s.out_w).len()) as f32
}

/// The mean of each window's valid pixels, for `n` images: their sum in order, times `1 / count`.
///
/// # Panics
/// As [`max_pool_forward`].
pub fn average_pool_forward(k: &Kernels, s: &PoolShape, n: usize, x: &[f32], y: &mut [f32]) {
    let _ = k;
    check(s, n, x.len(), y.len());
    let c = s.channels;
    for (x, y) in x.chunks_exact(s.x_len()).zip(y.chunks_exact_mut(s.y_len())) {
        windows(s, |o, seen, i| {
            for (y, x) in y[o * c..][..c].iter_mut().zip(&x[i * c..][..c]) {
                *y = if seen == 0 { *x } else { *y + *x };
            }
        });
        for (o, y) in y.chunks_exact_mut(c).enumerate() {
            let by = inverse_count(s, o);
            y.iter_mut().for_each(|y| *y *= by);
        }
    }
}

/// Gives `dy / count` to each valid pixel of each window; windows in order.
///
/// # Panics
/// As [`max_pool_forward`].
pub fn average_pool_backward(k: &Kernels, s: &PoolShape, n: usize, dy: &[f32], dx: &mut [f32], accumulate: bool) {
    let _ = k;
    check(s, n, dx.len(), dy.len());
    if !accumulate {
        dx.fill(0.0);
    }
    let c = s.channels;
    for (dx, dy) in dx.chunks_exact_mut(s.x_len()).zip(dy.chunks_exact(s.y_len())) {
        windows(s, |o, _, i| {
            let by = inverse_count(s, o);
            for (dx, dy) in dx[i * c..][..c].iter_mut().zip(&dy[o * c..][..c]) {
                *dx += *dy * by;
            }
        });
    }
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
