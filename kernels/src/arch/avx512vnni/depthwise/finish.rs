//! From the accumulators of a block to its codes.

use core::arch::x86_64::*;

use super::super::requant::{F32Even, all_below_one, code_of_lane, is_f32_even, relu_by_lane};
use super::Block;
use crate::arith::RequantData;
use crate::span::view;

/// How accumulators become codes, from the cheapest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Epilogue {
    /// As `BelowOne`, where the zero point is the lowest code and the lower limit, the highest code the upper one (a ReLU), and
    /// every accumulator is below 2²³: see [`relu_by_lane`].
    Relu,
    /// Scales from 0 to below 1, rounded half to even.
    BelowOne,
    /// Any scales, rounded half to even.
    Even,
    /// Any other rounding.
    Any,
}

impl Epilogue {
    /// All but [`Epilogue::Relu`].
    pub(super) fn of(requant: &RequantData<'_>) -> Epilogue {
        if !is_f32_even(requant) {
            return Epilogue::Any;
        }
        let scale: &[f32] = view(requant.multiplier);
        let positive = scale.iter().fold(true, |all, &s| all & (s >= 0.0));
        if positive && all_below_one(scale) { Epilogue::BelowOne } else { Epilogue::Even }
    }
}

/// What all blocks share.
pub(super) struct Finish<'a> {
    requant: &'a RequantData<'a>,
    epilogue: Epilogue,
    even: F32Even,
}

impl<'a> Finish<'a> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn new(requant: &'a RequantData<'a>, relu: bool) -> Finish<'a> {
        let epilogue = if relu { Epilogue::Relu } else { Epilogue::of(requant) };
        Finish { requant, epilogue, even: F32Even::new(requant.rule) }
    }

    /// Codes of a block of accumulators, in the order of its bytes.
    ///
    /// # Safety
    /// The caller has the features of [`super::depthwise`]. (Without features of its own, this is always inlined.)
    #[inline(always)]
    pub(super) unsafe fn codes<const RELU: bool>(
        &self,
        acc: [__m512i; 4],
        [scale, shift]: [[__m512i; 4]; 2],
        block: Block,
    ) -> __m512i {
        // SAFETY: the caller vouches for the CPU.
        unsafe {
            let mut factors = [_mm512_setzero_ps(); 4];
            for j in 0..4 {
                factors[j] = _mm512_castsi512_ps(scale[j]);
            }
            if RELU {
                let mut shifts = [_mm512_setzero_ps(); 4];
                for j in 0..4 {
                    shifts[j] = _mm512_castsi512_ps(shift[j]);
                }
                return relu_by_lane(acc, factors, shifts);
            }
            if self.epilogue == Epilogue::BelowOne {
                return self.even.codes_by_lane_below_one(acc, factors);
            }
            self.codes_of_any(acc, factors, block)
        }
    }

    #[cold]
    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn codes_of_any(&self, acc: [__m512i; 4], scale: [__m512; 4], block: Block) -> __m512i {
        if self.epilogue == Epilogue::Even {
            return self.even.codes_by_lane(acc, scale);
        }
        let mut codes = [0_i8; 64];
        for (i, code) in codes.iter_mut().enumerate() {
            // Byte `i` of the block: lane `i / 16`, vector `i / 4 % 4`.
            let channel = block.start + i % block.width;
            if channel < self.requant.channels {
                *code = code_of_lane(self.requant, acc[i / 4 % 4], [channel, i / 16 * 4 + i % 4]);
            }
        }
        // SAFETY: the array is one vector.
        unsafe { _mm512_loadu_si512(codes.as_ptr().cast()) }
    }
}
