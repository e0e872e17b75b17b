//! What convolutions, dense layers and matrix products share: centred weights, bias, and the rule that makes codes of sums.

use edgebench_kernels::Span;
use edgebench_kernels::arith::{Multiplier, Requant, Rounding, quantize_multiplier, rndnu_multiplier};

use super::quant::{ClampRule, clamp, integers};
use crate::error::Error;
use crate::graph::{Activation, DType, Tensor};
use crate::lower::{Arithmetic, Cx};
use crate::tflite::Bytes;

/// Channels that per-channel constants are padded to.
pub(crate) const CHANNEL_PAD: usize = 64;

/// Sums of products of activations and weights, per output channel.
pub(crate) struct Product<'g> {
    /// Activations.
    pub(crate) x: &'g Tensor,
    /// Weights.
    pub(crate) w: &'g Tensor,
    /// Result.
    pub(crate) y: &'g Tensor,
    /// Which input of the node is the bias.
    pub(crate) bias: usize,
    /// Output channels.
    pub(crate) channels: usize,
    /// Axis of the weights along which output channels lie.
    pub(crate) axis: usize,
    pub(crate) activation: Activation,
}

/// The kernel family that LiteRT's default path falls back on where XNNPACK does not take a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Conv,
    Depthwise,
    Dense,
    /// A dense layer whose weights are computed; XNNPACK does not take it.
    DynamicDense,
    Transpose,
}

/// A rounding rule with the way the bounds of the activation are made.
pub(crate) type Rule = (Rounding, ClampRule);

/// Constant weights of a product.
pub(crate) enum Weights {
    /// int8 codes, shared with the file.
    Codes(Bytes),
    /// Codes less their zero point.
    Centred(Vec<i16>),
}

impl<'g> Product<'g> {
    /// Scale of the weights, per channel.
    pub(crate) fn weight_scale(&self, cx: &Cx<'_>) -> Result<Vec<f32>, Error> {
        let quant = cx.quant(self.w)?;
        match quant.scale.len() {
            1 => Ok(vec![quant.scale[0]; self.channels]),
            n if n == self.channels && quant.axis == self.axis => Ok(quant.scale.clone()),
            n if n == self.channels => Err(cx.inconsistent("axis of the scales of the weights", self.axis, quant.axis)),
            n => Err(cx.inconsistent("scales of the weights", self.channels, n)),
        }
    }

    /// XNNPACK's multipliers: binary32 throughout.
    fn single_multipliers(&self, cx: &Cx<'_>) -> Result<Vec<f32>, Error> {
        let ((s_in, _), (s_out, _)) = (cx.scale_zero(self.x)?, cx.scale_zero(self.y)?);
        Ok(self.weight_scale(cx)?.into_iter().map(|s| s_in * s / s_out).collect())
    }

    /// Whether XNNPACK takes the node: 8-bit, multipliers in its range.
    fn delegated(&self, cx: &Cx<'_>) -> Result<bool, Error> {
        let normal = cx.quant(self.w)?.scale.iter().all(|s| s.is_normal());
        // At 256 and above LiteRT's default path refuses the model; its built-in kernels take it.
        let fits = self.single_multipliers(cx)?.iter().all(|s| *s < 256.0);
        Ok(self.x.dtype.is_8bit() && normal && fits)
    }

