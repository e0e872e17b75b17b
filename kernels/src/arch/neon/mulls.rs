//! The depthwise convolution of plain NEON on columns of four lines: two taps are multiplied and added in 16 bits (no weight is −128), then added
//! to 32. Tiles of one pixel, of two lines with stride 1.

use core::arch::asm;

use super::columns::{self, COLUMN, Columns, Form, Four, Tiles};
use super::square::{Layer, Square, square};
use crate::ops::depthwise::{Depthwise, DepthwiseData};

/// [`Columns`] of this instruction set.
pub(super) struct Mulls;

/// Writes columns: line by line, 16 channels each.
macro_rules! columns {
    ($lines:ident, $to:ident, $count:ident, $arrangement:literal) => {{
        let [(a, sa), (b, sb), (c, sc), (d, sd)] = $lines;
        asm!(
            "2:",
            concat!("ld1 {{v0.", $arrangement, "}}, [{a}], {sa}"),
            concat!("ld1 {{v1.", $arrangement, "}}, [{b}], {sb}"),
            concat!("ld1 {{v2.", $arrangement, "}}, [{c}], {sc}"),
            concat!("ld1 {{v3.", $arrangement, "}}, [{d}], {sd}"),
            "subs {n}, {n}, #1",
            "st1 {{v0.16b, v1.16b, v2.16b, v3.16b}}, [{to}], #64",
            "b.ne 2b",
            a = inout(reg) a => _, b = inout(reg) b => _, c = inout(reg) c => _, d = inout(reg) d => _,
            sa = in(reg) sa, sb = in(reg) sb, sc = in(reg) sc, sd = in(reg) sd,
            to = inout(reg) $to => _, n = inout(reg) $count => _,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _,
            options(nostack)
        )
    }};
}

/// Products in v8 and v9, which are written (`smull`) or added to (`smlal`).
macro_rules! products {
    ($how:literal $x:literal $w:literal) => {
        concat!($how, " v8.8h, v", $x, ".8b, v", $w, ".8b\n", $how, "2 v9.8h, v", $x, ".16b, v", $w, ".16b\n")
    };
}

/// They are added to sums in four registers.
macro_rules! summed {
    ($($half:literal $v:literal $from:literal),*) => {
        concat!($("saddw", $half, " v", $v, ".4s, v", $v, ".4s, v", $from, "\n",)* "")
    };
    ($a:literal $b:literal $d:literal $e:literal) => {
        summed!("" $a "8.4h", "2" $b "8.8h", "" $d "9.4h", "2" $e "9.8h")
    };
}

/// Two taps for sums in four registers: codes and weights of each.
macro_rules! two {
    ($a:literal $b:literal $d:literal $e:literal; $x:literal $w:literal $y:literal $v:literal) => {
        concat!(products!("smull" $x $w), products!("smlal" $y $v), summed!($a $b $d $e))
    };
}

/// One tap.
macro_rules! one {
    ($a:literal $b:literal $d:literal $e:literal; $x:literal $w:literal) => {
        concat!(products!("smull" $x $w), summed!($a $b $d $e))
    };
}

/// Nine taps: the codes of three lines in three columns.
macro_rules! nine {
    ($a:literal $b:literal $d:literal $e:literal; $x0:literal $x1:literal $x2:literal $y0:literal $y1:literal $y2:literal
     $z0:literal $z1:literal $z2:literal) => {
        concat!(
            two!($a $b $d $e; $x0 11 $x1 12), two!($a $b $d $e; $x2 13 $y0 14), two!($a $b $d $e; $y1 15 $y2 16),
            two!($a $b $d $e; $z0 17 $z1 18), one!($a $b $d $e; $z2 19)
        )
    };
}

