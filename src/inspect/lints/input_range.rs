//! Values outside the range of a quantised input are clamped, or wrap where a program casts without clamping.

use edgebench_models::tflite::TensorType;

use super::{Finding, Lint, Severity};
use crate::data::preprocess::Preprocess;
use crate::data::quantise::InputType;
use crate::inspect::network::Network;

pub(super) const LINT: Lint = Lint { name: "input-range", check };

fn check(network: &Network<'_>) -> Vec<Finding> {
    let ids = network.graph.inputs.iter().filter_map(|&id| usize::try_from(id).ok());
    ids.filter_map(|id| input(network, id)).collect()
}

fn input(network: &Network<'_>, id: usize) -> Option<Finding> {
    let finding = |severity, message| {
        let operators = network.consumers(id).to_vec();
        Some(Finding { lint: LINT.name, severity, operators, message })
    };
    // Three channels are an image; one may be anything, such as a spectrogram.
    let severity = match network.shape(id)[..] {
        [_, _, _, 3] => Severity::Warning,
        [_, _, _, 1] => Severity::Note,
        _ => return None,
    };
    let tensor = network.tensor(id);
    let quantization = tensor.quantization.as_ref().filter(|q| q.scale.len() == 1)?;
    let zero_point = i32::try_from(quantization.zero_point.first().copied().unwrap_or(0)).ok()?;
    let input = match tensor.dtype {
        TensorType::INT8 => InputType::i8(quantization.scale[0], zero_point),
        TensorType::UINT8 => InputType::u8(quantization.scale[0], zero_point),
        _ => return None,
    };
    let q = input.quantisation()?;
    if Preprocess::from_quantisation(q).is_some() {
        return None;
    }
    let real = |code: i32| f64::from(q.scale) * (f64::from(code) - f64::from(q.zero_point));
    finding(
        severity,
        format!(
            "the input holds values from {:.4} to {:.4}, which is the range of no usual preprocessing of pixels: what lies \
             outside is clamped, so say what a pixel is (--preprocess) and watch the share of clamped values that eval reports",
            real(q.low),
            real(q.high)
        ),
    )
}
