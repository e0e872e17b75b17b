//! The first network of a file, with the questions that reports and lints ask of it.

use std::borrow::Cow;

use edgebench_models::tflite::{
    Activation, BuiltinOperator, Bytes, Model, Operator, Options, SubGraph, Tensor, TensorType, densify, unpack_int4,
};

/// Most elements of a constant that is looked at in detail.
const MAX_ELEMENTS: usize = 1 << 28;

/// The first network of a file.
#[derive(Clone, Debug)]
pub struct Network<'a> {
    /// The file.
    pub model: &'a Model,
    /// The network.
    pub graph: &'a SubGraph,
    /// Operator that computes each tensor.
    producers: Vec<Option<usize>>,
    /// Operators that read each tensor, in order.
    consumers: Vec<Vec<usize>>,
}

impl<'a> Network<'a> {
    /// Of a model that has been read, and so checked: every index is in range. `None` if the file holds no network.
    #[must_use]
    pub fn new(model: &'a Model) -> Option<Self> {
        let graph = model.subgraphs.first()?;
        let mut producers = vec![None; graph.tensors.len()];
        let mut consumers = vec![Vec::new(); graph.tensors.len()];
        for (at, operator) in graph.operators.iter().enumerate() {
            indices(&operator.outputs).for_each(|id| producers[id] = Some(at));
            for id in indices(&operator.inputs) {
                if consumers[id].last() != Some(&at) {
                    consumers[id].push(at);
                }
            }
        }
        Some(Self { model, graph, producers, consumers })
    }

    /// Number of operators.
    #[must_use]
    pub fn len(&self) -> usize {
        self.graph.operators.len()
    }

    /// Whether there is no operator.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What operator `op` is.
    #[must_use]
    pub fn code(&self, op: usize) -> BuiltinOperator {
        self.model.code_of(&self.graph.operators[op]).builtin_code
    }

    /// Name of operator `op`, a custom one's own.
    #[must_use]
    pub fn name(&self, op: usize) -> String {
        let code = self.model.code_of(&self.graph.operators[op]);
        if code.builtin_code == BuiltinOperator::CUSTOM {
            format!("CUSTOM {}", code.custom_code)
        } else {
            code.builtin_code.to_string()
        }
    }

