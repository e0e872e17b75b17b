//! Small networks that between them have every operator of the builder, and numbers to run them on.
//!
//! `scripts/make_ptq_golden.py` has TensorFlow quantise the same networks on the same numbers.

use edgebench_models::Error;
use edgebench_models::build::{Builder, Kernel, Value, Window};
use edgebench_models::graph::{Activation, Padding};
use edgebench_models::tflite::Model;

/// Number `at` of stream `stream`, −1 to 1: multiplicative hashing, the same in the script.
pub(crate) fn number(stream: u32, at: usize) -> f32 {
    let hash = (stream.wrapping_mul(1_000_003).wrapping_add(at as u32)).wrapping_mul(2_654_435_761);
    let hash = (hash ^ (hash >> 15)).wrapping_mul(2_246_822_519);
    ((hash >> 8) as f32 / (1 << 23) as f32) - 1.0
}

/// Samples for calibration: streams 1000, 1001, …
pub(crate) fn samples(len: usize, count: usize) -> Vec<Vec<f32>> {
    (0..count).map(|s| (0..len).map(|at| number(1000 + s as u32, at)).collect()).collect()
}

/// Adds layers with weights of one stream after the other.
struct Layers {
    b: Builder,
    stream: u32,
}

impl Layers {
    fn new(name: &str, shape: &[usize]) -> Result<(Layers, Value), Error> {
        let mut b = Builder::new(name);
        let x = b.input("x", shape)?;
        Ok((Layers { b, stream: 0 }, x))
    }

    fn numbers(&mut self, len: usize, size: f32) -> Vec<f32> {
        self.stream += 1;
        (0..len).map(|at| size * number(self.stream, at)).collect()
    }

    fn conv(&mut self, x: Value, [out, side]: [usize; 2], window: Window) -> Result<Value, Error> {
        let depth = self.b.shape(x)[3];
        let weights = self.numbers(out * side * side * depth, 0.4);
        let bias = self.numbers(out, 0.5);
        let kernel = Kernel { shape: &[out, side, side, depth], values: &weights, bias: Some(&bias) };
        self.b.conv_2d(x, &kernel, window)
    }

    /// A convolution without bias, and one with a channel whose bias is far beyond its weights, and one of zeros.
    fn odd(&mut self, x: Value) -> Result<Value, Error> {
        let weights = self.numbers(16, 0.5);
        let kernel = Kernel { shape: &[4, 1, 1, 4], values: &weights, bias: None };
        let x = self.b.conv_2d(x, &kernel, Window::default())?;
        let mut weights = self.numbers(12, 0.5);
        weights[..4].iter_mut().for_each(|weight| *weight *= 1e-7);
        weights[4..8].fill(0.0);
        let kernel = Kernel { shape: &[3, 1, 1, 4], values: &weights, bias: Some(&[20.0, 1e-5, -0.5]) };
        self.b.conv_2d(x, &kernel, Window::default())
    }

    fn depthwise(&mut self, x: Value, side: usize, window: Window) -> Result<Value, Error> {
        let depth = self.b.shape(x)[3];
        let weights = self.numbers(side * side * depth, 0.6);
        let bias = self.numbers(depth, 0.2);
        let kernel = Kernel { shape: &[1, side, side, depth], values: &weights, bias: Some(&bias) };
        self.b.depthwise_conv_2d(x, &kernel, window)
    }

    fn dense(&mut self, x: Value, out: usize, activation: Activation, bias: bool) -> Result<Value, Error> {
        let depth = self.b.shape(x)[1];
        let weights = self.numbers(out * depth, 0.5);
        let values = self.numbers(out, 0.5);
        let kernel = Kernel { shape: &[out, depth], values: &weights, bias: bias.then_some(&values[..]) };
        self.b.fully_connected(x, &kernel, activation)
    }
}

fn with(activation: Activation) -> Window {
    Window { activation, ..Window::default() }
}

