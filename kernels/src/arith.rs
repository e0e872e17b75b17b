//! The rounding rules that deployed int8 runtimes use, each said once (names as in the public sources of gemmlowp, ruy, XNNPACK).
//!
//! Only operations that integers or IEEE 754 define exactly, in a fixed order; no platform libm and no fused multiply-add unless a
//! rule asks for it. Hence one input gives the same integers on every CPU.

use crate::span::{Memory, Span};

/// A real multiplier as fixed point: `m · 2^(e − 31)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Multiplier {
    /// Mantissa, 0 or in `[2^30, 2^31)`.
    pub m: i32,
    /// Exponent, −31..=31.
    pub e: i32,
}

/// QuantizeMultiplier (EXACT P1): the nearest fixed-point multiplier, half away from zero; flushed to 0 below `2^-32`.
#[must_use]
pub fn quantize_multiplier(real: f64) -> Multiplier {
    if real == 0.0 {
        return Multiplier::default();
    }
    let (fraction, mut e) = libm::frexp(real);
    let mut m = libm::round(fraction * 2_147_483_648.0) as i64;
    if m == 1 << 31 {
        m /= 2;
        e += 1;
    }
    if e < -31 {
        return Multiplier::default();
    }
    Multiplier { m: m as i32, e }
}

/// Saturating rounding doubling high multiply: `(2·a·b + nudge) / 2^32`, truncated (gemmlowp).
#[inline(always)]
#[must_use]
pub const fn srdhm(a: i32, b: i32) -> i32 {
    if a == i32::MIN && b == i32::MIN {
        return i32::MAX;
    }
    let product = a as i64 * b as i64;
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    ((product + nudge) / (1 << 31)) as i32
}

/// Rounding division by `2^shift`, half away from zero; `shift` in 0..=31 (gemmlowp).
#[inline(always)]
#[must_use]
pub const fn rdbp(x: i32, shift: i32) -> i32 {
    let mask = ((1_i64 << shift) - 1) as i32;
    let remainder = x & mask;
    let threshold = (mask >> 1) + (x < 0) as i32;
    (x >> if shift > 31 { 31 } else { shift }) + (remainder > threshold) as i32
}

/// `x · multiplier`, rounded twice, both half away from zero: gemmlowp's rule, every reference kernel (EXACT P2).
#[inline(always)]
#[must_use]
pub const fn mul_away(x: i32, by: Multiplier) -> i32 {
    let left = if by.e > 0 { by.e } else { 0 };
    let right = if by.e < 0 { -by.e } else { 0 };
    rdbp(srdhm(x.wrapping_shl(left as u32), by.m), right)
}

/// As [`mul_away`], but the last shift rounds half up: ruy and NEON-style vector bodies (EXACT P3).
#[inline(always)]
#[must_use]
pub const fn mul_up(x: i32, by: Multiplier) -> i32 {
    let left = if by.e > 0 { by.e } else { 0 };
    let right = if by.e < 0 { -by.e } else { 0 };
    let high = srdhm(x.wrapping_shl(left as u32), by.m);
    if right > 0 { ((high as i64 + (1 << (right - 1))) >> right) as i32 } else { high }
}

/// ruy on ARM: as [`mul_up`], but the lower half of the product is cut off.
#[inline(always)]
#[must_use]
pub const fn mul_cut(x: i32, by: Multiplier) -> i32 {
    let left = if by.e > 0 { by.e } else { 0 };
    let right = if by.e < 0 { -by.e } else { 0 };
    let high = (x.wrapping_shl(left as u32) as i64 * by.m as i64) >> 31;
    if right > 0 { ((high + (1 << (right - 1))) >> right) as i32 } else { high as i32 }
}

/// XNNPACK's rule where it has no binary32 one (`rndnu`, on ARM): a shift to the left that saturates, a product whose lower half is
/// cut off, and a shift to the right that rounds half up.
#[inline(always)]
#[must_use]
pub const fn mul_rndnu(x: i32, by: Multiplier) -> i32 {
    // The last shift is one place at least, so that it can round.
    let right = if by.e < 0 { -by.e } else { 1 };
    let wide = (x as i64) << (right + by.e);
    let x = if wide > i32::MAX as i64 {
        i32::MAX
    } else if wide < i32::MIN as i64 {
        i32::MIN
    } else {
        wide as i32
    };
    let high = (x as i64 * by.m as i64) >> 31;
    let right = if right > 62 { 62 } else { right };
    ((high + (1 << (right - 1))) >> right) as i32
}

/// The multiplier of [`mul_rndnu`]: all 24 bits of a normal `scale` below 2^8.
#[must_use]
pub const fn rndnu_multiplier(scale: f32) -> Multiplier {
    let bits = scale.to_bits();
    Multiplier { m: (((bits & 0x007F_FFFF) | 0x0080_0000) << 7) as i32, e: (bits >> 23) as i32 - 126 }
}

