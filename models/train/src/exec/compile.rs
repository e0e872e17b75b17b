//! From layers to steps: which layers share a pass, which values are held, who wants which gradient.

use edgebench_train_kernels::{Act, ConvPlan, ConvShape, DepthwisePlan, Kernels, PadShape, PoolShape, UpsampleShape};

use super::program::{BatchNorm, Conv, Kind, Norm, Plan, Program, Step, Value, Want};
use super::stages;
use crate::net::{self, Activation, Layer, LayerId, Op, Pool, Role, Shape, Window};
use crate::{Error, Net};

/// Kernels of more weights than this are shared among threads by output channels, if an image also has few pixels.
const MANY_WEIGHTS: usize = 1 << 16;

impl Program {
    /// Makes `net` ready for groups of `images` images.
    ///
    /// # Errors
    /// [`Error::Net`] if a layer is not used, or the kernels cannot compute it.
    pub(super) fn new(kernels: &Kernels, net: &Net, images: usize) -> Result<Program, Error> {
        let mut compiler = Compiler::new(kernels, net)?;
        for layer in 0..net.layers().len() {
            compiler.layer(layer)?;
        }
        let logits = compiler.value[net.output()];
        let Compiler { convs, norms, mut steps, values, .. } = compiler;
        want_gradients(&mut steps, &norms, values.len());
        Ok(stages::arrange(convs, norms, steps, values, (logits, net.classes()), images))
    }
}

struct Compiler<'a> {
    kernels: &'a Kernels,
    net: &'a Net,
    /// The one layer that takes the value of each layer, if it is one.
    only_user: Vec<Option<LayerId>>,
    /// Layers that are computed within the pass of a later one.
    absorbed: Vec<bool>,
    /// The value that each layer yields; layers that are absorbed have none.
    value: Vec<Value>,
    convs: Vec<Conv>,
    norms: Vec<Norm>,
    steps: Vec<Step>,
    values: Vec<usize>,
    /// The convolution that yields each value.
    conv_of: Vec<Option<usize>>,
}

const NO_VALUE: Value = usize::MAX;

impl<'a> Compiler<'a> {
    fn new(kernels: &'a Kernels, net: &'a Net) -> Result<Self, Error> {
        let layers = net.layers();
        let uses = net.uses();
        if let Some(unused) = (0..net.output()).find(|&layer| uses[layer] == 0) {
            return Err(net.problem(unused, "no later layer takes its value"));
        }
        let mut only_user = vec![None; layers.len()];
        for (at, layer) in layers.iter().enumerate() {
            for &input in layer.inputs.iter().filter(|&&input| uses[input] == 1) {
                only_user[input] = Some(at);
            }
        }
        let mut absorbed = vec![false; layers.len()];
        for (at, layer) in layers.iter().enumerate() {
            let Some(user) = only_user[at] else { continue };
            let into = &layers[user].op;
            absorbed[at] = match layer.op {
                // Of two normalised operands of an addition the first is computed with it.
                Op::BatchNorm { .. } if *into == Op::Add => {
                    layers[user].inputs[0] == at || !is_normed(net, layers[user].inputs[0], &only_user)
                }
                Op::BatchNorm { .. } | Op::Add => matches!(into, Op::Act(_) | Op::FakeQuant),
                // Gradients of a hard swish and of a simulated quantisation take one pass each.
                Op::Act(Activation::HardSwish) => false,
                Op::Act(_) => *into == Op::FakeQuant,
                _ => false,
            };
        }
        let value = vec![NO_VALUE; layers.len()];
        let (convs, norms, steps, values, conv_of) = <_>::default();
        Ok(Compiler { kernels, net, only_user, absorbed, value, convs, norms, steps, values, conv_of })
    }

    fn new_value(&mut self, layer: LayerId) -> Value {
        self.values.push(self.net.shape(layer).len());
        self.conv_of.push(None);
        self.value[layer] = self.values.len() - 1;
        self.value[layer]
    }

