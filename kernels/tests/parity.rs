//! Every instruction set that runs here gives the reference's integers and bits, `==`.
//!
//! `EDGEBENCH_REQUIRE_ISA=avx512vnni,avx2` makes it a failure when one of those does not run here.

mod common;

use common::cases::{RANDOM, check_int8, first_difference, shape, short, sized, small};
use common::{Fill, Float, Int8, ROUNDINGS, Rng};
use edgebench_kernels::Isa;
use edgebench_kernels::arith::Rounding;
use edgebench_kernels::ops::conv::ConvShape;

/// Any small shape; `depthwise` makes as many groups as input channels.
fn any_shape(rng: &mut Rng, depthwise: bool) -> ConvShape {
    let k = [1, 2, 3, 3, 5];
    let (k_h, k_w) = (rng.of(&k), rng.of(&k));
    let mut s = shape([1 + rng.below(3), k_h + rng.below(7), k_w + rng.below(17), 1], [k_h, k_w], 1);
    if depthwise {
        s.in_c = 1 + rng.below(70);
        s.groups = s.in_c;
        s.out_c = s.in_c * rng.of(&[1, 1, 1, 2, 3]);
    } else {
        s.groups = rng.of(&[1, 1, 1, 2, 3]);
        s.in_c = s.groups * (1 + rng.below(35));
        s.out_c = s.groups * (1 + rng.below(70));
    }
    (s.stride_h, s.stride_w) = (1 + rng.below(3), 1 + rng.below(3));
    (s.dilation_h, s.dilation_w) = (rng.of(&[1, 1, 2, 3]), rng.of(&[1, 1, 2, 3]));
    sized(s, rng.below(3) > 0)
}

fn check_float(case: &Float, depthwise: bool) {
    let expected = case.expected(depthwise);
    for isa in Isa::available() {
        let got = if depthwise { case.depthwise(isa) } else { case.conv(isa) };
        if let Some(what) = first_difference(&got, &expected) {
            panic!("{isa}, float, {:?}: {what}", case.shape);
        }
    }
}

#[test]
fn required_isa_is_available() {
    for isa in Isa::ALL {
        if isa.kernels().is_none() {
            eprintln!("{isa}: not tested, it does not run here");
        }
    }
    for name in std::env::var("EDGEBENCH_REQUIRE_ISA").unwrap_or_default().split(',').filter(|n| !n.is_empty()) {
        let isa: Isa = name.parse().expect("EDGEBENCH_REQUIRE_ISA names instruction sets");
        assert!(isa.kernels().is_some(), "{isa} is required and does not run here");
    }
}

#[test]
fn one_pixel_one_channel() {
    let mut rng = Rng(1);
    check_int8(&Int8::new(&mut rng, shape([1, 1, 1, 1], [1, 1], 1), RANDOM, Rounding::F32Even), false);
}

#[test]
fn conv_of_any_shape() {
    let mut rng = Rng(2);
    for i in 0..250 {
        let s = any_shape(&mut rng, false);
        check_int8(&Int8::new(&mut rng, s, RANDOM, ROUNDINGS[i % 5]), false);
    }
}

#[test]
fn conv_of_every_channel_count() {
    let mut rng = Rng(3);
    for c in 1..=70 {
        for s in [shape([1, 3, 5, c], [2, 2], 17), shape([1, 2, 3, 9], [1, 1], c), shape([2, 1, 1, c], [1, 1], 71 - c)]
        {
            check_int8(&Int8::new(&mut rng, s, RANDOM, Rounding::F32Even), false);
        }
    }
}

#[test]
fn conv_of_every_width() {
    let mut rng = Rng(4);
    for w in 1..=60 {
        for out_c in [16, 33, 64] {
            let s = sized(shape([1, 2, w, 4], [3, 3], out_c), true);
            check_int8(&Int8::new(&mut rng, s, RANDOM, Rounding::F32Even), false);
            check_int8(&Int8::new(&mut rng, shape([1, 1, w, 8], [1, 1], out_c), RANDOM, Rounding::F32Even), false);
        }
    }
}

/// Kernels of three columns whose pixels share codes, those of three channels held as four among them.
#[test]
fn conv_that_slides() {
    let mut rng = Rng(41);
    for (w, in_c) in (1..=40).flat_map(|w| [3, 4, 8, 20].map(|in_c| (w, in_c))) {
        for (out_c, k_h, same) in [(16, 3, true), (7, 2, false), (1, 5, true), (48, 1, true)] {
            let s = ConvShape {
                stride_h: rng.of(&[1, 1, 2]),
                dilation_h: rng.of(&[1, 1, 2]),
                ..shape([rng.of(&[1, 2]), 11, w.max(3), in_c], [k_h, 3], out_c)
            };
            check_int8(&Int8::new(&mut rng, sized(s, same), RANDOM, Rounding::F32Even), false);
            check_int8(&small(&mut rng, sized(s, same), RANDOM, true), false);
        }
    }
}

