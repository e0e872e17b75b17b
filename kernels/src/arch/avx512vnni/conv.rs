//! int8 convolution with `vpdpbusd`: unsigned activations (code ^ 0x80, that is code + 128) times signed weights.

use core::arch::x86_64::*;

use super::PACK;
use super::requant::{F32Even, TWO_23, all_below_one, code_of_lane, first, is_f32_even, load_f32, load_i32};
use crate::arch::gemm::{self, Kernel, Operands, Source, Taps, Target, TileFn};
use crate::arith::RequantData;
use crate::ops::conv::{Conv, ConvData, ConvShape};

/// [`Kernel`] of this file, with one of the epilogues below.
struct Int8<const EPILOGUE: u8>;

/// [`Int8`]: any rule.
const ANY: u8 = 0;
/// [`Int8`]: scales below 1, and every code allowed.
const UNLIMITED: u8 = 1;
/// [`Int8`]: see [`Conv::small_relu`] and [`relu_by_lane`](super::requant::relu_by_lane).
const RELU: u8 = 2;

/// Bias and rounding, with the scales as numbers.
#[derive(Clone, Copy)]
struct Rule<'a> {
    requant: &'a RequantData<'a>,
    /// Empty unless the rule is [`crate::arith::Rounding::F32Even`].
    scale: &'a [f32],
    /// Whether there are scales, all below 1.
    below_one: bool,
}

/// [`Rule`] for some panels.
#[derive(Clone, Copy)]
struct Finish<'a, const NP: usize> {
    rule: Rule<'a>,
    even: F32Even,
    scale: [__m512; NP],
    /// `−2²³ · scale`.
    shift: [__m512; NP],
}

impl<const EPILOGUE: u8> Kernel for Int8<EPILOGUE> {
    type Input = i8;
    type Code = u8;
    type Weight = i8;
    type Output = i8;
    type Acc = __m512i;
    type Weights = __m512i;
    type Codes = __m512i;
    type Rule<'a> = Rule<'a>;
    type Finish<'a, const NP: usize> = Finish<'a, NP>;
    const NR: usize = 16;
    const KR: usize = 4;

    #[inline(always)]
    unsafe fn weights(at: *const i8) -> __m512i {
        // SAFETY: the caller vouches for 64 weights.
        unsafe { _mm512_loadu_epi8(at) }
    }

    #[inline(always)]
    unsafe fn codes(at: *const u8) -> __m512i {
        // SAFETY: the caller vouches for 4 codes.
        unsafe { _mm512_set1_epi32(at.cast::<i32>().read_unaligned()) }
    }

    #[inline(always)]
    unsafe fn dot(acc: __m512i, codes: __m512i, weights: __m512i) -> __m512i {
        // SAFETY: the caller vouches for the CPU.
        unsafe { _mm512_dpbusd_epi32(acc, codes, weights) }
    }

    #[inline(always)]
    unsafe fn init(rule: &Rule<'_>, channel: usize, valid: usize) -> __m512i {
        // SAFETY: the caller vouches for the CPU.
        unsafe {
            let bias = load_i32(rule.requant.bias, channel, valid);
            if EPILOGUE == RELU { _mm512_add_epi32(bias, _mm512_set1_epi32(TWO_23)) } else { bias }
        }
    }

