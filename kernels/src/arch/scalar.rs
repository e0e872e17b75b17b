//! Portable Rust: what every target runs, and what the others are measured against.

use crate::isa::{Isa, Kernels, PackSpec};
use crate::ops::conv::{Conv, ConvData, ConvShape};
use crate::ops::conv_f32::{ConvF32, DataF32, clamp_f32, fma};
use crate::ops::depthwise::{Depthwise, DepthwiseData};
use crate::ops::depthwise_f32::DepthwiseF32;

/// The table.
pub static KERNELS: Kernels = Kernels {
    isa: Isa::Scalar,
    conv_pack: PackSpec { nr: 8, kr: 1, offset: 0, code_size: 0, slides: false, joins: 0 },
    conv_f32_nr: NR,
    conv,
    depthwise,
    depthwise_scratch: |_| 0,
    depthwise_tables_len: |_| 0,
    depthwise_tables: |_, _, _, _| (),
    conv_f32,
    depthwise_f32,
    add: crate::ops::binary::add_row::<i8>,
    max_pool: crate::ops::max_pool::max_pool,
    peak_int8,
    peak_f32,
};

const NR: usize = 8;

pub(crate) fn conv(step: &Conv, data: ConvData<'_>) {
    let s = &step.shape;
    let (group_in, group_out) = (s.in_c / s.groups, s.out_c / s.groups);
    let tile_len = s.k_h * s.k_w * group_in * NR;
    let blocks = group_out.div_ceil(NR);
    let padding = &mut data.scratch[..s.in_c];
    padding.fill(step.pad_value.cast_unsigned());
    let padding: &[i8] = crate::span::view(padding);
    for (pixel, out) in data.output.chunks_exact_mut(s.out_c).enumerate() {
        let (x, y) = (pixel % s.out_w, pixel / s.out_w % s.out_h);
        let image = &data.input[pixel / (s.out_w * s.out_h) * s.in_h * s.in_w * s.in_c..];
        for group in 0..s.groups {
            for block in 0..blocks {
                let tile = &data.weights[(group * blocks + block) * tile_len..][..tile_len];
                let mut acc = [0_i32; NR];
                let mut w = tile.chunks_exact(NR);
                for ky in 0..s.k_h {
                    let row = ConvShape::source(y, s.stride_h, ky, s.dilation_h, s.pad_top, s.in_h);
                    for kx in 0..s.k_w {
                        let column = ConvShape::source(x, s.stride_w, kx, s.dilation_w, s.pad_left, s.in_w);
                        let taps = match (row, column) {
                            (Some(r), Some(c)) => &image[(r * s.in_w + c) * s.in_c + group * group_in..],
                            _ => padding,
                        };
                        for (&x, w) in taps[..group_in].iter().zip(&mut w) {
                            for (a, &w) in acc.iter_mut().zip(w) {
                                *a = a.wrapping_add(i32::from(x) * i32::from(w));
                            }
                        }
                    }
                }
                let first = block * NR;
                for (i, &a) in acc.iter().enumerate().take(group_out - first) {
                    let c = group * group_out + first + i;
                    out[c] = data.requant.code(a, c) as i8;
                }
            }
        }
    }
}

pub(crate) fn depthwise(step: &Depthwise, data: DepthwiseData<'_>) {
    let s = &step.shape;
    let multiplier = s.out_c / s.in_c;
    let row_len = s.out_c.next_multiple_of(64);
    for (pixel, out) in data.output.chunks_exact_mut(s.out_c).enumerate() {
        let (x, y) = (pixel % s.out_w, pixel / s.out_w % s.out_h);
        let image = &data.input[pixel / (s.out_w * s.out_h) * s.in_h * s.in_w * s.in_c..];
        for (c, out) in out.iter_mut().enumerate() {
            let mut acc = 0_i32;
            for ky in 0..s.k_h {
                let row = ConvShape::source(y, s.stride_h, ky, s.dilation_h, s.pad_top, s.in_h);
                for kx in 0..s.k_w {
                    let column = ConvShape::source(x, s.stride_w, kx, s.dilation_w, s.pad_left, s.in_w);
                    let code = match (row, column) {
                        (Some(r), Some(q)) => image[(r * s.in_w + q) * s.in_c + c / multiplier],
                        _ => step.pad_value,
                    };
                    let w = data.weights[(ky * s.k_w + kx) * row_len + c];
                    acc = acc.wrapping_add(i32::from(code) * i32::from(w));
                }
            }
            *out = data.requant.code(acc, c) as i8;
        }
    }
}

