//! Zeros and repeated values that the file stores in full: the gain exists in a zip archive only.

use edgebench_models::tflite::TensorType;

use super::{Finding, Lint, Severity, count};
use crate::inspect::constants::Contents;
use crate::inspect::network::Network;

pub(super) const LINT: Lint = Lint { name: "deflate-only-gain", check };

/// Constants with fewer elements are not worth a word.
const MIN_ELEMENTS: u64 = 1024;
/// Share of zeros from which a tensor counts as pruned.
const PRUNED: f64 = 0.4;
/// Number of values up to which a tensor of 8-bit codes counts as clustered.
const CLUSTERED_CODES: u64 = 64;
/// Elements for each value from which a tensor of other types does.
const CLUSTERED_RATIO: u64 = 8;

fn check(network: &Network<'_>) -> Vec<Finding> {
    let (mut pruned, mut clustered, mut weights) = (0, 0, 0);
    let (mut stored, mut needed) = (0_f64, 0_f64);
    let mut operators = Vec::new();
    let mut seen = vec![false; network.graph.tensors.len()];
    for op in (0..network.len()).filter(|&op| network.channel_axis(op).is_some()) {
        let Some(id) = network.input(op, 1).filter(|&id| network.stored(id).is_some()) else { continue };
        let tensor = network.tensor(id);
        if std::mem::replace(&mut seen[id], true) || tensor.sparsity.is_some() || tensor.dtype == TensorType::INT4 {
            continue;
        }
        let Some(contents) = Contents::of(network, id).filter(|c| c.elements >= MIN_ELEMENTS) else { continue };
        weights += 1;
        let (is_pruned, is_clustered) = (contents.sparsity() >= PRUNED, is_clustered(tensor.dtype, &contents));
        if is_pruned || is_clustered {
            pruned += usize::from(is_pruned);
            clustered += usize::from(is_clustered);
            stored += network.stored(id).map_or(0.0, |bytes| bytes.len() as f64);
            needed += contents.elements as f64 * contents.entropy_bits / 8.0;
            operators.push(op);
        }
    }
    if operators.is_empty() {
        return Vec::new();
    }
    let kinds = [(pruned, "pruned"), (clustered, "clustered")];
    let kinds: Vec<String> = kinds.iter().filter(|kind| kind.0 > 0).map(|(n, kind)| format!("{n} {kind}")).collect();
    let message = format!(
        "{} of {} hold little information ({}) but are stored in full, {:.1} KiB for {:.1} KiB: a zip archive shows the gain, but \
         the file itself, the memory and the time of a run do not",
        operators.len(),
        count(weights, "large weight tensor"),
        kinds.join(", "),
        stored / 1024.0,
        needed / 1024.0
    );
    vec![Finding { lint: LINT.name, severity: Severity::Warning, operators, message }]
}

fn is_clustered(dtype: TensorType, contents: &Contents) -> bool {
    match dtype {
        TensorType::INT8 | TensorType::UINT8 => contents.distinct <= CLUSTERED_CODES,
        _ => contents.distinct * CLUSTERED_RATIO <= contents.elements,
    }
}
