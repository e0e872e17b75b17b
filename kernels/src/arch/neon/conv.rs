//! int8 convolution on pairs of vectors of 4 accumulators, and how NEON without dot products multiplies: `smull` to 16 bits, `smlal` of
//! the next codes where two products fit, and `sadalp`, which adds neighbours to 32 bits.

use core::arch::aarch64::*;
use core::arch::asm;
use core::marker::PhantomData;

use super::requant::{Acc, F32Even, codes_slowly, is_f32_even, load_f32, load_i32};
use crate::arch::gemm::{self, Kernel, Operands, Source, Taps, Target, TileFn};
use crate::arith::RequantData;
use crate::ops::conv::{Conv, ConvData};

/// How an instruction set multiplies codes with weights.
///
/// Safety of every function: as [`Kernel`].
pub(in crate::arch) trait Dot: Sized + 'static {
    /// The weights of a panel for one dot product.
    type Weights: Copy;
    /// See [`Kernel::KR`].
    const KR: usize;
    /// See [`Kernel::weights`].
    unsafe fn weights(at: *const i8) -> Self::Weights;
    /// See [`Kernel::codes`].
    unsafe fn codes(at: *const i8) -> int8x16_t;
    /// See [`Kernel::dot`].
    unsafe fn dot(acc: Acc, codes: int8x16_t, weights: Self::Weights) -> Acc;
    /// See [`Kernel::steps`].
    unsafe fn steps<const MR: usize, const NP: usize, const U: usize>(
        acc: &mut [[Acc; NP]; MR],
        codes: *const i8,
        weights: *const i8,
        taps: &Taps,
    );
    /// Whether [`Dot::many`] has code for two panels.
    const MANY: bool;
    /// The dot products of a run in fours, for which there may be one loop, beginning with the first; how many that were.
    unsafe fn many<const MR: usize, const NP: usize>(
        acc: &mut [[Acc; NP]; MR],
        codes: *const i8,
        weights: *const i8,
        taps: &Taps,
    ) -> usize;
    /// See [`Kernel::tiles`].
    fn tiles(panels: usize, pixels: usize) -> (usize, &'static [TileFn<Int8<Self>>]);
}

/// The int8 [`Kernel`] of an instruction set.
pub(in crate::arch) struct Int8<D>(PhantomData<D>);

/// Bias and rounding, with the scales as numbers.
#[derive(Clone, Copy)]
pub(in crate::arch) struct Rule<'a> {
    requant: &'a RequantData<'a>,
    /// Empty unless the rule is [`crate::arith::Rounding::F32Even`].
    scale: &'a [f32],
}

/// [`Rule`] for some panels.
#[derive(Clone, Copy)]
pub(in crate::arch) struct Finish<'a, const NP: usize> {
    rule: Rule<'a>,
    even: F32Even,
    scale: [[float32x4_t; 2]; NP],
}

impl<D: Dot> Kernel for Int8<D> {
    type Input = i8;
    type Code = i8;
    type Weight = i8;
    type Output = i8;
    type Acc = Acc;
    type Weights = D::Weights;
    type Codes = int8x16_t;
    type Rule<'a> = Rule<'a>;
    type Finish<'a, const NP: usize> = Finish<'a, NP>;
    const NR: usize = 8;
    const KR: usize = D::KR;

    #[inline(always)]
    unsafe fn weights(at: *const i8) -> D::Weights {
        // SAFETY: as this function's.
        unsafe { D::weights(at) }
    }

    #[inline(always)]
    unsafe fn codes(at: *const i8) -> int8x16_t {
        // SAFETY: as this function's.
        unsafe { D::codes(at) }
    }

    #[inline(always)]
    unsafe fn dot(acc: Acc, codes: int8x16_t, weights: D::Weights) -> Acc {
        // SAFETY: as this function's.
        unsafe { D::dot(acc, codes, weights) }
    }

