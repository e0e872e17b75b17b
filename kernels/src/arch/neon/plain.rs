//! Convolution of kernels of very many segments.

use super::driver::{Machine, NR};
use crate::arith::RequantData;
use crate::ops::conv::{Conv, ConvShape};

/// Pixel by pixel, channel by channel, tap by tap: for kernels of very many segments.
#[cold]
#[inline(never)]
pub(super) fn plainly<M: Machine>(
    step: &Conv,
    input: &[i8],
    output: &mut [i8],
    weights: &[i8],
    requant: &RequantData<'_>,
) {
    let s = &step.shape;
    let ((runs, run_len), group_in, group_out) = (s.runs(), s.in_c / s.groups, s.out_c / s.groups);
    let depth = run_len.next_multiple_of(M::KR);
    let (panel_len, panels) = (s.k_h * runs * depth * NR, group_out.div_ceil(NR));
    for (pixel, out) in output.chunks_exact_mut(s.out_c).enumerate() {
        let (x, y) = (pixel % s.out_w, pixel / s.out_w % s.out_h);
        let image = &input[pixel / (s.out_w * s.out_h) * s.in_h * s.in_w * s.in_c..];
        for (o, out) in out.iter_mut().enumerate() {
            let (group, o_in) = (o / group_out, o % group_out);
            let panel = &weights[(group * panels + o_in / NR) * panel_len..][..panel_len];
            let mut acc = 0_i32;
            for (ky, kx) in (0..s.k_h).flat_map(|ky| (0..s.k_w).map(move |kx| (ky, kx))) {
                let row = ConvShape::source(y, s.stride_h, ky, s.dilation_h, s.pad_top, s.in_h);
                let column = ConvShape::source(x, s.stride_w, kx, s.dilation_w, s.pad_left, s.in_w);
                for c in 0..group_in {
                    let code = match (row, column) {
                        (Some(r), Some(q)) => image[(r * s.in_w + q) * s.in_c + group * group_in + c],
                        _ => step.pad_value,
                    };
                    let (run, k) = if runs == 1 { (ky, kx * group_in + c) } else { (ky * runs + kx, c) };
                    let at = (run * depth + k / M::KR * M::KR) * NR + o_in % NR * M::KR + k % M::KR;
                    acc = acc.wrapping_add(i32::from(code) * i32::from(panel[at]));
                }
            }
            *out = requant.code(acc, o) as i8;
        }
    }
}
