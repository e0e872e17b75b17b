//! int8 convolution with `smmla`: two pixels times two channels, eight products each. Pixels go by twos, the last of an odd number beside
//! nothing.

use core::arch::asm;

use super::pair::pair;
use crate::arch::dotprod::joined::joined;
use crate::arch::neon::driver::{self, Finish, Line, Machine};
use crate::ops::conv::{Conv, ConvData};

/// [`Machine`] of this instruction set.
struct Smmla;

/// Two pixels in register `x` times four registers of channels.
macro_rules! four {
    ($x:literal $a:literal $b:literal $d:literal $e:literal) => {
        concat!(
            "smmla v",
            $a,
            ".4s, v",
            $x,
            ".16b, v28.16b\nsmmla v",
            $b,
            ".4s, v",
            $x,
            ".16b, v29.16b\n",
            "smmla v",
            $d,
            ".4s, v",
            $x,
            ".16b, v30.16b\nsmmla v",
            $e,
            ".4s, v",
            $x,
            ".16b, v31.16b\n"
        )
    };
}

/// Codes of four registers of sums.
macro_rules! half {
    (sums $a:literal $b:literal $d:literal $e:literal) => {
        // The sums of the first pixel.
        concat!("zip1 v", $a, ".2d, v", $a, ".2d, v", $b, ".2d\nzip1 v", $b, ".2d, v", $d, ".2d, v", $e, ".2d\n")
    };
    ($way:ident $a:literal $b:literal $d:literal $e:literal) => {
        concat!(scaled!($a 24, $b 25, $d 26, $e 27), codes_of_four!($way $a $b $d $e))
    };
}

/// Eight scales, each beside itself.
macro_rules! scales {
    (sums $at:literal) => {
        "// {scale} {constants}"
    };
    ($way:ident $at:literal) => {
        concat!("ld4r {{v24.2d, v25.2d, v26.2d, v27.2d}}, [{", $at, "}]")
    };
}

/// Other constants.
macro_rules! constants {
    (quick) => {
        "ldr q28, [{constants}]"
    };
    (any) => {
        "ld1 {{v28.16b, v29.16b, v30.16b}}, [{constants}]"
    };
    (sums) => {
        ""
    };
}

/// Writes the codes of one pixel of 16 channels, or two.
macro_rules! write_wide {
    (sums $a:literal $b:literal $d:literal $e:literal $($second:literal)?) => {
        concat!("st1 {{v", $a, ".4s, v", $b, ".4s}}, [{to}], #32\nst1 {{v", $d, ".4s, v", $e, ".4s}}, [{to}]")
    };
    ($way:ident $a:literal $b:literal $d:literal $e:literal) => {
        concat!("uzp1 v", $b, ".8h, v", $a, ".8h, v", $d, ".8h\nst1 {{v", $b, ".16b}}, [{to}], {to_pitch}")
    };
    ($way:ident $a:literal $b:literal $d:literal $e:literal two) => {
        concat!(
            "uzp1 v",
            $b,
            ".8h, v",
            $a,
            ".8h, v",
            $d,
            ".8h\nuzp2 v",
            $e,
            ".8h, v",
            $a,
            ".8h, v",
            $d,
            ".8h\n",
            "st1 {{v",
            $b,
            ".16b}}, [{to}], {to_pitch}\nst1 {{v",
            $e,
            ".16b}}, [{to}], {to_pitch}"
        )
    };
}

/// The same of 8 channels.
macro_rules! write_narrow {
    (sums $a:literal $b:literal) => {
        concat!("st1 {{v", $a, ".4s, v", $b, ".4s}}, [{to}]")
    };
    ($way:ident $a:literal $b:literal) => {
        concat!("uzp1 v", $b, ".8h, v", $a, ".8h, v", $a, ".8h\nst1 {{v", $b, ".8b}}, [{to}], {to_pitch}")
    };
    ($way:ident $a:literal $b:literal two) => {
        concat!(
            "uzp1 v",
            $b,
            ".8h, v",
            $a,
            ".8h, v",
            $a,
            ".8h\nuzp2 v",
            $a,
            ".8h, v",
            $a,
            ".8h, v",
            $a,
            ".8h\n",
            "st1 {{v",
            $b,
            ".8b}}, [{to}], {to_pitch}\nst1 {{v",
            $a,
            ".8b}}, [{to}], {to_pitch}"
        )
    };
}

