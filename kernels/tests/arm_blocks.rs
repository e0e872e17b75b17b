//! Shapes that have blocks of assembly of their own on ARM, on every instruction set that runs here, `==`.

mod common;

use common::cases::{RANDOM, check_int8, first_difference, shape, short, sized};
use common::{Fill, Int8, Plan, ROUNDINGS, Rng};
use edgebench_kernels::ops::conv::ConvShape;
use edgebench_kernels::ops::max_pool::MaxPool;
use edgebench_kernels::{Block, Isa, Memory, run};

/// A case of any numbers, or of numbers that kernels of ARM reach a shorter way.
fn case(rng: &mut Rng, s: ConvShape, i: usize) -> Int8 {
    match i % 4 {
        0 => Int8::new(rng, s, RANDOM, ROUNDINGS[i / 4 % ROUNDINGS.len()]),
        1 => Int8::new(rng, s, (Fill::Extremes, Fill::Extremes), ROUNDINGS[0]),
        2 => short(rng, s, true, true),
        _ => short(rng, s, false, true),
    }
}

#[test]
fn first_layers() {
    let mut rng = Rng(61);
    for w in 1..=21 {
        for (i, stride) in [1, 2, 1, 2, 3].into_iter().enumerate() {
            let s = shape([1 + i % 2, 3 + (w + i) % 7, w.max(3 - i % 3), 3], [3, 3], rng.of(&[16, 32, 48]));
            let s = sized(ConvShape { stride_h: stride, stride_w: stride, ..s }, i % 3 > 0 || w < 3);
            check_int8(&case(&mut rng, s, w + i), false);
        }
    }
}

#[test]
fn first_layers_with_wide_padding() {
    let mut rng = Rng(62);
    for (i, pad) in (0..=4).flat_map(|pad| [(1, 1), (2, 7), (9, 4)].map(|size| (pad, size))).enumerate() {
        let (pad, (h, w)) = pad;
        let mut s = shape([1, h, w, 3], [3, 3], 16);
        (s.stride_h, s.stride_w, s.pad_top, s.pad_left) = (1 + i % 3, 1 + i % 2, pad, pad);
        s.out_h = (h + 2 * pad).saturating_sub(3) / s.stride_h + 1;
        s.out_w = (w + 2 * pad).saturating_sub(3) / s.stride_w + 1;
        check_int8(&case(&mut rng, s, i), false);
    }
}

#[test]
fn depthwise_to_two_by_two() {
    let mut rng = Rng(63);
    for (i, c) in [16, 24, 32, 48, 144, 192, 16, 48].into_iter().enumerate() {
        for (size, stride, pad) in [(2, 1, 1), (4, 2, 0), (4, 2, 1), (3, 2, 1), (5, 2, 0), (4, 1, 0), (2, 2, 1)] {
            for kind in 0..4 {
                let mut s = shape([1 + i % 3, size, size, c], [3, 3], c);
                (s.stride_h, s.stride_w, s.pad_top, s.pad_left, s.groups) = (stride, stride, pad, pad, c);
                (s.out_h, s.out_w) = (2, 2);
                check_int8(&case(&mut rng, s, kind + 4 * i), true);
            }
        }
    }
}

/// 1×1 convolutions of few channels, or of one pixel.
#[test]
fn pointwise() {
    let mut rng = Rng(64);
    for pixels in 1..=19 {
        for (i, in_c) in [8, 16, 4, 24].into_iter().enumerate() {
            let s = shape([1 + i % 2, 1, pixels, in_c], [1, 1], rng.of(&[16, 32, 40, 48, 80]));
            check_int8(&case(&mut rng, s, pixels + i), false);
        }
    }
    check_int8(&short(&mut rng, shape([1, 61, 43, 8], [1, 1], 32), true, true), false);
    for (i, in_c) in (1..=40).map(|i| 4 * i).enumerate() {
        for out_c in [16, 32, 40, 48, 72, 112] {
            check_int8(&case(&mut rng, shape([1, 1, 1, in_c], [1, 1], out_c), i), false);
        }
    }
}

#[test]
fn max_pool() {
    let mut rng = Rng(65);
    for (i, channels) in [1, 3, 7, 8, 9, 16, 30, 63, 64, 65, 72, 136, 200].into_iter().enumerate() {
        for limits in [[-128, 127], [-20, 90]] {
            let (size, out, batch, fill) = ([5, 6], [3, 4], 1 + i % 2, rng.of(&[-128_i8, -5]));
            let mut plan = Plan::default();
            let taps = |rng: &mut Rng, out: usize, size: usize| -> Vec<i32> {
                (0..out * 3).map(|_| rng.below(size + 1) as i32 - 1).collect()
            };
            let (lines, columns) = (taps(&mut rng, out[0], size[0]), taps(&mut rng, out[1], size[1]));
            let codes = rng.codes(batch * size[0] * size[1] * channels, Fill::Random);
            let step = MaxPool {
                input: plan.buffer(codes.len()),
                output: plan.buffer(batch * out[0] * out[1] * channels),
                lines: plan.constant(&lines, i32::to_ne_bytes),
                columns: plan.constant(&columns, i32::to_ne_bytes),
                scratch: plan.buffer(MaxPool::scratch_len(size[1], channels)),
                batch,
                size,
                out,
                channels,
                fill,
                limits,
            };
            let mut expected = Vec::new();
            for (image, y) in (0..batch).flat_map(|image| (0..out[0]).map(move |y| (image, y))) {
                for (x, c) in (0..out[1]).flat_map(|x| (0..channels).map(move |c| (x, c))) {
                    let pairs =
                        lines[3 * y..][..3].iter().flat_map(|l| columns[3 * x..][..3].iter().map(move |k| (*l, *k)));
                    let code = |(line, column): (i32, i32)| match (usize::try_from(line), usize::try_from(column)) {
                        (Ok(line), Ok(column)) => codes[((image * size[0] + line) * size[1] + column) * channels + c],
                        _ => fill,
                    };
                    expected.push(pairs.map(code).max().unwrap_or(fill).clamp(limits[0], limits[1]));
                }
            }
            for isa in Isa::available() {
                let mut arena = vec![Block([0xA5; 64]); Block::count(plan.arena) + 1];
                let bytes = Block::bytes_mut(&mut arena);
                bytes[step.input.offset..].iter_mut().zip(&codes).for_each(|(to, code)| *to = code.cast_unsigned());
                run(
                    &[step.into()],
                    isa.kernels().expect("an available one"),
                    &mut Memory::new(&plan.consts, &mut arena),
                );
                let got = &Block::bytes(&arena)[step.output.offset..][..step.output.len];
                let got: Vec<i8> = got.iter().map(|code| code.cast_signed()).collect();
                if let Some(what) = first_difference(&got, &expected) {
                    panic!("{isa}, {channels} channels: {what}");
                }
            }
        }
    }
}
