//! The depthwise convolution to 2×2 pixels with `sdot`, 16 channels at a time: four pixels (or the four lines of a column) are brought together
//! channel by channel, in registers.

use core::arch::asm;

use crate::arch::neon::square::{Layer, Square};

/// Four registers of four pixels, 16 channels each: now four channels each, of each channel its four codes. By way of four more.
macro_rules! together {
    ($a:literal $b:literal $c:literal $d:literal; $e:literal $f:literal $g:literal $h:literal) => {
        concat!(
            "zip1 v",
            $e,
            ".16b, v",
            $a,
            ".16b, v",
            $b,
            ".16b\nzip2 v",
            $f,
            ".16b, v",
            $a,
            ".16b, v",
            $b,
            ".16b\n",
            "zip1 v",
            $g,
            ".16b, v",
            $c,
            ".16b, v",
            $d,
            ".16b\nzip2 v",
            $h,
            ".16b, v",
            $c,
            ".16b, v",
            $d,
            ".16b\n",
            "zip1 v",
            $a,
            ".8h, v",
            $e,
            ".8h, v",
            $g,
            ".8h\nzip2 v",
            $b,
            ".8h, v",
            $e,
            ".8h, v",
            $g,
            ".8h\n",
            "zip1 v",
            $c,
            ".8h, v",
            $f,
            ".8h, v",
            $h,
            ".8h\nzip2 v",
            $d,
            ".8h, v",
            $f,
            ".8h, v",
            $h,
            ".8h\n"
        )
    };
}

/// Four products for each of 16 channels; weights in v20 to v23.
macro_rules! dots {
    ($a:literal $b:literal $c:literal $d:literal; $w:literal $x:literal $y:literal $z:literal) => {
        concat!(
            "sdot v",
            $a,
            ".4s, v20.16b, v",
            $w,
            ".16b\nsdot v",
            $b,
            ".4s, v21.16b, v",
            $x,
            ".16b\n",
            "sdot v",
            $c,
            ".4s, v22.16b, v",
            $y,
            ".16b\nsdot v",
            $d,
            ".4s, v23.16b, v",
            $z,
            ".16b\n"
        )
    };
}

/// Reads four pixels, `l1` codes apart, and goes on by `{pitch}` or what else is said.
macro_rules! column {
    ($a:literal $b:literal $c:literal $d:literal $next:literal) => {
        concat!(
            "ldr q", $b, ", [{column}, {l1}]\nldr q", $c, ", [{column}, {l2}]\nldr q", $d, ", [{column}, {l3}]\n",
            "ld1 {{v", $a, ".16b}}, [{column}], ", $next, "\n", together!($a $b $c $d; 20 21 22 23)
        )
    };
}

/// The layer, for one image.
///
/// # Safety
/// The CPU has dot products; input, output and tables are those of such a layer, `blocks ≥ 1`.
pub(super) unsafe fn square(form: Square, layer: Layer) {
    // SAFETY: as this function's.
    unsafe {
        if layer.quick {
            square!(".arch_extension dotprod", form, layer, quick, column, dots)
        } else {
            square!(".arch_extension dotprod", form, layer, any, column, dots)
        }
    }
}
