//! Convolutions.

use core::ops::Range;

use super::tap;
use crate::ConvShape;

/// One multiply-add of a convolution: the places of its input, its weight and its output.
struct Place {
    x: usize,
    w: usize,
    y: usize,
}

/// All multiply-adds of an image that are inside of it: rows, columns of the output, output channels, kernel rows, kernel columns,
/// input channels.
fn places(s: &ConvShape, mut f: impl FnMut(Place)) {
    let (ic, oc) = (s.in_c / s.groups, s.out_c / s.groups);
    for oy in 0..s.out_h {
        for ox in 0..s.out_w {
            for o in 0..s.out_c {
                for ky in 0..s.kernel[0] {
                    for kx in 0..s.kernel[1] {
                        let Some(iy) = tap(oy, ky, (s.stride[0], s.dilation[0], s.pad[0]), s.in_h) else { continue };
                        let Some(ix) = tap(ox, kx, (s.stride[1], s.dilation[1], s.pad[1]), s.in_w) else { continue };
                        for i in 0..ic {
                            f(Place {
                                x: (iy * s.in_w + ix) * s.in_c + o / oc * ic + i,
                                w: ((o * s.kernel[0] + ky) * s.kernel[1] + kx) * ic + i,
                                y: (oy * s.out_w + ox) * s.out_c + o,
                            });
                        }
                    }
                }
            }
        }
    }
}

/// See [`crate::conv_forward`].
pub fn conv_forward(s: &ConvShape, x: &[f32], w: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
    for (i, y) in y.iter_mut().enumerate() {
        *y = bias.map_or(0.0, |b| b[i % s.out_c]);
    }
    for (x, y) in x.chunks_exact(s.x_len()).zip(y.chunks_exact_mut(s.y_len())) {
        places(s, |at| y[at.y] = x[at.x].mul_add(w[at.w], y[at.y]));
    }
}

/// See [`crate::conv_input_gradient`].
pub fn conv_input_gradient(s: &ConvShape, dy: &[f32], w: &[f32], dx: &mut [f32], accumulate: bool) {
    if !accumulate {
        dx.fill(0.0);
    }
    // Outputs go by in order of their pixels, and within a pixel in order of their channels: the order of each chain.
    for (dy, dx) in dy.chunks_exact(s.y_len()).zip(dx.chunks_exact_mut(s.x_len())) {
        places(s, |at| dx[at.x] = dy[at.y].mul_add(w[at.w], dx[at.x]));
    }
}

/// See [`crate::conv_weight_gradient`].
pub fn conv_weight_gradient(s: &ConvShape, x: &[f32], dy: &[f32], dw: &mut [f32], outputs: Range<usize>) {
    let first = outputs.start * s.row_len();
    for (x, dy) in x.chunks_exact(s.x_len()).zip(dy.chunks_exact(s.y_len())) {
        places(s, |at| {
            if outputs.contains(&(at.y % s.out_c)) {
                let dw = &mut dw[at.w - first];
                *dw = dy[at.y].mul_add(x[at.x], *dw);
            }
        });
    }
}
