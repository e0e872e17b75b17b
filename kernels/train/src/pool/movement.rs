//! Up-sampling and padding.

use crate::{Kernels, PadShape, UpsampleShape, add_assign};

fn check((x_len, y_len): (usize, usize), n: usize, x: usize, y: usize) {
    assert_eq!(x, n * x_len, "inputs (or their gradient) of another shape");
    assert_eq!(y, n * y_len, "outputs (or their gradient) of another shape");
}

/// Repeats each pixel `factor` times in both directions, for `n` images.
///
/// # Panics
/// If a slice has another length than the shape says.
pub fn upsample_forward(_k: &Kernels, s: &UpsampleShape, n: usize, x: &[f32], y: &mut [f32]) {
    s.check().expect("a shape that can be computed");
    check((s.x_len(), s.y_len()), n, x.len(), y.len());
    let (c, line) = (s.channels, s.in_w * s.channels);
    for (x, y) in x.chunks_exact(line).zip(y.chunks_exact_mut(line * s.factor * s.factor)) {
        for y in y.chunks_exact_mut(line * s.factor) {
            for (x, y) in x.chunks_exact(c).zip(y.chunks_exact_mut(c * s.factor)) {
                y.chunks_exact_mut(c).for_each(|y| y.copy_from_slice(x));
            }
        }
    }
}

/// Adds up the gradients of each pixel's copies, rows then columns.
///
/// # Panics
/// As [`upsample_forward`].
pub fn upsample_backward(k: &Kernels, s: &UpsampleShape, n: usize, dy: &[f32], dx: &mut [f32], accumulate: bool) {
    s.check().expect("a shape that can be computed");
    check((s.x_len(), s.y_len()), n, dx.len(), dy.len());
    if !accumulate {
        dx.fill(0.0);
    }
    let (c, line) = (s.channels, s.in_w * s.channels);
    for (dx, dy) in dx.chunks_exact_mut(line).zip(dy.chunks_exact(line * s.factor * s.factor)) {
        for dy in dy.chunks_exact(line * s.factor) {
            for (dx, dy) in dx.chunks_exact_mut(c).zip(dy.chunks_exact(c * s.factor)) {
                dy.chunks_exact(c).for_each(|dy| add_assign(k, dx, dy));
            }
        }
    }
}

/// Where row `y` of an input image lies in the output image.
fn row_at(s: &PadShape, y: usize) -> usize {
    ((s.rows[0] + y) * (s.in_w + s.columns[0] + s.columns[1]) + s.columns[0]) * s.channels
}

/// Puts zeros around each of `n` images.
///
/// # Panics
/// If a slice has another length than the shape says.
pub fn pad_forward(_k: &Kernels, s: &PadShape, n: usize, x: &[f32], y: &mut [f32]) {
    s.check().expect("a shape that can be computed");
    check((s.x_len(), s.y_len()), n, x.len(), y.len());
    let line = s.in_w * s.channels;
    for (x, y) in x.chunks_exact(s.x_len()).zip(y.chunks_exact_mut(s.y_len())) {
        y.fill(0.0);
        for (row, x) in x.chunks_exact(line).enumerate() {
            y[row_at(s, row)..][..line].copy_from_slice(x);
        }
    }
}

/// Takes the gradient of what is inside.
///
/// # Panics
/// As [`pad_forward`].
pub fn pad_backward(k: &Kernels, s: &PadShape, n: usize, dy: &[f32], dx: &mut [f32], accumulate: bool) {
    s.check().expect("a shape that can be computed");
    check((s.x_len(), s.y_len()), n, dx.len(), dy.len());
    let line = s.in_w * s.channels;
    for (dx, dy) in dx.chunks_exact_mut(s.x_len()).zip(dy.chunks_exact(s.y_len())) {
        for (row, dx) in dx.chunks_exact_mut(line).enumerate() {
            let dy = &dy[row_at(s, row)..][..line];
            if accumulate {
                add_assign(k, dx, dy);
            } else {
                dx.copy_from_slice(dy);
            }
        }
    }
}
