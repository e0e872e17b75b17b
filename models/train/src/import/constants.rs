//! Constants of a file as numbers.

use edgebench_models::graph::{DType, Quant, Tensor};
use edgebench_models::tflite::widen_f16;

/// The elements of a float32 constant, of one that simulates nothing else, or why they are not numbers to train with.
pub(super) fn floats(tensor: &Tensor) -> Result<Vec<f32>, String> {
    let bytes = tensor.data.as_ref().ok_or_else(|| format!("{:?} is computed and not a constant", tensor.name))?;
    match tensor.dtype {
        DType::F32 => Ok(bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
        other => Err(format!(
            "the constant {:?} is {other}, expected float32: give the float file that this one was made from",
            tensor.name
        )),
    }
}

/// The elements of an integer constant.
pub(super) fn integers(tensor: &Tensor) -> Result<Vec<i64>, String> {
    let bytes = tensor.data.as_ref().ok_or_else(|| format!("{:?} is computed and not a constant", tensor.name))?;
    match tensor.dtype {
        DType::I32 => Ok(bytes.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b).into()).collect()),
        DType::I64 => Ok(bytes.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect()),
        other => Err(format!("the constant {:?} is {other}, expected int32 or int64", tensor.name)),
    }
}

/// What DEQUANTIZE makes of a constant.
pub(super) fn dequantised(tensor: &Tensor) -> Result<Vec<f32>, String> {
    let bytes = tensor.data.as_ref().ok_or_else(|| format!("{:?} is computed and not a constant", tensor.name))?;
    let codes: Vec<i64> = match (tensor.dtype, &tensor.quant) {
        (DType::F16, _) => return Ok(widen_f16(bytes)),
        (DType::I8 | DType::I4, Some(_)) => bytes.iter().map(|b| b.cast_signed().into()).collect(),
        (DType::U8, Some(_)) => bytes.iter().map(|b| (*b).into()).collect(),
        (DType::I32, Some(_)) => integers(tensor)?,
        (other, _) => return Err(format!("the constant {:?} is {other} without scales", tensor.name)),
    };
    let steps = Steps::of(tensor)?;
    Ok(codes.iter().enumerate().map(|(at, code)| steps.real(at, *code)).collect())
}

/// `values` through the codes of `tensor`: QUANTIZE and DEQUANTIZE of a constant.
pub(super) fn rounded(tensor: &Tensor, values: &[f32]) -> Result<Vec<f32>, String> {
    let (lo, hi) = codes(tensor)?;
    let steps = Steps::of(tensor)?;
    let round = |(at, value): (usize, &f32)| {
        let (scale, zero) = steps.at(at);
        // Codes saturate; NaN becomes the zero point and is no longer seen.
        let code = (value / scale).round() as i64;
        steps.real(at, code.saturating_add(zero).clamp(lo, hi))
    };
    if let Some(bad) = values.iter().find(|value| !value.is_finite()) {
        return Err(format!("a constant holds {bad}, expected finite numbers"));
    }
    Ok(values.iter().enumerate().map(round).collect())
}

/// The smallest and the largest value that the 8-bit codes of an activation can say.
pub(super) fn range(tensor: &Tensor) -> Result<[f32; 2], String> {
    let (lo, hi) = codes(tensor)?;
    let quant = tensor.quant.as_ref().filter(|quant| quant.scale.len() == 1);
    let quant = quant.ok_or_else(|| format!("{:?} has no scale, or more than one", tensor.name))?;
    let real = |code: i64| ((code - quant.zero_point[0]) as f64 * f64::from(quant.scale[0])) as f32;
    Ok([real(lo), real(hi)])
}

fn codes(tensor: &Tensor) -> Result<(i64, i64), String> {
    match tensor.dtype {
        DType::I8 => Ok((-128, 127)),
        DType::U8 => Ok((0, 255)),
        other => Err(format!("simulates {other} codes, expected int8 or uint8")),
    }
}

/// The scale and zero point of each element.
struct Steps<'a> {
    quant: &'a Quant,
    /// Elements from one channel to the next, and number of channels.
    inner: usize,
    count: usize,
}

impl<'a> Steps<'a> {
    fn of(tensor: &'a Tensor) -> Result<Steps<'a>, String> {
        let quant = tensor.quant.as_ref().ok_or_else(|| format!("{:?} has no scale", tensor.name))?;
        let count = quant.scale.len();
        // The graph is checked: several scales are as many as the axis is long.
        let inner = if count == 1 { 1 } else { tensor.shape[quant.axis + 1..].iter().product::<usize>().max(1) };
        Ok(Steps { quant, inner, count })
    }

    fn at(&self, element: usize) -> (f32, i64) {
        let channel = element / self.inner % self.count;
        (self.quant.scale[channel], self.quant.zero_point[channel])
    }

    fn real(&self, element: usize, code: i64) -> f32 {
        let (scale, zero) = self.at(element);
        code.saturating_sub(zero) as f32 * scale
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes_of(dtype: DType, scale: Vec<f32>, zero_point: Vec<i64>, data: Vec<u8>) -> Tensor {
        let quant = Some(Quant { scale, zero_point, axis: 1 });
        Tensor { name: "t".into(), dtype, shape: vec![2, 2], quant, data: Some(data.into()), blocks16: false }
    }

    #[test]
    fn codes_become_numbers_by_channel() {
        let tensor = codes_of(DType::I8, vec![0.5, 2.0], vec![0, 1], vec![1, 1, 255, 4]);
        assert_eq!(dequantised(&tensor).unwrap(), [0.5, 0.0, -0.5, 6.0]);
        assert!(range(&tensor).is_err(), "activations have one scale");
    }

    #[test]
    fn numbers_go_through_codes() {
        let tensor = codes_of(DType::U8, vec![0.5], vec![128], Vec::new());
        assert_eq!(rounded(&tensor, &[0.2, 0.25, -0.3, 1e9]).unwrap(), [0.0, 0.5, -0.5, 63.5]);
        assert_eq!(range(&tensor).unwrap(), [-64.0, 63.5]);
        assert!(rounded(&tensor, &[f32::NAN]).unwrap_err().contains("NaN"));
    }

    #[test]
    fn what_is_not_float_is_named() {
        let tensor = codes_of(DType::I8, vec![0.5], vec![0], vec![0; 4]);
        let problem = floats(&tensor).unwrap_err();
        assert!(problem.contains("is int8, expected float32"), "{problem}");
    }
}
