//! The float network as quantisation sees it: which tensors are float activations, who makes and who reads them, and what each
//! operator asks of the scales around it.

use super::Error;
use super::params::Params;
use crate::tflite::{BuiltinOperator as B, Model, SubGraph, TensorType};

/// What an operator asks of the scales of its float operands and results.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    /// Weights in input 1 with output channels along an axis, bias in input 2.
    Product {
        /// The axis of the output channels in the weights.
        axis: usize,
    },
    /// Every tensor has a scale of its own.
    Free,
    /// All operands and results have one scale.
    Same,
    /// The result has a scale that never changes.
    Fixed(Params),
    /// It gives no float numbers, so whatever it does goes on as it is.
    Untouched,
}

/// One operator.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: B,
    pub(super) role: Role,
    pub(super) inputs: Vec<Option<usize>>,
    pub(super) outputs: Vec<usize>,
}

/// A checked float network.
pub(super) struct Network<'m> {
    pub(super) model: &'m Model,
    pub(super) nodes: Vec<Node>,
    /// Whether a tensor is float32.
    pub(super) float: Vec<bool>,
    pub(super) constant: Vec<bool>,
    /// The node that computes a tensor.
    pub(super) producer: Vec<Option<usize>>,
    /// The nodes that read a tensor, with the position among their inputs.
    pub(super) users: Vec<Vec<(usize, usize)>>,
}

impl<'m> Network<'m> {
    /// Looks at a model.
    ///
    /// # Errors
    /// If it has several subgraphs, is no float32 model, has an operator without an int8 form, or a constant that is not finite.
    pub(super) fn new(model: &'m Model) -> Result<Network<'m>, Error> {
        model.check()?;
        let [graph] = &model.subgraphs[..] else {
            let what = format!("quantising a model with {} subgraphs", model.subgraphs.len());
            return Err(crate::Error::UnsupportedFile { what }.into());
        };
        let count = graph.tensors.len();
        let (float, constant) = (|t: &crate::tflite::Tensor| t.dtype == TensorType::FLOAT32, constants(model, graph));
        let float: Vec<bool> = graph.tensors.iter().map(float).collect();
        let mut network = Network {
            model,
            nodes: Vec::with_capacity(graph.operators.len()),
            float,
            constant,
            producer: vec![None; count],
            users: vec![Vec::new(); count],
        };
        network.check_types()?;
        for at in 0..graph.operators.len() {
            let node = network.node(at)?;
            for (position, &tensor) in node.inputs.iter().enumerate() {
                if let Some(tensor) = tensor {
                    network.users[tensor].push((at, position));
                }
            }
            node.outputs.iter().for_each(|&tensor| network.producer[tensor] = Some(at));
            network.nodes.push(node);
        }
        network.check_constants()?;
        Ok(network)
    }

    pub(super) fn graph(&self) -> &'m SubGraph {
        &self.model.subgraphs[0]
    }

    /// Whether a tensor is a float activation: those have ranges.
    pub(super) fn is_activation(&self, tensor: usize) -> bool {
        self.float[tensor] && !self.constant[tensor]
    }

    /// Whether a tensor is an output of the network.
    pub(super) fn is_output(&self, tensor: usize) -> bool {
        self.graph().outputs.iter().any(|&id| usize::try_from(id) == Ok(tensor))
    }

    /// The numbers of a float constant.
    pub(super) fn values(&self, tensor: usize) -> Vec<f32> {
        values(self.model, tensor)
    }

    /// The shape of a tensor; the check of the model has seen that sizes are not negative.
    pub(super) fn shape(&self, tensor: usize) -> Vec<usize> {
        self.graph().tensors[tensor].shape.iter().map(|&d| d.unsigned_abs() as usize).collect()
    }

    pub(super) fn name(&self, tensor: usize) -> String {
        self.graph().tensors[tensor].name.clone()
    }

    /// Error: an operator that cannot be quantised.
    pub(super) fn refuse(&self, node: usize, why: impl Into<String>) -> Error {
        let op = self.model.code_of(&self.graph().operators[node]).name().to_owned();
        Error::Operator { index: node, op, why: why.into() }
    }

    fn check_types(&self) -> Result<(), Error> {
        for tensor in &self.graph().tensors {
            let quantised = tensor.quantization.as_ref().is_some_and(|q| !q.scale.is_empty());
            let other =
                !matches!(tensor.dtype, TensorType::FLOAT32 | TensorType::INT32 | TensorType::INT64 | TensorType::BOOL);
            if quantised || other {
                return Err(Error::NotFloat { name: tensor.name.clone(), dtype: tensor.dtype.to_string() });
            }
            if tensor.sparsity.is_some() {
                let dtype = "stored sparsely".into();
                return Err(Error::NotFloat { name: tensor.name.clone(), dtype });
            }
        }
        let graph = self.graph();
        for &id in graph.inputs.iter().chain(&graph.outputs) {
            let tensor = &graph.tensors[usize::try_from(id).unwrap_or(0)];
            if tensor.dtype != TensorType::FLOAT32 {
                return Err(Error::NotFloat { name: tensor.name.clone(), dtype: tensor.dtype.to_string() });
            }
        }
        Ok(())
    }

