//! Batch normalisation folded into the layers before it: the network as it will be deployed.

use crate::net::{Conv, Layer, Op, Role, Window};
use crate::{Error, Net, Params};

/// The same function (with running statistics) without batch normalisation. One that follows a convolution or a dense layer, alone to
/// take its value, goes into weights and bias; any other becomes a depthwise 1×1 convolution.
///
/// # Errors
/// [`Error::Net`] if the network cannot be rebuilt; that is a defect of the network.
pub fn fold(net: &Net, params: &Params) -> Result<(Net, Params), Error> {
    let uses = net.uses();
    let layers = net.layers();
    // The batch normalisation that each layer takes in.
    let mut follower = vec![None; layers.len()];
    for (at, layer) in layers.iter().enumerate() {
        if let (Op::BatchNorm { .. }, [input]) = (&layer.op, &layer.inputs[..])
            && matches!(layers[*input].op, Op::Conv(_) | Op::Depthwise { .. } | Op::Dense { .. })
            && uses[*input] == 1
        {
            follower[*input] = Some(at);
        }
    }
    let mut folded = Net::new(net.name(), net.input())?;
    let mut values = Vec::new();
    let mut place = vec![0; layers.len()];
    for (at, layer) in layers.iter().enumerate().skip(1) {
        let inputs: Vec<usize> = layer.inputs.iter().map(|&input| place[input]).collect();
        if let Some(&input) = layer.inputs.first().filter(|&&input| follower[input] == Some(at)) {
            place[at] = place[input];
            continue;
        }
        let tensors = || net.tensors_of(at).map(|tensor| params.get(tensor).to_vec());
        let op = match follower[at].or_else(|| matches!(layer.op, Op::BatchNorm { .. }).then_some(at)) {
            None => {
                values.extend(tensors());
                layer.op.clone()
            }
            Some(norm) => {
                let (scale, shift) = affine(net, params, norm);
                let (op, kernel, bias) = if norm == at {
                    (Op::Depthwise { multiplier: 1, window: Window::square(1), bias: true }, scale, shift)
                } else {
                    let (kernel, bias) = scaled(net, params, at, &scale, &shift);
                    (with_bias(layer), kernel, bias)
                };
                values.extend([kernel, bias]);
                op
            }
        };
        place[at] = folded.add(layer.name.clone(), op, &inputs)?;
    }
    let params = Params::new(&folded, values)?;
    Ok((folded, params))
}

/// Factor and summand of each channel.
pub(crate) fn affine(net: &Net, params: &Params, norm: usize) -> (Vec<f32>, Vec<f32>) {
    let first = net.tensors_of(norm).start;
    let [gamma, beta, mean, variance] = [0, 1, 2, 3].map(|at| params.get(first + at));
    let Op::BatchNorm { epsilon, .. } = net.layers()[norm].op else { return Default::default() };
    let channel = |c: usize| {
        let scale = f64::from(gamma[c]) / (f64::from(variance[c]) + f64::from(epsilon)).sqrt();
        (scale as f32, (f64::from(beta[c]) - f64::from(mean[c]) * scale) as f32)
    };
    (0..gamma.len()).map(channel).unzip()
}

/// Weights and bias of a layer followed by `scale · y + shift`.
fn scaled(net: &Net, params: &Params, layer: usize, scale: &[f32], shift: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let kernel = net.tensors_of(layer).start;
    let info = &net.tensors()[kernel];
    let mut weights = params.get(kernel).to_vec();
    let channels = scale.len();
    let row = weights.len() / channels;
    for (at, weight) in weights.iter_mut().enumerate() {
        // Depthwise kernels hold their channels last, others first.
        let channel = if info.role == Role::DepthwiseKernel { at % channels } else { at / row };
        *weight *= scale[channel];
    }
    let bias = net.tensor(layer, Role::Bias).map(|bias| params.get(bias));
    let bias = (0..channels).map(|c| bias.map_or(0.0, |bias| bias[c]).mul_add(scale[c], shift[c])).collect();
    (weights, bias)
}

fn with_bias(layer: &Layer) -> Op {
    match layer.op.clone() {
        Op::Conv(conv) => Op::Conv(Conv { bias: true, ..conv }),
        Op::Depthwise { multiplier, window, .. } => Op::Depthwise { multiplier, window, bias: true },
        Op::Dense { units, .. } => Op::Dense { units, bias: true },
        other => other,
    }
}