    /// Which rule the node follows, per arithmetic.
    pub(crate) fn rule(&self, cx: &Cx<'_>, family: Family) -> Result<Rule, Error> {
        let bias = cx.optional(self.bias).map(|(_, b)| b.dtype);
        let wide = self.x.dtype == DType::I16;
        let dense = matches!(family, Family::Dense | Family::DynamicDense);
        let rounding = match cx.arithmetic {
            Arithmetic::Tflm if wide && bias != Some(DType::I32) => Rounding::Reduced16,
            Arithmetic::Tflm => Rounding::DoubleAway,
            _ if dense && self.w.blocks16 => Rounding::DoubleAway,
            _ if dense && wide => Rounding::F64Away,
            _ if wide && bias != Some(DType::I32) => Rounding::Reduced16,
            Arithmetic::Reference if dense => Rounding::F64Away,
            Arithmetic::Reference => Rounding::DoubleAway,
            Arithmetic::Litert | Arithmetic::LitertArm64 => {
                let centred = self.w.dtype == DType::U8 || cx.quant(self.w)?.zero_point.iter().all(|&z| z == 0);
                let int4 = self.w.dtype == DType::I4 && !dense;
                if centred && !int4 && family != Family::DynamicDense && self.delegated(cx)? {
                    let fixed = cx.is_arm64() && self.x.dtype == DType::U8;
                    return Ok((if fixed { Rounding::Rndnu } else { Rounding::F32Even }, ClampRule::Xnn));
                }
                match family {
                    Family::Depthwise | Family::Transpose if !wide => Rounding::Mixed8,
                    Family::Depthwise | Family::Transpose => Rounding::DoubleAway,
                    Family::Conv | Family::Dense | Family::DynamicDense if cx.is_arm64() => Rounding::CutUp,
                    Family::Conv | Family::Dense | Family::DynamicDense => Rounding::DoubleUp,
                }
            }
        };
        Ok((rounding, ClampRule::Tfl))
    }

    /// Refuses operand types that no runtime has, and those that this function family cannot hold.
    pub(crate) fn check_types(&self, cx: &Cx<'_>) -> Result<(), Error> {
        let (x, w, y) = (self.x.dtype, self.w.dtype, self.y.dtype);
        let known = match x {
            DType::I8 => matches!(w, DType::I8 | DType::I4),
            DType::I16 => w == DType::I8,
            DType::U8 => w == DType::U8,
            _ => false,
        };
        if !known {
            return Err(cx.unsupported(&format!("{x} activations with {w} weights")));
        }
        if y != x {
            return Err(cx.inconsistent("output type", x, y));
        }
        if x == DType::I16 && (cx.scale_zero(self.x)?.1 != 0 || cx.scale_zero(self.y)?.1 != 0) {
            return Err(cx.inconsistent("zero point of int16 activations", 0, "another"));
        }
        Ok(())
    }

    /// Constant weights in the order of the file: as they are where they are int8 codes around 0, else with the zero point taken off.
    pub(crate) fn weights(&self, cx: &Cx<'_>, input: usize) -> Result<Weights, Error> {
        let codes = self.x.dtype.is_8bit() && matches!(self.w.dtype, DType::I8 | DType::I4);
        let value = cx.optional(input).and_then(|(id, _)| cx.values[id].clone());
        match value {
            Some(bytes) if codes && self.weight_zero(cx)? == 0 => Ok(Weights::Codes(bytes)),
            _ => self.centred_weights(cx, input).map(Weights::Centred),
        }
    }

    /// Constant weights with their zero point taken off, in the order of the file.
    pub(crate) fn centred_weights(&self, cx: &Cx<'_>, input: usize) -> Result<Vec<i16>, Error> {
        let bytes = cx.value(input).ok_or_else(|| cx.unsupported("weights that are not constant"))?;
        let zero = self.weight_zero(cx)?;
        let unsigned = self.w.dtype == DType::U8;
        let code = |&b: &u8| if unsigned { i16::from(b) } else { i16::from(b.cast_signed()) };
        Ok(bytes.iter().map(|b| code(b) - zero).collect())
    }

    /// Zero point of the weights as the user sees it; one for all channels.
    pub(crate) fn weight_zero(&self, cx: &Cx<'_>) -> Result<i16, Error> {
        let zeros = &cx.quant(self.w)?.zero_point;
        let zero = zeros.first().copied().unwrap_or(0);
        if zeros.iter().any(|&z| z != zero) {
            return Err(cx.unsupported("weights with different zero points per channel"));
        }
        Ok(zero as i16)
    }

