//! int8 depthwise convolution whose output is one pixel: the taps that see the image, 16 channels at a time, with the weights as they were. What
//! the other taps see, the padding, is in the bias.

use core::arch::asm;

use crate::ops::conv::ConvShape;

/// Whether this is such a layer; kernels are 3×3 without dilation.
pub(super) fn is_one(s: &ConvShape) -> bool {
    s.out_h * s.out_w == 1 && s.out_c >= 16
}

/// The pixel of the image that each tap sees.
pub(super) fn taps_of_one(s: &ConvShape) -> [Option<usize>; 9] {
    core::array::from_fn(|tap| {
        let row = ConvShape::source(0, 1, tap / 3, 1, s.pad_top, s.in_h)?;
        let column = ConvShape::source(0, 1, tap % 3, 1, s.pad_left, s.in_w)?;
        Some(row * s.in_w + column)
    })
}

/// Bias, scales and constants as the ends of tiles want them.
pub(super) struct Numbers {
    /// Of all channels.
    pub(super) bias: *const i32,
    /// Likewise.
    pub(super) scale: *const f32,
    /// Three times 16 bytes.
    pub(super) constants: *const u8,
    /// Whether the short way is right.
    pub(super) quick: bool,
}

/// The layer, for one image.
///
/// # Safety
/// Input and output have the shape's sizes, weights are `[3, 3, out_c]` padded to a multiple of 64 channels, and there are numbers for each
/// channel.
pub(super) unsafe fn one_pixel(
    s: &ConvShape,
    input: *const i8,
    weights: *const i8,
    numbers: &Numbers,
    output: *mut i8,
) {
    let row_len = s.out_c.next_multiple_of(64);
    let (mut taps, mut count) = ([[0; 2]; 9], 0);
    for (tap, place) in taps_of_one(s).into_iter().enumerate() {
        if let Some(place) = place {
            taps[count] = [place * s.in_c, tap * row_len];
            count += 1;
        }
    }
    let taps = &taps[..count];
    // SAFETY: as this function's; the last sixteen channels may begin among those before.
    unsafe {
        sixteens([input, weights], taps, numbers, output, s.out_c / 16);
        if !s.out_c.is_multiple_of(16) {
            let last = s.out_c - 16;
            let (bias, scale) = (numbers.bias.wrapping_add(last), numbers.scale.wrapping_add(last));
            let at = [input, weights].map(|at| at.wrapping_add(last));
            sixteens(at, taps, &Numbers { bias, scale, ..*numbers }, output.wrapping_add(last), 1);
        }
    }
}

/// 16 channels, `blocks` times. Each tap is where it is in the input, and where in the weights; there is at least one.
///
/// # Safety
/// As [`one_pixel`].
#[inline(always)]
unsafe fn sixteens(
    [input, weights]: [*const i8; 2],
    taps: &[[usize; 2]],
    numbers: &Numbers,
    output: *mut i8,
    blocks: usize,
) {
    macro_rules! go {
        ($way:ident) => {
            asm!(
                "2:",
                "ld1 {{v20.4s, v21.4s, v22.4s, v23.4s}}, [{bias}], #64",
                "mov {tap}, {taps}",
                "3:",
                "ldp {x}, {w}, [{tap}], #16",
                "ldr q4, [{input}, {x}]",
                "ldr q5, [{weights}, {w}]",
                "cmp {tap}, {end}",
                "smull v6.8h, v4.8b, v5.8b",
                "smull2 v7.8h, v4.16b, v5.16b",
                "saddw v20.4s, v20.4s, v6.4h",
                "saddw2 v21.4s, v21.4s, v6.8h",
                "saddw v22.4s, v22.4s, v7.4h",
                "saddw2 v23.4s, v23.4s, v7.8h",
                "b.ne 3b",
                load_constants!($way "ld1 {{v0.4s, v1.4s, v2.4s, v3.4s}}, [{scale}], #64"),
                scaled!(20 0, 21 1, 22 2, 23 3),
                codes_of_four!($way 20 21 22 23),
                "add {input}, {input}, #16",
                "add {weights}, {weights}, #16",
                "subs {n}, {n}, #1",
                "str q20, [{to}], #16",
                "b.ne 2b",
                input = inout(reg) input => _,
                weights = inout(reg) weights => _,
                bias = inout(reg) numbers.bias => _,
                scale = inout(reg) numbers.scale => _,
                constants = in(reg) numbers.constants,
                taps = in(reg) taps.as_ptr(),
                end = in(reg) taps.as_ptr_range().end,
                tap = out(reg) _, x = out(reg) _, w = out(reg) _,
                n = inout(reg) blocks => _,
                to = inout(reg) output => _,
                out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
                out("v20") _, out("v21") _, out("v22") _, out("v23") _, out("v28") _, out("v29") _, out("v30") _,
                options(nostack)
            )
        };
    }
    // SAFETY: as this function's.
    unsafe { if numbers.quick { go!(quick) } else { go!(any) } }
}
