//! How sure a model says it is: the probability that it gives its best class.

use edgebench_models::graph::{DType, Op};
use edgebench_models::plan::Port;
use edgebench_models::{Graph, Plan};

/// What the scores of a model are.
#[derive(Clone, Debug)]
pub struct Confidence {
    dtype: DType,
    scale: f64,
    zero_point: f64,
    /// Whether the scores are probabilities already.
    probabilities: bool,
}

impl Confidence {
    /// For the output of `plan`, lowered from `graph`. Scores that come out of a SOFTMAX (also through QUANTIZE, DEQUANTIZE or
    /// RESHAPE) are probabilities; of all others the softmax is taken.
    #[must_use]
    pub fn of(graph: &Graph, plan: &Plan) -> Self {
        let port: Option<&Port> = plan.outputs.first();
        let quant = port.and_then(|port| port.quant.as_ref()).filter(|quant| quant.scale.len() == 1);
        Self {
            dtype: port.map_or(DType::F32, |port| port.dtype),
            scale: quant.map_or(1.0, |quant| f64::from(quant.scale[0])),
            zero_point: quant.map_or(0.0, |quant| quant.zero_point.first().map_or(0.0, |&zero| zero as f64)),
            probabilities: ends_in_softmax(graph),
        }
    }

    /// Probability of class `best`, 0 to 1; `bytes` are the output's elements, little endian. The same on every platform: sums
    /// go from the first class to the last, exponentials are those of `libm`.
    #[must_use]
    pub fn at(&self, bytes: &[u8], best: usize) -> f64 {
        let scores = self.scores(bytes);
        let Some(&top) = scores.get(best) else { return 0.0 };
        if self.probabilities {
            return if top.is_finite() { top.clamp(0.0, 1.0) } else { 0.0 };
        }
        let sum: f64 = scores.iter().filter(|score| !score.is_nan()).map(|score| libm::exp(score - top)).sum();
        if sum.is_finite() && sum > 0.0 { 1.0 / sum } else { 0.0 }
    }

    fn scores(&self, bytes: &[u8]) -> Vec<f64> {
        let real = |code: f64| self.scale * (code - self.zero_point);
        match self.dtype {
            DType::I8 => bytes.iter().map(|&b| real(f64::from(b.cast_signed()))).collect(),
            DType::U8 => bytes.iter().map(|&b| real(f64::from(b))).collect(),
            DType::I16 => bytes.chunks_exact(2).map(|b| real(f64::from(i16::from_le_bytes([b[0], b[1]])))).collect(),
            _ => bytes.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))).collect(),
        }
    }
}

fn ends_in_softmax(graph: &Graph) -> bool {
    let Some(mut tensor) = graph.outputs.first().copied() else { return false };
    for node in graph.nodes.iter().rev() {
        if !node.outputs.contains(&tensor) {
            continue;
        }
        match (&node.op, node.inputs.first()) {
            (Op::Softmax { .. }, _) => return true,
            (Op::Quantize | Op::Dequantize | Op::Reshape { .. }, Some(&Some(input))) => tensor = input,
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(dtype: DType, scale: f64, zero_point: f64, probabilities: bool) -> Confidence {
        Confidence { dtype, scale, zero_point, probabilities }
    }

    #[test]
    fn codes_of_probabilities_are_probabilities() {
        let confidence = of(DType::I8, 1.0 / 256.0, -128.0, true);
        assert_eq!(confidence.at(&[0x80, 0x7f, 0x80], 1), 255.0 / 256.0);
    }

    #[test]
    fn of_other_scores_the_softmax_is_taken() {
        let confidence = of(DType::I8, 1.0, 0.0, false);
        assert_eq!(confidence.at(&[5, 5], 0), 0.5);
        let [a, b] = [1.0_f32, 0.0].map(f32::to_le_bytes);
        let found = of(DType::F32, 1.0, 0.0, false).at(&[a, b].concat(), 0);
        assert!((found - 0.731_058_578_630_004_9).abs() < 1e-15, "{found}");
        let nan = f32::NAN.to_le_bytes();
        assert_eq!(of(DType::F32, 1.0, 0.0, false).at(&[nan, nan].concat(), 0), 0.0);
    }
}
