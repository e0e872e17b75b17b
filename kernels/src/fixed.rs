//! Functions in fixed point as gemmlowp and TFLite compute them, one integer operation after the other.

use crate::arith::{Multiplier, rdbp, srdhm};

/// `x · 2^shift`, saturating.
#[inline]
const fn shift_left(x: i32, shift: u32) -> i32 {
    let wide = (x as i64) << shift;
    if wide > i32::MAX as i64 {
        i32::MAX
    } else if wide < i32::MIN as i64 {
        i32::MIN
    } else {
        wide as i32
    }
}

/// `1 / (1 + x)` for `x` in `[0, 1)`; argument and result in Q0.31.
#[must_use]
pub const fn reciprocal(x: i32) -> i32 {
    let sum = x as i64 + i32::MAX as i64;
    let half = ((sum + if sum >= 0 { 1 } else { -1 }) / 2) as i32;
    let mut r = 1_515_870_810_i32.wrapping_add(srdhm(half, -1_010_580_540));
    let mut i = 0;
    while i < 3 {
        let error = (1_i32 << 29).wrapping_sub(srdhm(half, r));
        r = r.wrapping_add(shift_left(srdhm(r, error), 2));
        i += 1;
    }
    shift_left(r, 1)
}

/// `exp(a)` for `a ≤ 0` in Q5.26; result in Q0.31.
#[must_use]
pub const fn exp_negative(a: i32) -> i32 {
    const FACTORS: [i32; 7] = [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    if a == 0 {
        return i32::MAX;
    }
    let fraction = (a & ((1 << 24) - 1)) - (1 << 24);
    let rest = fraction.wrapping_sub(a);
    let t = (fraction << 5) + (1 << 28);
    let t2 = srdhm(t, t);
    let (t3, t4) = (srdhm(t2, t), srdhm(t2, t2));
    let tail = rdbp(srdhm(rdbp(t4, 2) + t3, 715_827_883) + t2, 1);
    let mut r = 1_895_147_668_i32.saturating_add(srdhm(1_895_147_668, t + tail));
    let mut i = 0;
    while i < FACTORS.len() {
        if rest & (1 << (24 + i)) != 0 {
            r = srdhm(r, FACTORS[i]);
        }
        i += 1;
    }
    r
}

/// `1 / √x` as a multiplier, for `x ≥ 0` (0 and 1 give 1).
#[must_use]
pub const fn inverse_sqrt(x: i32) -> Multiplier {
    if x <= 1 {
        return Multiplier { m: i32::MAX, e: 0 };
    }
    let (mut x, mut shift) = (x, 11_i32);
    while x >= 1 << 29 {
        x /= 4;
        shift += 1;
    }
    let pairs = (x.leading_zeros() as i32 - 1) / 2 - 1;
    shift -= pairs;
    x <<= 2 * pairs;
    let half = rdbp(x >> 1, 1);
    let mut r = 1_i32 << 28;
    let mut i = 0;
    while i < 5 {
        let cube = shift_left(srdhm(srdhm(r, r), r), 6);
        r = shift_left(srdhm((1 << 28) + (1 << 27), r).wrapping_sub(srdhm(half, cube)), 3);
        i += 1;
    }
    let mut m = srdhm(r, 1_518_500_250);
    if shift < 0 {
        m = m.wrapping_shl(shift.unsigned_abs());
        shift = 0;
    }
    Multiplier { m, e: -shift }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: f64 = 2_147_483_648.0;

    #[test]
    fn reciprocal_is_close() {
        for i in 0..1000 {
            let x = i * 2_147_483;
            let exact = 1.0 / (1.0 + f64::from(x) / ONE);
            assert!((f64::from(reciprocal(x)) / ONE - exact).abs() < 1e-8, "{x}");
        }
    }

    #[test]
    fn exp_is_close() {
        for i in 0..2000 {
            let a = -i * 1_000_000;
            let exact = libm::exp(f64::from(a) / f64::from(1 << 26));
            assert!((f64::from(exp_negative(a)) / ONE - exact).abs() < 1e-6, "{a}");
        }
    }

    #[test]
    fn inverse_sqrt_is_close() {
        for x in (2..1_000_000).step_by(997).chain([2, 3, 4, i32::MAX]) {
            let Multiplier { m, e } = inverse_sqrt(x);
            let got = f64::from(m) / ONE * libm::exp2(f64::from(e));
            assert!((got * libm::sqrt(f64::from(x)) - 1.0).abs() < 1e-5, "{x}: {got}");
        }
    }
}