#[test]
fn extremes() {
    let mut rng = Rng(5);
    let fills = [Fill::Constant(-128), Fill::Constant(127), Fill::Constant(-127), Fill::Extremes];
    for x in fills {
        for w in fills {
            let deep = shape([1, 1, 2, 9000], [1, 1], 18);
            let wide = sized(shape([1, 6, 6, 21], [3, 3], 40), true);
            let single = ConvShape { groups: 40, in_c: 40, ..wide };
            for rounding in [Rounding::F32Even, Rounding::DoubleAway] {
                check_int8(&Int8::new(&mut rng, deep, (x, w), rounding), false);
                check_int8(&Int8::new(&mut rng, wide, (x, w), rounding), false);
                check_int8(&Int8::new(&mut rng, single, (x, w), rounding), true);
            }
        }
    }
}

#[test]
fn flat_rows_are_cut_into_pieces() {
    let mut rng = Rng(6);
    check_int8(&Int8::new(&mut rng, shape([3, 9, 31, 50], [1, 1], 20), RANDOM, Rounding::F32Even), false);
    check_float(&Float::new(&mut rng, shape([3, 9, 31, 50], [1, 1], 20)), false);
}

#[test]
fn depthwise_of_any_shape() {
    let mut rng = Rng(7);
    for i in 0..250 {
        let s = any_shape(&mut rng, true);
        check_int8(&Int8::new(&mut rng, s, RANDOM, ROUNDINGS[i % 5]), true);
    }
}

#[test]
fn depthwise_of_every_channel_count() {
    let mut rng = Rng(8);
    for c in 1..=140 {
        for stride in [1, 2] {
            let s = ConvShape { groups: c, stride_h: stride, stride_w: stride, ..shape([1, 5, 6, c], [3, 3], c) };
            check_int8(&Int8::new(&mut rng, sized(s, true), RANDOM, Rounding::F32Even), true);
        }
    }
}

/// As [`small`], depthwise.
fn small_scales(rng: &mut Rng, s: ConvShape, fill: (Fill, Fill), relu: bool) -> Int8 {
    small(rng, ConvShape { groups: s.in_c, ..s }, fill, relu)
}

#[test]
fn convolutions_with_small_scales() {
    let mut rng = Rng(16);
    for i in 0..120 {
        let mut case = small(&mut rng, any_shape(&mut Rng(1000 + i), false), RANDOM, i % 3 > 0);
        if i % 3 == 0 {
            case.limits = (-128, 127);
        }
        check_int8(&case, false);
    }
}

#[test]
fn convolutions_with_large_sums() {
    let mut rng = Rng(17);
    for (i, bias) in (0..31).flat_map(|i| [1 << i, -(1 << i), (1 << i) - 300_000]).enumerate() {
        let s = sized(shape([1, 4, 5, 20], [3, 3], 40), true);
        let fill = [RANDOM, (Fill::Constant(-128), Fill::Constant(-128)), (Fill::Extremes, Fill::Extremes)][i % 3];
        let mut case = small(&mut rng, s, fill, true);
        case.bias[i % 40] = bias;
        check_int8(&case, false);
    }
}

/// More weights than the first-level cache holds: several bands of lines, and lines short enough to be gathered.
#[test]
fn convolutions_with_many_weights() {
    let mut rng = Rng(18);
    let shapes = [
        (shape([2, 37, 64, 128], [3, 3], 16), 1),
        (shape([1, 41, 40, 256], [3, 2], 24), 2),
        (shape([3, 7, 7, 64], [3, 3], 70), 1),
        (shape([2, 13, 9, 48], [3, 3], 80), 2),
        (shape([1, 5, 3, 33], [5, 3], 64), 1),
        (shape([2, 9, 15, 130], [1, 1], 200), 2),
        (shape([1, 4, 1, 200], [3, 1], 33), 3),
        (shape([3, 5, 5, 700], [1, 1], 40), 1),
    ];
    for (i, (s, stride)) in shapes.into_iter().enumerate() {
        for same in [false, true] {
            let s = sized(ConvShape { stride_h: stride, stride_w: stride, ..s }, same);
            check_int8(&small(&mut rng, s, RANDOM, i % 2 == 0), false);
            check_float(&Float::new(&mut rng, s), false);
        }
    }
}

