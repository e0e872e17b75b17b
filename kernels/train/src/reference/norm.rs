//! Normalisation and activation.

use crate::{Act, Norm};

/// Pixels whose sum is taken in `f32` before it is added to one in `f64`.
const RUN: usize = 32;

/// The activation of `z`.
#[must_use]
pub fn act(act: Act, z: f32) -> f32 {
    let clamp = |z: f32, hi: f32| {
        let z = if 0.0 > z { 0.0 } else { z };
        if hi < z { hi } else { z }
    };
    match act {
        Act::None => z,
        Act::Relu => clamp(z, f32::INFINITY),
        Act::Relu6 => clamp(z, 6.0),
        Act::HardSwish => z * (clamp(z + 3.0, 6.0) * (1.0 / 6.0)),
    }
}

/// `dy · act'(z)`.
#[must_use]
pub fn act_slope(act: Act, z: f32, dy: f32) -> f32 {
    match act {
        Act::None => dy,
        Act::Relu => {
            if z > 0.0 {
                dy
            } else {
                0.0
            }
        }
        Act::Relu6 => {
            if z > 0.0 && z < 6.0 {
                dy
            } else {
                0.0
            }
        }
        Act::HardSwish => {
            let slope = if z > -3.0 { z.mul_add(1.0 / 3.0, 0.5) } else { 0.0 };
            dy * if z < 3.0 { slope } else { 1.0 }
        }
    }
}

/// What the activation of element `i` sees.
fn before_act(norm: &Norm<'_>, i: usize, x: f32) -> f32 {
    let c = i % norm.scale.len();
    let z = x.mul_add(norm.scale[c], norm.shift[c]);
    norm.residual.map_or(z, |r| z + r[i])
}

/// See [`crate::scale_shift_act`].
pub fn scale_shift_act(norm: &Norm<'_>, x: &[f32], y: &mut [f32]) {
    for (i, (x, y)) in x.iter().zip(y).enumerate() {
        *y = act(norm.act, before_act(norm, i, *x));
    }
}

/// Adds four chains over each run of pixels to `sums`; each starts at 0 and goes on by `next(sum, place)`.
fn run_sums(len: usize, sums: &mut [f64], next: impl Fn(f32, usize) -> f32) {
    let channels = sums.len();
    for first in (0..len).step_by(RUN * channels) {
        for (c, sum) in sums.iter_mut().enumerate() {
            let end = len.min(first + RUN * channels);
            let chain = |p: usize| (first + c + p * channels..end).step_by(4 * channels).fold(0.0, &next);
            *sum += f64::from((chain(0) + chain(1)) + (chain(2) + chain(3)));
        }
    }
}

/// See [`crate::channel_sums`].
pub fn channel_sums(y: &[f32], sum: &mut [f64], sum_sq: &mut [f64]) {
    run_sums(y.len(), sum, |sum, i| sum + y[i]);
    run_sums(y.len(), sum_sq, |sum, i| y[i].mul_add(y[i], sum));
}

/// See [`crate::norm_backward_sums`].
pub fn norm_backward_sums(norm: &Norm<'_>, x: &[f32], dy: &[f32], sum_dy: &mut [f64], sum_dy_x: &mut [f64]) {
    let d = |i: usize| act_slope(norm.act, before_act(norm, i, x[i]), dy[i]);
    run_sums(x.len(), sum_dy, |sum, i| sum + d(i));
    run_sums(x.len(), sum_dy_x, |sum, i| d(i).mul_add(x[i], sum));
}

/// See [`crate::norm_backward`].
pub fn norm_backward(
    norm: &Norm<'_>,
    x: &[f32],
    dy: &[f32],
    [a, b, c]: [&[f32]; 3],
    dx: &mut [f32],
    mut d_residual: Option<(&mut [f32], bool)>,
) {
    for i in 0..x.len() {
        let d = act_slope(norm.act, before_act(norm, i, x[i]), dy[i]);
        let ch = i % a.len();
        dx[i] = d.mul_add(a[ch], x[i].mul_add(b[ch], c[ch]));
        if let Some((to, accumulate)) = &mut d_residual {
            to[i] = if *accumulate { to[i] + d } else { d };
        }
    }
}