macro_rules! tiles {
    ($tiles:ident, $($text:expr),*) => {
        asm!(
            "ld1 {{v11.16b, v12.16b, v13.16b, v14.16b}}, [{table}], #64",
            "ld1 {{v15.16b, v16.16b, v17.16b, v18.16b}}, [{table}], #64",
            "ldr q19, [{table}], #16",
            "add {scale}, {table}, #64",
            "2: // {o1}",
            "ld1 {{v0.16b, v1.16b, v2.16b, v3.16b}}, [{columns}], #64",
            "ld1 {{v4.16b, v5.16b, v6.16b, v7.16b}}, [{columns}], #64",
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{columns}]",
            "ld1 {{v20.4s, v21.4s, v22.4s, v23.4s}}, [{table}]",
            nine!(20 21 22 23; 0 1 2 4 5 6 28 29 30),
            $($text,)*
            "subs {n}, {n}, #1",
            "b.ne 2b",
            columns = inout(reg) $tiles.columns => _,
            n = inout(reg) $tiles.count => _,
            table = inout(reg) $tiles.table => _,
            scale = out(reg) _,
            constants = in(reg) $tiles.constants,
            o0 = inout(reg) $tiles.to[0] => _,
            o1 = inout(reg) $tiles.to[1] => _,
            pitch = in(reg) $tiles.pitch,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v8") _, out("v9") _, out("v11") _, out("v12") _, out("v13") _, out("v14") _, out("v15") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(nostack)
        )
    };
}

/// Stride 1.
macro_rules! dense {
    ($tiles:ident, $way:ident) => {
        tiles!(
            $tiles,
            "ld1 {{v24.4s, v25.4s, v26.4s, v27.4s}}, [{table}]",
            "sub {columns}, {columns}, #64",
            nine!(24 25 26 27; 1 2 3 5 6 7 29 30 31),
            load_constants!($way "ld1 {{v0.4s, v1.4s, v2.4s, v3.4s}}, [{scale}]"),
            scaled!(20 0, 21 1, 22 2, 23 3), codes_of_four!($way 20 21 22 23),
            scaled!(24 0, 25 1, 26 2, 27 3), codes_of_four!($way 24 25 26 27),
            "st1 {{v20.16b}}, [{o0}], {pitch}",
            "st1 {{v24.16b}}, [{o1}], {pitch}"
        )
    };
}

/// Stride 2.
macro_rules! strided {
    ($tiles:ident, $way:ident) => {
        tiles!(
            $tiles,
            load_constants!($way "ld1 {{v0.4s, v1.4s, v2.4s, v3.4s}}, [{scale}]"),
            scaled!(20 0, 21 1, 22 2, 23 3), codes_of_four!($way 20 21 22 23),
            "st1 {{v20.16b}}, [{o0}], {pitch}"
        )
    };
}

impl Columns for Mulls {
    const LOWEST: bool = false;
    const HALVES: bool = false;
    const TOGETHER: bool = false;

    fn width(_: Form) -> usize {
        1
    }

    /// Weights, bias, scales.
    fn table(_: Form) -> usize {
        144 + 64 + 64
    }

    fn fill(_: Form, weight: impl Fn(usize, usize) -> i8, numbers: impl Fn(usize) -> (i32, f32), to: &mut [u8]) {
        let (weights, rest) = to.split_at_mut(144);
        for (i, to) in weights.iter_mut().enumerate() {
            // Column by column.
            let (tap, c) = (i / 16, i % 16);
            *to = weight(tap % 3 * 3 + tap / 3, c).cast_unsigned();
        }
        for (i, to) in rest.chunks_exact_mut(4).enumerate() {
            let (bias, scale) = numbers(i % 16);
            to.copy_from_slice(&if i < 16 { bias.to_ne_bytes() } else { scale.to_ne_bytes() });
        }
    }

    #[inline(always)]
    unsafe fn interleave(lines: Four, to: *mut i8, count: usize, half: bool) {
        const { assert!(COLUMN == 64) };
        // SAFETY: reads and writes what the caller vouches for.
        unsafe { if half { columns!(lines, to, count, "8b") } else { columns!(lines, to, count, "16b") } }
    }

    #[inline(always)]
    unsafe fn square(form: Square, layer: Layer) {
        // SAFETY: as this function's.
        unsafe { square(form, layer) }
    }

    #[inline(always)]
    unsafe fn tiles(form: Form, quick: bool, tiles: &Tiles) {
        // SAFETY: as this function's.
        unsafe {
            match (form, quick) {
                (Form::Dense, true) => dense!(tiles, quick),
                (Form::Dense, false) => dense!(tiles, any),
                (Form::Strided, true) => strided!(tiles, quick),
                (Form::Strided, false) => strided!(tiles, any),
            }
        }
    }
}

/// See [`Depthwise`].
#[target_feature(enable = "neon")]
pub(super) unsafe fn depthwise(step: &Depthwise, data: DepthwiseData<'_>) {
    // SAFETY: NEON is always there.
    unsafe { columns::depthwise::<Mulls>(step, data) }
}
