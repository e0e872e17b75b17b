//! Elementary functions, the same on every CPU: `f64` polynomials of single IEEE operations, rounded once to `f32`.

const MAGIC: f64 = 6_755_399_441_055_744.0;
const LN2_HI: f64 = 6.931_471_803_691_238e-1;
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;

/// 1/n! for n = 12 down to 0.
const TAYLOR: [f64; 13] = [
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

/// e^x to about 1e-15 relative for |x| ≤ 200, the argument clamped to that: beyond, an `f32` is 0 or infinite anyway.
#[inline(always)]
#[must_use]
pub fn exp(x: f64) -> f64 {
    let x = if x > 200.0 { 200.0 } else { x };
    let x = if x < -200.0 { -200.0 } else { x };
    // The low bits of `shifted` are the nearest integer to x / ln 2.
    let shifted = x * core::f64::consts::LOG2_E + MAGIC;
    let k = shifted - MAGIC;
    let r = (x - k * LN2_HI) - k * LN2_LO;
    let mut p = TAYLOR[0];
    for c in &TAYLOR[1..] {
        p = p * r + c;
    }
    p * f64::from_bits((shifted.to_bits() << 52).wrapping_add(1023 << 52))
}

/// 1 / (1 + e^−x), in `f32` but for the exponential (LiteRT's reference rule).
#[inline(always)]
#[must_use]
pub fn logistic(x: f32) -> f32 {
    1.0 / (1.0 + exp(-f64::from(x)) as f32)
}

/// Hyperbolic tangent.
#[inline(always)]
#[must_use]
pub fn tanh(x: f32) -> f32 {
    let y = tanh64(f64::from(x)) as f32;
    // Below, x − x³/3 rounds to x, and 1 − 2/(e^2x + 1) would cancel.
    if x < 1e-4 && x > -1e-4 { x } else { y }
}

#[inline(always)]
fn tanh64(x: f64) -> f64 {
    let e = exp(2.0 * x);
    (e - 1.0) / (e + 1.0)
}

/// e^x − 1 for x < 0, x otherwise.
#[inline(always)]
#[must_use]
pub fn elu(x: f32) -> f32 {
    let y = (exp(f64::from(x)) - 1.0) as f32;
    if x > -1e-7 { x } else { y }
}

/// x · Φ(x), with erf or with the usual tanh approximation.
#[inline(always)]
#[must_use]
pub fn gelu(x: f32, approximate: bool) -> f32 {
    let v = f64::from(x);
    let phi = if approximate {
        0.5 * (1.0 + tanh64(0.797_884_560_802_865_4 * (v + 0.044_715 * v * v * v)))
    } else {
        0.5 * libm::erfc(-v * core::f64::consts::FRAC_1_SQRT_2)
    };
    (v * phi) as f32
}

/// x · clamp(x + 3, 0, 6) / 6: in XNNPACK's order, or in that of LiteRT's reference kernel.
#[inline(always)]
#[must_use]
pub fn hard_swish(x: f32, reference: bool) -> f32 {
    let clamp = |v: f32, hi: f32| {
        let v = if v < 0.0 { 0.0 } else { v };
        if v > hi { hi } else { v }
    };
    if reference {
        return x * clamp(x + 3.0, 6.0) / 6.0;
    }
    // XNNPACK's fused multiply-add; the product of two `f32`s is exact in `f64`.
    let gate = (f64::from(x) * f64::from(1.0_f32 / 6.0) + 0.5) as f32;
    clamp(gate, 1.0) * x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_to_libm_everywhere() {
        let near = |got: f32, want: f64, x: f32| {
            let want = want as f32;
            let close = got == want || (f64::from(got) / f64::from(want) - 1.0).abs() < 2e-7;
            assert!(close, "{x}: {got}, not {want}");
        };
        for i in -20_000..20_000 {
            let x = i as f32 * 0.0051 + 1e-6;
            let v = f64::from(x);
            near(exp(v) as f32, libm::exp(v), x);
            near(tanh(x), libm::tanh(v), x);
            if x > -87.0 {
                near(logistic(x), 1.0 / (1.0 + libm::exp(-v)), x);
            }
            near(elu(x), if x < 0.0 { libm::expm1(v) } else { v }, x);
        }
        for x in [1e-30_f32, -1e-30, 9.9e-5, 1.01e-4, -1e-8, -2e-7] {
            near(tanh(x), libm::tanh(x.into()), x);
            near(elu(x), if x < 0.0 { libm::expm1(x.into()) } else { x.into() }, x);
        }
    }

    #[test]
    fn infinities_and_nan() {
        assert_eq!(exp(f64::from(f32::INFINITY)) as f32, f32::INFINITY);
        assert_eq!(exp(f64::from(f32::NEG_INFINITY)) as f32, 0.0);
        assert!(tanh(f32::NAN).is_nan() && logistic(f32::NAN).is_nan());
        assert_eq!((tanh(f32::INFINITY), tanh(f32::NEG_INFINITY)), (1.0, -1.0));
    }
}