    fn layer(&mut self, at: LayerId) -> Result<(), Error> {
        let net = self.net;
        let Layer { op, inputs, .. } = &net.layers()[at];
        if self.absorbed[at] {
            return Ok(());
        }
        let Some(&input) = inputs.first() else {
            self.new_value(at);
            return Ok(());
        };
        let (from, to) = (net.shape(input), net.shape(at));
        match op {
            Op::Input => unreachable!("the input has no input"),
            Op::Flatten => self.value[at] = self.value[input],
            Op::BatchNorm { .. } | Op::Act(_) | Op::Add | Op::FakeQuant => self.norm(at),
            Op::Conv(_) | Op::Depthwise { .. } | Op::Dense { .. } => self.conv(at, from, to)?,
            Op::Pool(pool, window) => {
                let shape = pool_shape(window, from, to);
                shape.check().map_err(|error| net.problem(at, error.to_string()))?;
                self.step(Kind::Pool { shape, max: *pool == Pool::Max }, input, at);
            }
            Op::GlobalAveragePool => {
                self.step(Kind::Mean { channels: from.c }, input, at);
            }
            Op::Upsample(factor) => {
                let shape = UpsampleShape { in_h: from.h, in_w: from.w, channels: from.c, factor: *factor };
                self.step(Kind::Upsample(shape), input, at);
            }
            Op::Pad([top, bottom, left, right]) => {
                let (rows, columns) = ([*top, *bottom], [*left, *right]);
                let shape = PadShape { in_h: from.h, in_w: from.w, channels: from.c, rows, columns };
                self.step(Kind::Pad(shape), input, at);
            }
            Op::Dropout(rate) => {
                let stream = u32::try_from(at).unwrap_or(u32::MAX);
                self.step(Kind::Dropout { rate: *rate, stream }, input, at);
            }
        }
        Ok(())
    }

    /// Adds a step from the value of layer `input` to a new value of layer `at`.
    fn step(&mut self, kind: Kind, input: LayerId, at: LayerId) -> Value {
        let x = self.value[input];
        let y = self.new_value(at);
        self.steps.push(Step { kind, x, y, gradient: [Want::Nothing; 2] });
        y
    }

    fn conv(&mut self, at: LayerId, from: Shape, to: Shape) -> Result<(), Error> {
        let net = self.net;
        let Layer { op, inputs, .. } = &net.layers()[at];
        let refuse = |error: edgebench_train_kernels::ShapeError| net.problem(at, error.to_string());
        let plan = match op {
            Op::Conv(net::Conv { window, groups, .. }) => {
                Plan::Conv(ConvPlan::new(self.kernels, conv_shape(window, from, to, *groups)).map_err(refuse)?)
            }
            Op::Depthwise { window, .. } => {
                let shape = conv_shape(window, from, to, from.c);
                Plan::Depthwise(DepthwisePlan::new(self.kernels, shape).map_err(refuse)?)
            }
            _ => {
                let shape = conv_shape(&Window::square(1), Shape::new(1, 1, from.len()), to, 1);
                Plan::Conv(ConvPlan::new(self.kernels, shape).map_err(refuse)?)
            }
        };
        let weight = net.tensors_of(at).start;
        let elements = net.tensors()[weight].elements();
        let shared = matches!(plan, Plan::Conv(_)) && elements > MANY_WEIGHTS && elements > 16 * to.pixels() * to.c;
        let y = self.step(Kind::Conv(self.convs.len()), inputs[0], at);
        self.conv_of[y] = Some(self.convs.len());
        let bias = net.tensor(at, Role::Bias);
        self.convs.push(Conv { plan, weight, bias, channels: to.c, shared, statistics: None });
        Ok(())
    }

