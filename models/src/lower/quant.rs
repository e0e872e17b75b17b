//! Scales, zero points, activation limits: what several operators need.

use edgebench_kernels::arith::{rha, rne};

use crate::error::Error;
use crate::graph::{Activation, DType, Tensor};
use crate::lower::Cx;

/// A zero point as plans hold codes: `uint8` codes are stored 128 lower.
pub(crate) fn held_zero(dtype: DType, zero_point: i64) -> i32 {
    zero_point as i32 - if dtype == DType::U8 { 128 } else { 0 }
}

/// Smallest and largest held code of a quantised type.
pub(crate) fn code_range(dtype: DType) -> (i32, i32) {
    match dtype {
        DType::I16 => (-32768, 32767),
        DType::I4 => (-8, 7),
        _ => (-128, 127),
    }
}

/// int32 or int64 elements as `i64`.
pub(crate) fn integers(dtype: DType, bytes: &[u8]) -> Option<Vec<i64>> {
    let four = |b: &[u8; 4]| i64::from(i32::from_le_bytes(*b));
    match dtype {
        DType::I32 => Some(bytes.as_chunks::<4>().0.iter().map(four).collect()),
        DType::I64 => Some(bytes.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect()),
        _ => None,
    }
}

/// `i64`s as int32 or int64 elements.
pub(crate) fn integer_bytes(dtype: DType, values: impl Iterator<Item = i64>) -> Option<Vec<u8>> {
    match dtype {
        DType::I32 => Some(values.flat_map(|v| (v as i32).to_le_bytes()).collect()),
        DType::I64 => Some(values.flat_map(i64::to_le_bytes).collect()),
        _ => None,
    }
}

/// How the real bounds of an activation become codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClampRule {
    /// TFLite: `zp + round_half_away(v / s)` (EXACT P8, TFL-CLAMP).
    Tfl,
    /// XNNPACK: rounded half to even after adding the zero point (EXACT P8, XNN-CLAMP).
    Xnn,
}

/// Smallest and largest held code that `activation` lets through, for the quantisation of `out`.
pub(crate) fn clamp(cx: &Cx<'_>, out: &Tensor, activation: Activation, rule: ClampRule) -> Result<(i32, i32), Error> {
    let (scale, zero) = cx.scale_zero(out)?;
    let (lo, hi) = code_range(out.dtype);
    // XNNPACK's sum is rounded in binary32, so it needs the zero point and the limits that the user sees.
    let shift = if out.dtype == DType::U8 { 128 } else { 0 };
    let code = |v: f32| match rule {
        ClampRule::Tfl => (zero + rha(f64::from(v / scale))).clamp(lo, hi),
        ClampRule::Xnn => {
            let sum = v / scale + (zero + shift) as f32;
            rne(sum.clamp((lo + shift) as f32, (hi + shift) as f32)) - shift
        }
    };
    Ok(match activation {
        Activation::None => (lo, hi),
        Activation::Relu => (code(0.0), hi),
        Activation::Relu6 => (code(0.0), code(6.0)),
        Activation::ReluN1To1 => (code(-1.0), code(1.0)),
    })
}