    /// Bias values, zeros if there is none; the type is int32, or int64 for int16 activations.
    fn bias_values(&self, cx: &Cx<'_>) -> Result<Vec<i64>, Error> {
        let Some((_, tensor)) = cx.optional(self.bias) else { return Ok(vec![0; self.channels]) };
        let bytes = cx.value(self.bias).ok_or_else(|| cx.unsupported("a bias that is not constant"))?;
        if tensor.dtype == DType::I64 && self.x.dtype != DType::I16 {
            return Err(cx.inconsistent("type of the bias", DType::I32, tensor.dtype));
        }
        let values = integers(tensor.dtype, bytes);
        let values = values.ok_or_else(|| cx.inconsistent("type of the bias", DType::I32, tensor.dtype))?;
        if values.len() != self.channels {
            return Err(cx.inconsistent("elements of the bias", self.channels, values.len()));
        }
        Ok(values)
    }

    /// Whether `rounding` wants sums of 64 bits.
    pub(crate) fn wide_sum(&self, rounding: Rounding) -> bool {
        self.x.dtype == DType::I16 && matches!(rounding, Rounding::Reduced16 | Rounding::F64Away)
    }

    /// Bias, multipliers and limits per output channel. `correction` is added to the bias, channel by channel.
    pub(crate) fn requant(&self, cx: &mut Cx<'_>, rule: Rule, correction: &[i32]) -> Result<Requant, Error> {
        let (rounding, clamp_rule) = rule;
        let ((s_in, _), (s_out, zero_point)) = (cx.scale_zero(self.x)?, cx.scale_zero(self.y)?);
        let padded = self.channels.next_multiple_of(CHANNEL_PAD);
        let bias = self.bias_values(cx)?;
        let bias = if self.wide_sum(rounding) {
            let mut bytes: Vec<u8> = bias.iter().flat_map(|v| v.to_ne_bytes()).collect();
            bytes.resize(8 * padded, 0);
            cx.bytes(&bytes)
        } else {
            let mut values: Vec<i32> = bias.iter().map(|&v| v as i32).collect();
            for (b, c) in values.iter_mut().zip(correction) {
                *b = b.wrapping_add(*c);
            }
            values.resize(padded, 0);
            cx.ints(&values)
        };
        let multiplier = if rounding == Rounding::F32Even {
            let mut values = self.single_multipliers(cx)?;
            values.resize(padded, 0.0);
            cx.floats(&values)
        } else if rounding == Rounding::Rndnu {
            let scales = self.single_multipliers(cx)?;
            let mut pairs: Vec<i32> = scales.into_iter().map(rndnu_multiplier).flat_map(|by| [by.m, by.e]).collect();
            pairs.resize(2 * padded, 0);
            cx.ints(&pairs)
        } else {
            // Kernels for uint8 form the product of the scales in binary32, except the dense one of the reference.
            let single = self.x.dtype == DType::U8 && rounding != Rounding::F64Away;
            let product = |s: f32| if single { f64::from(s_in * s) } else { f64::from(s_in) * f64::from(s) };
            let values = self.weight_scale(cx)?.into_iter().map(|s| product(s) / f64::from(s_out));
            fixed_multipliers(cx, rounding, &values.collect::<Vec<f64>>())?
        };
        let (lo, hi) = clamp(cx, self.y, self.activation, clamp_rule)?;
        Ok(Requant { rounding, bias, multiplier, zero_point, lo, hi })
    }
}

/// Multipliers of every rule but XNNPACK's, as a constant padded to [`CHANNEL_PAD`].
pub(crate) fn fixed_multipliers(cx: &mut Cx<'_>, rounding: Rounding, values: &[f64]) -> Result<Span, Error> {
    let padded = values.len().next_multiple_of(CHANNEL_PAD);
    if rounding == Rounding::F64Away {
        let mut bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        bytes.resize(8 * padded, 0);
        return Ok(cx.bytes(&bytes));
    }
    let most = if rounding == Rounding::Reduced16 { 14 } else { 30 };
    let mut pairs: Vec<i32> = Vec::with_capacity(2 * padded);
    for (&value, Multiplier { m, e }) in values.iter().zip(values.iter().map(|&v| quantize_multiplier(v))) {
        if e > most {
            return Err(cx.inconsistent("ratio of the scales", format!("below 2^{most}"), value));
        }
        pairs.extend([m, e]);
    }
    pairs.resize(2 * padded, 0);
    Ok(cx.ints(&pairs))
}
