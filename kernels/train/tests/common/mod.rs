//! What the tests share.
#![allow(dead_code)]

use edgebench_train_kernels::ConvShape;

/// A small generator of numbers (SplitMix64).
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Between −1 and 1.
    pub(crate) fn real(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub(crate) fn reals(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.real()).collect()
    }

    /// As after an activation: half of them are zeros.
    pub(crate) fn rectified(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.real().max(0.0)).collect()
    }

    /// Whole numbers from −4 to 4: sums of their products are exact.
    pub(crate) fn whole(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| (self.next() % 9) as f32 - 4.0).collect()
    }
}

/// The same numbers, a zero's sign aside.
#[track_caller]
pub(crate) fn assert_same(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let different = found.iter().zip(expected).position(|(a, b)| a.to_bits() != b.to_bits() && a != b);
    if let Some(i) = different {
        panic!("{what}: element {i} of {} is {} instead of {}", found.len(), found[i], expected[i]);
    }
}

/// The same bits as those of the instruction set before.
#[track_caller]
pub(crate) fn assert_bits(found: Vec<Vec<f32>>, before: &mut Option<Vec<Vec<f32>>>, what: &str) {
    let bits = |all: &[Vec<f32>]| -> Vec<u32> { all.iter().flatten().map(|x| x.to_bits()).collect() };
    if let Some(before) = before {
        assert!(bits(&found) == bits(before), "{what}: other bits than another instruction set");
    }
    *before = Some(found);
}

/// A convolution whose output size follows from padding on all sides.
pub(crate) fn shape(
    [in_h, in_w, in_c, out_c]: [usize; 4],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    pad: [usize; 2],
    groups: usize,
) -> ConvShape {
    let out = |d: usize, len: usize| (len + 2 * pad[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1;
    ConvShape {
        in_h,
        in_w,
        in_c,
        out_h: out(0, in_h),
        out_w: out(1, in_w),
        out_c,
        kernel,
        stride,
        dilation,
        pad,
        groups,
    }
}

/// Shapes of every form: kernels, strides, dilations, paddings, groups, odd channels.
pub(crate) fn conv_shapes() -> Vec<ConvShape> {
    let mut all = Vec::new();
    // The kernels of networks, by channels.
    for (in_c, out_c) in [(1, 1), (3, 16), (5, 3), (16, 16), (16, 17), (17, 33), (32, 40), (33, 64), (64, 5), (48, 96)]
    {
        all.push(shape([6, 9, in_c, out_c], [3, 3], [1, 1], [1, 1], [1, 1], 1));
        all.push(shape([5, 4, in_c, out_c], [1, 1], [1, 1], [1, 1], [0, 0], 1));
        all.push(shape([7, 8, in_c, out_c], [3, 3], [2, 2], [1, 1], [1, 1], 1));
        all.push(shape([8, 7, in_c, out_c], [1, 1], [2, 2], [1, 1], [0, 0], 1));
    }
    for side in [1, 2, 3, 4, 8, 17] {
        all.push(shape([side, side, 18, 35], [3, 3], [1, 1], [1, 1], [1, 1], 1));
        all.push(shape([side, side, 35, 18], [1, 1], [1, 1], [1, 1], [0, 0], 1));
        all.push(shape([side, side, 18, 35], [1, 1], [2, 2], [1, 1], [0, 0], 1));
    }
    // TFLite's SAME: less padding before than after.
    all.push(ConvShape { out_h: 4, out_w: 4, pad: [0, 0], ..shape([8, 8, 5, 18], [3, 3], [2, 2], [1, 1], [1, 1], 1) });
    all.push(ConvShape {
        out_h: 16,
        out_w: 16,
        pad: [2, 2],
        ..shape([32, 32, 3, 24], [7, 7], [2, 2], [1, 1], [3, 3], 1)
    });
    all.push(shape([16, 12, 3, 16], [7, 7], [2, 2], [1, 1], [3, 3], 1));
    all.push(shape([9, 8, 7, 9], [3, 2], [1, 3], [2, 1], [1, 0], 1));
    all.push(shape([9, 8, 7, 9], [2, 5], [3, 2], [1, 2], [0, 4], 1));
    all.push(shape([8, 8, 12, 24], [3, 3], [1, 1], [1, 1], [1, 1], 3));
    all.push(shape([8, 8, 34, 68], [3, 3], [2, 2], [1, 1], [1, 1], 2));
    all.push(shape([5, 5, 12, 12], [1, 1], [1, 1], [1, 1], [0, 0], 4));
    all.push(shape([4, 4, 2, 33], [1, 1], [3, 1], [1, 1], [0, 0], 1));
    // Strides larger than the kernel, windows that padding fills, dense layers.
    all.push(shape([11, 11, 4, 20], [2, 2], [3, 3], [1, 1], [0, 0], 1));
    all.push(shape([2, 2, 19, 6], [3, 3], [1, 1], [2, 2], [3, 3], 1));
    all.push(shape([1, 1, 64, 10], [1, 1], [1, 1], [1, 1], [0, 0], 1));
    all.push(shape([1, 1, 300, 100], [1, 1], [1, 1], [1, 1], [0, 0], 1));
    all
}

/// Depthwise convolutions.
pub(crate) fn depthwise_shapes() -> Vec<ConvShape> {
    let mut all = Vec::new();
    for c in [1, 3, 5, 16, 17, 33, 48, 96] {
        for (kernel, pad) in [(3, 1), (5, 2), (1, 0), (2, 0), (4, 1)] {
            for stride in [1, 2] {
                all.push(shape([7, 9, c, c], [kernel; 2], [stride; 2], [1, 1], [pad; 2], c));
            }
        }
        for side in [1, 2, 4, 8] {
            all.push(shape([side, side, c, c], [3, 3], [1, 1], [1, 1], [1, 1], c));
            all.push(shape([side, side, c, c], [3, 3], [2, 2], [1, 1], [1, 1], c));
        }
        all.push(shape([9, 11, c, c], [3, 3], [1, 1], [2, 2], [2, 2], c));
        all.push(shape([9, 11, c, c], [3, 2], [3, 1], [1, 2], [1, 0], c));
        all.push(ConvShape {
            out_h: 4,
            out_w: 4,
            pad: [0, 0],
            ..shape([8, 8, c, c], [3, 3], [2, 2], [1, 1], [1, 1], c)
        });
        all.push(shape([6, 7, c, 2 * c], [3, 3], [1, 1], [1, 1], [1, 1], c));
        all.push(shape([6, 7, c, 3 * c], [3, 3], [2, 2], [1, 1], [1, 1], c));
    }
    all
}
