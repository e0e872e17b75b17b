//! int8 convolution of NEON without dot products, in blocks of assembly: `smull` to 16 bits, `smlal` of the next codes where no weight is −128, so
//! that two products fit, and `sadalp`, which adds neighbours to 32 bits. A pixel's codes are read as pairs, each in all lanes.

use core::arch::asm;

use super::driver::{self, Finish, Line, Machine};
use crate::ops::conv::{Conv, ConvData};

/// [`Machine`] of this instruction set. `PAIRS`: no weight is −128.
struct Mlal<const PAIRS: bool>;

/// Two products of each of 8 channels.
macro_rules! one {
    ($a:literal $b:literal; $w:literal; $x:literal) => {
        concat!(
            "smull v28.8h, v",
            $w,
            ".8b, v",
            $x,
            ".8b\nsmull2 v29.8h, v",
            $w,
            ".16b, v",
            $x,
            ".16b\n",
            "sadalp v",
            $a,
            ".4s, v28.8h\nsadalp v",
            $b,
            ".4s, v29.8h\n"
        )
    };
}

/// Four products of each of 8 channels: pairs `x` and `y` times weights `w` and `v`.
macro_rules! two {
    (pairs $a:literal $b:literal; $w:literal $v:literal; $x:literal $y:literal) => {
        concat!(
            "smull v28.8h, v", $w, ".8b, v", $x, ".8b\nsmull2 v29.8h, v", $w, ".16b, v", $x, ".16b\n",
            "smlal v28.8h, v", $v, ".8b, v", $y, ".8b\nsmlal2 v29.8h, v", $v, ".16b, v", $y, ".16b\n",
            "sadalp v", $a, ".4s, v28.8h\nsadalp v", $b, ".4s, v29.8h\n"
        )
    };
    (single $a:literal $b:literal; $w:literal $v:literal; $x:literal $y:literal) => {
        concat!(one!($a $b; $w; $x), one!($a $b; $v; $y))
    };
}

/// Reads eight codes of a pixel, four, or two.
macro_rules! pairs {
    (8 $c:ident) => {
        concat!("ld4r {{v24.8h, v25.8h, v26.8h, v27.8h}}, [{", stringify!($c), "}], #8")
    };
    (4 $c:ident) => {
        concat!("ld2r {{v24.8h, v25.8h}}, [{", stringify!($c), "}], #4")
    };
    (2 $c:ident) => {
        concat!("ld1r {{v24.8h}}, [{", stringify!($c), "}]")
    };
}

