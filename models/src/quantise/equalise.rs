//! Cross-layer equalisation: channels of similar size in every layer, without changing what the network computes.
//!
//! M. Nagel et al., *Data-Free Quantization Through Weight Equalization and Bias Correction*, ICCV 2019, section 4.1. For `s > 0`,
//! `relu(s·x) = s·relu(x)`: so the weights and the bias that make channel `i` may be divided by `s_i` if the weights of the next
//! layer that read it are multiplied by `s_i`. With `s_i = √(r1_i / r2_i)`, `r` being the largest weight on either side, both
//! sides have the same range. Chains of layers are gone through again and again until nothing moves.
//!
//! Not from the paper: RELU6 stays as it is (the paper makes it a RELU), so layers with it are left alone; and biases are not
//! absorbed into the next layer, which needs the statistics of batch normalisation.

use super::network::{Network, Role};
use super::params::channel_maxima;
use super::{Error, fuse_activations};
use crate::tflite::{Activation, BuiltinOperator as B, Model, Options};

/// What was equalised.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Equalisation {
    /// Pairs of layers with a channel that was rescaled.
    pub pairs: usize,
    /// Times that all pairs were gone through.
    pub rounds: usize,
    /// The largest factor between a channel before and after, at least 1.
    pub largest: f64,
}

/// Most rounds; chains of some dozens of layers have settled long before.
const MOST_ROUNDS: usize = 100;

/// A round whose factors all lie within this of 1 is the last.
const SETTLED: f64 = 1e-4;

/// Two layers between which channels can be rescaled.
struct Pair {
    /// Weights, their axis of output channels, bias.
    first: (usize, usize, Option<usize>),
    /// Weights and their axis of input channels.
    second: (usize, usize),
}

/// The model with equalised layers; activations RELU are fused on the way.
///
/// # Errors
/// If the model cannot be quantised at all (see [`super::quantise()`]).
pub fn equalise(model: &Model) -> Result<(Model, Equalisation), Error> {
    Network::new(model)?;
    let mut equal = fuse_activations(model);
    let network = Network::new(&equal)?;
    let pairs = pairs(&network);
    let mut tensors: Vec<Option<Vec<f32>>> = vec![None; network.float.len()];
    for pair in &pairs {
        for tensor in [Some(pair.first.0), pair.first.2, Some(pair.second.0)].into_iter().flatten() {
            tensors[tensor].get_or_insert_with(|| network.values(tensor));
        }
    }
    let shapes: Vec<Vec<usize>> = (0..network.float.len()).map(|t| network.shape(t)).collect();
    let mut report = Equalisation { largest: 1.0, ..Equalisation::default() };
    let mut total: Vec<Vec<f64>> = pairs.iter().map(|p| vec![1.0; shapes[p.first.0][p.first.1]]).collect();
    while report.rounds < MOST_ROUNDS && !pairs.is_empty() {
        let mut moved = 0.0_f64;
        for (pair, total) in pairs.iter().zip(&mut total) {
            let factors = factors(pair, &tensors, &shapes);
            moved = factors.iter().fold(moved, |most, factor| most.max(factor.ln().abs()));
            total.iter_mut().zip(&factors).for_each(|(total, factor)| *total *= factor);
            apply(pair, &factors, &mut tensors, &shapes);
        }
        report.rounds += 1;
        if moved < SETTLED {
            break;
        }
    }
    for factors in &total {
        let most = factors.iter().fold(1.0_f64, |most, f| most.max(f.max(1.0 / f)));
        report.pairs += usize::from(most > 1.0 + SETTLED);
        report.largest = report.largest.max(most);
    }
    for (tensor, values) in tensors.into_iter().enumerate() {
        let Some(values) = values else { continue };
        let buffer = u32::try_from(equal.buffers.len()).unwrap_or(u32::MAX);
        equal.buffers.push(values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>().into());
        equal.subgraphs[0].tensors[tensor].buffer = buffer;
    }
    Ok((equal, report))
}

/// The pairs of a network, in its order.
fn pairs(network: &Network<'_>) -> Vec<Pair> {
    (0..network.nodes.len()).filter_map(|at| pair(network, at)).collect()
}

