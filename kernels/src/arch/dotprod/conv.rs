//! int8 convolution with `sdot`: four products added to each of four accumulators. Sixteen codes of a pixel are read at once, and the four
//! of a dot product named by their place.

use core::arch::aarch64::*;
use core::arch::asm;

use crate::arch::gemm::{self, Source, Taps, Target, TileFn};
use crate::arch::neon::conv::{Dot, Int8, Rule, conv_with};
use crate::arch::neon::requant::Acc;
use crate::ops::conv::{Conv, ConvData};

/// [`Dot`] of this instruction set.
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

/// As [`sdot`], with the four codes at place `LANE` for all.
///
/// # Safety
/// The CPU has dot products.
#[inline(always)]
unsafe fn sdot_lane<const LANE: usize>(mut acc: int32x4_t, weights: int8x16_t, codes: int8x16_t) -> int32x4_t {
    // SAFETY: registers only; the caller vouches for the CPU.
    unsafe {
        asm!(
            ".arch_extension dotprod",
            "sdot {acc:v}.4s, {weights:v}.16b, {codes:v}.4b[{lane}]",
            acc = inout(vreg) acc,
            weights = in(vreg) weights,
            codes = in(vreg) codes,
            lane = const LANE,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    acc
}

/// Dot product `LANE` of four for all accumulators.
///
/// # Safety
/// As [`Dot::steps`].
#[inline(always)]
unsafe fn lane<const LANE: usize, const MR: usize, const NP: usize>(
    acc: &mut [[Acc; NP]; MR],
    x: &[int8x16_t; MR],
    weights: *const i8,
    panel_len: usize,
) {
    for n in 0..NP {
        // SAFETY: the caller vouches for the panels and the CPU.
        unsafe {
            let [low, high] = Sdot::weights(weights.add(n * panel_len + LANE * 32));
            for (acc, &x) in acc.iter_mut().zip(x) {
                acc[n] = [sdot_lane::<LANE>(acc[n][0], low, x), sdot_lane::<LANE>(acc[n][1], high, x)];
            }
        }
    }
}

/// Blocks of four dot products (16 codes of each pixel, 128 weights of each of two panels). One entry a pixel: its number, its
/// pointer's name, the register of its codes (twice), its four accumulators.
macro_rules! sdot_loop {
    ($acc:ident, $codes:ident, $weights:ident, ($taps:ident, $blocks:ident);
     $($m:literal $p:ident $by:tt $c:ident $q:tt $x:tt $a:tt $b:tt $d:tt $e:tt),*) => {
        asm!(
            ".arch_extension dotprod",
            // The first pixel, and each from the one before.
            "add {w1}, {w0}, {w1} // pixels {pitch} apart",
            $(concat!("add {", stringify!($c), "}, {", stringify!($p), "}, ", $by),)*
            "2:",
            $(concat!("ldr ", $q, ", [{", stringify!($c), "}], #16"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(concat!("sdot ", $a, ".4s, v28.16b, ", $x, ".4b[0]"),)*
            $(concat!("sdot ", $b, ".4s, v29.16b, ", $x, ".4b[0]"),)*
            $(concat!("sdot ", $a, ".4s, v30.16b, ", $x, ".4b[1]"),)*
            $(concat!("sdot ", $b, ".4s, v31.16b, ", $x, ".4b[1]"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w1}], #64",
            $(concat!("sdot ", $d, ".4s, v28.16b, ", $x, ".4b[0]"),)*
            $(concat!("sdot ", $e, ".4s, v29.16b, ", $x, ".4b[0]"),)*
            $(concat!("sdot ", $d, ".4s, v30.16b, ", $x, ".4b[1]"),)*
            $(concat!("sdot ", $e, ".4s, v31.16b, ", $x, ".4b[1]"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w0}], #64",
            $(concat!("sdot ", $a, ".4s, v28.16b, ", $x, ".4b[2]"),)*
            $(concat!("sdot ", $b, ".4s, v29.16b, ", $x, ".4b[2]"),)*
            $(concat!("sdot ", $a, ".4s, v30.16b, ", $x, ".4b[3]"),)*
            $(concat!("sdot ", $b, ".4s, v31.16b, ", $x, ".4b[3]"),)*
            "ld1 {{v28.16b, v29.16b, v30.16b, v31.16b}}, [{w1}], #64",
            $(concat!("sdot ", $d, ".4s, v28.16b, ", $x, ".4b[2]"),)*
            $(concat!("sdot ", $e, ".4s, v29.16b, ", $x, ".4b[2]"),)*
            $(concat!("sdot ", $d, ".4s, v30.16b, ", $x, ".4b[3]"),)*
            $(concat!("sdot ", $e, ".4s, v31.16b, ", $x, ".4b[3]"),)*
            "subs {blocks}, {blocks}, #1",
            "b.ne 2b",
            blocks = inout(reg) $blocks => _,
            w0 = inout(reg) $weights => _,
            w1 = inout(reg) $taps.panel_len => _,
            codes = in(reg) $codes,
            pitch = in(reg) $taps.pitch,
            $(
                $c = out(reg) _,
                inout($a) (*$acc.add($m))[0][0], inout($b) (*$acc.add($m))[0][1],
                inout($d) (*$acc.add($m))[1][0], inout($e) (*$acc.add($m))[1][1],
                out($x) _,
            )*
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(readonly, nostack)
        )
    };
}

impl Dot for Sdot {
    type Weights = [int8x16_t; 2];
    const KR: usize = 4;
    const MANY: bool = true;

    #[inline(always)]
    unsafe fn weights(at: *const i8) -> [int8x16_t; 2] {
        // SAFETY: the caller vouches for 32 weights.
        unsafe { [vld1q_s8(at), vld1q_s8(at.add(16))] }
    }

    #[inline(always)]
    unsafe fn codes(at: *const i8) -> int8x16_t {
        // SAFETY: the caller vouches for 4 codes.
        unsafe { vreinterpretq_s8_s32(vdupq_n_s32(at.cast::<i32>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn dot(acc: Acc, codes: int8x16_t, weights: [int8x16_t; 2]) -> Acc {
        // SAFETY: the caller vouches for the CPU.
        unsafe { [sdot(acc[0], weights[0], codes), sdot(acc[1], weights[1], codes)] }
    }

    #[inline(always)]
    unsafe fn steps<const MR: usize, const NP: usize, const U: usize>(
        acc: &mut [[Acc; NP]; MR],
        codes: *const i8,
        weights: *const i8,
        taps: &Taps,
    ) {
        // SAFETY: the caller vouches for `4·U` codes of each pixel, the panels and the CPU.
        unsafe {
            if U != 4 {
                return gemm::step::<Int8<Self>, MR, NP, U>(acc, codes, weights, taps);
            }
            let x: [int8x16_t; MR] = core::array::from_fn(|m| vld1q_s8(codes.add(m * taps.pitch)));
            lane::<0, MR, NP>(acc, &x, weights, taps.panel_len);
            lane::<1, MR, NP>(acc, &x, weights, taps.panel_len);
            lane::<2, MR, NP>(acc, &x, weights, taps.panel_len);
            lane::<3, MR, NP>(acc, &x, weights, taps.panel_len);
        }
    }

    #[inline(always)]
    unsafe fn many<const MR: usize, const NP: usize>(
        acc: &mut [[Acc; NP]; MR],
        codes: *const i8,
        weights: *const i8,
        taps: &Taps,
    ) -> usize {
        let blocks = taps.depth / 4;
        if NP != 2 || blocks == 0 {
            return 0;
        }
        // SAFETY: the caller vouches for all dot products of the run and for the CPU; `NP` is 2.
        unsafe {
            let acc = acc.as_mut_ptr().cast::<[Acc; 2]>();
            match MR {
                5 => sdot_loop!(acc, codes, weights, (taps, blocks);
                    0 codes "#0" c0 "q20" "v20" "v0" "v1" "v2" "v3", 1 c0 "{pitch}" c1 "q21" "v21" "v4" "v5" "v6" "v7",
                    2 c1 "{pitch}" c2 "q22" "v22" "v8" "v9" "v10" "v11", 3 c2 "{pitch}" c3 "q23" "v23" "v12" "v13" "v14" "v15",
                    4 c3 "{pitch}" c4 "q24" "v24" "v16" "v17" "v18" "v19"),
                4 => sdot_loop!(acc, codes, weights, (taps, blocks);
                    0 codes "#0" c0 "q20" "v20" "v0" "v1" "v2" "v3", 1 c0 "{pitch}" c1 "q21" "v21" "v4" "v5" "v6" "v7",
                    2 c1 "{pitch}" c2 "q22" "v22" "v8" "v9" "v10" "v11", 3 c2 "{pitch}" c3 "q23" "v23" "v12" "v13" "v14" "v15"),
                3 => sdot_loop!(acc, codes, weights, (taps, blocks);
                    0 codes "#0" c0 "q20" "v20" "v0" "v1" "v2" "v3", 1 c0 "{pitch}" c1 "q21" "v21" "v4" "v5" "v6" "v7",
                    2 c1 "{pitch}" c2 "q22" "v22" "v8" "v9" "v10" "v11"),
                2 => sdot_loop!(acc, codes, weights, (taps, blocks);
                    0 codes "#0" c0 "q20" "v20" "v0" "v1" "v2" "v3", 1 c0 "{pitch}" c1 "q21" "v21" "v4" "v5" "v6" "v7"),
                _ => sdot_loop!(acc, codes, weights, (taps, blocks); 0 codes "#0" c0 "q20" "v20" "v0" "v1" "v2" "v3"),
            }
        }
        4 * blocks
    }

    #[inline(always)]
    fn tiles(panels: usize, _: usize) -> (usize, &'static [TileFn<Int8<Sdot>>]) {
        match panels {
            2.. => (2, &TILES_2),
            _ => (1, &TILES_1),
        }
    }
}

#[target_feature(enable = "neon,dotprod")]
unsafe fn tiles<const MR: usize, const NP: usize, const U: usize>(
    rule: &Rule<'_>,
    taps: &Taps,
    source: Source<Int8<Sdot>>,
    to: Target<i8>,
) {
    // SAFETY: this function has the feature; the caller vouches for the rest.
    unsafe { gemm::tiles::<Int8<Sdot>, MR, NP, U>(rule, taps, source, to) }
}

static TILES_1: [TileFn<Int8<Sdot>>; 8] = gemm::table!(tiles, 1, 4: 1 2 3 4 5 6 7 8);
static TILES_2: [TileFn<Int8<Sdot>>; 5] = gemm::table!(tiles, 2, 4: 1 2 3 4 5);

/// See [`Conv`].
#[target_feature(enable = "neon,dotprod")]
pub(super) unsafe fn conv(step: &Conv, data: ConvData<'_>) {
    // SAFETY: this function has the feature.
    unsafe { conv_with::<Sdot>(step, data) }
}
