//! int8 convolution on vectors of 8 accumulators, and how AVX2 multiplies: `vpmaddwd` on codes widened to 16 bits in the ring, weights
//! when they are loaded; pairs of products are added exactly (`vpmaddubsw`, on bytes, would saturate).

use core::arch::x86_64::*;
use core::marker::PhantomData;

use super::requant::{F32Even, code_of_lane, is_f32_even, load_f32, load_i32};
use crate::arch::gemm::{self, Kernel, Operands, Source, Taps, Target, TileFn};
use crate::arith::RequantData;
use crate::ops::conv::{Conv, ConvData};
use crate::span::Number;

/// How an instruction set multiplies codes with weights.
///
/// Safety of every function: as [`Kernel`].
pub(in crate::arch) trait Dot: 'static {
    /// Codes in the ring.
    type Code: Number;
    /// See [`Kernel::KR`].
    const KR: usize;
    /// See [`Kernel::weights`].
    unsafe fn weights(at: *const i8) -> __m256i;
    /// See [`Kernel::codes`].
    unsafe fn codes(at: *const Self::Code) -> __m256i;
    /// See [`Kernel::dot`].
    unsafe fn dot(acc: __m256i, codes: __m256i, weights: __m256i) -> __m256i;
    /// See [`Kernel::copy`].
    fn copy(from: &[i8], to: &mut [Self::Code]);
    /// See [`Kernel::tiles`].
    fn tiles(panels: usize, pixels: usize) -> (usize, &'static [TileFn<Int8<Self>>]);
}

/// The int8 [`Kernel`] of an instruction set.
pub(in crate::arch) struct Int8<D: ?Sized>(PhantomData<D>);

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
    requant: &'a RequantData<'a>,
    is_even: bool,
    even: F32Even,
    scale: [__m256; NP],
}

impl<D: Dot + ?Sized> Kernel for Int8<D> {
    type Input = i8;
    type Code = D::Code;
    type Weight = i8;
    type Output = i8;
    type Acc = __m256i;
    type Weights = __m256i;
    type Codes = __m256i;
    type Rule<'a> = Rule<'a>;
    type Finish<'a, const NP: usize> = Finish<'a, NP>;
    const NR: usize = 8;
    const KR: usize = D::KR;

    #[inline(always)]
    unsafe fn weights(at: *const i8) -> __m256i {
        // SAFETY: as this function's.
        unsafe { D::weights(at) }
    }

    #[inline(always)]
    unsafe fn codes(at: *const D::Code) -> __m256i {
        // SAFETY: as this function's.
        unsafe { D::codes(at) }
    }

    #[inline(always)]
    unsafe fn dot(acc: __m256i, codes: __m256i, weights: __m256i) -> __m256i {
        // SAFETY: as this function's.
        unsafe { D::dot(acc, codes, weights) }
    }

    #[inline(always)]
    unsafe fn init(rule: &Rule<'_>, channel: usize, valid: usize) -> __m256i {
        // SAFETY: the caller vouches for the CPU.
        unsafe { load_i32(rule.requant.bias, channel, valid) }
    }

    #[inline(always)]
    unsafe fn prepare<'a, const NP: usize>(rule: &Self::Rule<'a>, to: &Target<i8>) -> Self::Finish<'a, NP> {
        // SAFETY: the caller vouches for the CPU; `load_f32` checks its own bounds.
        unsafe {
            Finish {
                requant: rule.requant,
                is_even: is_f32_even(rule.requant),
                even: F32Even::new(rule.requant.rule),
                scale: core::array::from_fn(|n| {
                    let (first, valid) = (8 * n, to.valid.saturating_sub(8 * n));
                    if rule.scale.is_empty() {
                        _mm256_setzero_ps()
                    } else {
                        load_f32(rule.scale, to.channel + first, valid)
                    }
                }),
            }
        }
    }

    #[inline(always)]
    unsafe fn finish<const MR: usize, const NP: usize>(
        finish: &Finish<'_, NP>,
        acc: [[__m256i; NP]; MR],
        to: &Target<i8>,
    ) {
        if !finish.is_even {
            // A copy, so that the accumulators of the other path stay in registers.
            let copy = acc;
            // SAFETY: as here.
            return unsafe { finish_slowly(finish.requant, copy.as_flattened(), NP, to) };
        }
        let mut i = 0;
        while i < MR * NP {
            // Four vectors at a time; what is beyond the tile is computed from its last vector and not stored.
            let at: [usize; 4] = core::array::from_fn(|j| (i + j).min(MR * NP - 1));
            // SAFETY: the caller vouches for the CPU and the target.
            unsafe {
                let codes = finish.even.codes(at.map(|i| acc[i / NP][i % NP]), at.map(|i| finish.scale[i % NP]));
                for (j, part) in codes.iter().enumerate().take(MR * NP - i) {
                    let (m, n) = ((i + j) / NP, (i + j) % NP);
                    let valid = to.valid.saturating_sub(8 * n).min(8);
                    let at = to.at.add(m * to.pitch + 8 * n);
                    if valid == 8 {
                        at.cast::<[i8; 8]>().write_unaligned(*part);
                    } else {
                        core::ptr::copy_nonoverlapping(part.as_ptr(), at, valid);
                    }
                }
            }
            i += 4;
        }
    }

    #[inline(always)]
    fn copy(from: &[i8], to: &mut [D::Code]) {
        D::copy(from, to);
    }

    #[inline(always)]
    fn tiles(panels: usize, pixels: usize, _: bool) -> (usize, &'static [TileFn<Self>]) {
        D::tiles(panels, pixels)
    }
}

