//! int8 convolution with `sdot`: four products added to each of four accumulators. Sixteen codes of a pixel are read at once, and the four
//! of a dot product named by their place.

use crate::arch::neon::driver::{self, Finish, Line, Machine};
use crate::ops::conv::{Conv, ConvData};
use core::arch::asm;

use super::joined::joined;
use super::pair::pair;
use super::resident::{is_resident, resident};

/// [`Machine`] of this instruction set.
struct Sdot;

/// `sdot` of register `acc` with the codes in register `x` at place `lane`.
macro_rules! dot {
    ($acc:literal $w:literal $x:literal $lane:literal) => {
        concat!("sdot v", $acc, ".4s, v", $w, ".16b, v", $x, ".4b[", $lane, "]")
    };
}

/// Tiles of 16 channels. One entry a pixel: its pointer, the register of its codes, its four accumulators; then which pointer comes
/// from which.
macro_rules! wide {
    ($line:ident, $times:ident, $mr:literal, $finish:ident;
     $([$c:ident $x:literal $a:literal $b:literal $d:literal $e:literal])*; $($from:ident $next:ident),*) => {
        block!($line, $mr, [$($c)*], [w1 = out(reg) _, times = inout(reg) $times => _,], [
            ".arch_extension dotprod",
            "7:",
            "ldp {segment}, {count}, [{line}]",
            "ldp {w0}, {w1}, [{line}, #16]",
            $(concat!("ld1 {{v", $a, ".4s, v", $b, ".4s, v", $d, ".4s, v", $e, ".4s}}, [{bias}]"),)*
            begin_segment!($($from $next),*),
            "3:",
            $(concat!("ldr q", $x, ", [{", stringify!($c), "}], #16"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(dot!($a 28 $x 0),)* $(dot!($b 29 $x 0),)* $(dot!($a 30 $x 1),)* $(dot!($b 31 $x 1),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w1}], #64",
            $(dot!($d 28 $x 0),)* $(dot!($e 29 $x 0),)* $(dot!($d 30 $x 1),)* $(dot!($e 31 $x 1),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(dot!($a 28 $x 2),)* $(dot!($b 29 $x 2),)* $(dot!($a 30 $x 3),)* $(dot!($b 31 $x 3),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w1}], #64",
            $(dot!($d 28 $x 2),)* $(dot!($e 29 $x 2),)* $(dot!($d 30 $x 3),)* $(dot!($e 31 $x 3),)*
            "subs {n}, {n}, #1",
            "b.ne 3b",
            "4:",
            "cbz {rest}, 6f",
            "tbz {rest}, #1, 5f",
            $(concat!("ldr d", $x, ", [{", stringify!($c), "}], #8"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(dot!($a 28 $x 0),)* $(dot!($b 29 $x 0),)* $(dot!($a 30 $x 1),)* $(dot!($b 31 $x 1),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w1}], #64",
            $(dot!($d 28 $x 0),)* $(dot!($e 29 $x 0),)* $(dot!($d 30 $x 1),)* $(dot!($e 31 $x 1),)*
            "tbz {rest}, #0, 6f",
            "5:",
            $(concat!("ldr s", $x, ", [{", stringify!($c), "}]"),)*
            "ldp q28, q29, [{w0}], #32",
            "ldp q30, q31, [{w1}], #32",
            $(dot!($a 28 $x 0),)* $(dot!($b 29 $x 0),)* $(dot!($d 30 $x 0),)* $(dot!($e 31 $x 0),)*
            end_segment!(),
            load_constants!($finish "ld1 {{v24.4s, v25.4s, v26.4s, v27.4s}}, [{scale}]"),
            $(finish_four!($finish $a $b $d $e 24 25 26 27),)*
            end_tile!(),
            next_channels!(),
        ])
    };
}

/// Tiles of 8 channels: as above, two accumulators a pixel; pixels are finished by twos, the last of an odd number alone.
macro_rules! narrow {
    ($line:ident, $mr:literal, $finish:ident;
     $([$c:ident $x:literal $a:literal $b:literal])*; $([$pa:literal $pb:literal $pd:literal $pe:literal])*;
     $([$sa:literal $sb:literal])?; $($from:ident $next:ident),*) => {
        block!($line, $mr, [$($c)*], [], [
            ".arch_extension dotprod",
            "7:",
            "ldp {segment}, {count}, [{line}]",
            "ldr {w0}, [{line}, #16]",
            $(concat!("ldp q", $a, ", q", $b, ", [{bias}]"),)*
            begin_segment!($($from $next),*),
            "3:",
            $(concat!("ldr q", $x, ", [{", stringify!($c), "}], #16"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(dot!($a 28 $x 0),)* $(dot!($b 29 $x 0),)* $(dot!($a 30 $x 1),)* $(dot!($b 31 $x 1),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(dot!($a 28 $x 2),)* $(dot!($b 29 $x 2),)* $(dot!($a 30 $x 3),)* $(dot!($b 31 $x 3),)*
            "subs {n}, {n}, #1",
            "b.ne 3b",
            "4:",
            "cbz {rest}, 6f",
            "tbz {rest}, #1, 5f",
            $(concat!("ldr d", $x, ", [{", stringify!($c), "}], #8"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(dot!($a 28 $x 0),)* $(dot!($b 29 $x 0),)* $(dot!($a 30 $x 1),)* $(dot!($b 31 $x 1),)*
            "tbz {rest}, #0, 6f",
            "5:",
            $(concat!("ldr s", $x, ", [{", stringify!($c), "}]"),)*
            "ldp q28, q29, [{w0}], #32",
            $(dot!($a 28 $x 0),)* $(dot!($b 29 $x 0),)*
            end_segment!(),
            load_constants!($finish "ldp q24, q25, [{scale}]"),
            $(finish_four!($finish $pa $pb $pd $pe 24 25),)*
            $(finish_two!($finish $sa $sb 24 25),)?
            end_tile!(),
        ])
    };
}

/// [`Machine::wide`] with one way to finish.
macro_rules! wide_of {
    ($line:ident, $times:ident, $mr:ident, $finish:ident) => {
        match $mr {
            5 => wide!($line, $times, 5, $finish; [c0 20 0 1 2 3] [c1 21 4 5 6 7] [c2 22 8 9 10 11] [c3 23 12 13 14 15]
                [c4 24 16 17 18 19]; c0 c1, c1 c2, c2 c3, c3 c4),
            4 => wide!($line, $times, 4, $finish; [c0 20 0 1 2 3] [c1 21 4 5 6 7] [c2 22 8 9 10 11] [c3 23 12 13 14 15];
                c0 c1, c1 c2, c2 c3),
            3 => wide!($line, $times, 3, $finish; [c0 20 0 1 2 3] [c1 21 4 5 6 7] [c2 22 8 9 10 11]; c0 c1, c1 c2),
            2 => wide!($line, $times, 2, $finish; [c0 20 0 1 2 3] [c1 21 4 5 6 7]; c0 c1),
            _ => wide!($line, $times, 1, $finish; [c0 20 0 1 2 3];),
        }
    };
}

/// [`Machine::narrow`] with one way to finish.
macro_rules! narrow_of {
    ($line:ident, $mr:ident, $finish:ident) => {
        match $mr {
            8 => narrow!($line, 8, $finish;
                [c0 16 0 1] [c1 17 2 3] [c2 18 4 5] [c3 19 6 7] [c4 20 8 9] [c5 21 10 11] [c6 22 12 13] [c7 23 14 15];
                [0 1 2 3] [4 5 6 7] [8 9 10 11] [12 13 14 15]; ; c0 c1, c1 c2, c2 c3, c3 c4, c4 c5, c5 c6, c6 c7),
            7 => narrow!($line, 7, $finish;
                [c0 16 0 1] [c1 17 2 3] [c2 18 4 5] [c3 19 6 7] [c4 20 8 9] [c5 21 10 11] [c6 22 12 13];
                [0 1 2 3] [4 5 6 7] [8 9 10 11]; [12 13]; c0 c1, c1 c2, c2 c3, c3 c4, c4 c5, c5 c6),
            6 => narrow!($line, 6, $finish;
                [c0 16 0 1] [c1 17 2 3] [c2 18 4 5] [c3 19 6 7] [c4 20 8 9] [c5 21 10 11];
                [0 1 2 3] [4 5 6 7] [8 9 10 11]; ; c0 c1, c1 c2, c2 c3, c3 c4, c4 c5),
            5 => narrow!($line, 5, $finish; [c0 16 0 1] [c1 17 2 3] [c2 18 4 5] [c3 19 6 7] [c4 20 8 9];
                [0 1 2 3] [4 5 6 7]; [8 9]; c0 c1, c1 c2, c2 c3, c3 c4),
            4 => narrow!($line, 4, $finish; [c0 16 0 1] [c1 17 2 3] [c2 18 4 5] [c3 19 6 7];
                [0 1 2 3] [4 5 6 7]; ; c0 c1, c1 c2, c2 c3),
            3 => narrow!($line, 3, $finish; [c0 16 0 1] [c1 17 2 3] [c2 18 4 5]; [0 1 2 3]; [4 5]; c0 c1, c1 c2),
            2 => narrow!($line, 2, $finish; [c0 16 0 1] [c1 17 2 3]; [0 1 2 3]; ; c0 c1),
            _ => narrow!($line, 1, $finish; [c0 16 0 1]; ; [0 1];),
        }
    };
}

impl Machine for Sdot {
    const KR: usize = 4;
    const BLOCK: usize = 16;
    const WIDE: usize = 5;
    const NARROW: usize = 8;

    #[inline(always)]
    unsafe fn wide(line: &mut Line, mr: usize, times: usize) {
        // SAFETY: as this function's.
        unsafe {
            match line.finish {
                Finish::Quick => wide_of!(line, times, mr, quick),
                Finish::Any => wide_of!(line, times, mr, any),
                Finish::Sums => wide!(line, times, 1, sums; [c0 20 0 1 2 3];),
            }
        }
    }

    #[inline(always)]
    unsafe fn resident(line: &mut Line, pixels: usize, groups: usize) -> bool {
        let known = is_resident(line.pitch, pixels);
        if known {
            // SAFETY: as this function's.
            unsafe { resident(line, pixels, groups) };
        }
        known
    }

    #[inline(always)]
    unsafe fn one(line: &mut Line, groups: usize) -> usize {
        if groups >= 2 {
            // SAFETY: as this function's.
            unsafe { pair(line, groups / 2) };
        }
        groups / 2 * 2
    }

    #[inline(always)]
    unsafe fn narrow(line: &mut Line, mr: usize) {
        // SAFETY: as this function's.
        unsafe {
            match line.finish {
                Finish::Quick => narrow_of!(line, mr, quick),
                Finish::Any => narrow_of!(line, mr, any),
                Finish::Sums => narrow!(line, 1, sums; [c0 16 0 1]; ; [0 1];),
            }
        }
    }
}

/// See [`Conv`].
#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn conv(step: &Conv, data: ConvData<'_>) {
    // SAFETY: this function has the feature.
    unsafe {
        if super::TABLE.conv_pack.joined(&step.shape).is_some() {
            joined(step, data);
        } else {
            driver::conv::<Sdot>(step, data);
        }
    }
}