/// Rule of the 16×8 kernels: a 16-bit multiplier on a 64-bit accumulator (EXACT P5).
#[inline(always)]
#[must_use]
pub const fn mul_reduced16(x: i64, by: Multiplier) -> i32 {
    let reduced = if by.m < 0x7FFF_0000 { (by.m as i64 + 0x8000) >> 16 } else { 0x7FFF };
    // Lowering refuses exponents above 14, for which the original shifts by a negative amount.
    let total = if by.e < 15 { 15 - by.e } else { 1 };
    (x.wrapping_mul(reduced).wrapping_add(1 << (total - 1)) >> total) as i32
}

/// Adding and subtracting this rounds an `f32` below 2^22 in magnitude to the nearest integer, half to even.
const MAGIC: f32 = 12_582_912.0;

/// Nearest integer, half to even, saturating at ±2^30 (beyond any 8- or 16-bit clamp). NaN gives −2^30.
#[inline(always)]
#[must_use]
pub fn rne(x: f32) -> i32 {
    if x > -4_194_304.0 && x < 4_194_304.0 {
        ((x + MAGIC) - MAGIC) as i32
    } else if x >= 1_073_741_824.0 {
        1 << 30
    } else if x > -1_073_741_824.0 {
        // An f32 of this size has at most one fractional bit below 2^23, and none above.
        libm::rintf(x) as i32
    } else {
        -(1 << 30)
    }
}

/// [`rne`] of a number below 2^22 in magnitude: no branches, so that loops over it become vector code. Others give any integer.
#[inline(always)]
#[must_use]
pub fn rne_small(x: f32) -> i32 {
    // The sum has its unit in the last place of the mantissa.
    (x + MAGIC).to_bits().wrapping_sub(MAGIC.to_bits()).cast_signed()
}

/// Nearest integer, half away from zero, saturating to `i32`.
#[inline(always)]
#[must_use]
pub fn rha(x: f64) -> i32 {
    libm::round(x) as i32
}

/// Which rule brings an accumulator back to a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// XNNPACK: `rne(f32(acc) · scale)` (EXACT P6). Multipliers are `f32`.
    F32Even,
    /// gemmlowp: [`mul_away`] (EXACT P2). Multipliers are [`Multiplier`]s.
    DoubleAway,
    /// ruy: [`mul_up`] (EXACT P3). Multipliers are [`Multiplier`]s.
    DoubleUp,
    /// ruy on ARM: [`mul_cut`]. Multipliers are [`Multiplier`]s.
    CutUp,
    /// Channels below `8·⌊C/8⌋` as [`Rounding::DoubleUp`], the rest as [`Rounding::DoubleAway`] (EXACT MIX8).
    Mixed8,
    /// Reference dense layer: one rounding, half away, in `f64` (EXACT P7). Multipliers are `f64`.
    F64Away,
    /// XNNPACK's `uint8` kernels on ARM: [`mul_rndnu`]. Multipliers are [`Multiplier`]s.
    Rndnu,
    /// 16×8 kernels with 64-bit sums: [`mul_reduced16`] (EXACT P5). Multipliers are [`Multiplier`]s.
    Reduced16,
}

impl Rounding {
    /// Bytes per multiplier.
    #[must_use]
    pub const fn multiplier_size(self) -> usize {
        match self {
            Rounding::F32Even => 4,
            _ => 8,
        }
    }
}

/// How the accumulators of a convolution-like step become codes: bias, multiplier, zero point, clamp, per output channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Requant {
    /// The rule.
    pub rounding: Rounding,
    /// `i32` per channel (`i64` where a step sums in 64 bits), with every correction for zero points folded in; padded with zeros to a multiple of 64 channels.
    pub bias: Span,
    /// One multiplier per channel ([`Rounding::multiplier_size`] bytes each, a [`Multiplier`] as two `i32`), padded likewise.
    pub multiplier: Span,
    /// Output zero point.
    pub zero_point: i32,
    /// Smallest code, activation included.
    pub lo: i32,
    /// Largest code, activation included.
    pub hi: i32,
}

/// A [`Requant`] with its operands borrowed.
#[derive(Clone, Copy, Debug)]
pub struct RequantData<'a> {
    /// Fields other than the spans.
    pub rule: &'a Requant,
    /// Channels that count (the arrays are padded beyond).
    pub channels: usize,
    /// Bias per channel.
    pub bias: &'a [i32],
    /// Multipliers as raw bytes.
    pub multiplier: &'a [u8],
}

impl Requant {
    /// Borrows the operands; both spans lie in the constants.
    #[must_use]
    pub fn data<'a>(&'a self, memory: &'a Memory<'_>, channels: usize) -> RequantData<'a> {
        RequantData { rule: self, channels, bias: memory.read(self.bias), multiplier: memory.read(self.multiplier) }
    }
}