/// Residual block, depthwise layer, pool, dense layers.
fn residual() -> Result<Model, Error> {
    let (mut n, x) = Layers::new("residual", &[1, 9, 9, 3])?;
    let x = n.conv(x, [8, 3], Window { stride: [2, 2], ..with(Activation::Relu) })?;
    let y = n.depthwise(x, 3, with(Activation::Relu6))?;
    let y = n.conv(y, [8, 1], with(Activation::None))?;
    let x = n.b.add(x, y, Activation::Relu)?;
    let valid = Window { padding: Padding::Valid, stride: [2, 2], ..Window::default() };
    let x = n.b.average_pool_2d(x, [2, 2], valid)?;
    let x = n.b.reshape(x, &[2 * 2 * 8])?;
    let x = n.dense(x, 12, Activation::Relu, true)?;
    let x = n.dense(x, 5, Activation::None, false)?;
    let x = n.b.softmax(x, 1.0)?;
    n.b.finish(&[("scores", x)])
}

/// Squeeze and excitation with HARD_SWISH, constants, nearest up-sampling.
fn gated() -> Result<Model, Error> {
    let (mut n, x) = Layers::new("gated", &[1, 6, 6, 2])?;
    let x = n.b.resize_nearest_neighbor(x, [12, 12])?;
    let x = n.conv(x, [8, 3], Window { stride: [2, 2], ..Window::default() })?;
    let x = n.b.hard_swish(x)?;
    let g = n.b.mean(x, &[1, 2], true)?;
    let g = n.conv(g, [4, 1], with(Activation::Relu))?;
    let g = n.conv(g, [8, 1], with(Activation::None))?;
    let g = n.b.logistic(g)?;
    let x = n.b.mul(x, g, Activation::None)?;
    let scale = n.numbers(8, 2.0);
    let x = n.b.mul_constant(x, &[8], &scale)?;
    let shift = n.numbers(8, 1.0);
    let x = n.b.add_constant(x, &[8], &shift)?;
    let x = n.b.mean(x, &[1, 2], false)?;
    let x = n.dense(x, 3, Activation::None, true)?;
    n.b.finish(&[("logits", x)])
}

/// Branches that are joined, padding, pools.
fn joined() -> Result<Model, Error> {
    let (mut n, x) = Layers::new("joined", &[1, 8, 8, 3])?;
    let x = n.b.pad(x, &[[0, 0], [1, 0], [2, 1], [0, 0]])?;
    let x = n.conv(x, [6, 3], Window { padding: Padding::Valid, ..with(Activation::Relu) })?;
    let a = n.conv(x, [4, 1], with(Activation::Relu))?;
    let c = n.conv(x, [5, 3], with(Activation::None))?;
    let d = n.b.max_pool_2d(x, [3, 3], Window::default())?;
    let x = n.b.concatenation(&[a, c, d], 3, Activation::None)?;
    let x = n.b.max_pool_2d(x, [2, 2], Window { stride: [2, 2], ..Window::default() })?;
    let x = n.conv(x, [4, 3], with(Activation::None))?;
    let x = n.odd(x)?;
    let x = n.b.mean(x, &[1, 2], false)?;
    n.b.finish(&[("features", x)])
}

/// Scales that meet: fixed ones in a join, one tensor in two joins, activations that cannot be fused.
fn meeting() -> Result<Model, Error> {
    let (mut n, x) = Layers::new("meeting", &[1, 6, 6, 4])?;
    let x = n.conv(x, [4, 3], with(Activation::None))?;
    let p = n.b.max_pool_2d(x, [2, 2], Window { stride: [2, 2], ..Window::default() })?;
    let q = n.b.relu(p)?;
    let l = n.b.logistic(q)?;
    let t = n.b.tanh(p)?;
    let first = n.b.concatenation(&[p, l], 3, Activation::None)?;
    let second = n.b.concatenation(&[p, t, q], 3, Activation::None)?;
    let first = n.conv(first, [4, 1], with(Activation::None))?;
    let second = n.conv(second, [4, 1], with(Activation::None))?;
    let x = n.b.mul(first, second, Activation::None)?;
    let x = n.b.max_pool_2d(x, [3, 3], Window::default())?;
    let x = n.b.mean(x, &[1, 2], false)?;
    let x = n.b.relu6(x)?;
    n.b.finish(&[("y", x)])
}

/// All of them, by name, with the number of values that each takes.
pub(crate) fn all() -> Vec<(&'static str, usize, Model)> {
    let made = [
        ("residual", 9 * 9 * 3, residual()),
        ("gated", 6 * 6 * 2, gated()),
        ("joined", 8 * 8 * 3, joined()),
        ("meeting", 6 * 6 * 4, meeting()),
    ];
    made.map(|(name, len, model)| (name, len, model.expect("a network"))).into()
}
