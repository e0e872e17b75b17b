//! A normalisation that was not folded into the weights before it: it costs time and, among integers, two more roundings.

use edgebench_models::tflite::{BuiltinOperator, TensorType};

use super::{Finding, Lint, Severity, count};
use crate::inspect::network::Network;

pub(super) const LINT: Lint = Lint { name: "unfolded-batch-norm", check };

fn check(network: &Network<'_>) -> Vec<Finding> {
    let found: Vec<usize> = (0..network.len()).filter(|&op| scales_product(network, op)).collect();
    if found.is_empty() {
        return Vec::new();
    }
    let integers = found.iter().any(|&op| network.outputs(op).any(|id| is_integer(network.tensor(id).dtype)));
    let message = format!(
        "{} by a constant per channel directly behind a convolution or dense layer: a batch normalisation that was not folded \
         into the weights; fold it before quantising",
        count(found.len(), "multiplication")
    );
    let severity = if integers { Severity::Error } else { Severity::Warning };
    vec![Finding { lint: LINT.name, severity, operators: found, message }]
}

fn is_integer(dtype: TensorType) -> bool {
    matches!(dtype, TensorType::INT8 | TensorType::UINT8 | TensorType::INT16)
}

/// Whether `op` multiplies the result of a product, which nothing else reads, by a constant with a value for each channel.
fn scales_product(network: &Network<'_>, op: usize) -> bool {
    if network.code(op) != BuiltinOperator::MUL {
        return false;
    }
    let ids: Vec<usize> = network.inputs(op).collect();
    let [a, b] = ids[..] else { return false };
    let (value, factor) = if network.stored(a).is_some() { (b, a) } else { (a, b) };
    let channels = network.shape(value).last().copied();
    let per_channel = network.stored(factor).is_some() && Some(network.elements(factor)) == channels;
    let product = network.producer(value).is_some_and(|op| network.channel_axis(op).is_some());
    per_channel && product && network.consumers(value).len() == 1
}