pub(crate) fn conv_f32(step: &ConvF32, data: DataF32<'_>) {
    let s = &step.shape;
    let (group_in, group_out) = (s.in_c / s.groups, s.out_c / s.groups);
    let tile_len = s.k_h * s.k_w * group_in * NR;
    let blocks = group_out.div_ceil(NR);
    for (pixel, out) in data.output.chunks_exact_mut(s.out_c).enumerate() {
        let (x, y) = (pixel % s.out_w, pixel / s.out_w % s.out_h);
        let image = &data.input[pixel / (s.out_w * s.out_h) * s.in_h * s.in_w * s.in_c..];
        for (c, out) in out.iter_mut().enumerate() {
            let (group, o) = (c / group_out, c % group_out);
            let tile = &data.weights[(group * blocks + o / NR) * tile_len..][..tile_len];
            let mut acc = data.bias[c];
            for ky in 0..s.k_h {
                let row = ConvShape::source(y, s.stride_h, ky, s.dilation_h, s.pad_top, s.in_h);
                for kx in 0..s.k_w {
                    let column = ConvShape::source(x, s.stride_w, kx, s.dilation_w, s.pad_left, s.in_w);
                    for i in 0..group_in {
                        let x = match (row, column) {
                            (Some(r), Some(q)) => image[(r * s.in_w + q) * s.in_c + group * group_in + i],
                            _ => 0.0,
                        };
                        let k = (ky * s.k_w + kx) * group_in + i;
                        acc = fma(x, tile[k * NR + o % NR], acc);
                    }
                }
            }
            *out = clamp_f32(acc, step.lo, step.hi);
        }
    }
}

pub(crate) fn depthwise_f32(step: &DepthwiseF32, data: DataF32<'_>) {
    let s = &step.shape;
    let multiplier = s.out_c / s.in_c;
    let row_len = s.out_c.next_multiple_of(64);
    for (pixel, out) in data.output.chunks_exact_mut(s.out_c).enumerate() {
        let (x, y) = (pixel % s.out_w, pixel / s.out_w % s.out_h);
        let image = &data.input[pixel / (s.out_w * s.out_h) * s.in_h * s.in_w * s.in_c..];
        for (c, out) in out.iter_mut().enumerate() {
            let mut acc = data.bias[c];
            for kx in 0..s.k_w {
                let column = ConvShape::source(x, s.stride_w, kx, s.dilation_w, s.pad_left, s.in_w);
                for ky in 0..s.k_h {
                    let row = ConvShape::source(y, s.stride_h, ky, s.dilation_h, s.pad_top, s.in_h);
                    let x = match (row, column) {
                        (Some(r), Some(q)) => image[(r * s.in_w + q) * s.in_c + c / multiplier],
                        _ => 0.0,
                    };
                    acc = fma(x, data.weights[(ky * s.k_w + kx) * row_len + c], acc);
                }
            }
            *out = clamp_f32(acc, step.lo, step.hi);
        }
    }
}

fn peak_int8(iterations: u64) -> u64 {
    let x = core::hint::black_box(3_i32);
    crate::peak::chains(iterations, 1, |i| i as i32, |acc| acc.wrapping_mul(x).wrapping_add(x))
}

fn peak_f32(iterations: u64) -> u64 {
    let x = core::hint::black_box(0.5_f32);
    crate::peak::chains(iterations, 1, |i| i as f32, |acc| fma(acc, x, x))
}
