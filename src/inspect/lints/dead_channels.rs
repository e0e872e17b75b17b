//! Output channels whose weights are all zero: they compute a constant. A whole layer of them is a broken network.

use edgebench_models::tflite::TensorType;

use super::{Finding, Lint, Severity, count};
use crate::inspect::network::Network;

pub(super) const LINT: Lint = Lint { name: "dead-channels", check };

fn check(network: &Network<'_>) -> Vec<Finding> {
    let (mut dead, mut all) = (0, 0);
    let (mut partly, mut whole) = (Vec::new(), Vec::new());
    for op in 0..network.len() {
        let Some(alive) = channels(network, op) else { continue };
        let zeros = alive.iter().filter(|&&alive| !alive).count();
        (dead, all) = (dead + zeros, all + alive.len());
        match zeros {
            0 => {}
            n if n == alive.len() => whole.push(op),
            _ => partly.push(op),
        }
    }
    let mut findings = Vec::new();
    if !whole.is_empty() {
        let message =
            format!("all weights of {} are zero: nothing of the input passes through", count(whole.len(), "layer"));
        findings.push(Finding { lint: LINT.name, severity: Severity::Error, operators: whole, message });
    }
    if !partly.is_empty() {
        let message = format!(
            "{dead} of {all} output channels have no weight but zero and always give the same value: they could be taken out of \
             the network"
        );
        findings.push(Finding { lint: LINT.name, severity: Severity::Note, operators: partly, message });
    }
    findings
}

/// Whether each output channel of `op` has a weight that is not zero; `None` for operators without weights.
fn channels(network: &Network<'_>, op: usize) -> Option<Vec<bool>> {
    let axis = network.channel_axis(op)?;
    let id = network.input(op, 1)?;
    let (shape, tensor, bytes) = (network.shape(id), network.tensor(id), network.dense(id)?);
    let size = match tensor.dtype {
        TensorType::INT8 | TensorType::UINT8 | TensorType::INT4 => 1,
        TensorType::FLOAT32 => 4,
        _ => return None,
    };
    let (&count, inner) = (shape.get(axis)?, shape.get(axis + 1..)?.iter().product::<usize>());
    let zero_points = tensor.quantization.as_ref().map_or(&[][..], |q| &q.zero_point[..]);
    let zero = |channel: usize| zero_points.get(channel).or(zero_points.first()).map_or(0, |&z| z as u8);
    let mut alive = vec![false; count];
    for (at, value) in bytes.chunks_exact(size).enumerate() {
        let channel = at / inner.max(1) % count;
        let is_zero = match value {
            [code] => *code == zero(channel),
            // Both zeros of a float have no bit set but the sign.
            [low @ .., high] => low.iter().all(|&b| b == 0) && high & 0x7f == 0,
            [] => true,
        };
        alive[channel] |= !is_zero;
    }
    Some(alive)
}
