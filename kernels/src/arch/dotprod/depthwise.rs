//! The depthwise convolution with `sdot`: the four codes of a channel in a column are a dot product, three of them make a pixel. Tiles of 2 × 2
//! pixels (stride 1) or 4 (stride 2), 8 channels at a time.

use core::arch::asm;

use super::square::square;
use crate::arch::neon::columns::{self, COLUMN, Columns, Form, Four, Tiles};
use crate::arch::neon::square::{Layer, Square};
use crate::ops::depthwise::{Depthwise, DepthwiseData};

/// Writes `count` columns of four lines: of each channel its four codes, `COLUMN` bytes from column to column. From a line, `step` codes from
/// pixel to pixel.
///
/// # Safety
/// 16 channels, or 8 if `half`, are readable at each place; `count ≥ 1` columns may be written.
#[inline(always)]
unsafe fn interleave(lines: Four, to: *mut i8, count: usize, half: bool) {
    let [(a, sa), (b, sb), (c, sc), (d, sd)] = lines;
    macro_rules! lines {
        ($arrangement:literal) => {
            // SAFETY: reads and writes what the caller vouches for.
            unsafe {
                asm!(
                    "2:",
                    concat!("ld1 {{v0.", $arrangement, "}}, [{a}], {sa}"),
                    concat!("ld1 {{v1.", $arrangement, "}}, [{b}], {sb}"),
                    concat!("ld1 {{v2.", $arrangement, "}}, [{c}], {sc}"),
                    concat!("ld1 {{v3.", $arrangement, "}}, [{d}], {sd}"),
                    "subs {n}, {n}, #1",
                    concat!("st4 {{v0.", $arrangement, ", v1.", $arrangement, ", v2.", $arrangement, ", v3.", $arrangement, "}}, [{to}], {pitch}"),
                    "b.ne 2b",
                    a = inout(reg) a => _, b = inout(reg) b => _, c = inout(reg) c => _, d = inout(reg) d => _,
                    sa = in(reg) sa, sb = in(reg) sb, sc = in(reg) sc, sd = in(reg) sd,
                    to = inout(reg) to => _, n = inout(reg) count => _, pitch = in(reg) COLUMN,
                    out("v0") _, out("v1") _, out("v2") _, out("v3") _,
                    options(nostack)
                )
            }
        };
    }
    if half { lines!("8b") } else { lines!("16b") }
}

/// An instruction on each of v0…v7.
macro_rules! each {
    ($a:literal $v:literal $b:literal) => { concat!($a, $v, $b, $v, ".4s\n") };
    ($a:literal $b:literal) => { concat!(each!($a 0 $b), each!($a 1 $b), each!($a 2 $b), each!($a 3 $b), each!($a 4 $b), each!($a 5 $b), each!($a 6 $b), each!($a 7 $b)) };
}

/// The same by the scales.
macro_rules! scaled {
    () => { scaled!(0 28, 1 29, 2 28, 3 29, 4 28, 5 29, 6 28, 7 29) };
    ($($v:literal $scale:literal),*) => { concat!($("fmul v", $v, ".4s, v", $v, ".4s, v", $scale, ".4s\n",)* "") };
}

/// Codes of 8 × 4 sums in v0…v7, as v0 and v4; scales in v28 and v29. `v30`: what added to a number leaves it rounded, zero point added, in the
/// lowest 16 bits.
macro_rules! quick {
    () => {
        concat!(
            each!("scvtf v" ".4s, v"), scaled!(),
            each!("fadd v" ".4s, v30.4s, v"),
            "uzp1 v0.8h, v0.8h, v1.8h\nuzp1 v2.8h, v2.8h, v3.8h\nuzp1 v4.8h, v4.8h, v5.8h\nuzp1 v6.8h, v6.8h, v7.8h\n",
            "sqxtn v0.8b, v0.8h\nsqxtn v4.8b, v4.8h\nsqxtn2 v0.16b, v2.8h\nsqxtn2 v4.16b, v6.8h"
        )
    };
}