    #[inline(always)]
    unsafe fn init(rule: &Rule<'_>, channel: usize, valid: usize) -> Acc {
        load_i32(rule.requant.bias, channel, valid)
    }

    #[inline(always)]
    unsafe fn prepare<'a, const NP: usize>(rule: &Self::Rule<'a>, to: &Target<i8>) -> Self::Finish<'a, NP> {
        let scale = core::array::from_fn(|n| {
            let (first, valid) = (8 * n, to.valid.saturating_sub(8 * n));
            // Without scales these are zeros, and not looked at.
            load_f32(rule.scale, to.channel + first, valid)
        });
        Finish { rule: *rule, even: F32Even::new(&rule.requant.rule), scale }
    }

    #[inline(always)]
    unsafe fn finish<const MR: usize, const NP: usize>(finish: &Finish<'_, NP>, acc: [[Acc; NP]; MR], to: &Target<i8>) {
        if finish.rule.scale.is_empty() {
            // A copy, so that the accumulators of the other path stay in registers.
            let copy = acc;
            // SAFETY: as here.
            return unsafe { finish_slowly(&finish.rule, copy.as_flattened(), NP, to) };
        }
        let mut i = 0;
        while i < MR * NP {
            // Two panels of a pixel, or two pixels of a panel; of an odd number the last twice.
            let at = [i, (i + 1).min(MR * NP - 1)];
            let codes = finish.even.codes(at.map(|i| acc[i / NP][i % NP]), at.map(|i| finish.scale[i % NP]));
            // SAFETY: the caller vouches for the target's pixels and valid channels.
            unsafe {
                let pixel = to.at.add(i / NP * to.pitch + i % NP * 8);
                if NP.is_multiple_of(2) && to.valid >= 8 * (i % NP) + 16 {
                    vst1q_s8(pixel, codes);
                } else {
                    for (j, part) in [vget_low_s8(codes), vget_high_s8(codes)].into_iter().enumerate() {
                        let (m, n) = ((i + j) / NP, (i + j) % NP);
                        if i + j < MR * NP && to.valid > 8 * n {
                            store(to.at.add(m * to.pitch + n * 8), part, to.valid - 8 * n);
                        }
                    }
                }
            }
            i += 2;
        }
    }

    #[inline(always)]
    unsafe fn steps<const MR: usize, const NP: usize, const U: usize>(
        acc: &mut [[Acc; NP]; MR],
        codes: *const i8,
        weights: *const i8,
        taps: &Taps,
    ) {
        // SAFETY: as this function's.
        unsafe { D::steps::<MR, NP, U>(acc, codes, weights, taps) }
    }

    #[inline(always)]
    unsafe fn run<const MR: usize, const NP: usize, const U: usize>(
        acc: &mut [[Acc; NP]; MR],
        codes: *const i8,
        (weights, ahead): (*const i8, usize),
        taps: &Taps,
    ) {
        // SAFETY: as this function's; those that are done are skipped.
        unsafe {
            let done = D::many::<MR, NP>(acc, codes, weights, taps);
            let rest = Taps { depth: taps.depth - done, ..*taps };
            let weights = weights.wrapping_add(done * D::KR * 8);
            let codes = codes.wrapping_add(done * D::KR);
            if NP == 2 && D::MANY {
                gemm::run::<Self, MR, NP, 1>(acc, codes, (weights, ahead), &rest);
            } else {
                gemm::run::<Self, MR, NP, U>(acc, codes, (weights, ahead), &rest);
            }
        }
    }

    #[inline(always)]
    fn copy(from: &[i8], to: &mut [i8]) {
        to.copy_from_slice(from);
    }

    #[inline(always)]
    fn tiles(panels: usize, pixels: usize, _: bool) -> (usize, &'static [TileFn<Self>]) {
        D::tiles(panels, pixels)
    }
}

