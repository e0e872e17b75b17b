//! Depthwise convolutions.

use super::tap;
use crate::ConvShape;

/// All multiply-adds of an image that are inside of it, as places of input, weight, output: rows, columns of the output, kernel
/// rows, kernel columns, output channels.
fn places(s: &ConvShape, mut f: impl FnMut(usize, usize, usize)) {
    let multiplier = s.out_c / s.in_c;
    for oy in 0..s.out_h {
        for ox in 0..s.out_w {
            for ky in 0..s.kernel[0] {
                for kx in 0..s.kernel[1] {
                    let Some(iy) = tap(oy, ky, (s.stride[0], s.dilation[0], s.pad[0]), s.in_h) else { continue };
                    let Some(ix) = tap(ox, kx, (s.stride[1], s.dilation[1], s.pad[1]), s.in_w) else { continue };
                    for o in 0..s.out_c {
                        f(
                            (iy * s.in_w + ix) * s.in_c + o / multiplier,
                            (ky * s.kernel[1] + kx) * s.out_c + o,
                            (oy * s.out_w + ox) * s.out_c + o,
                        );
                    }
                }
            }
        }
    }
}

/// See [`crate::depthwise_forward`].
pub fn depthwise_forward(s: &ConvShape, x: &[f32], w: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
    for (i, y) in y.iter_mut().enumerate() {
        *y = bias.map_or(0.0, |b| b[i % s.out_c]);
    }
    for (x, y) in x.chunks_exact(s.x_len()).zip(y.chunks_exact_mut(s.y_len())) {
        places(s, |i, k, o| y[o] = x[i].mul_add(w[k], y[o]));
    }
}

/// See [`crate::depthwise_input_gradient`].
pub fn depthwise_input_gradient(s: &ConvShape, dy: &[f32], w: &[f32], dx: &mut [f32], accumulate: bool) {
    if !accumulate {
        dx.fill(0.0);
    }
    for (dy, dx) in dy.chunks_exact(s.y_len()).zip(dx.chunks_exact_mut(s.x_len())) {
        places(s, |i, k, o| dx[i] = dy[o].mul_add(w[k], dx[i]));
    }
}

/// See [`crate::depthwise_weight_gradient`].
pub fn depthwise_weight_gradient(s: &ConvShape, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    for (x, dy) in x.chunks_exact(s.x_len()).zip(dy.chunks_exact(s.y_len())) {
        places(s, |i, k, o| dw[k] = dy[o].mul_add(x[i], dw[k]));
    }
}
