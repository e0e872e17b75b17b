//! Cases of convolutions, and their check on every instruction set that runs here.

use super::{Fill, Int8, Rng};
use edgebench_kernels::Isa;
use edgebench_kernels::arith::Rounding;
use edgebench_kernels::ops::conv::ConvShape;

pub const RANDOM: (Fill, Fill) = (Fill::Random, Fill::Random);

/// An input of `[batch, h, w, c]` under a `k` kernel to `out_c` channels.
pub fn shape([batch, in_h, in_w, in_c]: [usize; 4], [k_h, k_w]: [usize; 2], out_c: usize) -> ConvShape {
    let s = ConvShape {
        batch,
        in_h,
        in_w,
        in_c,
        out_h: 0,
        out_w: 0,
        out_c,
        k_h,
        k_w,
        stride_h: 1,
        stride_w: 1,
        dilation_h: 1,
        dilation_w: 1,
        pad_top: 0,
        pad_left: 0,
        groups: 1,
    };
    sized(s, false)
}

/// With the output sizes, and the padding of SAME or none.
pub fn sized(mut s: ConvShape, same: bool) -> ConvShape {
    let axis = |input: usize, k: usize, stride: usize, dilation: usize| {
        let extent = (k - 1) * dilation + 1;
        if same {
            let out = input.div_ceil(stride);
            (out, ((out - 1) * stride + extent).saturating_sub(input) / 2)
        } else {
            (((input + stride).saturating_sub(extent) / stride).max(1), 0)
        }
    };
    (s.out_h, s.pad_top) = axis(s.in_h, s.k_h, s.stride_h, s.dilation_h);
    (s.out_w, s.pad_left) = axis(s.in_w, s.k_w, s.stride_w, s.dilation_w);
    s
}

pub fn first_difference<T: PartialEq + std::fmt::Debug>(a: &[T], b: &[T]) -> Option<String> {
    assert_eq!(a.len(), b.len());
    let at = a.iter().zip(b).position(|(a, b)| a != b)?;
    let count = a.iter().zip(b).filter(|(a, b)| a != b).count();
    Some(format!("{count} of {} differ, the first at {at}: {:?}, expected {:?}", a.len(), a[at], b[at]))
}

pub fn check_int8(case: &Int8, depthwise: bool) {
    let expected = case.expected();
    // Those of microcontrollers too, whose layout and loops are the same here.
    for isa in Isa::ALL.into_iter().filter(|isa| isa.kernels().is_some()) {
        let got = if depthwise { case.depthwise(isa) } else { case.conv(isa) };
        if let Some(what) = first_difference(&got, &expected) {
            panic!("{isa}, {:?}, {:?}: {what}", case.rounding, case.shape);
        }
    }
}

/// A convolution whose scales are below 1; `relu`: and whose zero point is the lower limit.
pub fn small(rng: &mut Rng, s: ConvShape, fill: (Fill, Fill), relu: bool) -> Int8 {
    let mut case = Int8::new(rng, s, fill, Rounding::F32Even);
    case.real.iter_mut().filter(|real| **real >= 1.0).for_each(|real| *real = 0.75);
    if relu {
        (case.zero_out, case.limits) = (-128, (-128, 127));
    }
    case
}

/// Codes that kernels of ARM reach a shorter way: all are allowed, the zero point is even, the sums are not large. Some scales make ties;
/// `lowest`: weights may be −128, which not every way knows.
pub fn short(rng: &mut Rng, s: ConvShape, lowest: bool, quick: bool) -> Int8 {
    let mut case = small(rng, s, RANDOM, false);
    case.real.iter_mut().filter(|real| **real == 0.5 || **real == 0.75).for_each(|real| *real = 2.0_f64.powi(-7));
    if quick {
        (case.zero_out, case.limits) = (rng.of(&[-128, 4, 0, 126]), (-128, 127));
    }
    if !lowest {
        case.weights.iter_mut().for_each(|w| *w = (*w).max(-127));
    }
    case
}