/// The first `valid` codes, or all eight.
///
/// # Safety
/// `at` is valid for them.
#[inline(always)]
unsafe fn store(at: *mut i8, codes: int8x8_t, valid: usize) {
    // SAFETY: as this function's.
    unsafe {
        if valid >= 8 {
            vst1_s8(at, codes);
        } else {
            let mut bytes = [0_i8; 8];
            vst1_s8(bytes.as_mut_ptr(), codes);
            at.copy_from_nonoverlapping(bytes.as_ptr(), valid);
        }
    }
}

#[cold]
#[inline(never)]
unsafe fn finish_slowly(rule: &Rule<'_>, acc: &[Acc], panels: usize, to: &Target<i8>) {
    for (i, &acc) in acc.iter().enumerate() {
        let (m, first) = (i / panels, i % panels * 8);
        let valid = to.valid.saturating_sub(first).min(8);
        if valid > 0 {
            // SAFETY: the caller vouches for the valid channels of each pixel.
            let codes = unsafe { core::slice::from_raw_parts_mut(to.at.add(m * to.pitch + first), valid) };
            codes_slowly(rule.requant, to.channel + first, acc, codes);
        }
    }
}

/// The whole convolution.
///
/// # Safety
/// The CPU has the features that `D` needs.
#[inline(always)]
pub(in crate::arch) unsafe fn conv_with<D: Dot>(step: &Conv, data: ConvData<'_>) {
    let scale = if is_f32_even(&data.requant) { crate::span::view(data.requant.multiplier) } else { &[] };
    let rule = Rule { requant: &data.requant, scale };
    let ConvData { input, output, weights, scratch, .. } = data;
    // SAFETY: as this function's.
    unsafe {
        gemm::conv::<Int8<D>>(&step.shape, &rule, Operands { input, output, weights, scratch, pad: step.pad_value })
    }
}

/// Blocks of four dot products (8 codes of each pixel, 64 weights of each of two panels): the weights are read once, the codes of a
/// pixel as four pairs, each in all lanes. One entry a pixel: its number, its pointer's name, its four registers.
macro_rules! mlal_loop {
    ($acc:ident, $codes:ident, $weights:ident, ($taps:ident, $blocks:ident);
     $($m:literal $p:ident $by:tt $c:ident $a:tt $b:tt $d:tt $e:tt),*) => {
        asm!(
            // The first pixel, and each from the one before.
            "add {w1}, {w0}, {w1} // pixels {pitch} apart",
            $(concat!("add {", stringify!($c), "}, {", stringify!($p), "}, ", $by),)*
            "2:",
            "ld1 {{v16.16b, v17.16b, v18.16b, v19.16b}}, [{w0}], #64",
            "ld1 {{v20.16b, v21.16b, v22.16b, v23.16b}}, [{w1}], #64",
            $(
                concat!("ld4r {{v24.8h, v25.8h, v26.8h, v27.8h}}, [{", stringify!($c), "}], #8"),
                "smull v28.8h, v16.8b, v24.8b", "smull2 v29.8h, v16.16b, v24.16b",
                "smull v30.8h, v20.8b, v24.8b", "smull2 v31.8h, v20.16b, v24.16b",
                "smlal v28.8h, v17.8b, v25.8b", "smlal2 v29.8h, v17.16b, v25.16b",
                "smlal v30.8h, v21.8b, v25.8b", "smlal2 v31.8h, v21.16b, v25.16b",
                concat!("sadalp ", $a, ".4s, v28.8h"), concat!("sadalp ", $b, ".4s, v29.8h"),
                concat!("sadalp ", $d, ".4s, v30.8h"), concat!("sadalp ", $e, ".4s, v31.8h"),
                "smull v28.8h, v18.8b, v26.8b", "smull2 v29.8h, v18.16b, v26.16b",
                "smull v30.8h, v22.8b, v26.8b", "smull2 v31.8h, v22.16b, v26.16b",
                "smlal v28.8h, v19.8b, v27.8b", "smlal2 v29.8h, v19.16b, v27.16b",
                "smlal v30.8h, v23.8b, v27.8b", "smlal2 v31.8h, v23.16b, v27.16b",
                concat!("sadalp ", $a, ".4s, v28.8h"), concat!("sadalp ", $b, ".4s, v29.8h"),
                concat!("sadalp ", $d, ".4s, v30.8h"), concat!("sadalp ", $e, ".4s, v31.8h"),
            )*
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
            )*
            out("v16") _, out("v17") _, out("v18") _, out("v19") _,
            out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _,
            out("v28") _, out("v29") _, out("v30") _, out("v31") _,
            options(readonly, nostack)
        )
    };
}