    /// Tensor `id`.
    #[must_use]
    pub fn tensor(&self, id: usize) -> &'a Tensor {
        &self.graph.tensors[id]
    }

    /// Sizes of tensor `id`; unknown ones are 0.
    #[must_use]
    pub fn shape(&self, id: usize) -> Vec<usize> {
        self.tensor(id).shape.iter().map(|&d| usize::try_from(d).unwrap_or(0)).collect()
    }

    /// Number of elements of tensor `id`, at most `usize::MAX`.
    #[must_use]
    pub fn elements(&self, id: usize) -> usize {
        self.shape(id).into_iter().fold(1, usize::saturating_mul)
    }

    /// Input `port` of operator `op`, if it is there.
    #[must_use]
    pub fn input(&self, op: usize, port: usize) -> Option<usize> {
        usize::try_from(*self.graph.operators[op].inputs.get(port)?).ok()
    }

    /// All inputs of operator `op` that are there.
    pub fn inputs(&self, op: usize) -> impl Iterator<Item = usize> + 'a {
        indices(&self.graph.operators[op].inputs)
    }

    /// All outputs of operator `op`.
    pub fn outputs(&self, op: usize) -> impl Iterator<Item = usize> + 'a {
        indices(&self.graph.operators[op].outputs)
    }

    /// The operator that computes tensor `id`.
    #[must_use]
    pub fn producer(&self, id: usize) -> Option<usize> {
        self.producers[id]
    }

    /// The operators that read tensor `id`.
    #[must_use]
    pub fn consumers(&self, id: usize) -> &[usize] {
        &self.consumers[id]
    }

    /// The bytes that the file holds for tensor `id`, if it is constant.
    #[must_use]
    pub fn stored(&self, id: usize) -> Option<&'a Bytes> {
        self.model.buffers.get(self.tensor(id).buffer as usize).filter(|bytes| !bytes.is_empty())
    }

    /// The elements of constant `id`, little endian and row-major: sparse ones are made dense, 4-bit ones one byte each. `None`
    /// for tensors that are not constant, and for types that no classifier has.
    #[must_use]
    pub fn dense(&self, id: usize) -> Option<Cow<'a, [u8]>> {
        let (tensor, bytes) = (self.tensor(id), self.stored(id)?);
        let elements = self.elements(id);
        if elements > MAX_ELEMENTS {
            return None;
        }
        if let Some(sparsity) = &tensor.sparsity {
            return densify(sparsity, &tensor.shape, bytes, element_size(tensor.dtype)?).ok().map(Cow::Owned);
        }
        if tensor.dtype == TensorType::INT4 {
            return Some(unpack_int4(bytes, elements).into_iter().map(i8::cast_unsigned).collect());
        }
        element_size(tensor.dtype).filter(|size| size * elements == bytes.len()).map(|_| Cow::Borrowed(&bytes[..]))
    }

    /// The axis of the output channels in the weights (input 1) of operator `op`; `None` for operators without.
    #[must_use]
    pub fn channel_axis(&self, op: usize) -> Option<usize> {
        match self.code(op) {
            BuiltinOperator::CONV_2D | BuiltinOperator::FULLY_CONNECTED | BuiltinOperator::TRANSPOSE_CONV => Some(0),
            BuiltinOperator::DEPTHWISE_CONV_2D => Some(3),
            _ => None,
        }
    }

    /// Multiply-accumulates of operator `op`, by its shapes; 0 for operators without a product.
    #[must_use]
    pub fn macs(&self, op: usize) -> u64 {
        let elements = |id: Option<usize>| id.map_or(0, |id| self.elements(id) as u64);
        let shape = |port| self.input(op, port).map_or(Vec::new(), |id| self.shape(id));
        let output = elements(self.outputs(op).next());
        let window = |weights: &[usize]| volume(weights.get(1..).unwrap_or(&[]));
        match self.code(op) {
            BuiltinOperator::CONV_2D | BuiltinOperator::FULLY_CONNECTED => output.saturating_mul(window(&shape(1))),
            BuiltinOperator::DEPTHWISE_CONV_2D => match shape(1)[..] {
                [_, height, width, _] => output.saturating_mul(volume(&[height, width])),
                _ => 0,
            },
            BuiltinOperator::TRANSPOSE_CONV => match shape(1)[..] {
                [out, height, width, _] => elements(self.input(op, 2)).saturating_mul(volume(&[out, height, width])),
                _ => 0,
            },
            BuiltinOperator::BATCH_MATMUL => {
                let adjoint = matches!(&self.graph.operators[op].options, Options::BatchMatMul(o) if o.adj_x);
                let x = shape(0);
                let inner = x.len().checked_sub(if adjoint { 2 } else { 1 }).and_then(|at| x.get(at));
                output.saturating_mul(inner.map_or(0, |&n| n as u64))
            }
            _ => 0,
        }
    }

    /// Bytes that the file holds for the constants that operator `op` reads.
    #[must_use]
    pub fn weight_bytes(&self, op: usize) -> u64 {
        self.inputs(op).filter_map(|id| self.stored(id)).map(|bytes| bytes.len() as u64).sum()
    }

    /// Window, stride and activation of operator `op` in a few characters, such as `3×3/2 relu6`.
    #[must_use]
    pub fn details(&self, op: usize) -> String {
        let operator: &Operator = &self.graph.operators[op];
        let mut parts: Vec<String> = Vec::new();
        let window = |h: i32, w: i32, stride: String| format!("{h}×{w}{stride}");
        let weights = |stride: String| match self.input(op, 1).map_or(Vec::new(), |id| self.tensor(id).shape.clone())[..]
        {
            [_, h, w, _] => window(h, w, stride),
            _ => stride,
        };
        let stride = |h: i32, w: i32| match (h, w) {
            (1, 1) => String::new(),
            _ if h == w => format!("/{h}"),
            _ => format!("/{h},{w}"),
        };
        let activation = match &operator.options {
            Options::Conv2D(o) => {
                parts.push(weights(stride(o.stride_h, o.stride_w)));
                o.activation
            }
            Options::DepthwiseConv2D(o) => {
                parts.push(weights(stride(o.stride_h, o.stride_w)));
                o.activation
            }
            Options::TransposeConv(o) => {
                parts.push(weights(stride(o.stride_h, o.stride_w)));
                Activation::NONE
            }
            Options::Pool2D(o) => {
                parts.push(window(o.filter_height, o.filter_width, stride(o.stride_h, o.stride_w)));
                o.activation
            }
            Options::FullyConnected(o) => o.activation,
            Options::Add(o) => o.activation,
            Options::Sub(o) => o.activation,
            Options::Mul(o) => o.activation,
            Options::Div(o) => o.activation,
            _ => Activation::NONE,
        };
        if activation != Activation::NONE {
            parts.push(activation.to_string().to_lowercase());
        }
        parts.join(" ")
    }
}

/// The product of sizes, at most `u64::MAX`.
fn volume(sizes: &[usize]) -> u64 {
    sizes.iter().fold(1, |n, &d| n.saturating_mul(d as u64))
}

/// The indices that are there (−1 stands for an optional input that is not).
fn indices(ids: &[i32]) -> impl Iterator<Item = usize> + '_ {
    ids.iter().filter_map(|&id| usize::try_from(id).ok())
}

/// Bytes of one element of the types that are looked at in detail.
fn element_size(dtype: TensorType) -> Option<usize> {
    match dtype {
        TensorType::INT4 => Some(1),
        TensorType::INT2 | TensorType::UINT4 => None,
        other => other.bytes(1).filter(|&size| size <= 8),
    }
}
