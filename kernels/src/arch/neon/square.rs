//! int8 depthwise convolution of 3×3 kernels to an image of 2×2 pixels: of one that is as large, or of 4×4 pixels in steps of two. What an output
//! sees of the padding is in its bias, so that no lines are brought together in scratch space.

use core::arch::asm;

use crate::arith::RequantData;
use crate::ops::conv::ConvShape;

/// Blocks of channels: the sums of the four outputs in v4 to v19 by the given text, which reads weights through `weights`; then their codes.
macro_rules! square_blocks {
    ($extension:literal, $layer:ident, $way:ident, $line:expr, $groups:literal, $($text:expr),*) => {
        asm!(
            $extension,
            load_constants!($way "// {constants}"),
            "2:",
            concat!("add {rest}, {weights}, #", $groups, "*64"),
            $($text,)*
            "ld1 {{v24.4s, v25.4s, v26.4s, v27.4s}}, [{rest}]",
            scaled!(4 24, 5 25, 6 26, 7 27, 8 24, 9 25, 10 26, 11 27, 12 24, 13 25, 14 26, 15 27, 16 24, 17 25, 18 26, 19 27),
            codes_of_four!($way 4 5 6 7), codes_of_four!($way 8 9 10 11),
            codes_of_four!($way 12 13 14 15), codes_of_four!($way 16 17 18 19),
            "subs {n}, {n}, #1",
            "add {weights}, {rest}, #64",
            "str q8, [{to}, {pitch}]",
            "str q12, [{to}, {two}]",
            "str q16, [{to}, {three}]",
            "str q4, [{to}], #16",
            "add {input}, {input}, #16",
            "b.ne 2b",
            input = inout(reg) $layer.input => _,
            to = inout(reg) $layer.output => _,
            weights = inout(reg) $layer.tables => _,
            rest = out(reg) _,
            constants = in(reg) $layer.constants,
            pitch = in(reg) $layer.pitch,
            two = in(reg) 2 * $layer.pitch,
            three = in(reg) 3 * $layer.pitch,
            column = out(reg) _,
            l1 = in(reg) $line,
            l2 = in(reg) 2 * $line,
            l3 = in(reg) 3 * $line,
            n = inout(reg) $layer.blocks => _,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _, out("v14") _, out("v15") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(nostack)
        )
    };
}

/// Reads the bias of all outputs.
macro_rules! square_bias {
    () => {
        "ld1 {{v4.4s, v5.4s, v6.4s, v7.4s}}, [{rest}], #64\nld1 {{v8.4s, v9.4s, v10.4s, v11.4s}}, [{rest}], #64
        ld1 {{v12.4s, v13.4s, v14.4s, v15.4s}}, [{rest}], #64\nld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{rest}], #64"
    };
}

/// Reads the next weights.
macro_rules! square_weights {
    () => {
        "ld1 {{v20.16b, v21.16b, v22.16b, v23.16b}}, [{weights}], #64"
    };
}

