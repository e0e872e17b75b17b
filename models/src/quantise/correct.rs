//! Bias correction: what the rounding of weights adds to the mean of a layer's outputs is taken from its bias.
//!
//! M. Nagel et al., *Data-Free Quantization Through Weight Equalization and Bias Correction*, ICCV 2019, section 4.2: rounding
//! changes the weights by ε, and so the mean of output channel `c` by `Σ ε[c, …, i] · E[x_i]`. The means of the input channels
//! `E[x_i]` are those of the calibration samples. At a border padded with zeros a window holds less; that is neglected.

use super::network::{Network, Role};
use super::{Error, QuantiseOptions, Ranges, quantise_traced};
use crate::tflite::{BuiltinOperator as B, Model, Tensor, TensorType};

/// What was corrected.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BiasCorrection {
    /// Layers whose bias was changed, or that got one.
    pub layers: usize,
    /// The largest change of a bias, in the units of its layer's outputs.
    pub largest: f64,
}

/// The float model with corrected biases. `ranges` must be calibrated on this very model: they have the means of the inputs.
///
/// # Errors
/// If the model cannot be quantised with these ranges.
pub fn correct_biases(
    model: &Model,
    ranges: &Ranges,
    options: &QuantiseOptions,
) -> Result<(Model, BiasCorrection), Error> {
    let quantised = quantise_traced(model, ranges, options)?;
    let network = Network::new(model)?;
    let mut corrected = model.clone();
    let mut report = BiasCorrection::default();
    for &(node, float, int8) in &quantised.weights {
        let Role::Product { axis } = network.nodes[node].role else { continue };
        let Some(means) = network.nodes[node].inputs[0].and_then(|x| ranges.means(x)) else { continue };
        let rounded = dequantised(&quantised.model, int8);
        let depthwise = network.nodes[node].kind == B::DEPTHWISE_CONV_2D;
        let layer = Layer { shape: network.shape(float), axis, depthwise };
        let shift = layer.shift(&network.values(float), &rounded, means);
        let Some(shift) = shift else { continue };
        let bias = network.nodes[node].inputs.get(2).copied().flatten();
        let old = bias.map_or_else(|| vec![0.0; shift.len()], |bias| network.values(bias));
        let new: Vec<f32> = old.iter().zip(&shift).map(|(&b, s)| (f64::from(b) - s) as f32).collect();
        report.layers += 1;
        report.largest = shift.iter().fold(report.largest, |most, s| most.max(s.abs()));
        set_bias(&mut corrected, node, bias, &new);
    }
    corrected.check()?;
    Ok((corrected, report))
}

struct Layer {
    shape: Vec<usize>,
    axis: usize,
    depthwise: bool,
}

impl Layer {
    /// The mean that rounding adds to each output channel; `None` if the means are of something else than input channels.
    fn shift(&self, float: &[f32], rounded: &[f32], means: &[f64]) -> Option<Vec<f64>> {
        let (channels, last) = (self.shape[self.axis], *self.shape.last()?);
        let mut shift = vec![0.0; channels];
        if self.depthwise {
            // Output channel `c` reads input channel `c / multiplier`.
            let multiplier = channels.checked_div(means.len()).filter(|m| m * means.len() == channels)?;
            for (at, (&a, &b)) in float.iter().zip(rounded).enumerate() {
                let channel = at % channels;
                shift[channel] += (f64::from(b) - f64::from(a)) * means[channel / multiplier];
            }
        } else {
            // Groups read a part of the channels each.
            let groups = means.len().checked_div(last).filter(|groups| groups * last == means.len())?;
            let per_group = channels.checked_div(groups).filter(|n| *n > 0)?;
            let inner: usize = self.shape[1..].iter().product();
            for (at, (&a, &b)) in float.iter().zip(rounded).enumerate() {
                let channel = at / inner.max(1);
                let input = channel / per_group * last + at % last;
                shift[channel] += (f64::from(b) - f64::from(a)) * means.get(input)?;
            }
        }
        Some(shift)
    }
}

/// The numbers that the codes of a constant stand for.
pub(super) fn dequantised(model: &Model, tensor: usize) -> Vec<f32> {
    let tensor = &model.subgraphs[0].tensors[tensor];
    let Some(quant) = &tensor.quantization else { return Vec::new() };
    let codes = &model.buffers[tensor.buffer as usize];
    let axis = usize::try_from(quant.quantized_dimension).unwrap_or(0);
    let size = |d: &i32| usize::try_from(*d).unwrap_or(0);
    let inner: usize = tensor.shape.iter().skip(axis + 1).map(size).product();
    let scale = |at: usize| quant.scale[at / inner.max(1) % quant.scale.len()];
    codes.iter().enumerate().map(|(at, &code)| f32::from(code.cast_signed()) * scale(at)).collect()
}

/// Gives an operator a bias of its own.
fn set_bias(model: &mut Model, node: usize, old: Option<usize>, values: &[f32]) {
    let buffer = u32::try_from(model.buffers.len()).unwrap_or(u32::MAX);
    model.buffers.push(values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>().into());
    let graph = &mut model.subgraphs[0];
    let name = old.map_or_else(|| "corrected_bias".to_owned(), |old| graph.tensors[old].name.clone());
    let shape = vec![i32::try_from(values.len()).unwrap_or(i32::MAX)];
    let dtype = TensorType::FLOAT32;
    graph.tensors.push(Tensor { shape, dtype, buffer, name, has_rank: true, ..Tensor::default() });
    let tensor = i32::try_from(graph.tensors.len() - 1).unwrap_or(i32::MAX);
    let inputs = &mut graph.operators[node].inputs;
    inputs.resize(inputs.len().max(3), -1);
    inputs[2] = tensor;
}