/// Tiles of 16 channels. One entry a pixel: its pointer, its four accumulators; then which pointer comes from which.
macro_rules! wide {
    ($kind:ident, $line:ident, $times:ident, $mr:literal, $finish:ident;
     $([$c:ident $a:literal $b:literal $d:literal $e:literal])*; $($from:ident $next:ident),*) => {
        block!($line, $mr, [$($c)*], [w1 = out(reg) _, times = inout(reg) $times => _,], [
            "7:",
            "ldp {segment}, {count}, [{line}]",
            "ldp {w0}, {w1}, [{line}, #16]",
            $(concat!("ld1 {{v", $a, ".4s, v", $b, ".4s, v", $d, ".4s, v", $e, ".4s}}, [{bias}]"),)*
            begin_segment!($($from $next),*),
            "3:",
            "ld1 {{v16.16b, v17.16b, v18.16b, v19.16b}}, [{w0}], #64",
            "ld1 {{v20.16b, v21.16b, v22.16b, v23.16b}}, [{w1}], #64",
            $(
                pairs!(8 $c), two!($kind $a $b; 16 17; 24 25), two!($kind $d $e; 20 21; 24 25),
                two!($kind $a $b; 18 19; 26 27), two!($kind $d $e; 22 23; 26 27),
            )*
            "subs {n}, {n}, #1",
            "b.ne 3b",
            "4:",
            "cbz {rest}, 6f",
            "tbz {rest}, #1, 5f",
            "ldp q16, q17, [{w0}], #32",
            "ldp q20, q21, [{w1}], #32",
            $(pairs!(4 $c), two!($kind $a $b; 16 17; 24 25), two!($kind $d $e; 20 21; 24 25),)*
            "tbz {rest}, #0, 6f",
            "5:",
            "ldr q16, [{w0}], #16",
            "ldr q20, [{w1}], #16",
            $(pairs!(2 $c), one!($a $b; 16; 24), one!($d $e; 20; 24),)*
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
    ($kind:ident, $line:ident, $mr:literal, $finish:ident; $([$c:ident $a:literal $b:literal])*;
     $([$pa:literal $pb:literal $pd:literal $pe:literal])*; $([$sa:literal $sb:literal])?; $($from:ident $next:ident),*) => {
        block!($line, $mr, [$($c)*], [], [
            "7:",
            "ldp {segment}, {count}, [{line}]",
            "ldr {w0}, [{line}, #16]",
            $(concat!("ldp q", $a, ", q", $b, ", [{bias}]"),)*
            begin_segment!($($from $next),*),
            "3:",
            "ld1 {{v16.16b, v17.16b, v18.16b, v19.16b}}, [{w0}], #64",
            $(pairs!(8 $c), two!($kind $a $b; 16 17; 24 25), two!($kind $a $b; 18 19; 26 27),)*
            "subs {n}, {n}, #1",
            "b.ne 3b",
            "4:",
            "cbz {rest}, 6f",
            "tbz {rest}, #1, 5f",
            "ldp q16, q17, [{w0}], #32",
            $(pairs!(4 $c), two!($kind $a $b; 16 17; 24 25),)*
            "tbz {rest}, #0, 6f",
            "5:",
            "ldr q16, [{w0}], #16",
            $(pairs!(2 $c), one!($a $b; 16; 24),)*
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
    ($kind:ident, $line:ident, $times:ident, $mr:ident, $finish:ident) => {
        match $mr {
            4 => wide!($kind, $line, $times, 4, $finish; [c0 0 1 2 3] [c1 4 5 6 7] [c2 8 9 10 11] [c3 12 13 14 15]; c0 c1, c1 c2, c2 c3),
            3 => wide!($kind, $line, $times, 3, $finish; [c0 0 1 2 3] [c1 4 5 6 7] [c2 8 9 10 11]; c0 c1, c1 c2),
            2 => wide!($kind, $line, $times, 2, $finish; [c0 0 1 2 3] [c1 4 5 6 7]; c0 c1),
            _ => wide!($kind, $line, $times, 1, $finish; [c0 0 1 2 3];),
        }
    };
}

/// [`Machine::narrow`] with one way to finish.
macro_rules! narrow_of {
    ($kind:ident, $line:ident, $mr:ident, $finish:ident) => {
        match $mr {
            6 => narrow!($kind, $line, 6, $finish; [c0 0 1] [c1 2 3] [c2 4 5] [c3 6 7] [c4 8 9] [c5 10 11];
                [0 1 2 3] [4 5 6 7] [8 9 10 11]; ; c0 c1, c1 c2, c2 c3, c3 c4, c4 c5),
            5 => narrow!($kind, $line, 5, $finish; [c0 0 1] [c1 2 3] [c2 4 5] [c3 6 7] [c4 8 9];
                [0 1 2 3] [4 5 6 7]; [8 9]; c0 c1, c1 c2, c2 c3, c3 c4),
            4 => narrow!($kind, $line, 4, $finish; [c0 0 1] [c1 2 3] [c2 4 5] [c3 6 7]; [0 1 2 3] [4 5 6 7]; ; c0 c1, c1 c2, c2 c3),
            3 => narrow!($kind, $line, 3, $finish; [c0 0 1] [c1 2 3] [c2 4 5]; [0 1 2 3]; [4 5]; c0 c1, c1 c2),
            2 => narrow!($kind, $line, 2, $finish; [c0 0 1] [c1 2 3]; [0 1 2 3]; ; c0 c1),
            _ => narrow!($kind, $line, 1, $finish; [c0 0 1]; ; [0 1];),
        }
    };
}

impl<const PAIRS: bool> Machine for Mlal<PAIRS> {
    const KR: usize = 2;
    const BLOCK: usize = 8;
    const WIDE: usize = 4;
    const NARROW: usize = 6;

    #[inline(always)]
    unsafe fn wide(line: &mut Line, mr: usize, times: usize) {
        // SAFETY: as this function's.
        unsafe {
            match (PAIRS, line.finish) {
                (true, Finish::Quick) => wide_of!(pairs, line, times, mr, quick),
                (true, Finish::Any) => wide_of!(pairs, line, times, mr, any),
                (true, Finish::Sums) => wide!(pairs, line, times, 1, sums; [c0 0 1 2 3];),
                (false, Finish::Quick) => wide_of!(single, line, times, mr, quick),
                (false, Finish::Any) => wide_of!(single, line, times, mr, any),
                (false, Finish::Sums) => wide!(single, line, times, 1, sums; [c0 0 1 2 3];),
            }
        }
    }

    #[inline(always)]
    unsafe fn narrow(line: &mut Line, mr: usize) {
        // SAFETY: as this function's.
        unsafe {
            match (PAIRS, line.finish) {
                (true, Finish::Quick) => narrow_of!(pairs, line, mr, quick),
                (true, Finish::Any) => narrow_of!(pairs, line, mr, any),
                (true, Finish::Sums) => narrow!(pairs, line, 1, sums; [c0 0 1]; ; [0 1];),
                (false, Finish::Quick) => narrow_of!(single, line, mr, quick),
                (false, Finish::Any) => narrow_of!(single, line, mr, any),
                (false, Finish::Sums) => narrow!(single, line, 1, sums; [c0 0 1]; ; [0 1];),
            }
        }
    }
}

/// See [`Conv`].
#[target_feature(enable = "neon")]
pub(super) unsafe fn conv(step: &Conv, data: ConvData<'_>) {
    // SAFETY: NEON is always there.
    unsafe {
        if step.no_lowest {
            driver::conv::<Mlal<true>>(step, data);
        } else {
            driver::conv::<Mlal<false>>(step, data);
        }
    }
}