    #[inline(always)]
    unsafe fn prepare<'a, const NP: usize>(rule: &Self::Rule<'a>, to: &Target<i8>) -> Self::Finish<'a, NP> {
        let scale = core::array::from_fn(|n| {
            let (first, valid) = (16 * n, to.valid.saturating_sub(16 * n));
            // SAFETY: the caller vouches for the CPU; `load_f32` checks its own bounds.
            unsafe {
                if rule.below_one { load_f32(rule.scale, to.channel + first, valid) } else { _mm512_setzero_ps() }
            }
        });
        // SAFETY: as above.
        unsafe {
            let factor = _mm512_set1_ps(-8_388_608.0);
            let shift = scale.map(|scale| _mm512_mul_ps(scale, factor));
            Finish { rule: *rule, even: F32Even::new(rule.requant.rule), scale, shift }
        }
    }

    #[inline(always)]
    unsafe fn finish<const MR: usize, const NP: usize>(
        finish: &Finish<'_, NP>,
        acc: [[__m512i; NP]; MR],
        to: &Target<i8>,
    ) {
        if EPILOGUE == ANY && !finish.rule.below_one {
            // A copy, so that the accumulators of the other path stay in registers.
            let copy = acc;
            // SAFETY: as here.
            return unsafe { finish_any(&finish.rule, copy.as_flattened(), NP, to) };
        }
        // Four vectors make 64 codes: those of `4 / NP` pixels. Beyond the tile its last pixel is computed again and not stored.
        let pixels = 4 / NP;
        let mut m = 0;
        while m < MR {
            let at: [(usize, usize); 4] = core::array::from_fn(|j| ((m + j / NP).min(MR - 1), j % NP));
            // SAFETY: the caller vouches for the CPU and the target.
            unsafe {
                let (acc, scale) = (at.map(|(m, n)| acc[m][n]), at.map(|(_, n)| finish.scale[n]));
                let codes = match EPILOGUE {
                    RELU => finish.even.codes_of_relu(acc, scale, at.map(|(_, n)| finish.shift[n])),
                    UNLIMITED => finish.even.codes_unlimited(acc, scale),
                    _ => finish.even.codes_below_one(acc, scale),
                };
                if EPILOGUE != ANY && to.pitch == 16 * NP && to.valid >= 16 * NP && m + pixels <= MR {
                    // The pixels lie one after the other.
                    _mm512_storeu_epi8(to.at.add(m * to.pitch), codes);
                    m += pixels;
                    continue;
                }
                for pixel in 0..pixels.min(MR - m) {
                    let at = to.at.add((m + pixel) * to.pitch);
                    if EPILOGUE != ANY && to.valid >= 16 * NP {
                        store_whole_pixel::<NP>(codes, pixel, at);
                    } else {
                        store_pixel::<NP>(codes, pixel, at, to.valid);
                    }
                }
            }
            m += pixels;
        }
    }

    #[inline(always)]
    fn fetch(at: *const i8) {
        // SAFETY: a prefetch reads nothing, and does not fault.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(at) }
    }

    #[inline(always)]
    fn held_channels(s: &ConvShape) -> usize {
        PACK.held_channels(s)
    }

    #[inline(always)]
    fn copy(from: &[i8], to: &mut [u8]) {
        if from.len() == to.len() {
            super::to_unsigned(from, to);
        } else {
            // SAFETY: the caller of the convolution vouches for the CPU.
            unsafe { spread(from, to) };
        }
    }

    #[inline(always)]
    fn tiles(panels: usize, pixels: usize, slides: bool) -> (usize, &'static [TileFn<Self>]) {
        match panels {
            1 if slides => (1, Self::SLIDING_1),
            4.. if pixels <= Self::TILES_4.len() => (4, Self::TILES_4),
            2.. => (2, Self::TILES_2),
            _ => (1, Self::TILES_1),
        }
    }
}

/// Pixels of three codes to four, as `vpdpbusd` wants them.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn spread(from: &[i8], to: &mut [u8]) {
    assert_eq!(from.len() / 3, to.len() / 4, "pixels of three codes");
    // Four pixels to each 128-bit lane, then their codes apart.
    let lanes = _mm512_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
    let apart = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1));
    for (from, to) in from.chunks(48).zip(to.chunks_mut(64)) {
        let (read, write) = (!0 >> (64 - from.len()), !0 >> (64 - to.len()));
        // SAFETY: the masks have no lanes beyond the ends of `from` and `to`.
        unsafe {
            let codes = _mm512_permutexvar_epi32(lanes, _mm512_maskz_loadu_epi8(read, from.as_ptr()));
            let codes = _mm512_xor_si512(_mm512_shuffle_epi8(codes, apart), _mm512_set1_epi8(-128));
            _mm512_mask_storeu_epi8(to.as_mut_ptr().cast(), write, codes);
        }
    }
}

/// [`store_pixel`] of all codes.
#[inline(always)]
unsafe fn store_whole_pixel<const NP: usize>(codes: __m512i, pixel: usize, at: *mut i8) {
    // SAFETY: the caller vouches for the CPU and for `16·NP` codes.
    unsafe {
        match (NP, pixel) {
            (4, _) => _mm512_storeu_epi8(at, codes),
            (2, 0) => _mm256_storeu_epi8(at, _mm512_castsi512_si256(codes)),
            (2, _) => _mm256_storeu_epi8(at, _mm512_extracti64x4_epi64::<1>(codes)),
            (_, 0) => _mm_storeu_epi8(at, _mm512_castsi512_si128(codes)),
            (_, 1) => _mm_storeu_epi8(at, _mm512_extracti32x4_epi32::<1>(codes)),
            (_, 2) => _mm_storeu_epi8(at, _mm512_extracti32x4_epi32::<2>(codes)),
            (_, _) => _mm_storeu_epi8(at, _mm512_extracti32x4_epi32::<3>(codes)),
        }
    }
}

