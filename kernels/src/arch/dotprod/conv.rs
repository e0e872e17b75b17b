//! int8 convolution with `sdot`: four products added to each of four accumulators. Sixteen codes of a pixel are read at once, and the four
//! of a dot product named by their place.

use core::arch::aarch64::*;
use core::arch::asm;

use super::driver::{self, Four, Machine, Walk};
use crate::ops::conv::{Conv, ConvData};

/// [`Machine`] of this instruction set.
struct Sdot;

/// `acc + weights · codes`, by fours. (The intrinsic is not stable.)
///
/// # Safety
/// The CPU has dot products.
#[inline(always)]
pub(super) unsafe fn sdot(mut acc: int32x4_t, weights: int8x16_t, codes: int8x16_t) -> int32x4_t {
    // SAFETY: registers only; the caller vouches for the CPU.
    unsafe {
        asm!(
            ".arch_extension dotprod",
            "sdot {acc:v}.4s, {weights:v}.16b, {codes:v}.16b",
            acc = inout(vreg) acc,
            weights = in(vreg) weights,
            codes = in(vreg) codes,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    acc
}

/// `sdot` of register `acc` with the codes in register `x` at place `lane`.
macro_rules! dot {
    ($acc:literal $w:literal $x:literal $lane:literal) => {
        concat!("sdot v", $acc, ".4s, v", $w, ".16b, v", $x, ".4b[", $lane, "]")
    };
}

/// Sums of 16 channels. One entry a pixel: its pointer, the register of its codes, its four accumulators; then which pointer comes
/// from which.
macro_rules! wide {
    ($sums:ident, $walk:ident, $first:ident, $weights:ident, $bias:ident;
     $([$m:literal $c:ident $x:literal $a:literal $ra:tt $b:literal $rb:tt $d:literal $rd:tt $e:literal $re:tt])*;
     $($from:ident $to:ident),*) => {
        asm!(
            ".arch_extension dotprod",
            $(concat!("ldp q", $a, ", q", $b, ", [{bias}]"), concat!("ldp q", $d, ", q", $e, ", [{bias}, #32]"),)*
            "2: // pixels {pitch} apart",
            "ldr {c0}, [{segments}], #8",
            "add {c0}, {c0}, {first}",
            $(concat!("add {", stringify!($to), "}, {", stringify!($from), "}, {pitch}"),)*
            "cbz {blocks}, 4f",
            "mov {n}, {blocks}",
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
            "tbz {rest}, #1, 5f",
            $(concat!("ldr d", $x, ", [{", stringify!($c), "}], #8"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(dot!($a 28 $x 0),)* $(dot!($b 29 $x 0),)* $(dot!($a 30 $x 1),)* $(dot!($b 31 $x 1),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w1}], #64",
            $(dot!($d 28 $x 0),)* $(dot!($e 29 $x 0),)* $(dot!($d 30 $x 1),)* $(dot!($e 31 $x 1),)*
            "5:",
            "tbz {rest}, #0, 6f",
            $(concat!("ldr s", $x, ", [{", stringify!($c), "}]"),)*
            "ld1 {{v28.16b, v29.16b}}, [{w0}], #32",
            "ld1 {{v30.16b, v31.16b}}, [{w1}], #32",
            $(dot!($a 28 $x 0),)* $(dot!($b 29 $x 0),)* $(dot!($d 30 $x 0),)* $(dot!($e 31 $x 0),)*
            "6:",
            "subs {count}, {count}, #1",
            "b.ne 2b",
            segments = inout(reg) $walk.segments => _,
            count = inout(reg) $walk.count => _,
            first = in(reg) $first,
            pitch = in(reg) $walk.pitch,
            blocks = in(reg) $walk.blocks,
            rest = in(reg) $walk.rest,
            n = out(reg) _,
            w0 = inout(reg) $weights[0] => _,
            w1 = inout(reg) $weights[1] => _,
            bias = in(reg) $bias,
            $($c = out(reg) _, out($ra) $sums[$m][0], out($rb) $sums[$m][1], out($rd) $sums[$m][2], out($re) $sums[$m][3],)*
            out("v20") _, out("v21") _, out("v22") _, out("v23") _, out("v24") _,
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(readonly, nostack)
        )
    };
}

/// Sums of 8 channels: as above, two accumulators a pixel.
macro_rules! narrow {
    ($sums:ident, $walk:ident, $first:ident, $weights:ident, $bias:ident;
     $([$m:literal $c:ident $x:literal $a:literal $ra:tt $b:literal $rb:tt])*;
     $($from:ident $to:ident),*) => {
        asm!(
            ".arch_extension dotprod",
            $(concat!("ldp q", $a, ", q", $b, ", [{bias}]"),)*
            "2: // pixels {pitch} apart",
            "ldr {c0}, [{segments}], #8",
            "add {c0}, {c0}, {first}",
            $(concat!("add {", stringify!($to), "}, {", stringify!($from), "}, {pitch}"),)*
            "cbz {blocks}, 4f",
            "mov {n}, {blocks}",
            "3:",
            $(concat!("ldr q", $x, ", [{", stringify!($c), "}], #16"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(dot!($a 28 $x 0),)* $(dot!($b 29 $x 0),)* $(dot!($a 30 $x 1),)* $(dot!($b 31 $x 1),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(dot!($a 28 $x 2),)* $(dot!($b 29 $x 2),)* $(dot!($a 30 $x 3),)* $(dot!($b 31 $x 3),)*
            "subs {n}, {n}, #1",
            "b.ne 3b",
            "4:",
            "tbz {rest}, #1, 5f",
            $(concat!("ldr d", $x, ", [{", stringify!($c), "}], #8"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(dot!($a 28 $x 0),)* $(dot!($b 29 $x 0),)* $(dot!($a 30 $x 1),)* $(dot!($b 31 $x 1),)*
            "5:",
            "tbz {rest}, #0, 6f",
            $(concat!("ldr s", $x, ", [{", stringify!($c), "}]"),)*
            "ld1 {{v28.16b, v29.16b}}, [{w0}], #32",
            $(dot!($a 28 $x 0),)* $(dot!($b 29 $x 0),)*
            "6:",
            "subs {count}, {count}, #1",
            "b.ne 2b",
            segments = inout(reg) $walk.segments => _,
            count = inout(reg) $walk.count => _,
            first = in(reg) $first,
            pitch = in(reg) $walk.pitch,
            blocks = in(reg) $walk.blocks,
            rest = in(reg) $walk.rest,
            n = out(reg) _,
            w0 = inout(reg) $weights => _,
            bias = in(reg) $bias,
            $($c = out(reg) _, out($ra) $sums[$m][0], out($rb) $sums[$m][1],)*
            out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(readonly, nostack)
        )
    };
}

impl Machine for Sdot {
    const KR: usize = 4;

    #[inline(always)]
    unsafe fn wide<const MR: usize>(walk: &Walk, first: usize, weights: [*const i8; 2], bias: *const i32) -> [[Four; 4]; MR] {
        // SAFETY: as this function's.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); 4]; 5];
            match MR {
                5 => wide!(sums, walk, first, weights, bias;
                    [0 c0 20 0 "v0" 1 "v1" 2 "v2" 3 "v3"] [1 c1 21 4 "v4" 5 "v5" 6 "v6" 7 "v7"]
                    [2 c2 22 8 "v8" 9 "v9" 10 "v10" 11 "v11"] [3 c3 23 12 "v12" 13 "v13" 14 "v14" 15 "v15"]
                    [4 c4 24 16 "v16" 17 "v17" 18 "v18" 19 "v19"]; c0 c1, c1 c2, c2 c3, c3 c4),
                4 => wide!(sums, walk, first, weights, bias;
                    [0 c0 20 0 "v0" 1 "v1" 2 "v2" 3 "v3"] [1 c1 21 4 "v4" 5 "v5" 6 "v6" 7 "v7"]
                    [2 c2 22 8 "v8" 9 "v9" 10 "v10" 11 "v11"] [3 c3 23 12 "v12" 13 "v13" 14 "v14" 15 "v15"];
                    c0 c1, c1 c2, c2 c3),
                3 => wide!(sums, walk, first, weights, bias;
                    [0 c0 20 0 "v0" 1 "v1" 2 "v2" 3 "v3"] [1 c1 21 4 "v4" 5 "v5" 6 "v6" 7 "v7"]
                    [2 c2 22 8 "v8" 9 "v9" 10 "v10" 11 "v11"]; c0 c1, c1 c2),
                2 => wide!(sums, walk, first, weights, bias;
                    [0 c0 20 0 "v0" 1 "v1" 2 "v2" 3 "v3"] [1 c1 21 4 "v4" 5 "v5" 6 "v6" 7 "v7"]; c0 c1),
                _ => wide!(sums, walk, first, weights, bias; [0 c0 20 0 "v0" 1 "v1" 2 "v2" 3 "v3"];),
            }
            core::array::from_fn(|m| sums[m])
        }
    }

    #[inline(always)]
    unsafe fn narrow<const MR: usize>(walk: &Walk, first: usize, weights: *const i8, bias: *const i32) -> [[Four; 2]; MR] {
        // SAFETY: as this function's.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); 2]; 8];
            match MR {
                8 => narrow!(sums, walk, first, weights, bias;
                    [0 c0 16 0 "v0" 1 "v1"] [1 c1 17 2 "v2" 3 "v3"] [2 c2 18 4 "v4" 5 "v5"] [3 c3 19 6 "v6" 7 "v7"]
                    [4 c4 20 8 "v8" 9 "v9"] [5 c5 21 10 "v10" 11 "v11"] [6 c6 22 12 "v12" 13 "v13"] [7 c7 23 14 "v14" 15 "v15"];
                    c0 c1, c1 c2, c2 c3, c3 c4, c4 c5, c5 c6, c6 c7),
                4 => narrow!(sums, walk, first, weights, bias;
                    [0 c0 16 0 "v0" 1 "v1"] [1 c1 17 2 "v2" 3 "v3"] [2 c2 18 4 "v4" 5 "v5"] [3 c3 19 6 "v6" 7 "v7"];
                    c0 c1, c1 c2, c2 c3),
                2 => narrow!(sums, walk, first, weights, bias;
                    [0 c0 16 0 "v0" 1 "v1"] [1 c1 17 2 "v2" 3 "v3"]; c0 c1),
                _ => narrow!(sums, walk, first, weights, bias; [0 c0 16 0 "v0" 1 "v1"];),
            }
            core::array::from_fn(|m| sums[m])
        }
    }
}

/// See [`Conv`].
#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn conv(step: &Conv, data: ConvData<'_>) {
    // SAFETY: this function has the feature.
    unsafe { driver::conv::<Sdot>(step, data) }
}
