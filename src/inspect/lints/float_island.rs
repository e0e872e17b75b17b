//! Float operators in the middle of an integer network: selective annotation, or an operator that the converter could not quantise.

use edgebench_models::tflite::{BuiltinOperator, TensorType};

use super::{Finding, Lint, Severity, count};
use crate::inspect::network::Network;

pub(super) const LINT: Lint = Lint { name: "float-island", check };

fn check(network: &Network<'_>) -> Vec<Finding> {
    // Values that were integers once and are floats now.
    let mut left = vec![false; network.graph.tensors.len()];
    let mut island = vec![false; network.len()];
    let mut closed = false;
    for (op, inside) in island.iter_mut().enumerate() {
        let input = network.input(op, 0).filter(|&id| network.stored(id).is_none() && !fake_quantised(network, id));
        let integer =
            |id: usize| matches!(network.tensor(id).dtype, TensorType::INT8 | TensorType::UINT8 | TensorType::INT16);
        let opens = network.code(op) == BuiltinOperator::DEQUANTIZE && input.is_some_and(integer);
        let reads = network.inputs(op).any(|id| left[id]);
        if reads && network.code(op) == BuiltinOperator::QUANTIZE {
            closed = true;
        } else if opens || reads {
            *inside = reads;
            network.outputs(op).for_each(|id| left[id] = true);
        }
    }
    let operators: Vec<usize> = (0..network.len()).filter(|&op| island[op]).collect();
    // A tail in floats (softmax behind DEQUANTIZE) is what many people want; an island has integers on both sides.
    if !closed || operators.is_empty() {
        return Vec::new();
    }
    let message = format!(
        "{} in floats between integer ones: each crossing costs a conversion, and the network does not run on integer-only devices",
        count(operators.len(), "operator")
    );
    vec![Finding { lint: LINT.name, severity: Severity::Warning, operators, message }]
}

/// Whether tensor `id` has just been a float, for which there is another lint.
fn fake_quantised(network: &Network<'_>, id: usize) -> bool {
    let before = network.producer(id).filter(|&op| network.code(op) == BuiltinOperator::QUANTIZE);
    let source = before.and_then(|op| network.input(op, 0));
    source.is_some_and(|id| network.tensor(id).dtype == TensorType::FLOAT32)
}
