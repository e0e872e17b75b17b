//! The convolutions in the fewest obvious loops; every instruction set must give the same, `==`.
//!
//! Nothing here is shared with the kernels but the description of a shape. Only tests use it.

use crate::ops::conv::ConvShape;

/// Calls `tap(pixel, out channel, index of the weight in OHWI order, index of the input, or `None` in the padding)` for every
/// product of a convolution; `columns_first` puts `kx` outside `ky`.
fn each_tap(s: &ConvShape, columns_first: bool, mut tap: impl FnMut(usize, usize, usize, Option<usize>)) {
    let (group_in, group_out) = (s.in_c / s.groups, s.out_c / s.groups);
    for pixel in 0..s.batch * s.out_h * s.out_w {
        let (n, y, x) = (pixel / s.out_w / s.out_h, pixel / s.out_w % s.out_h, pixel % s.out_w);
        for o in 0..s.out_c {
            for i in 0..s.k_h * s.k_w {
                let (ky, kx) = if columns_first { (i % s.k_h, i / s.k_h) } else { (i / s.k_w, i % s.k_w) };
                let row = (y * s.stride_h + ky * s.dilation_h) as i64 - s.pad_top as i64;
                let column = (x * s.stride_w + kx * s.dilation_w) as i64 - s.pad_left as i64;
                let inside = (0..s.in_h as i64).contains(&row) && (0..s.in_w as i64).contains(&column);
                for c in 0..group_in {
                    let weight = ((o * s.k_h + ky) * s.k_w + kx) * group_in + c;
                    let from = (n * s.in_h + row.max(0) as usize) * s.in_w + column.max(0) as usize;
                    let channel = o / group_out * group_in + c;
                    tap(pixel, o, weight, inside.then_some(from * s.in_c + channel));
                }
            }
        }
    }
}

/// `acc[pixel, o] = bias[o] + Σ w · (x − zero_point)`, wrapping. Weights are OHWI with `in_c / groups` input channels; a depthwise
/// convolution has `groups == in_c`, so that its weights are `[out_c, k_h, k_w, 1]`.
pub fn conv(s: &ConvShape, input: &[i8], zero_point: i32, weights: &[i8], bias: &[i32], acc: &mut [i32]) {
    for (i, acc) in acc.iter_mut().enumerate() {
        *acc = bias[i % s.out_c];
    }
    each_tap(s, false, |pixel, o, w, x| {
        let x = x.map_or(0, |x| i32::from(input[x]) - zero_point);
        let acc = &mut acc[pixel * s.out_c + o];
        *acc = acc.wrapping_add(x * i32::from(weights[w]));
    });
}

/// `acc[pixel, o]`: `bias[o]`, then one fused multiply-add per tap in the order `ky`, `kx`, `c` (`kx`, `ky` if `columns_first`),
/// taps in the padding with `x = +0`; then the larger of it and `lo`, then the smaller of that and `hi`.
pub fn conv_f32(
    s: &ConvShape,
    input: &[f32],
    weights: &[f32],
    bias: &[f32],
    (lo, hi, columns_first): (f32, f32, bool),
    acc: &mut [f32],
) {
    for (i, acc) in acc.iter_mut().enumerate() {
        *acc = bias[i % s.out_c];
    }
    each_tap(s, columns_first, |pixel, o, w, x| {
        let acc = &mut acc[pixel * s.out_c + o];
        *acc = libm::fmaf(x.map_or(0.0, |x| input[x]), weights[w], *acc);
    });
    for acc in acc {
        // Not `max` and `min`, which may give either of two zeros.
        *acc = if *acc < lo { lo } else { *acc };
        *acc = if *acc > hi { hi } else { *acc };
    }
}