impl RequantData<'_> {
    /// The code of accumulator `acc` (without bias) in channel `c`.
    #[inline]
    #[must_use]
    pub fn code(&self, acc: i32, c: usize) -> i32 {
        self.scaled(acc.wrapping_add(self.bias[c]), c)
    }

    /// Whether the rule is that of a ReLU with nothing special: rounded half to even, scales from 0 to below 1, the zero point the
    /// lowest code, which is also the lower limit, and the highest code the upper one.
    #[must_use]
    pub fn is_relu(&self) -> bool {
        let rule = self.rule;
        let plain = rule.rounding == Rounding::F32Even && (rule.zero_point, rule.lo, rule.hi) == (-128, -128, 127);
        plain && crate::span::view::<f32>(self.multiplier).iter().all(|scale| (0.0..1.0).contains(scale))
    }

    fn fixed(&self, c: usize) -> Multiplier {
        let pair: &[i32] = crate::span::view(self.multiplier);
        Multiplier { m: pair[2 * c], e: pair[2 * c + 1] }
    }

    /// The code of a sum (bias included) in channel `c`.
    #[inline]
    #[must_use]
    pub fn scaled(&self, acc: i32, c: usize) -> i32 {
        let fixed = || self.fixed(c);
        let scaled = match self.rule.rounding {
            Rounding::F32Even => {
                let scale: &[f32] = crate::span::view(self.multiplier);
                rne(acc as f32 * scale[c])
            }
            Rounding::DoubleAway => mul_away(acc, fixed()),
            Rounding::DoubleUp => mul_up(acc, fixed()),
            Rounding::CutUp => mul_cut(acc, fixed()),
            Rounding::Rndnu => mul_rndnu(acc, fixed()),
            Rounding::Mixed8 if c < self.channels / 8 * 8 => mul_up(acc, fixed()),
            Rounding::Mixed8 => mul_away(acc, fixed()),
            Rounding::F64Away => {
                let scale: &[f64] = crate::span::view(self.multiplier);
                rha(f64::from(acc) * scale[c])
            }
            Rounding::Reduced16 => mul_reduced16(i64::from(acc), fixed()),
        };
        self.clamped(scaled)
    }

    /// The code of a 64-bit sum (bias included) in channel `c`: one rounding for the rules that have one in 64 bits; the rest
    /// see the low 32 bits.
    #[inline]
    #[must_use]
    pub fn scaled64(&self, acc: i64, c: usize) -> i32 {
        match self.rule.rounding {
            Rounding::Reduced16 => self.clamped(mul_reduced16(acc, self.fixed(c))),
            Rounding::F64Away => {
                let scale: &[f64] = crate::span::view(self.multiplier);
                self.clamped(rha(acc as f64 * scale[c]))
            }
            _ => self.scaled(acc as i32, c),
        }
    }

    fn clamped(&self, scaled: i32) -> i32 {
        scaled.saturating_add(self.rule.zero_point).clamp(self.rule.lo, self.rule.hi)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_goes_up_on_arm() {
        let codes = |scale: f32| [-3, -1, 1, 3, 5].map(|x| mul_rndnu(x, rndnu_multiplier(scale)));
        assert_eq!(codes(0.5), [-1, 0, 1, 2, 3]);
        assert_eq!(codes(1.0), [-3, -1, 1, 3, 5]);
        assert_eq!(codes(2.0), [-6, -2, 2, 6, 10]);
        // A third is a little more in binary32, and the product is cut off.
        assert_eq!(codes(1.0 / 3.0), [-1, 0, 0, 1, 2]);
        assert_eq!(mul_rndnu(i32::MAX, rndnu_multiplier(128.0)), 1 << 29);
        assert_eq!(mul_rndnu(i32::MIN, rndnu_multiplier(f32::MIN_POSITIVE)), 0);
    }

    #[test]
    fn ruy_cuts_products_off_on_arm() {
        let by = quantize_multiplier(0.75);
        assert_eq!([-1, 1, 5].map(|x| mul_cut(x, by)), [-1, 0, 3]);
        assert_eq!([-1, 1, 5].map(|x| mul_up(x, by)), [-1, 1, 4]);
        let by = quantize_multiplier(0.125);
        assert_eq!([-12, -4, 4, 12].map(|x| mul_cut(x, by)), [-1, 0, 1, 2]);
    }

    #[test]
    fn one_half_is_mantissa_2_30_exponent_0() {
        assert_eq!(quantize_multiplier(0.5), Multiplier { m: 1 << 30, e: 0 });
    }

    #[test]
    fn ties_round_as_named() {
        let half = quantize_multiplier(0.25);
        assert_eq!(mul_away(2, half), 1);
        assert_eq!(mul_away(-2, half), -1);
        assert_eq!(mul_up(2, half), 1);
        assert_eq!(rne(0.5), 0);
        assert_eq!(rne(1.5), 2);
        assert_eq!(rne(-2.5), -2);
        assert_eq!(rha(-2.5), -3);
    }

    #[test]
    fn extremes_do_not_overflow() {
        for e in -31..=31 {
            for m in [1 << 30, i32::MAX] {
                for x in [i32::MIN, -1, 0, 1, i32::MAX] {
                    let _ = (mul_away(x, Multiplier { m, e }), mul_up(x, Multiplier { m, e }));
                }
            }
        }
        assert_eq!(srdhm(i32::MIN, i32::MIN), i32::MAX);
        assert_eq!(rne(f32::INFINITY), 1 << 30);
        assert_eq!(rne(8_388_607.5 / 2.0), 4_194_304);
    }
}