/// The same for any numbers, zero point and limits. `v30`: the zero point in 16 bits; the limits are read.
macro_rules! any {
    () => {
        concat!(
            each!("scvtf v" ".4s, v"), scaled!(),
            each!("fcvtns v" ".4s, v"),
            "ldp q16, q17, [{constants}, #16]\n",
            "sqxtn v0.4h, v0.4s\nsqxtn v2.4h, v2.4s\nsqxtn v4.4h, v4.4s\nsqxtn v6.4h, v6.4s\n",
            "sqxtn2 v0.8h, v1.4s\nsqxtn2 v2.8h, v3.4s\nsqxtn2 v4.8h, v5.4s\nsqxtn2 v6.8h, v7.4s\n",
            "sqadd v0.8h, v0.8h, v30.8h\nsqadd v2.8h, v2.8h, v30.8h\nsqadd v4.8h, v4.8h, v30.8h\nsqadd v6.8h, v6.8h, v30.8h\n",
            "sqxtn v0.8b, v0.8h\nsqxtn v4.8b, v4.8h\nsqxtn2 v0.16b, v2.8h\nsqxtn2 v4.16b, v6.8h\n",
            "smax v0.16b, v0.16b, v16.16b\nsmax v4.16b, v4.16b, v16.16b\nsmin v0.16b, v0.16b, v17.16b\nsmin v4.16b, v4.16b, v17.16b"
        )
    };
}

/// Three columns for the four sums in two registers.
macro_rules! three {
    ($a:literal $b:literal; $([$wa:literal $wb:literal $xa:literal $xb:literal])*) => {
        concat!($("sdot v", $a, ".4s, v", $wa, ".16b, v", $xa, ".16b\nsdot v", $b, ".4s, v", $wb, ".16b, v", $xb, ".16b\n",)* "")
    };
}

macro_rules! tiles {
    ($tiles:ident, $finish:ident, [$($weights:literal),*], [$($sums:expr),*], [$($store:literal),*]) => {
        asm!(
            ".arch_extension dotprod",
            "ldr q30, [{constants}]",
            "3:",
            $($weights,)*
            "2: // {o1}",
            "ld1 {{v0.4s, v1.4s, v2.4s, v3.4s}}, [{table}]",
            "ld1 {{v4.4s, v5.4s, v6.4s, v7.4s}}, [{table}]",
            $($sums,)*
            $finish!(),
            $($store,)*
            "subs {n}, {n}, #1",
            "b.ne 2b",
            "subs {blocks}, {blocks}, #1",
            "b.eq 4f",
            "ldp {columns}, {n}, [{tiles}]",
            "ldp {o0}, {o1}, [{tiles}, #16]",
            "add {columns}, {columns}, #32",
            "add {table}, {table}, #64",
            "add {o0}, {o0}, #8",
            "add {o1}, {o1}, #8",
            "b 3b",
            "4:",
            tiles = in(reg) &raw const *$tiles,
            blocks = inout(reg) $tiles.blocks => _,
            columns = inout(reg) $tiles.columns => _,
            n = inout(reg) $tiles.count => _,
            table = inout(reg) $tiles.table => _,
            constants = in(reg) $tiles.constants,
            o0 = inout(reg) $tiles.to[0] => _,
            o1 = inout(reg) $tiles.to[1] => _,
            pitch = in(reg) $tiles.pitch,
            out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _, out("v14") _, out("v15") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _, out("v29") _, out("v30") _,
            options(nostack)
        )
    };
}

/// Stride 1: tiles of 2 × 2 pixels, 8 channels at a time.
///
/// # Safety
/// The CPU has dot products; the columns, the tables and the codes of all tiles are there.
#[inline(always)]
unsafe fn tiles_1<const QUICK: bool>(tiles: &Tiles) {
    macro_rules! go {
        ($finish:ident) => {
            tiles!(
                tiles, $finish,
                [
                    "ld1 {{v8.16b, v9.16b, v10.16b, v11.16b}}, [{table}], #64",
                    "ld1 {{v12.16b, v13.16b, v14.16b, v15.16b}}, [{table}], #64",
                    "ld1 {{v24.16b, v25.16b, v26.16b, v27.16b}}, [{table}], #64",
                    "ldp q28, q29, [{table}], #32"
                ],
                [
                    "ldp q16, q17, [{columns}], #128",
                    "ldp q18, q19, [{columns}, #-64]",
                    "ldp q20, q21, [{columns}]",
                    "ldp q22, q23, [{columns}, #64]",
                    three!(0 1; [8 9 16 17] [10 11 18 19] [12 13 20 21]),
                    three!(4 5; [14 15 16 17] [24 25 18 19] [26 27 20 21]),
                    three!(2 3; [8 9 18 19] [10 11 20 21] [12 13 22 23]),
                    three!(6 7; [14 15 18 19] [24 25 20 21] [26 27 22 23])
                ],
                [
                    "st1 {{v0.d}}[0], [{o0}], {pitch}", "st1 {{v4.d}}[0], [{o1}], {pitch}",
                    "st1 {{v0.d}}[1], [{o0}], {pitch}", "st1 {{v4.d}}[1], [{o1}], {pitch}"
                ]
            )
        };
    }
    // SAFETY: as this function's.
    unsafe { if QUICK { go!(quick) } else { go!(any) } }
}