    fn check_constants(&self) -> Result<(), Error> {
        for (tensor, _) in self.constant.iter().enumerate().filter(|&(t, &constant)| constant && self.float[t]) {
            if let Some((at, &value)) = self.values(tensor).iter().enumerate().find(|(_, value)| !value.is_finite()) {
                return Err(Error::Constant { name: self.name(tensor), at, value });
            }
        }
        Ok(())
    }

    fn node(&self, at: usize) -> Result<Node, Error> {
        let op = &self.graph().operators[at];
        let kind = self.model.code_of(op).builtin_code;
        let ids = |list: &[i32]| -> Vec<Option<usize>> { list.iter().map(|&id| usize::try_from(id).ok()).collect() };
        let (inputs, outputs) = (ids(&op.inputs), ids(&op.outputs).into_iter().flatten().collect::<Vec<usize>>());
        let gives_float = outputs.iter().any(|&tensor| self.float[tensor]);
        let role = if gives_float { role(kind).ok_or_else(|| self.refuse(at, ADVICE))? } else { Role::Untouched };
        if role == Role::Untouched && !passes(kind) {
            return Err(self.refuse(at, ADVICE));
        }
        if let Role::Product { axis } = role {
            let weights = inputs.get(1).copied().flatten().filter(|&t| self.constant[t] && self.float[t]);
            let weights = weights.ok_or_else(|| {
                self.refuse(at, "its weights are no float32 constants; convert the model with its weights frozen")
            })?;
            if self.graph().tensors[weights].shape.len() <= axis {
                return Err(self.refuse(at, format!("its weights have no dimension {axis}")));
            }
            let bias = inputs.get(2).copied().flatten();
            if bias.is_some_and(|t| !(self.constant[t] && self.float[t])) {
                return Err(
                    self.refuse(at, "its bias is no float32 constant; convert the model with its weights frozen")
                );
            }
        }
        Ok(Node { kind, role, inputs, outputs })
    }
}

/// The numbers of a float32 constant.
pub(super) fn values(model: &Model, tensor: usize) -> Vec<f32> {
    let buffer = &model.buffers[model.subgraphs[0].tensors[tensor].buffer as usize];
    buffer.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// Which tensors are constant.
pub(super) fn constants(model: &Model, graph: &SubGraph) -> Vec<bool> {
    let filled = |buffer: u32| model.buffers.get(buffer as usize).is_some_and(|data| !data.is_empty());
    graph.tensors.iter().map(|t| filled(t.buffer)).collect()
}

const ADVICE: &str = "it has no int8 form here; those with one are ADD AVERAGE_POOL_2D CONCATENATION CONV_2D \
    DEPTHWISE_CONV_2D EXPAND_DIMS FULLY_CONNECTED HARD_SWISH LOGISTIC MAX_POOL_2D MEAN MUL PAD RELU RELU6 RELU_N1_TO_1 RESHAPE \
    RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR SOFTMAX SQUEEZE SUB TANH TRANSPOSE; replace it in the model before conversion, or \
    leave the model in float";

/// What an operator asks of scales; `None` if it has no int8 form here.
fn role(kind: B) -> Option<Role> {
    Some(match kind {
        B::CONV_2D | B::FULLY_CONNECTED => Role::Product { axis: 0 },
        B::DEPTHWISE_CONV_2D => Role::Product { axis: 3 },
        B::ADD | B::SUB | B::MUL | B::MEAN | B::HARD_SWISH | B::RELU | B::RELU6 | B::RELU_N1_TO_1 => Role::Free,
        B::AVERAGE_POOL_2D
        | B::MAX_POOL_2D
        | B::PAD
        | B::RESHAPE
        | B::SQUEEZE
        | B::EXPAND_DIMS
        | B::TRANSPOSE
        | B::CONCATENATION
        | B::RESIZE_NEAREST_NEIGHBOR
        | B::RESIZE_BILINEAR => Role::Same,
        B::SOFTMAX | B::LOGISTIC => Role::Fixed(Params::UNIT),
        B::TANH => Role::Fixed(Params::SIGNED_UNIT),
        _ => return None,
    })
}

/// Operators whose results are no floats and that work the same on codes: they compute shapes.
fn passes(kind: B) -> bool {
    matches!(
        kind,
        B::SHAPE | B::STRIDED_SLICE | B::SLICE | B::PACK | B::CONCATENATION | B::RESHAPE | B::GATHER | B::CAST
    )
}