    /// The pass that ends with layer `at`: back through the layers that it has absorbed.
    fn norm(&mut self, at: LayerId) {
        let net = self.net;
        let layers = net.layers();
        let mut cur = at;
        let mut range = None;
        let mut act = Act::None;
        let mut residual = None;
        let mut batch_norm = None;
        // What is still to be looked at: `cur` itself, and then operands as far as they are absorbed.
        let next = |cur: LayerId, absorbed: &[bool]| Some(cur).filter(|&cur| absorbed[cur]);
        let mut open = Some(at);
        if layers[cur].op == Op::FakeQuant {
            range = net.tensor(cur, Role::Range);
            cur = layers[cur].inputs[0];
            open = next(cur, &self.absorbed);
        }
        if let (Some(_), Op::Act(kind)) = (open, &layers[cur].op) {
            act = match kind {
                Activation::Relu => Act::Relu,
                Activation::Relu6 => Act::Relu6,
                Activation::HardSwish => Act::HardSwish,
            };
            cur = layers[cur].inputs[0];
            open = next(cur, &self.absorbed);
        }
        if open.is_some() && layers[cur].op == Op::Add {
            let [a, b] = [layers[cur].inputs[0], layers[cur].inputs[1]];
            let (main, other) = if !self.absorbed[a] && self.absorbed[b] { (b, a) } else { (a, b) };
            residual = Some(self.value[other]);
            cur = main;
            open = next(cur, &self.absorbed);
        }
        if open.is_some() && matches!(layers[cur].op, Op::BatchNorm { .. }) {
            batch_norm = Some(self.batch_norm(cur));
            cur = layers[cur].inputs[0];
        }
        let norm = self.norms.len();
        if batch_norm.is_some() {
            // Statistics are taken where the value is made, while it is in the cache.
            match self.conv_of[self.value[cur]] {
                Some(conv) if self.only_user[cur].is_some() => self.convs[conv].statistics = Some(norm),
                _ => self.statistics_step(norm, cur),
            }
        }
        self.norms.push(Norm { channels: net.shape(at).c, batch_norm, act, range });
        self.step(Kind::Norm { norm, residual }, cur, at);
    }

    /// Where no convolution is before a batch normalisation, the convolution's place is taken by a step that only sums.
    fn statistics_step(&mut self, norm: usize, of: LayerId) {
        let x = self.value[of];
        self.steps.push(Step { kind: Kind::Statistics { norm }, x, y: x, gradient: [Want::Nothing; 2] });
    }

    fn batch_norm(&self, layer: LayerId) -> BatchNorm {
        let Op::BatchNorm { epsilon, momentum } = self.net.layers()[layer].op else { unreachable!("asked for one") };
        let first = self.net.tensors_of(layer).start;
        let [gamma, beta, mean, variance] = [first, first + 1, first + 2, first + 3];
        BatchNorm { gamma, beta, mean, variance, epsilon: f64::from(epsilon), momentum }
    }
}

/// Whether `layer` is a batch normalisation that only one layer takes.
fn is_normed(net: &Net, layer: LayerId, only_user: &[Option<LayerId>]) -> bool {
    matches!(net.layers()[layer].op, Op::BatchNorm { .. }) && only_user[layer].is_some()
}

fn conv_shape(window: &Window, from: Shape, to: Shape, groups: usize) -> ConvShape {
    ConvShape {
        in_h: from.h,
        in_w: from.w,
        in_c: from.c,
        out_h: to.h,
        out_w: to.w,
        out_c: to.c,
        kernel: window.kernel,
        stride: window.stride,
        dilation: window.dilation,
        pad: before(window, from),
        groups,
    }
}

fn pool_shape(window: &Window, from: Shape, to: Shape) -> PoolShape {
    PoolShape {
        in_h: from.h,
        in_w: from.w,
        channels: from.c,
        out_h: to.h,
        out_w: to.w,
        window: window.kernel,
        stride: window.stride,
        pad: before(window, from),
    }
}

/// Zeros above and to the left.
fn before(window: &Window, from: Shape) -> [usize; 2] {
    [(0, from.h), (1, from.w)].map(|(axis, size)| window.over(axis, size).map_or(0, |(_, before)| before))
}

/// Decides who writes and who adds to the gradient of a value: the backward pass goes through the steps in reverse, the first to
/// come writes. Gradients of what depends on no parameter are not wanted.
fn want_gradients(steps: &mut [Step], norms: &[Norm], values: usize) {
    let mut trained = vec![false; values];
    for step in steps.iter() {
        let here = match step.kind {
            Kind::Conv(_) => true,
            Kind::Norm { norm, residual } => {
                norms[norm].batch_norm.is_some() || residual.is_some_and(|value| trained[value])
            }
            _ => false,
        };
        trained[step.y] |= here || trained[step.x];
    }
    let mut written = vec![false; values];
    let mut want = |value: Value| match value {
        _ if !trained[value] => Want::Nothing,
        _ if std::mem::replace(&mut written[value], true) => Want::Add,
        _ => Want::Write,
    };
    for step in steps.iter_mut().rev() {
        let residual = match step.kind {
            Kind::Statistics { .. } => continue,
            Kind::Norm { residual, .. } => residual,
            _ => None,
        };
        step.gradient = [want(step.x), residual.map_or(Want::Nothing, &mut want)];
    }
}
