//! What each operator is to a network that trains.

use edgebench_models::graph::{self, BinaryKind, Node, Op as G, ReduceKind, UnaryKind};

use super::constants;
use super::products::window;
use super::walk::{AFFINE, Value, Walk};
use crate::net::{Activation, LayerId, Op, Padding, Pool, Shape, Window};

const NONE: graph::Activation = graph::Activation::None;

impl Walk<'_> {
    pub(super) fn node(&mut self, node: &Node) -> Result<(), String> {
        if self.is_about_sizes(node) {
            self.values.extend(node.outputs.iter().map(|&id| (id, Value::Sizes)));
            return Ok(());
        }
        match node.op {
            G::Conv2d { padding, stride, dilation, activation, .. } => {
                self.convolution(node, window(padding, stride, dilation), activation)
            }
            G::DepthwiseConv2d { padding, stride, dilation, activation, .. } => {
                self.depthwise(node, window(padding, stride, dilation), activation)
            }
            G::FullyConnected { activation, keep_num_dims, .. } => {
                self.fully_connected(node, keep_num_dims, activation)
            }
            G::Binary { kind, activation } => self.binary(node, kind, activation),
            G::Unary(kind) => {
                let act = match kind {
                    UnaryKind::Relu => Activation::Relu,
                    UnaryKind::Relu6 => Activation::Relu6,
                    UnaryKind::HardSwish => Activation::HardSwish,
                    _ => return Err(NOT_A_LAYER.into()),
                };
                self.simple(node, Op::Act(act), NONE)
            }
            G::AveragePool { padding, stride, filter, activation } => {
                self.pool(node, Pool::Average, Window { kernel: filter, ..window(padding, stride, [1; 2]) }, activation)
            }
            G::MaxPool { padding, stride, filter, activation } => {
                self.pool(node, Pool::Max, Window { kernel: filter, ..window(padding, stride, [1; 2]) }, activation)
            }
            G::Reduce { kind, .. } => self.reduce(node, kind),
            G::Softmax { beta } => self.softmax(node, beta),
            G::Pad | G::PadV2 => self.pad(node),
            G::ResizeNearest { align_corners, .. } => self.resize(node, align_corners),
            G::Reshape { .. } | G::Squeeze | G::ExpandDims => self.reshape(node),
            G::Quantize => self.quantize(node),
            G::Dequantize | G::Densify => self.dequantize(node),
            _ => Err(NOT_A_LAYER.into()),
        }
    }

    /// Whether the operator works on sizes that were taken from the image (as files with an open batch do) and on nothing else.
    fn is_about_sizes(&self, node: &Node) -> bool {
        let values = || node.inputs.iter().flatten().map(|id| self.values.get(id));
        let about = values().any(|value| matches!(value, Some(Value::Sizes)));
        let image = values().any(|value| matches!(value, Some(Value::Layer(_) | Value::Softmax(_))));
        node.op == G::Shape || (about && !image)
    }

    fn simple(&mut self, node: &Node, op: Op, act: graph::Activation) -> Result<(), String> {
        let x = self.layer(node, 0)?;
        let layer = self.add("", op, &[x], Vec::new())?;
        self.yields(node, layer, act)
    }

    fn pool(&mut self, node: &Node, pool: Pool, window: Window, act: graph::Activation) -> Result<(), String> {
        let from = self.net.shape(self.layer(node, 0)?);
        let whole = window.padding == Padding::Valid && window.kernel == [from.h, from.w];
        let op = if whole && pool == Pool::Average { Op::GlobalAveragePool } else { Op::Pool(pool, window) };
        self.simple(node, op, act)
    }

    /// Means and maxima over the image.
    fn reduce(&mut self, node: &Node, kind: ReduceKind) -> Result<(), String> {
        let from = self.net.shape(self.layer(node, 0)?);
        let rank = self.tensor(node, 0).map_or(0, |tensor| tensor.shape.len());
        let mut axes = self.integers(node, 1)?;
        axes.iter_mut().filter(|axis| **axis < 0).for_each(|axis| *axis = axis.saturating_add(rank as i64));
        axes.sort_unstable();
        if rank != 4 || axes != [1, 2] {
            return Err(format!("over axes {axes:?} of {rank}; only height and width, axes [1, 2] of 4, are reduced"));
        }
        let all = Window { kernel: [from.h, from.w], stride: [1; 2], dilation: [1; 2], padding: Padding::Valid };
        match kind {
            ReduceKind::Mean => self.simple(node, Op::GlobalAveragePool, NONE),
            ReduceKind::Max => self.simple(node, Op::Pool(Pool::Max, all), NONE),
            ReduceKind::Sum | ReduceKind::Min => Err(NOT_A_LAYER.into()),
        }
    }

    fn softmax(&mut self, node: &Node, beta: f32) -> Result<(), String> {
        let x = self.layer(node, 0)?;
        if (beta - 1.0).abs() > 0.0 {
            return Err(format!("beta {beta}, expected 1"));
        }
        if self.net.shape(x).pixels() != 1 {
            return Err(format!("over {}, expected one vector of classes", self.net.shape(x)));
        }
        let out = self.output(node)?;
        self.values.insert(out, Value::Softmax(x));
        Ok(())
    }

    fn pad(&mut self, node: &Node) -> Result<(), String> {
        let paddings = self.integers(node, 1)?;
        let sizes: Option<Vec<usize>> = paddings.iter().map(|&pad| usize::try_from(pad).ok()).collect();
        let Some(&[0, 0, top, bottom, left, right, 0, 0]) = sizes.as_deref() else {
            return Err(format!("of {paddings:?}; only height and width are padded"));
        };
        if let Some(fill) = self.floats(node, 2)?.filter(|fill| fill.iter().any(|value| *value != 0.0)) {
            return Err(format!("with {fill:?}, expected zeros"));
        }
        if [top, bottom, left, right].iter().any(|pad| *pad > 1 << 16) {
            return Err(format!("of {paddings:?}, which no image needs"));
        }
        self.simple(node, Op::Pad([top, bottom, left, right]), NONE)
    }

    /// Nearest neighbours by a whole factor, which repeats pixels whatever `half_pixel_centers` says (SPEC C.5).
    fn resize(&mut self, node: &Node, align_corners: bool) -> Result<(), String> {
        let from = self.net.shape(self.layer(node, 0)?);
        let sizes = self.integers(node, 1)?;
        let factor = |axis: usize, size: usize| {
            let to = usize::try_from(*sizes.get(axis)?).ok()?;
            (to >= size && to.is_multiple_of(size)).then_some(to / size)
        };
        match (factor(0, from.h), factor(1, from.w)) {
            (Some(1), Some(1)) => self.alias(node),
            (Some(h), Some(w)) if h == w && !align_corners => self.simple(node, Op::Upsample(h), NONE),
            _ => Err(format!(
                "from {from} to {sizes:?}; only one whole factor for both directions, without aligned corners"
            )),
        }
    }

    /// The output is the value of operand 0 in another form.
    fn alias(&mut self, node: &Node) -> Result<(), String> {
        let value = node.inputs.first().copied().flatten().and_then(|id| self.values.get(&id).cloned());
        let (Some(value), &[out]) = (value, &node.outputs[..]) else { return Err("its operand is missing".into()) };
        self.values.insert(out, value);
        Ok(())
    }

    fn reshape(&mut self, node: &Node) -> Result<(), String> {
        if self.is_constant(node, 0) {
            let values = self.floats(node, 0)?.unwrap_or_default();
            let out = self.output(node)?;
            self.values.insert(out, Value::Constant(values));
            return Ok(());
        }
        let softmax = node.inputs.first().copied().flatten().and_then(|id| self.values.get(&id));
        if let Some(Value::Softmax(_)) = softmax {
            return self.alias(node);
        }
        let from = self.net.shape(self.layer(node, 0)?);
        let said = &self.graph.tensors[self.output(node)?].shape;
        let vector = Shape::new(1, 1, from.len());
        match shape_of(said) {
            Some(to) if to == from => self.alias(node),
            // Files with an open batch may leave the shape out; behind images there is nothing but vectors.
            Some(to) if to == vector => self.simple(node, Op::Flatten, NONE),
            None if said.is_empty() => self.simple(node, Op::Flatten, NONE),
            _ => Err(format!("from {from} to {said:?}; only flattening, or sizes of 1 more or less in front")),
        }
    }

    /// Rounds a constant, or simulates quantisation of a value.
    fn quantize(&mut self, node: &Node) -> Result<(), String> {
        let &[out] = &node.outputs[..] else { return Err("has more than one output".into()) };
        let codes = &self.graph.tensors[out];
        self.simulated = true;
        if self.is_constant(node, 0) {
            let values = self.floats(node, 0)?.unwrap_or_default();
            self.values.insert(out, Value::Constant(constants::rounded(codes, &values)?));
            return Ok(());
        }
        if let Some(Value::Softmax(_)) = node.inputs.first().copied().flatten().and_then(|id| self.values.get(&id)) {
            return self.alias(node);
        }
        let x = self.layer(node, 0)?;
        let range = constants::range(codes)?;
        let name = format!("{}/quant", self.net.layers()[x].name);
        let layer = self.add_as(&name, Op::FakeQuant, &[x], vec![range.to_vec()])?;
        self.values.insert(out, Value::Layer(layer));
        Ok(())
    }

    /// What was quantised or packed is held as numbers already, or is made so here.
    fn dequantize(&mut self, node: &Node) -> Result<(), String> {
        let &[Some(input)] = &node.inputs[..] else { return Err("has not one operand".into()) };
        if self.values.contains_key(&input) {
            return self.alias(node);
        }
        let (tensor, &[out]) = (&self.graph.tensors[input], &node.outputs[..]) else {
            return Err("has more than one output".into());
        };
        let sparse = node.op == G::Densify;
        let values = match tensor.dtype {
            graph::DType::F32 => constants::floats(tensor)?,
            graph::DType::F16 => constants::dequantised(tensor)?,
            _ if !sparse => constants::dequantised(tensor)?,
            _ => constants::floats(tensor)?,
        };
        self.values.insert(out, Value::Constant(values));
        Ok(())
    }

    fn binary(&mut self, node: &Node, kind: BinaryKind, act: graph::Activation) -> Result<(), String> {
        let (constant, x) = match [self.is_constant(node, 0), self.is_constant(node, 1)] {
            [false, false] if kind == BinaryKind::Add => {
                let inputs = [self.layer(node, 0)?, self.layer(node, 1)?];
                let layer = self.add("", Op::Add, &inputs, Vec::new())?;
                return self.yields(node, layer, act);
            }
            [false, false] => return Err(format!("of two values; {NOT_A_LAYER}")),
            [true, true] => return Err("of two constants; fold constants before".into()),
            [first, _] => (usize::from(!first), usize::from(first)),
        };
        let values = self.per_channel(node, constant, x)?;
        let each = |f: fn(f32) -> f32| values.iter().map(|value| f(*value)).collect::<Vec<f32>>();
        let (scale, shift) = match (kind, constant) {
            (BinaryKind::Add, _) => (each(|_| 1.0), values),
            (BinaryKind::Sub, 1) => (each(|_| 1.0), each(|v| -v)),
            (BinaryKind::Sub, _) => (each(|_| -1.0), values),
            (BinaryKind::Mul, _) => (values.clone(), each(|_| 0.0)),
            (BinaryKind::Div, 1) => (each(|v| 1.0 / v), each(|_| 0.0)),
            _ => return Err(NOT_A_LAYER.into()),
        };
        let layer = self.affine(node, x, &scale, &shift)?;
        self.yields(node, layer, act)
    }

    /// The constant of operand `at`, one number per channel of operand `x`.
    fn per_channel(&self, node: &Node, at: usize, x: usize) -> Result<Vec<f32>, String> {
        let channels = self.net.shape(self.layer(node, x)?).c;
        let values = self.floats(node, at)?.unwrap_or_default();
        let shape = self.tensor(node, at).map_or(&[][..], |tensor| &tensor.shape);
        match values[..] {
            [value] => Ok(vec![value; channels]),
            _ if values.len() == channels && shape.last() == Some(&channels) => Ok(values),
            _ => Err(format!(
                "with a constant of shape {shape:?}, expected one number, or one for each of {channels} channels"
            )),
        }
    }

    /// `scale · x + shift` for each channel, joined with one directly before it.
    fn affine(&mut self, node: &Node, x: usize, scale: &[f32], shift: &[f32]) -> Result<LayerId, String> {
        let input = self.layer(node, x)?;
        if self.net.layers()[input].op == AFFINE && self.is_only_use(input) {
            let first = self.net.tensors_of(input).start;
            let [gamma, beta, ..] = &mut self.numbers[first..] else { return Err("has no numbers".into()) };
            for (channel, (scale, shift)) in scale.iter().zip(shift).enumerate() {
                gamma[channel] *= scale;
                beta[channel] = beta[channel].mul_add(*scale, *shift);
            }
            return Ok(input);
        }
        let Op::BatchNorm { epsilon, .. } = AFFINE else { return Err(NOT_A_LAYER.into()) };
        let each = |value| vec![value; scale.len()];
        self.add("", AFFINE, &[input], vec![scale.to_vec(), shift.to_vec(), each(0.0), each(1.0 - epsilon)])
    }

    /// Whether the value of `layer` is one tensor of the file that one operator takes.
    fn is_only_use(&self, layer: LayerId) -> bool {
        let tensors = self.values.iter().filter(|(_, value)| matches!(value, Value::Layer(of) if *of == layer));
        tensors.map(|(&id, _)| self.uses[id]).sum::<usize>() == 1
    }
}

/// Height, width and channels of a tensor of one image.
pub(super) fn shape_of(sizes: &[usize]) -> Option<Shape> {
    match *sizes {
        [1, h, w, c] => Some(Shape::new(h, w, c)),
        [1, w, c] => Some(Shape::new(1, w, c)),
        [1, c] | [c] => Some(Shape::new(1, 1, c)),
        _ => None,
    }
}

/// For what has no layer.
const NOT_A_LAYER: &str = "it is not among the layers that train; change the model where it was made, or train one of edgebench's architectures";
