//! int8 convolution with `vpmaddwd`: codes widened to 16 bits in the ring, weights when they are loaded; pairs of products are
//! added exactly (`vpmaddubsw`, on bytes, would saturate).

use core::arch::x86_64::*;

use super::requant::{F32Even, code_of_lane, is_f32_even, load_f32, load_i32};
use crate::arch::gemm::{self, Kernel, Operands, Source, Taps, Target, TileFn};
use crate::arith::RequantData;
use crate::ops::conv::{Conv, ConvData};

/// [`Kernel`] of this file.
struct Int8;

/// Bias and rounding, with the scales as numbers.
#[derive(Clone, Copy)]
struct Rule<'a> {
    requant: &'a RequantData<'a>,
    /// Empty unless the rule is [`crate::arith::Rounding::F32Even`].
    scale: &'a [f32],
}

/// [`Rule`] for some panels.
#[derive(Clone, Copy)]
struct Finish<'a, const NP: usize> {
    requant: &'a RequantData<'a>,
    is_even: bool,
    even: F32Even,
    scale: [__m256; NP],
}

impl Kernel for Int8 {
    type Input = i8;
    type Code = i16;
    type Weight = i8;
    type Output = i8;
    type Acc = __m256i;
    type Weights = __m256i;
    type Codes = __m256i;
    type Rule<'a> = Rule<'a>;
    type Finish<'a, const NP: usize> = Finish<'a, NP>;
    const NR: usize = 8;
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
                even: F32Even::new(&rule.requant.rule),
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
            let acc = acc;
            // SAFETY: as here.
            return unsafe { finish_slowly(finish.requant, acc.as_flattened(), NP, to) };
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
                    core::ptr::copy_nonoverlapping(part.as_ptr(), to.at.add(m * to.pitch + 8 * n), valid);
                }
            }
            i += 4;
        }
    }

    #[inline(always)]
    fn copy(from: &[i8], to: &mut [i16]) {
        super::widen(from, to);
    }

    #[inline(always)]
    fn tiles(panels: usize, pixels: usize) -> (usize, &'static [TileFn<Int8>]) {
        match panels {
            2.. if pixels > 1 => (2, &TILES_2),
            4.. => (4, &TILES_4),
            _ => (1, &TILES_1),
        }
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

#[target_feature(enable = "avx2")]
unsafe fn tiles<const MR: usize, const NP: usize, const U: usize>(
    rule: &Rule<'_>,
    taps: &Taps,
    source: Source<Int8>,
    to: Target<i8>,
) {
    // SAFETY: this function has the features; the caller vouches for the rest.
    unsafe { gemm::tiles::<Int8, MR, NP, U>(rule, taps, source, to) }
}

static TILES_1: [TileFn<Int8>; 8] = gemm::table!(tiles, 1, 1: 1 2 3 4 5 6 7 8);
static TILES_2: [TileFn<Int8>; 5] = gemm::table!(tiles, 2, 1: 1 2 3 4 5);
static TILES_4: [TileFn<Int8>; 1] = gemm::table!(tiles, 4, 1: 1);

/// See [`Conv`].
#[target_feature(enable = "avx2")]
pub(super) unsafe fn conv(step: &Conv, data: ConvData<'_>) {
    let scale = if is_f32_even(&data.requant) { crate::span::view(data.requant.multiplier) } else { &[] };
    let rule = Rule { requant: &data.requant, scale };
    let pad = i16::from(step.pad_value);
    let ConvData { input, output, weights, scratch, .. } = data;
    // SAFETY: this function has the features.
    unsafe { gemm::conv::<Int8>(&step.shape, &rule, Operands { input, output, weights, scratch, pad }) }
}