/// The layer for one image, by ways to read the four pixels of a column in four registers, and to multiply four registers.
macro_rules! square {
    ($extension:literal, $form:ident, $layer:ident, $way:ident, $column:ident, $dots:ident) => {
        match $form {
            Square::Two => square_blocks!(
                $extension, $layer, $way, $layer.pitch, 4,
                square_bias!(), "mov {column}, {input}", $column!(0 1 2 3 "{pitch}"),
                square_weights!(), $dots!(4 5 6 7; 0 1 2 3), square_weights!(), $dots!(8 9 10 11; 0 1 2 3),
                square_weights!(), $dots!(12 13 14 15; 0 1 2 3), square_weights!(), $dots!(16 17 18 19; 0 1 2 3)
            ),
            // The first column of the image and the third, then the second and the fourth.
            Square::Four => square_blocks!(
                $extension, $layer, $way, 4 * $layer.pitch, 6,
                square_bias!(), "mov {column}, {input}", $column!(24 25 26 27 "{two}"), $column!(0 1 2 3 "{pitch}"),
                square_weights!(), $dots!(4 5 6 7; 24 25 26 27), $dots!(8 9 10 11; 0 1 2 3),
                square_weights!(), $dots!(12 13 14 15; 24 25 26 27), $dots!(16 17 18 19; 0 1 2 3),
                square_weights!(), $dots!(4 5 6 7; 0 1 2 3), square_weights!(), $dots!(12 13 14 15; 0 1 2 3),
                "sub {column}, {column}, {two}", $column!(24 25 26 27 "{two}"), $column!(0 1 2 3 "{pitch}"),
                square_weights!(), $dots!(4 5 6 7; 24 25 26 27), $dots!(8 9 10 11; 0 1 2 3),
                square_weights!(), $dots!(12 13 14 15; 24 25 26 27), $dots!(16 17 18 19; 0 1 2 3)
            ),
        }
    };
}

/// What becomes 2×2 pixels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::arch) enum Square {
    /// 2×2 pixels, which each output sees.
    Two,
    /// 4×4 pixels; outputs see three columns or two, and three lines or two.
    Four,
}

/// Channels of a block.
const BLOCK: usize = 16;

/// Where an image is, and what its blocks of channels share.
#[derive(Clone, Copy)]
pub(in crate::arch) struct Layer {
    pub(in crate::arch) input: *const i8,
    pub(in crate::arch) output: *mut i8,
    pub(in crate::arch) tables: *const u8,
    pub(in crate::arch) constants: *const u8,
    /// Whether the short way to codes is right.
    pub(in crate::arch) quick: bool,
    /// Codes from pixel to pixel.
    pub(in crate::arch) pitch: usize,
    /// How many times 16 channels.
    pub(in crate::arch) blocks: usize,
}

impl Square {
    /// Kernels are 3×3 without dilation, and each channel has one of its own.
    pub(in crate::arch) fn of(s: &ConvShape) -> Option<Square> {
        if (s.out_h, s.out_w) != (2, 2) || !s.out_c.is_multiple_of(BLOCK) {
            return None;
        }
        match ((s.in_h, s.in_w), (s.stride_h, s.stride_w), (s.pad_top, s.pad_left)) {
            ((2, 2), (1, 1), (1, 1)) => Some(Square::Two),
            ((4, 4), (2, 2), (0, 0)) => Some(Square::Four),
            _ => None,
        }
    }

    /// Groups of four registers of weights: of [`Square::Two`] those of each output; of [`Square::Four`] those of each column of the kernel (the
    /// first, the last, the middle one) for the first line of the output and the second.
    const fn groups(self) -> usize {
        match self {
            Square::Two => 4,
            Square::Four => 6,
        }
    }

    /// Bytes of the table of a block: the weights, the bias of each output, the scales.
    pub(in crate::arch) const fn table(self) -> usize {
        (self.groups() + 4 + 1) * 64
    }

    /// The tap of a group that sees line `line` of a column (of [`Square::Two`]: pixel `line` of the image), if one does.
    fn tap(self, group: usize, line: usize) -> Option<usize> {
        let (row, column) = match self {
            Square::Two => ((1 + line / 2).checked_sub(group / 2)?, (1 + line % 2).checked_sub(group % 2)?),
            Square::Four => (line.checked_sub(2 * (group % 2))?, [0, 2, 1][group / 2]),
        };
        (row < 3 && column < 3).then_some(3 * row + column)
    }