/// The layer at `at` and the one that alone reads what it gives, directly or through operators that treat channels alike.
fn pair(network: &Network<'_>, at: usize) -> Option<Pair> {
    let first = &network.nodes[at];
    let Role::Product { axis } = first.role else { return None };
    let operators = &network.graph().operators;
    let activation = match &operators[at].options {
        Options::Conv2D(o) => o.activation,
        Options::DepthwiseConv2D(o) => o.activation,
        Options::FullyConnected(o) => o.activation,
        _ => return None,
    };
    if !matches!(activation, Activation::NONE | Activation::RELU) {
        return None;
    }
    let own = |tensor: usize| network.users[tensor].len() == 1 && !network.is_output(tensor);
    let channels = network.shape(first.inputs[1]?)[axis];
    let mut tensor = *first.outputs.first()?;
    loop {
        let &[(next, 0)] = &network.users[tensor][..] else { return None };
        if network.is_output(tensor) {
            return None;
        }
        let node = &network.nodes[next];
        let options = &operators[next].options;
        match node.kind {
            B::MAX_POOL_2D | B::AVERAGE_POOL_2D => match options {
                Options::Pool2D(o) if matches!(o.activation, Activation::NONE | Activation::RELU) => {}
                _ => return None,
            },
            B::RELU | B::RESIZE_NEAREST_NEIGHBOR | B::RESIZE_BILINEAR => {}
            // Nothing may be padded or averaged along the channels.
            B::PAD | B::MEAN if network.shape(*node.outputs.first()?).last() == Some(&channels) => {}
            B::CONV_2D | B::DEPTHWISE_CONV_2D | B::FULLY_CONNECTED => {
                let weights = node.inputs[1].filter(|&w| own(w) && first.inputs[1].is_some_and(own))?;
                let bias = first.inputs.get(2).copied().flatten();
                if bias.is_some_and(|bias| !own(bias)) {
                    return None;
                }
                let axis_in = if node.kind == B::FULLY_CONNECTED { 1 } else { 3 };
                // Groups and depth multipliers read channels in another way.
                let shape = network.shape(weights);
                let whole = shape.len() > axis_in && shape[axis_in] == channels;
                return whole.then_some(Pair { first: (first.inputs[1]?, axis, bias), second: (weights, axis_in) });
            }
            _ => return None,
        }
        tensor = *node.outputs.first()?;
    }
}

/// By what each channel is divided in the first layer and multiplied in the second.
fn factors(pair: &Pair, tensors: &[Option<Vec<f32>>], shapes: &[Vec<usize>]) -> Vec<f64> {
    let maxima = |tensor: usize, axis| {
        tensors[tensor].as_ref().map_or_else(Vec::new, |values| channel_maxima(values, &shapes[tensor], axis))
    };
    let first = maxima(pair.first.0, pair.first.1);
    let second = maxima(pair.second.0, pair.second.1);
    let factor = |(&a, &b): (&f32, &f32)| {
        let factor = (f64::from(a) / f64::from(b)).sqrt();
        // A channel that is 0 on either side stays.
        if factor.is_finite() && factor > 0.0 { factor.clamp(1e-3, 1e3) } else { 1.0 }
    };
    first.iter().zip(&second).map(factor).collect()
}

fn apply(pair: &Pair, factors: &[f64], tensors: &mut [Option<Vec<f32>>], shapes: &[Vec<usize>]) {
    let mut scale = |tensor: usize, axis: usize, by: &dyn Fn(f64) -> f64| {
        let inner: usize = shapes[tensor][axis + 1..].iter().product();
        for (at, value) in tensors[tensor].iter_mut().flatten().enumerate() {
            let factor = factors[at / inner.max(1) % factors.len()];
            *value = (f64::from(*value) * by(factor)) as f32;
        }
    };
    scale(pair.first.0, pair.first.1, &|factor| 1.0 / factor);
    if let Some(bias) = pair.first.2 {
        scale(bias, 0, &|factor| 1.0 / factor);
    }
    scale(pair.second.0, pair.second.1, &|factor| factor);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::{Builder, Kernel, Window};

    /// A convolution, a depthwise one and another, with channels of very different size.
    fn chain(activation: crate::graph::Activation) -> Model {
        let mut b = Builder::new("chain");
        let x = b.input("x", &[1, 4, 4, 2]).expect("a shape");
        let first: Vec<f32> = vec![8.0, -6.0, 0.01, 0.02, 1.0, 1.5];
        let kernel = Kernel { shape: &[3, 1, 1, 2], values: &first, bias: Some(&[1.0, 0.001, 0.1]) };
        let window = Window { activation, ..Window::default() };
        let x = b.conv_2d(x, &kernel, window).expect("a layer");
        let values: Vec<f32> = (0..27).map(|i| (i % 5) as f32 - 2.0).collect();
        let kernel = Kernel { shape: &[1, 3, 3, 3], values: &values, bias: None };
        let x = b.depthwise_conv_2d(x, &kernel, window).expect("a layer");
        let kernel = Kernel { shape: &[2, 1, 1, 3], values: &[0.1, 5.0, 1.0, -0.2, 9.0, 0.5], bias: None };
        let x = b.conv_2d(x, &kernel, Window::default()).expect("a layer");
        b.finish(&[("y", x)]).expect("a model")
    }

    #[test]
    fn both_sides_of_a_channel_get_the_same_range() {
        let model = chain(crate::graph::Activation::Relu);
        let (equal, report) = equalise(&model).expect("equalised");
        assert_eq!(report.pairs, 2);
        let network = Network::new(&equal).expect("a network");
        for pair in pairs(&network) {
            let maxima = |(tensor, axis)| channel_maxima(&network.values(tensor), &network.shape(tensor), axis);
            let (first, second) = (maxima((pair.first.0, pair.first.1)), maxima(pair.second));
            for (a, b) in first.iter().zip(&second) {
                assert!((a / b - 1.0).abs() < 1e-3, "{first:?} {second:?}");
            }
        }
    }

    #[test]
    fn layers_with_relu6_are_left_alone() {
        let model = chain(crate::graph::Activation::Relu6);
        let (equal, report) = equalise(&model).expect("equalised");
        assert_eq!((report.pairs, report.largest), (0, 1.0));
        assert_eq!(equal.subgraphs, model.subgraphs);
    }
}