/// [`Dot`] of NEON. `PAIRS`: no weight is −128, so that two products fit in 16 bits.
struct Mlal<const PAIRS: bool>;

impl<const PAIRS: bool> Dot for Mlal<PAIRS> {
    type Weights = int8x16_t;
    const KR: usize = 2;
    const MANY: bool = PAIRS;

    #[inline(always)]
    unsafe fn weights(at: *const i8) -> int8x16_t {
        // SAFETY: the caller vouches for 16 weights.
        unsafe { vld1q_s8(at) }
    }

    #[inline(always)]
    unsafe fn codes(at: *const i8) -> int8x16_t {
        // SAFETY: the caller vouches for 2 codes.
        unsafe { vreinterpretq_s8_s16(vdupq_n_s16(at.cast::<i16>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn dot(acc: Acc, codes: int8x16_t, weights: int8x16_t) -> Acc {
        // SAFETY: NEON is always there.
        unsafe {
            [
                vpadalq_s16(acc[0], vmull_s8(vget_low_s8(codes), vget_low_s8(weights))),
                vpadalq_s16(acc[1], vmull_high_s8(codes, weights)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn steps<const MR: usize, const NP: usize, const U: usize>(
        acc: &mut [[Acc; NP]; MR],
        codes: *const i8,
        weights: *const i8,
        taps: &Taps,
    ) {
        if U != 4 || !PAIRS {
            // SAFETY: as this function's.
            return unsafe { gemm::step::<Int8<Self>, MR, NP, U>(acc, codes, weights, taps) };
        }
        // SAFETY: the caller vouches for eight codes of each pixel and 64 weights of each panel.
        unsafe {
            let x: [int8x8_t; MR] = core::array::from_fn(|m| vld1_s8(codes.add(m * taps.pitch)));
            two_steps::<0, 1, MR, NP>(acc, &x, weights, taps.panel_len);
            two_steps::<2, 3, MR, NP>(acc, &x, weights.add(32), taps.panel_len);
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
        if !PAIRS || NP != 2 || blocks == 0 {
            return 0;
        }
        // SAFETY: the caller vouches for all dot products of the run; `NP` is 2.
        unsafe {
            let acc = acc.as_mut_ptr().cast::<[Acc; 2]>();
            match MR {
                4 => mlal_loop!(acc, codes, weights, (taps, blocks);
                    0 codes "#0" c0 "v0" "v1" "v2" "v3", 1 c0 "{pitch}" c1 "v4" "v5" "v6" "v7",
                    2 c1 "{pitch}" c2 "v8" "v9" "v10" "v11", 3 c2 "{pitch}" c3 "v12" "v13" "v14" "v15"),
                3 => mlal_loop!(acc, codes, weights, (taps, blocks);
                    0 codes "#0" c0 "v0" "v1" "v2" "v3", 1 c0 "{pitch}" c1 "v4" "v5" "v6" "v7", 2 c1 "{pitch}" c2 "v8" "v9" "v10" "v11"),
                2 => mlal_loop!(acc, codes, weights, (taps, blocks);
                    0 codes "#0" c0 "v0" "v1" "v2" "v3", 1 c0 "{pitch}" c1 "v4" "v5" "v6" "v7"),
                _ => mlal_loop!(acc, codes, weights, (taps, blocks); 0 codes "#0" c0 "v0" "v1" "v2" "v3"),
            }
        }
        4 * blocks
    }

    #[inline(always)]
    fn tiles(panels: usize, _: usize) -> (usize, &'static [TileFn<Int8<Self>>]) {
        match panels {
            2.. => (2, Self::TILES_2),
            _ => (1, Self::TILES_1),
        }
    }
}

impl<const PAIRS: bool> Mlal<PAIRS> {
    const TILES_1: &[TileFn<Int8<Self>>] = &gemm::table!(tiles, PAIRS, 1, 4: 1 2 3 4 5 6);
    const TILES_2: &[TileFn<Int8<Self>>] = &gemm::table!(tiles, PAIRS, 2, 4: 1 2 3 4);
}

/// `smull2`: products of the high halves. (The optimiser, seeing that both halves of `codes` are the same, would bring the weights
/// down to the low half: one instruction more.)
#[inline(always)]
fn mull_high(weights: int8x16_t, codes: int8x16_t) -> int16x8_t {
    let product: int16x8_t;
    // SAFETY: registers only, and NEON is always there.
    unsafe {
        asm!(
            "smull2 {product:v}.8h, {weights:v}.16b, {codes:v}.16b",
            product = lateout(vreg) product,
            weights = in(vreg) weights,
            codes = in(vreg) codes,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    product
}

/// `smlal2`; see [`mull_high`].
#[inline(always)]
fn mlal_high(mut sum: int16x8_t, weights: int8x16_t, codes: int8x16_t) -> int16x8_t {
    // SAFETY: as in `mull_high`.
    unsafe {
        asm!(
            "smlal2 {sum:v}.8h, {weights:v}.16b, {codes:v}.16b",
            sum = inout(vreg) sum,
            weights = in(vreg) weights,
            codes = in(vreg) codes,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// Two dot products for each accumulator: of the pairs of codes at places `A` and `B`.
///
/// # Safety
/// `weights` is valid for 32 weights of each panel.
#[inline(always)]
unsafe fn two_steps<const A: i32, const B: i32, const MR: usize, const NP: usize>(
    acc: &mut [[Acc; NP]; MR],
    x: &[int8x8_t; MR],
    weights: *const i8,
    panel_len: usize,
) {
    // SAFETY: NEON is always there, and the caller vouches for the weights.
    unsafe {
        let x = x.map(|x| {
            let pairs = vreinterpret_s16_s8(x);
            [vdupq_lane_s16::<A>(pairs), vdupq_lane_s16::<B>(pairs)].map(|pair| vreinterpretq_s8_s16(pair))
        });
        for n in 0..NP {
            let at = weights.add(n * panel_len);
            let w = [vld1q_s8(at), vld1q_s8(at.add(16))];
            for (acc, x) in acc.iter_mut().zip(x) {
                let low = vmull_s8(vget_low_s8(x[0]), vget_low_s8(w[0]));
                let low = vmlal_s8(low, vget_low_s8(x[1]), vget_low_s8(w[1]));
                let high = mlal_high(mull_high(w[0], x[0]), w[1], x[1]);
                acc[n] = [vpadalq_s16(acc[n][0], low), vpadalq_s16(acc[n][1], high)];
            }
        }
    }
}

#[target_feature(enable = "neon")]
unsafe fn tiles<const PAIRS: bool, const MR: usize, const NP: usize, const U: usize>(
    rule: &Rule<'_>,
    taps: &Taps,
    source: Source<Int8<Mlal<PAIRS>>>,
    to: Target<i8>,
) {
    // SAFETY: NEON is always there; the caller vouches for the rest.
    unsafe { gemm::tiles::<Int8<Mlal<PAIRS>>, MR, NP, U>(rule, taps, source, to) }
}

/// See [`Conv`].
#[target_feature(enable = "neon")]
pub(super) unsafe fn conv(step: &Conv, data: ConvData<'_>) {
    // SAFETY: NEON is always there.
    unsafe {
        if step.no_lowest {
            super::mlal::conv(step, data);
        } else {
            conv_with::<Mlal<false>>(step, data);
        }
    }
}