/// Tiles of 16 channels: pointers and registers of the first pixels of each two, then of the second ones; registers of two pixels, with
/// their eight accumulators; which pixels are written; which pointer comes from which.
macro_rules! wide {
    ($line:ident, $times:ident, $mr:literal, $finish:ident;
     $([$p:ident $px:literal])*; $([$q:ident $qx:literal])*;
     $([$x:literal $a:literal $b:literal $d:literal $e:literal $f:literal $g:literal $h:literal $i:literal $($two:ident)?])*;
     $($from:ident $next:ident),*) => {
        block!($line, $mr, [$($p)* $($q)*], [w1 = out(reg) _, times = inout(reg) $times => _,], [
            ".arch_extension i8mm",
            "7:",
            "ldp {segment}, {count}, [{line}]",
            "ldp {w0}, {w1}, [{line}, #16]",
            "add {n}, {bias}, #32",
            $(
                concat!("ld4r {{v", $a, ".2d, v", $b, ".2d, v", $d, ".2d, v", $e, ".2d}}, [{bias}]"),
                concat!("ld4r {{v", $f, ".2d, v", $g, ".2d, v", $h, ".2d, v", $i, ".2d}}, [{n}]"),
            )*
            begin_segment!($($from $next),*),
            "3:",
            $(concat!("ldr d", $px, ", [{", stringify!($p), "}], #8"),)*
            $(concat!("ld1 {{v", $qx, ".d}}[1], [{", stringify!($q), "}], #8"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(four!($x $a $b $d $e),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w1}], #64",
            $(four!($x $f $g $h $i),)*
            $(concat!("ldr d", $px, ", [{", stringify!($p), "}], #8"),)*
            $(concat!("ld1 {{v", $qx, ".d}}[1], [{", stringify!($q), "}], #8"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(four!($x $a $b $d $e),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w1}], #64",
            $(four!($x $f $g $h $i),)*
            "subs {n}, {n}, #1",
            "b.ne 3b",
            "4:",
            "cbz {rest}, 6f",
            $(concat!("ldr d", $px, ", [{", stringify!($p), "}]"),)*
            $(concat!("ld1 {{v", $qx, ".d}}[1], [{", stringify!($q), "}]"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(four!($x $a $b $d $e),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w1}], #64",
            $(four!($x $f $g $h $i),)*
            end_segment!(),
            constants!($finish),
            scales!($finish "scale"),
            $(half!($finish $a $b $d $e),)*
            "add {n}, {scale}, #32",
            scales!($finish "n"),
            $(half!($finish $f $g $h $i),)*
            $(write_wide!($finish $a $b $f $g $($two)?),)*
            end_tile!(),
            next_channels!(),
        ])
    };
}

/// Tiles of 8 channels: as above, four accumulators for two pixels.
macro_rules! narrow {
    ($line:ident, $mr:literal, $finish:ident; $([$p:ident $px:literal])*; $([$q:ident $qx:literal])*;
     $([$x:literal $a:literal $b:literal $d:literal $e:literal $($two:ident)?])*; $($from:ident $next:ident),*) => {
        block!($line, $mr, [$($p)* $($q)*], [], [
            ".arch_extension i8mm",
            "7:",
            "ldp {segment}, {count}, [{line}]",
            "ldr {w0}, [{line}, #16]",
            $(concat!("ld4r {{v", $a, ".2d, v", $b, ".2d, v", $d, ".2d, v", $e, ".2d}}, [{bias}]"),)*
            begin_segment!($($from $next),*),
            "3:",
            $(concat!("ldr d", $px, ", [{", stringify!($p), "}], #8"),)*
            $(concat!("ld1 {{v", $qx, ".d}}[1], [{", stringify!($q), "}], #8"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(four!($x $a $b $d $e),)*
            $(concat!("ldr d", $px, ", [{", stringify!($p), "}], #8"),)*
            $(concat!("ld1 {{v", $qx, ".d}}[1], [{", stringify!($q), "}], #8"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(four!($x $a $b $d $e),)*
            "subs {n}, {n}, #1",
            "b.ne 3b",
            "4:",
            "cbz {rest}, 6f",
            $(concat!("ldr d", $px, ", [{", stringify!($p), "}]"),)*
            $(concat!("ld1 {{v", $qx, ".d}}[1], [{", stringify!($q), "}]"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(four!($x $a $b $d $e),)*
            end_segment!(),
            constants!($finish),
            scales!($finish "scale"),
            $(half!($finish $a $b $d $e),)*
            $(write_narrow!($finish $a $b $($two)?),)*
            end_tile!(),
        ])
    };
}

/// [`Machine::wide`] with one way to finish.
macro_rules! wide_of {
    ($line:ident, $times:ident, $mr:ident, $finish:ident) => {
        match $mr {
            6 => wide!($line, $times, 6, $finish; [c0 24] [c2 25] [c4 26]; [c1 24] [c3 25] [c5 26];
                [24 0 1 2 3 4 5 6 7 two] [25 8 9 10 11 12 13 14 15 two] [26 16 17 18 19 20 21 22 23 two];
                c0 c1, c1 c2, c2 c3, c3 c4, c4 c5),
            5 => wide!($line, $times, 5, $finish; [c0 24] [c2 25] [c4 26]; [c1 24] [c3 25];
                [24 0 1 2 3 4 5 6 7 two] [25 8 9 10 11 12 13 14 15 two] [26 16 17 18 19 20 21 22 23];
                c0 c1, c1 c2, c2 c3, c3 c4),
            4 => wide!($line, $times, 4, $finish; [c0 24] [c2 25]; [c1 24] [c3 25];
                [24 0 1 2 3 4 5 6 7 two] [25 8 9 10 11 12 13 14 15 two]; c0 c1, c1 c2, c2 c3),
            3 => wide!($line, $times, 3, $finish; [c0 24] [c2 25]; [c1 24];
                [24 0 1 2 3 4 5 6 7 two] [25 8 9 10 11 12 13 14 15]; c0 c1, c1 c2),
            2 => wide!($line, $times, 2, $finish; [c0 24]; [c1 24]; [24 0 1 2 3 4 5 6 7 two]; c0 c1),
            _ => wide!($line, $times, 1, $finish; [c0 24]; ; [24 0 1 2 3 4 5 6 7];),
        }
    };
}

/// [`Machine::narrow`] with one way to finish.
macro_rules! narrow_of {
    ($line:ident, $mr:ident, $finish:ident) => {
        match $mr {
            8 => narrow!($line, 8, $finish; [c0 24] [c2 25] [c4 26] [c6 27]; [c1 24] [c3 25] [c5 26] [c7 27];
                [24 0 1 2 3 two] [25 4 5 6 7 two] [26 8 9 10 11 two] [27 12 13 14 15 two];
                c0 c1, c1 c2, c2 c3, c3 c4, c4 c5, c5 c6, c6 c7),
            7 => narrow!($line, 7, $finish; [c0 24] [c2 25] [c4 26] [c6 27]; [c1 24] [c3 25] [c5 26];
                [24 0 1 2 3 two] [25 4 5 6 7 two] [26 8 9 10 11 two] [27 12 13 14 15];
                c0 c1, c1 c2, c2 c3, c3 c4, c4 c5, c5 c6),
            6 => narrow!($line, 6, $finish; [c0 24] [c2 25] [c4 26]; [c1 24] [c3 25] [c5 26];
                [24 0 1 2 3 two] [25 4 5 6 7 two] [26 8 9 10 11 two]; c0 c1, c1 c2, c2 c3, c3 c4, c4 c5),
            5 => narrow!($line, 5, $finish; [c0 24] [c2 25] [c4 26]; [c1 24] [c3 25];
                [24 0 1 2 3 two] [25 4 5 6 7 two] [26 8 9 10 11]; c0 c1, c1 c2, c2 c3, c3 c4),
            4 => narrow!($line, 4, $finish; [c0 24] [c2 25]; [c1 24] [c3 25];
                [24 0 1 2 3 two] [25 4 5 6 7 two]; c0 c1, c1 c2, c2 c3),
            3 => narrow!($line, 3, $finish; [c0 24] [c2 25]; [c1 24]; [24 0 1 2 3 two] [25 4 5 6 7]; c0 c1, c1 c2),
            2 => narrow!($line, 2, $finish; [c0 24]; [c1 24]; [24 0 1 2 3 two]; c0 c1),
            _ => narrow!($line, 1, $finish; [c0 24]; ; [24 0 1 2 3];),
        }
    };
}

impl Machine for Smmla {
    const KR: usize = 8;
    const BLOCK: usize = 16;
    const WIDE: usize = 6;
    const NARROW: usize = 8;

    #[inline(always)]
    unsafe fn wide(line: &mut Line, mr: usize, times: usize) {
        // SAFETY: as this function's.
        unsafe {
            match line.finish {
                Finish::Quick => wide_of!(line, times, mr, quick),
                Finish::Any => wide_of!(line, times, mr, any),
                Finish::Sums => wide!(line, times, 1, sums; [c0 24]; ; [24 0 1 2 3 4 5 6 7];),
            }
        }
    }

    #[inline(always)]
    unsafe fn one(line: &mut Line, groups: usize) -> usize {
        if groups >= 2 {
            // SAFETY: as this function's; the CPU has dot products too.
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
                Finish::Sums => narrow!(line, 1, sums; [c0 24]; ; [24 0 1 2 3];),
            }
        }
    }
}

/// See [`Conv`].
#[target_feature(enable = "neon,dotprod,i8mm")]
pub(super) unsafe fn conv(step: &Conv, data: ConvData<'_>) {
    // SAFETY: this function has the feature, and dot products.
    unsafe {
        if super::KERNELS.conv_pack.joined(&step.shape).is_some() {
            joined(step, data);
        } else {
            driver::conv::<Smmla>(step, data);
        }
    }
}