#[test]
fn depthwise_of_every_width() {
    let mut rng = Rng(13);
    for w in 1..=11 {
        for (i, c) in [8, 16, 20, 24, 32, 40, 48, 56, 64, 72, 96, 120, 144, 200].into_iter().enumerate() {
            for stride in [1, 2] {
                for k in [[3, 3], [1, 3], [2, 3], [3, 1]] {
                    let s = shape([1 + i % 2, (w + i) % 6 + 1, w, c], k, c);
                    let s = sized(ConvShape { stride_h: stride, stride_w: stride, ..s }, k != [1, 3] || w < 3);
                    check_int8(&small_scales(&mut rng, s, RANDOM, (i + w) % 3 > 0), true);
                }
            }
        }
    }
}

#[test]
fn depthwise_with_wide_padding() {
    let mut rng = Rng(14);
    for pad in 0..=5 {
        for (w, stride) in [(1, 1), (2, 2), (7, 1), (8, 2)] {
            for c in [8, 32, 48, 64] {
                let mut s = shape([1, w, w, c], [3, 3], c);
                (s.stride_h, s.stride_w, s.pad_top, s.pad_left) = (stride, stride, pad, pad);
                s.out_h = (w + 2 * pad).saturating_sub(3) / stride + 1;
                s.out_w = s.out_h;
                check_int8(&small_scales(&mut rng, s, RANDOM, true), true);
                let s = ConvShape { dilation_h: 2, dilation_w: 1 + pad % 2, ..s };
                check_int8(&small_scales(&mut rng, s, RANDOM, true), true);
            }
        }
    }
}

#[test]
fn depthwise_with_large_sums() {
    let mut rng = Rng(15);
    for (i, bias) in (0..31).flat_map(|i| [1 << i, -(1 << i), (1 << i) - 300_000]).enumerate() {
        let s = sized(shape([1, 4, 5, 80], [3, 3], 80), true);
        let fill = [RANDOM, (Fill::Constant(-128), Fill::Constant(-128)), (Fill::Extremes, Fill::Extremes)][i % 3];
        let mut case = small_scales(&mut rng, s, fill, true);
        case.bias[i % 80] = bias;
        check_int8(&case, true);
    }
}

#[test]
fn large_kernels() {
    let mut rng = Rng(9);
    for k in [[7, 7], [9, 1], [1, 11], [4, 6]] {
        for c in [5, 64, 67] {
            let s = sized(ConvShape { groups: c, ..shape([1, 11, 12, c], k, c) }, true);
            check_int8(&Int8::new(&mut rng, s, RANDOM, Rounding::F32Even), true);
            check_float(&Float::new(&mut rng, s), true);
        }
        check_int8(&Int8::new(&mut rng, sized(shape([1, 11, 12, 3], k, 8), true), RANDOM, Rounding::F32Even), false);
    }
}

#[test]
fn float_conv_of_any_shape() {
    let mut rng = Rng(10);
    for _ in 0..120 {
        let s = any_shape(&mut rng, false);
        check_float(&Float::new(&mut rng, s), false);
    }
}

#[test]
fn float_conv_of_every_width() {
    let mut rng = Rng(11);
    for w in 1..=50 {
        for out_c in [8, 16, 33, 64] {
            check_float(&Float::new(&mut rng, sized(shape([1, 2, w, 3], [3, 3], out_c), true)), false);
        }
    }
}

#[test]
fn float_depthwise_of_any_shape() {
    let mut rng = Rng(12);
    for _ in 0..150 {
        let s = any_shape(&mut rng, true);
        check_float(&Float::new(&mut rng, s), true);
    }
}

#[test]
fn convolutions_with_short_ways() {
    let mut rng = Rng(51);
    for i in 0..160 {
        let s = any_shape(&mut Rng(3000 + i), false);
        check_int8(&short(&mut rng, s, i % 2 == 0, i % 4 < 2), false);
    }
    // Pixels are read where they lie, or gathered; lines are cut evenly or not.
    for (i, w) in (1..=40).enumerate() {
        for (in_c, out_c) in [(8, 8), (24, 40), (144, 24), (136, 70)] {
            let s = ConvShape { stride_h: 1 + i % 2, stride_w: 1 + i % 2, ..shape([1, 3, w, in_c], [1, 1], out_c) };
            check_int8(&short(&mut rng, sized(s, false), i % 3 == 0, i % 4 > 0), false);
        }
    }
}

#[test]
fn depthwise_with_short_ways() {
    let mut rng = Rng(52);
    for (h, w) in (1..=5).flat_map(|h| (1..=11).map(move |w| (h, w))) {
        for (i, c) in [8, 16, 24, 48, 33].into_iter().enumerate() {
            let stride = 1 + (h + i) % 2;
            let s =
                ConvShape { stride_h: stride, stride_w: stride, groups: c, ..shape([1 + i % 2, h, w, c], [3, 3], c) };
            for same in [true, false] {
                if same || h.min(w) >= 3 {
                    check_int8(&short(&mut rng, sized(s, same), w % 3 == 0, w % 4 > 0), true);
                }
            }
        }
    }
}