    /// Writes the table of a block that begins at channel `first`. `together`: the four weights of a channel lie side by side, else those of
    /// sixteen channels do.
    pub(in crate::arch) fn fill(
        self,
        s: &ConvShape,
        (weights, first): (&[i8], usize),
        (requant, pad): (&RequantData<'_>, i8),
        together: bool,
        to: &mut [u8],
    ) {
        let row_len = s.out_c.next_multiple_of(64);
        let weight = |tap: usize, c: usize| weights[tap * row_len + first + c];
        let (groups, rest) = to.split_at_mut(self.groups() * 64);
        for (i, to) in groups.iter_mut().enumerate() {
            let (group, i) = (i / 64, i % 64);
            let (c, line) = if together { (i / 4, i % 4) } else { (i % 16, i / 16) };
            *to = self.tap(group, line).map_or(0, |tap| weight(tap, c).cast_unsigned());
        }
        let (bias, scales) = rest.split_at_mut(4 * 64);
        for (i, to) in bias.chunks_exact_mut(4).enumerate() {
            let (pixel, c) = (i / 16, i % 16);
            let outside = |tap: &usize| {
                let row = ConvShape::source(pixel / 2, s.stride_h, tap / 3, 1, s.pad_top, s.in_h);
                let column = ConvShape::source(pixel % 2, s.stride_w, tap % 3, 1, s.pad_left, s.in_w);
                row.is_none() || column.is_none()
            };
            let sum: i32 = (0..9).filter(outside).map(|tap| i32::from(weight(tap, c))).sum();
            to.copy_from_slice(&requant.bias[first + c].wrapping_add(sum * i32::from(pad)).to_ne_bytes());
        }
        let numbers: &[f32] = crate::span::view(requant.multiplier);
        for (to, scale) in scales.chunks_exact_mut(4).zip(&numbers[first..]) {
            to.copy_from_slice(&scale.to_ne_bytes());
        }
    }
}

/// Reads the four pixels of a column, `l1` codes apart, and goes on.
macro_rules! column {
    ($a:literal $b:literal $c:literal $d:literal $next:literal) => {
        concat!(
            "ldr q",
            $b,
            ", [{column}, {l1}]\nldr q",
            $c,
            ", [{column}, {l2}]\nldr q",
            $d,
            ", [{column}, {l3}]\n",
            "ld1 {{v",
            $a,
            ".16b}}, [{column}], ",
            $next
        )
    };
}

/// Two products for each of 16 channels, added in 16 bits, then two more: weights in v20 to v23.
macro_rules! dots {
    ($a:literal $b:literal $c:literal $d:literal; $w:literal $x:literal $y:literal $z:literal) => {
        concat!(pairs!($a $b; $c $d; $w 20 $x 21), pairs!($a $b; $c $d; $y 22 $z 23))
    };
}

/// Half of it: codes and weights of two products.
macro_rules! pairs {
    ($a:literal $b:literal; $c:literal $d:literal; $x:literal $w:literal $y:literal $v:literal) => {
        concat!(
            "smull v31.8h, v",
            $x,
            ".8b, v",
            $w,
            ".8b\nsmlal v31.8h, v",
            $y,
            ".8b, v",
            $v,
            ".8b\n",
            "saddw v",
            $a,
            ".4s, v",
            $a,
            ".4s, v31.4h\nsaddw2 v",
            $b,
            ".4s, v",
            $b,
            ".4s, v31.8h\n",
            "smull2 v31.8h, v",
            $x,
            ".16b, v",
            $w,
            ".16b\nsmlal2 v31.8h, v",
            $y,
            ".16b, v",
            $v,
            ".16b\n",
            "saddw v",
            $c,
            ".4s, v",
            $c,
            ".4s, v31.4h\nsaddw2 v",
            $d,
            ".4s, v",
            $d,
            ".4s, v31.8h\n"
        )
    };
}

/// The layer, for one image, without dot products; no weight is −128.
///
/// # Safety
/// Input, output and tables are those of such a layer, `blocks ≥ 1`.
pub(super) unsafe fn square(form: Square, layer: Layer) {
    // SAFETY: as this function's; NEON is always there.
    unsafe {
        if layer.quick {
            square!("", form, layer, quick, column, dots)
        } else {
            square!("", form, layer, any, column, dots)
        }
    }
}
