//! A "float" file whose constants are quantised, or whose activations pass through fake quantisation: its accuracy is not that of
//! the float network.

use edgebench_models::tflite::{BuiltinOperator, TensorType};

use super::{Finding, Lint, Severity, count};
use crate::inspect::network::Network;

pub(super) const LINT: Lint = Lint { name: "quantised-float-model", check };

fn check(network: &Network<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    let constants = operators(network, |op| {
        let input = network.input(op, 0);
        let half = input.is_some_and(|id| network.tensor(id).dtype == TensorType::FLOAT16);
        let constant = input.is_some_and(|id| from_constant(network, id));
        network.code(op) == BuiltinOperator::DEQUANTIZE && constant && !half
    });
    let pairs = operators(network, |op| {
        let before = network.input(op, 0).filter(|&id| !from_constant(network, id)).and_then(|id| network.producer(id));
        network.code(op) == BuiltinOperator::DEQUANTIZE
            && before.is_some_and(|before| network.code(before) == BuiltinOperator::QUANTIZE)
            || network.code(op) == BuiltinOperator::FAKE_QUANT
    });
    if !constants.is_empty() {
        let message = format!(
            "{} turned from integers into floats while the network runs: a \"float\" file with quantised weights, as a \
             quantisation-aware network gives that was exported without integer conversion; its accuracy is not that of the \
             float network, and it has neither the size of the one nor the speed of the other",
            count(constants.len(), "constant")
        );
        all.push(Finding { lint: LINT.name, severity: Severity::Error, operators: constants, message });
    }
    if !pairs.is_empty() {
        let message = format!(
            "{} quantised and turned back into floats at once: fake quantisation that was left in the file",
            count(pairs.len(), "activation")
        );
        all.push(Finding { lint: LINT.name, severity: Severity::Error, operators: pairs, message });
    }
    all
}

fn operators(network: &Network<'_>, wanted: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..network.len()).filter(|&op| wanted(op)).collect()
}

/// Whether tensor `id` is a constant, or a constant that was quantised or made dense.
fn from_constant(network: &Network<'_>, id: usize) -> bool {
    let same = [BuiltinOperator::QUANTIZE, BuiltinOperator::DENSIFY];
    let before = network.producer(id).filter(|&op| same.contains(&network.code(op)));
    network.stored(id).is_some()
        || before.and_then(|op| network.input(op, 0)).is_some_and(|id| network.stored(id).is_some())
}