/// Stride 2: tiles of 4 pixels, 8 channels at a time.
///
/// # Safety
/// As [`tiles_1`].
#[inline(always)]
unsafe fn tiles_2<const QUICK: bool>(tiles: &Tiles) {
    macro_rules! go {
        ($finish:ident) => {
            tiles!(
                tiles, $finish,
                [
                    "ld1 {{v8.16b, v9.16b, v10.16b, v11.16b}}, [{table}], #64",
                    "ldp q12, q13, [{table}], #32",
                    "ldp q28, q29, [{table}], #32"
                ],
                [
                    "ldp q14, q15, [{columns}], #512",
                    "ldp q16, q17, [{columns}, #-448]",
                    "ldp q18, q19, [{columns}, #-384]",
                    "ldp q20, q21, [{columns}, #-320]",
                    "ldp q22, q23, [{columns}, #-256]",
                    three!(0 1; [8 9 14 15] [10 11 16 17] [12 13 18 19]),
                    "ldp q14, q15, [{columns}, #-192]",
                    "ldp q16, q17, [{columns}, #-128]",
                    three!(2 3; [8 9 18 19] [10 11 20 21] [12 13 22 23]),
                    "ldp q18, q19, [{columns}, #-64]",
                    "ldp q20, q21, [{columns}]",
                    three!(4 5; [8 9 22 23] [10 11 14 15] [12 13 16 17]),
                    three!(6 7; [8 9 16 17] [10 11 18 19] [12 13 20 21])
                ],
                [
                    "st1 {{v0.d}}[0], [{o0}], {pitch}", "st1 {{v0.d}}[1], [{o0}], {pitch}",
                    "st1 {{v4.d}}[0], [{o0}], {pitch}", "st1 {{v4.d}}[1], [{o0}], {pitch}"
                ]
            )
        };
    }
    // SAFETY: as this function's.
    unsafe { if QUICK { go!(quick) } else { go!(any) } }
}

/// [`Columns`] of this instruction set.
pub(super) struct Sdot;

impl Columns for Sdot {
    const LOWEST: bool = true;
    const HALVES: bool = true;
    const TOGETHER: bool = true;

    fn width(form: Form) -> usize {
        match form {
            Form::Dense => 2,
            Form::Strided => 4,
        }
    }

    /// Twice weights, 8 scales, the bias of two pixels.
    fn table(form: Form) -> usize {
        match form {
            Form::Dense => 2 * (192 + 32 + 64),
            Form::Strided => 2 * (96 + 32 + 64),
        }
    }

    fn fill(form: Form, weight: impl Fn(usize, usize) -> i8, numbers: impl Fn(usize) -> (i32, f32), to: &mut [u8]) {
        for (half, to) in to.chunks_exact_mut(Self::table(form) / 2).enumerate() {
            let (weights, rest) = to.split_at_mut(Self::table(form) / 2 - 96);
            for (i, to) in weights.iter_mut().enumerate() {
                // Column, channel, and what the line of a tile that this is for sees of the four lines.
                let (kx, c, ky) = (i / 32 % 3, i / 4 % 8, (i % 4).wrapping_sub(i / 96));
                *to = if ky < 3 { weight(ky * 3 + kx, 8 * half + c).cast_unsigned() } else { 0 };
            }
            for (i, to) in rest.chunks_exact_mut(4).enumerate() {
                let (bias, scale) = numbers(8 * half + i % 8);
                to.copy_from_slice(&if i < 8 { scale.to_ne_bytes() } else { bias.to_ne_bytes() });
            }
        }
    }

    #[inline(always)]
    unsafe fn interleave(lines: Four, to: *mut i8, count: usize, half: bool) {
        // SAFETY: as this function's.
        unsafe { interleave(lines, to, count, half) }
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
                (Form::Dense, true) => tiles_1::<true>(tiles),
                (Form::Dense, false) => tiles_1::<false>(tiles),
                (Form::Strided, true) => tiles_2::<true>(tiles),
                (Form::Strided, false) => tiles_2::<false>(tiles),
            }
        }
    }
}

/// See [`Depthwise`].
#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn depthwise(step: &Depthwise, data: DepthwiseData<'_>) {
    // SAFETY: this function has the feature.
    unsafe { columns::depthwise::<Sdot>(step, data) }
}
