//! A single pixel, 32 channels at a time: beside it `smmla` would multiply nothing, so it goes by `sdot`. A register of weights is eight codes of
//! each of two channels, and gives two sums for each, which are added at the end.

use core::arch::asm;

use crate::arch::neon::driver::{Finish, Line};

/// Four registers of sums of eight channels begin with two registers of bias beside zeros (v25).
macro_rules! begin {
    ($a:literal $b:literal $c:literal $d:literal; $x:literal $y:literal) => {
        concat!(
            "zip1 v",
            $a,
            ".4s, v",
            $x,
            ".4s, v25.4s\nzip2 v",
            $b,
            ".4s, v",
            $x,
            ".4s, v25.4s\n",
            "zip1 v",
            $c,
            ".4s, v",
            $y,
            ".4s, v25.4s\nzip2 v",
            $d,
            ".4s, v",
            $y,
            ".4s, v25.4s\n"
        )
    };
}

/// Eight codes, twice in v24, for 8 channels.
macro_rules! eight {
    ($a:literal $b:literal $c:literal $d:literal; $panel:literal) => {
        concat!(
            "ld1 {{v16.16b, v17.16b, v18.16b, v19.16b}}, [{",
            $panel,
            "}], #64\n",
            "sdot v",
            $a,
            ".4s, v16.16b, v24.16b\nsdot v",
            $b,
            ".4s, v17.16b, v24.16b\n",
            "sdot v",
            $c,
            ".4s, v18.16b, v24.16b\nsdot v",
            $d,
            ".4s, v19.16b, v24.16b\n"
        )
    };
}

/// Eight codes for all channels.
macro_rules! codes {
    () => {
        concat!(
            "ld1r {{v24.2d}}, [{x}], #8\n",
            eight!(0 1 2 3; "a"), eight!(4 5 6 7; "b"), eight!(8 9 10 11; "c"), eight!(12 13 14 15; "d")
        )
    };
}

/// Sums of neighbours: in register `to`, those of `a` and then those of `b`.
macro_rules! neighbours {
    ($($to:literal $a:literal $b:literal),*) => { concat!($("addp v", $to, ".4s, v", $a, ".4s, v", $b, ".4s\n",)* "") };
}

/// 32 channels of a pixel, `times` times; the line knows then what comes after.
///
/// # Safety
/// As of [`Machine::wide`](crate::arch::neon::driver::Machine::wide) for one pixel of one segment, which is as long as the weights say; the
/// finish is not [`Finish::Sums`]; the CPU has dot products.
#[inline(always)]
pub(super) unsafe fn pair(line: &mut Line, times: usize) {
    macro_rules! go {
        ($way:ident) => {
            asm!(
                ".arch_extension dotprod",
                load_constants!($way "movi v25.4s, #0"),
                "2:",
                "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{bias}], #64",
                "ld1 {{v20.4s, v21.4s, v22.4s, v23.4s}}, [{bias}], #64",
                begin!(0 1 2 3; 16 17), begin!(4 5 6 7; 18 19), begin!(8 9 10 11; 20 21), begin!(12 13 14 15; 22 23),
                "mov {x}, {codes}",
                "add {b}, {a}, {panel}",
                "add {c}, {b}, {panel}",
                "add {d}, {c}, {panel}",
                "cbz {blocks}, 4f",
                "mov {n}, {blocks}",
                "3: // {constants}",
                "subs {n}, {n}, #1",
                codes!(),
                codes!(),
                "b.ne 3b",
                "4:",
                "cbz {rest}, 6f",
                codes!(),
                "6:",
                neighbours!(0 0 1, 1 2 3, 2 4 5, 3 6 7, 4 8 9, 5 10 11, 6 12 13, 7 14 15),
                "ld1 {{v16.4s, v17.4s, v18.4s, v19.4s}}, [{scale}], #64",
                "ld1 {{v20.4s, v21.4s, v22.4s, v23.4s}}, [{scale}], #64",
                scaled!(0 16, 1 17, 2 18, 3 19, 4 20, 5 21, 6 22, 7 23),
                codes_of_four!($way 0 1 2 3), codes_of_four!($way 4 5 6 7),
                "mov {a}, {d}",
                "subs {times}, {times}, #1",
                "stp q0, q4, [{to}], #32",
                "b.ne 2b",
                a = inout(reg) line.weights[0],
                b = out(reg) _, c = out(reg) _, d = out(reg) _,
                panel = in(reg) line.panels_step / 2,
                bias = inout(reg) line.bias,
                scale = inout(reg) line.scale,
                constants = in(reg) line.constants,
                codes = in(reg) *line.segments,
                x = out(reg) _, n = out(reg) _,
                blocks = in(reg) line.blocks,
                rest = in(reg) line.rest,
                to = inout(reg) line.to,
                times = inout(reg) times => _,
                out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
                out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _, out("v14") _, out("v15") _,
                out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
                out("v24") _, out("v25") _, out("v28") _, out("v29") _, out("v30") _,
                options(nostack)
            )
        };
    }
    // SAFETY: as this function's.
    unsafe { if line.finish == Finish::Quick { go!(quick) } else { go!(any) } }
}
