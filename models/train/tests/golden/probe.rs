//! Values and gradients inside of a network, seen through nothing but the gradients of its parameters.
//!
//! *In front*: the input is a single 1 for each pixel, in a channel of its own, and a 1×1 convolution turns it into the numbers that are
//! wanted: its weights. Their gradient is that of these numbers.
//!
//! *Behind*: a dense layer to one class more than there are images, of which the first has so large a bias that it takes all probability.
//! With label n + 1 for image n, the gradient of the loss is exactly (e₀ − eₙ₊₁) / N, so what comes down is chosen by the weights, and
//! their gradient is −1 / N times the values that they see.

use edgebench_train::exec::Batch;
use edgebench_train::net::{Conv, LayerId, Op, Role, Shape, Window};
use edgebench_train::{Engine, Net, Params};
use edgebench_train_kernels::Kernels;

use crate::archive::Array;

/// The probability of all other classes together is less than any `f32` can tell of.
const CERTAIN: f32 = 1e6;

/// A network under test and what its layers hold.
pub(crate) struct Probe {
    images: usize,
    shape: Shape,
    net: Net,
    fronts: Vec<LayerId>,
    values: Vec<Vec<f32>>,
}

/// What a probe has seen.
pub(crate) struct Seen {
    /// The output, `[images, …]`.
    pub(crate) y: Vec<f32>,
    /// The gradient of each front.
    pub(crate) fronts: Vec<Vec<f32>>,
    /// Gradients of the tensors of the layer under test.
    pub(crate) gradients: Vec<Vec<f32>>,
    /// Its tensors after the step.
    pub(crate) after: Vec<Vec<f32>>,
}

/// `[N, H, W, C]` or `[N, C]` as a shape; other arrays are one image of one pixel.
pub(crate) fn shape_of(x: &Array) -> (usize, Shape) {
    match x.shape[..] {
        [n, h, w, c] => (n, Shape::new(h, w, c)),
        [n, c] => (n, Shape::new(1, 1, c)),
        _ => (1, Shape::new(1, 1, x.values.len())),
    }
}

impl Probe {
    /// For inputs like `x`.
    pub(crate) fn new(x: &Array) -> Probe {
        let (images, shape) = shape_of(x);
        let net = Net::new("probe", Shape::new(shape.h, shape.w, images * shape.pixels())).unwrap();
        Probe { images, shape, net, fronts: Vec::new(), values: Vec::new() }
    }

    /// A value that is `x`.
    pub(crate) fn front(&mut self, x: &Array) -> LayerId {
        assert_eq!(shape_of(x), (self.images, self.shape), "all inputs have one shape");
        let conv = Conv { bias: false, ..Conv::new(self.shape.c, Window::square(1)) };
        let layer = self.net.add(format!("front{}", self.fronts.len()), Op::Conv(conv), &[0]).unwrap();
        self.values.push(transposed(&x.values, self.shape.c));
        self.fronts.push(layer);
        layer
    }

    /// The layer under test, with its tensors; `dy` is what comes down to it.
    pub(crate) fn run(mut self, op: Op, inputs: &[LayerId], tensors: &[&[f32]], dy: &[f32]) -> Seen {
        let layer = self.net.add("layer", op, inputs).unwrap();
        self.values.extend(tensors.iter().map(|values| values.to_vec()));
        let (images, pixels) = (self.images, self.shape.pixels());
        let back = behind(&mut self.net, &mut self.values, dy);
        let net = &self.net;
        let mut params = Params::new(net, self.values).unwrap();
        let fill = move |image: usize, x: &mut [f32]| {
            x.fill(0.0);
            for (pixel, x) in x.chunks_exact_mut(images * pixels).enumerate() {
                x[image * pixels + pixel] = 1.0;
            }
        };
        let gradients = step(net, &mut params, images, &fill);
        let of = |layer| net.tensor(layer, Role::Kernel).map(|tensor| &gradients[tensor]).expect("a kernel");
        let y = seen(of(back), images);
        let own = net.tensors_of(layer);
        Seen {
            y,
            fronts: self.fronts.iter().map(|&front| transposed(of(front), images * pixels)).collect(),
            gradients: gradients[own.clone()].to_vec(),
            after: params.tensors()[own].to_vec(),
        }
    }
}

/// The output of a network while it trains, `[images, …]`.
pub(crate) fn output(net: &Net, params: &Params, images: usize, fill: &(dyn Fn(usize, &mut [f32]) + Sync)) -> Vec<f32> {
    let (mut net, mut values) = (net.clone(), params.tensors().to_vec());
    let nothing = vec![0.0; images * net.classes()];
    let back = behind(&mut net, &mut values, &nothing);
    let mut params = Params::new(&net, values).unwrap();
    let gradients = step(&net, &mut params, images, fill);
    seen(&gradients[net.tensors_of(back).start], images)
}

/// Adds the layer behind, so that `dy` (for each image) comes down to what is the last layer now.
fn behind(net: &mut Net, values: &mut Vec<Vec<f32>>, dy: &[f32]) -> LayerId {
    let (last, outputs) = (net.output(), net.classes());
    assert_eq!(dy.len() % outputs, 0, "a gradient for each output");
    let images = dy.len() / outputs;
    let mut weights = vec![0.0; outputs];
    weights.extend(dy.iter().map(|dy| -dy * images as f32));
    let mut bias = vec![0.0; images + 1];
    bias[0] = CERTAIN;
    values.extend([weights, bias]);
    net.dense("back", last, images + 1).unwrap()
}

/// Gradients of one step with the labels that the layer behind is made for.
fn step(net: &Net, params: &mut Params, images: usize, fill: &(dyn Fn(usize, &mut [f32]) + Sync)) -> Vec<Vec<f32>> {
    let mut engine = Engine::new(net, 1, Kernels::detect()).unwrap();
    engine.load(params);
    let labels: Vec<u32> = (1..=images as u32).collect();
    engine.step(params, &Batch { labels: &labels, fill, label_smoothing: 0.0, key: 1 });
    engine.gradients().to_vec()
}

/// What the layer behind has seen, by the gradient of its weights.
fn seen(gradient: &[f32], images: usize) -> Vec<f32> {
    gradient[gradient.len() / (images + 1)..].iter().map(|g| -g * images as f32).collect()
}

/// Rows of `columns` values to columns.
fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| values.iter().skip(column).step_by(columns)).copied().collect()
}
