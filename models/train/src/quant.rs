//! Simulated quantisation: what an int8 network will compute, in float32, as the exporter writes it.

use edgebench_models::quantise::Params;
use edgebench_models::quantise::params::{bias_code, bias_scale, room_for_bias};
use edgebench_train_kernels::FakeQuant;

use crate::net::{Activation, Layer, Op, Role};
use crate::{Error, Net};

/// How much of the old range stays with every step (SPEC B.3).
const DECAY: f32 = 0.999;

/// The int8 codes of an activation of this range, or `None` before anything has been seen.
#[must_use]
pub fn activation(range: &[f32]) -> Option<FakeQuant> {
    let &[lo, hi] = range else { return None };
    if lo == hi {
        return None;
    }
    let Params { scale, zero_point } = Params::of_range(lo, hi);
    Some(FakeQuant { scale, zero_point, min: -128, max: 127 })
}

/// A range follows the smallest and largest value of a batch; the first batch sets it.
pub(crate) fn follow(range: &mut [f32], (lo, hi): (f32, f32)) {
    if lo > hi {
        return;
    }
    let (lo, hi) = (lo.min(0.0), hi.max(0.0));
    if range[0] == range[1] {
        range.copy_from_slice(&[lo, hi]);
    } else {
        range[0] = DECAY * range[0] + (1.0 - DECAY) * lo;
        range[1] = DECAY * range[1] + (1.0 - DECAY) * hi;
    }
}

/// `net` with simulated quantisation wherever its int8 form has a tensor with a range of its own: after the input, after convolutions
/// and dense layers, additions and means, and behind their ReLU where they have one. Where it is there already, as in a network out of
/// a file, it stays with its range. Kernels are not touched; their path
/// ([`WeightPath::quantised`](crate::technique::WeightPath)) is.
///
/// # Errors
/// [`Error::Net`] for batch normalisation, which must be folded before.
pub fn insert(net: &Net, params: &crate::Params) -> Result<(Net, crate::Params), Error> {
    let uses = net.uses();
    let layers = net.layers();
    let mut out = Net::new(net.name(), net.input())?;
    let mut values = Vec::new();
    let mut place = vec![0; layers.len()];
    for (at, layer) in layers.iter().enumerate() {
        if let Op::BatchNorm { .. } = layer.op {
            return Err(net.problem(at, "fold batch normalisation before quantisation is simulated"));
        }
        if at > 0 {
            let inputs: Vec<usize> = layer.inputs.iter().map(|&input| place[input]).collect();
            values.extend(net.tensors_of(at).map(|tensor| params.get(tensor).to_vec()));
            place[at] = out.add(layer.name.clone(), layer.op.clone(), &inputs)?;
        }
        let next = layers.iter().find(|next| next.inputs.contains(&at)).filter(|_| uses[at] == 1);
        let fused = next.is_some_and(|next| matches!(next.op, Op::Act(Activation::Relu | Activation::Relu6)));
        let ranged = match layer.op {
            Op::Input | Op::Act(_) | Op::GlobalAveragePool => true,
            Op::Conv(_) | Op::Depthwise { .. } | Op::Dense { .. } | Op::Add => !fused,
            _ => false,
        };
        if ranged && next.is_none_or(|next| next.op != Op::FakeQuant) {
            let taken = |name: &String| layers.iter().any(|layer| layer.name == *name);
            let mut name = format!("{}/quant", layer.name);
            while taken(&name) {
                name.push('_');
            }
            place[at] = out.add(name, Op::FakeQuant, &[place[at]])?;
            values.push(vec![0.0; 2]);
        }
    }
    let params = crate::Params::new(&out, values)?;
    Ok((out, params))
}

/// Biases become the multiples that an int8 file holds: of the scale of the input times that of the channel's weights. `scales` are
/// those of each kernel that is quantised.
pub(crate) fn round_biases(net: &Net, scales: &[Option<Vec<f32>>], params: &mut crate::Params) {
    for layer in 1..net.layers().len() {
        let Some(kernel) = net.tensors_of(layer).find(|&at| net.tensors()[at].role.is_kernel()) else { continue };
        let (Some(scales), Some(bias)) = (&scales[kernel], net.tensor(layer, Role::Bias)) else { continue };
        let Some(input) = input_scale(net, params, layer) else { continue };
        for (bias, weights) in params.tensors_mut()[bias].iter_mut().zip(scales) {
            // So large a bias makes the exporter take other scales.
            if room_for_bias(*bias, input, *weights).is_none() {
                let scale = bias_scale(input, *weights);
                *bias = (f64::from(bias_code(*bias, scale)) * f64::from(scale)) as f32;
            }
        }
    }
}

/// The scale of the codes that `layer` takes: of the last simulated quantisation before it, if only moves are between.
fn input_scale(net: &Net, params: &crate::Params, layer: usize) -> Option<f32> {
    let mut at = net.layers()[layer].inputs[0];
    loop {
        let Layer { op, inputs, .. } = &net.layers()[at];
        match op {
            Op::FakeQuant => return Some(activation(params.get(net.tensors_of(at).start))?.scale),
            Op::Pad(_) | Op::Upsample(_) | Op::Pool(..) | Op::Flatten | Op::Dropout(_) => at = inputs[0],
            _ => return None,
        }
    }
}
