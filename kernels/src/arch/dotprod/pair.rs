//! A single pixel with `sdot`: 32 channels at a time, so that its codes are read half as often.

use core::arch::asm;

use crate::arch::neon::driver::{Finish, Line};

/// `sdot` of registers `a` and `b` with the codes at place `lane`.
macro_rules! dots {
    ($a:literal $b:literal; $w:literal $v:literal $lane:literal) => {
        concat!(
            "sdot v",
            $a,
            ".4s, v",
            $w,
            ".16b, v24.4b[",
            $lane,
            "]\nsdot v",
            $b,
            ".4s, v",
            $v,
            ".16b, v24.4b[",
            $lane,
            "]\n"
        )
    };
}

/// Eight codes for 8 channels, the first or the second.
macro_rules! eight {
    ($a:literal $b:literal $panel:literal; $l:literal $m:literal) => {
        concat!("ld1 {{v16.16b, v17.16b, v18.16b, v19.16b}}, [{", $panel, "}], #64\n", dots!($a $b; 16 17 $l), dots!($a $b; 18 19 $m))
    };
}

/// Four codes for 8 channels.
macro_rules! four {
    ($a:literal $b:literal $panel:literal) => {
        concat!("ldp q16, q17, [{", $panel, "}], #32\n", dots!($a $b; 16 17 0))
    };
}

/// 32 channels of a pixel, `times` times; the line knows then what comes after.
///
/// # Safety
/// As of [`Machine::wide`](crate::arch::neon::driver::Machine::wide) for one pixel of one segment, which is as long as the weights say; the
/// finish is not [`Finish::Sums`].
#[inline(always)]
pub(super) unsafe fn pair(line: &mut Line, times: usize) {
    macro_rules! go {
        ($way:ident) => {
            asm!(
                ".arch_extension dotprod",
                load_constants!($way ""),
                "2:",
                "ld1 {{v0.4s, v1.4s, v2.4s, v3.4s}}, [{bias}], #64",
                "ld1 {{v4.4s, v5.4s, v6.4s, v7.4s}}, [{bias}], #64",
                "mov {x}, {codes}",
                "add {b}, {a}, {panel}",
                "add {c}, {b}, {panel}",
                "add {d}, {c}, {panel}",
                "cbz {blocks}, 4f",
                "mov {n}, {blocks}",
                "3: // {constants}",
                "ldr q24, [{x}], #16",
                "subs {n}, {n}, #1",
                eight!(0 1 "a"; 0 1), eight!(2 3 "b"; 0 1), eight!(4 5 "c"; 0 1), eight!(6 7 "d"; 0 1),
                eight!(0 1 "a"; 2 3), eight!(2 3 "b"; 2 3), eight!(4 5 "c"; 2 3), eight!(6 7 "d"; 2 3),
                "b.ne 3b",
                "4:",
                "cbz {rest}, 6f",
                "tbz {rest}, #1, 5f",
                "ldr d24, [{x}], #8",
                eight!(0 1 "a"; 0 1), eight!(2 3 "b"; 0 1), eight!(4 5 "c"; 0 1), eight!(6 7 "d"; 0 1),
                "tbz {rest}, #0, 6f",
                "5:",
                "ldr s24, [{x}]",
                four!(0 1 "a"), four!(2 3 "b"), four!(4 5 "c"), four!(6 7 "d"),
                "6:",
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
                out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
                out("v24") _, out("v28") _, out("v29") _, out("v30") _,
                options(nostack)
            )
        };
    }
    // SAFETY: as this function's.
    unsafe { if line.finish == Finish::Quick { go!(quick) } else { go!(any) } }
}