#[cold]
#[inline(never)]
#[target_feature(enable = "avx2")]
unsafe fn finish_slowly(requant: &RequantData<'_>, acc: &[__m256i], panels: usize, to: &Target<i8>) {
    for (i, &acc) in acc.iter().enumerate() {
        let (m, first) = (i / panels, i % panels * 8);
        let valid = to.valid.saturating_sub(first).min(8);
        for lane in 0..valid {
            let code = code_of_lane(requant, acc, [to.channel + first + lane, lane]);
            // SAFETY: the caller vouches for the valid channels of each pixel.
            unsafe { to.at.add(m * to.pitch + first + lane).write(code) };
        }
    }
}

/// The whole convolution; to be inlined into a function with the features of the instruction set. `pad` stands outside the image.
///
/// # Safety
/// The CPU has the features that `D` needs.
#[inline(always)]
pub(in crate::arch) unsafe fn conv_with<D: Dot>(step: &Conv, data: ConvData<'_>, pad: D::Code) {
    let scale = if is_f32_even(&data.requant) { crate::span::view(data.requant.multiplier) } else { &[] };
    let rule = Rule { requant: &data.requant, scale };
    let ConvData { input, output, weights, scratch, .. } = data;
    // SAFETY: as this function's.
    unsafe { gemm::conv::<Int8<D>>(&step.shape, &rule, Operands { input, output, weights, scratch, pad }) }
}

/// [`Dot`] of AVX2.
struct Madd;

impl Dot for Madd {
    type Code = i16;
    const KR: usize = 2;

    #[inline(always)]
    unsafe fn weights(at: *const i8) -> __m256i {
        // SAFETY: the caller vouches for 16 weights.
        unsafe { _mm256_cvtepi8_epi16(_mm_loadu_si128(at.cast())) }
    }

    #[inline(always)]
    unsafe fn codes(at: *const i16) -> __m256i {
        // SAFETY: the caller vouches for 2 codes.
        unsafe { _mm256_set1_epi32(at.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn dot(acc: __m256i, codes: __m256i, weights: __m256i) -> __m256i {
        // SAFETY: the caller vouches for the CPU.
        unsafe { _mm256_add_epi32(acc, _mm256_madd_epi16(codes, weights)) }
    }

    #[inline(always)]
    fn copy(from: &[i8], to: &mut [i16]) {
        super::widen(from, to);
    }

    #[inline(always)]
    fn tiles(panels: usize, pixels: usize) -> (usize, &'static [TileFn<Int8<Madd>>]) {
        match panels {
            2.. if pixels > 1 => (2, &TILES_2),
            4.. => (4, &TILES_4),
            _ => (1, &TILES_1),
        }
    }
}

#[target_feature(enable = "avx2")]
unsafe fn tiles<const MR: usize, const NP: usize, const U: usize>(
    rule: &Rule<'_>,
    taps: &Taps,
    source: Source<Int8<Madd>>,
    to: Target<i8>,
) {
    // SAFETY: this function has the features; the caller vouches for the rest.
    unsafe { gemm::tiles::<Int8<Madd>, MR, NP, U>(rule, taps, source, to) }
}

static TILES_1: [TileFn<Int8<Madd>>; 8] = gemm::table!(tiles, 1, 1: 1 2 3 4 5 6 7 8);
static TILES_2: [TileFn<Int8<Madd>>; 5] = gemm::table!(tiles, 2, 1: 1 2 3 4 5);
static TILES_4: [TileFn<Int8<Madd>>; 1] = gemm::table!(tiles, 4, 1: 1);

/// See [`Conv`].
#[target_feature(enable = "avx2")]
pub(super) unsafe fn conv(step: &Conv, data: ConvData<'_>) {
    // SAFETY: this function has the features.
    unsafe { conv_with::<Madd>(step, data, step.pad_value.into()) }
}