/// Writes the first `valid` (or all) of the `16·NP` codes of pixel `pixel` in `codes`.
#[inline(always)]
unsafe fn store_pixel<const NP: usize>(codes: __m512i, pixel: usize, at: *mut i8, valid: usize) {
    let mask = |lanes: usize| if valid >= lanes { !0 } else { (1_u64 << valid) - 1 };
    // SAFETY: the caller vouches for the CPU and for `valid` codes.
    unsafe {
        match (NP, pixel) {
            (4, _) if valid >= 64 => _mm512_storeu_epi8(at, codes),
            (4, _) => _mm512_mask_storeu_epi8(at, mask(64), codes),
            (2, 0) => _mm256_mask_storeu_epi8(at, mask(32) as u32, _mm512_castsi512_si256(codes)),
            (2, _) => _mm256_mask_storeu_epi8(at, mask(32) as u32, _mm512_extracti64x4_epi64::<1>(codes)),
            (_, 0) => _mm_mask_storeu_epi8(at, first(valid), _mm512_castsi512_si128(codes)),
            (_, 1) => _mm_mask_storeu_epi8(at, first(valid), _mm512_extracti32x4_epi32::<1>(codes)),
            (_, 2) => _mm_mask_storeu_epi8(at, first(valid), _mm512_extracti32x4_epi32::<2>(codes)),
            (_, _) => _mm_mask_storeu_epi8(at, first(valid), _mm512_extracti32x4_epi32::<3>(codes)),
        }
    }
}

/// Scales of 1 and above, and every other rounding.
#[cold]
#[inline(never)]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn finish_any(rule: &Rule<'_>, acc: &[__m512i], panels: usize, to: &Target<i8>) {
    let even = F32Even::new(rule.requant.rule);
    for (i, &acc) in acc.iter().enumerate() {
        let (m, first) = (i / panels, i % panels * 16);
        let valid = to.valid.saturating_sub(first).min(16);
        let at = to.at.wrapping_add(m * to.pitch + first);
        if is_f32_even(rule.requant) {
            let scale = load_f32(rule.scale, to.channel + first, valid);
            let codes = even.codes([acc; 4], [scale; 4]);
            // SAFETY: the caller vouches for the valid channels of each pixel.
            unsafe { store_pixel::<1>(codes, 0, at, valid) };
            continue;
        }
        for lane in 0..valid {
            let code = code_of_lane(rule.requant, acc, [to.channel + first + lane, lane]);
            // SAFETY: as above.
            unsafe { at.add(lane).write(code) };
        }
    }
}

#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn tiles<const EPILOGUE: u8, const MR: usize, const NP: usize, const U: usize>(
    rule: &Rule<'_>,
    taps: &Taps,
    source: Source<Int8<EPILOGUE>>,
    to: Target<i8>,
) {
    // SAFETY: this function has the features; the caller vouches for the rest.
    unsafe { gemm::tiles::<Int8<EPILOGUE>, MR, NP, U>(rule, taps, source, to) }
}

impl<const EPILOGUE: u8> Int8<EPILOGUE> {
    const TILES_1: &[TileFn<Self>] = &gemm::table!(tiles, EPILOGUE, 1, 4: 1 2 3 4 5 6 7 8, 2: 9 10 11 12 13 14 15 16);
    const SLIDING_1: &[TileFn<Self>] = &gemm::table!(tiles, EPILOGUE, 1, 0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
    const TILES_2: &[TileFn<Self>] = &gemm::table!(tiles, EPILOGUE, 2, 2: 1 2 3 4 5 6 7 8 9 10 11 12, 1: 13 14);
    const TILES_4: &[TileFn<Self>] = &gemm::table!(tiles, EPILOGUE, 4, 1: 1 2 3 4 5 6);
}

/// See [`Conv`].
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
pub(super) unsafe fn conv(step: &Conv, data: ConvData<'_>) {
    let scale = if is_f32_even(&data.requant) { crate::span::view(data.requant.multiplier) } else { &[] };
    // A small ReLU was found to be so while lowering.
    let below_one = step.small_relu || !scale.is_empty() && all_below_one(scale);
    let requant = data.requant;
    let rule = Rule { requant: &requant, scale, below_one };
    // SAFETY: this function has the features.
    unsafe {
        if step.small_relu {
            run::<RELU>(step, data, &rule);
        } else if below_one && (step.requant.lo, step.requant.hi) == (-128, 127) {
            run::<UNLIMITED>(step, data, &rule);
        } else {
            run::<ANY>(step, data, &rule);
        }
    }
}

#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn run<const EPILOGUE: u8>(step: &Conv, data: ConvData<'_>, rule: &Rule<'_>) {
    let pad = step.pad_value.cast_unsigned() ^ 0x80;
    let ConvData { input, output, weights, scratch, .. } = data;
    let operands = Operands { input, output, weights, scratch, pad };
    // SAFETY: this function has the features.
    unsafe { gemm::conv::<Int8<EPILOGUE>>(&step.shape, rule, operands) }
}
