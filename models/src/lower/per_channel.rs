//! QUANTIZE and DEQUANTIZE of constants with one scale per channel, as quantisation-aware training leaves them around weights.

use crate::error::Error;
use crate::graph::{DType, Op, Tensor};
use crate::lower::Cx;
use crate::lower::quant::code_range;

/// The value of the current node's output, if the node is of this kind and its input is known.
pub(crate) fn convert(cx: &Cx<'_>) -> Result<Option<Vec<u8>>, Error> {
    let coded = match cx.node().op {
        Op::Quantize => cx.out(0)?,
        Op::Dequantize => cx.tensor(0)?,
        _ => return Ok(None),
    };
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    let Some(quant) = coded.quant.as_ref().filter(|q| q.scale.len() > 1) else { return Ok(None) };
    let Some(bytes) = cx.value(0) else { return Ok(None) };
    if x.shape != y.shape {
        return Err(cx.inconsistent("output shape", format!("{:?}", x.shape), format!("{:?}", y.shape)));
    }
    let channel = |i: usize| {
        let c = i / inner(coded, quant.axis) % quant.scale.len();
        (quant.scale[c], quant.zero_point[c])
    };
    Ok(match (x.dtype, y.dtype) {
        (DType::F32, DType::I8 | DType::U8) => {
            let (lo, hi) = if y.dtype == DType::U8 { (0, 255) } else { code_range(y.dtype) };
            let code = |(i, b): (usize, &[u8; 4])| {
                let (scale, zero) = channel(i);
                let nearest = libm::roundf(f32::from_le_bytes(*b) / scale) as i32;
                nearest.saturating_add(zero as i32).clamp(lo, hi) as u8
            };
            Some(bytes.as_chunks::<4>().0.iter().enumerate().map(code).collect())
        }
        (DType::I8 | DType::U8, DType::F32) => {
            let signed = x.dtype == DType::I8;
            let real = |(i, &b): (usize, &u8)| {
                let (scale, zero) = channel(i);
                let code = if signed { i32::from(b.cast_signed()) } else { i32::from(b) };
                (scale * code.wrapping_sub(zero as i32) as f32).to_le_bytes()
            };
            Some(bytes.iter().enumerate().flat_map(real).collect())
        }
        _ => None,
    })
}

/// Elements from one channel to the next.
fn inner(tensor: &Tensor, axis: usize) -> usize {
    tensor.shape.iter().skip(axis + 1).product::<usize>().max(1)
}
