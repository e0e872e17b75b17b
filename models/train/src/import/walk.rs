//! From operator to operator.

use std::collections::HashMap;

use edgebench_models::Graph;
use edgebench_models::graph::{self, DType, Node, Tensor, TensorId};

use super::ops::shape_of;
use super::{constants, names};
use crate::net::{self, LayerId, Op, Shape};
use crate::{Error, Net};

/// What a tensor of the file is to the network.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// The value of a layer.
    Layer(LayerId),
    /// A softmax over the value of a layer.
    Softmax(LayerId),
    /// A constant that an operator computed.
    Constant(Vec<f32>),
    /// Sizes that are computed at run time: nothing here depends on them.
    Sizes,
}

/// The network as far as it has been read.
pub(super) struct Walk<'a> {
    pub(super) graph: &'a Graph,
    pub(super) net: Net,
    /// One `Vec` per tensor of `net`.
    pub(super) numbers: Vec<Vec<f32>>,
    pub(super) values: HashMap<TensorId, Value>,
    /// How many operators (and outputs) take each tensor.
    pub(super) uses: Vec<usize>,
    pub(super) simulated: bool,
    names: Vec<String>,
    /// The operator that is being read.
    at: usize,
}

/// Scale and offset of each channel go as a batch normalisation of mean 0 and variance 1 − ε: their sum is exactly 1.
pub(super) const AFFINE: Op = Op::BatchNorm { epsilon: 1.0 / 1024.0, momentum: 0.9 };

impl<'a> Walk<'a> {
    pub(super) fn through(graph: &'a Graph, name: &str) -> Result<Walk<'a>, Error> {
        let (&[input], &[_]) = (&graph.inputs[..], &graph.outputs[..]) else {
            let (inputs, outputs) = (graph.inputs.len(), graph.outputs.len());
            let problem = format!("{inputs} inputs and {outputs} outputs, expected one image in and one vector out");
            return Err(Error::Net { layer: "input".into(), problem });
        };
        let tensor = &graph.tensors[input];
        let shape = input_shape(tensor).map_err(|problem| Error::Net { layer: "input".into(), problem })?;
        let mut uses = vec![0; graph.tensors.len()];
        let taken = graph.nodes.iter().flat_map(|node| node.inputs.iter().flatten());
        taken.chain(&graph.outputs).for_each(|&id| uses[id] += 1);
        let mut walk = Walk {
            graph,
            net: Net::new(name, shape)?,
            numbers: Vec::new(),
            values: HashMap::from([(input, Value::Layer(0))]),
            uses,
            simulated: false,
            names: names::of(graph),
            at: 0,
        };
        for (at, node) in graph.nodes.iter().enumerate() {
            walk.at = at;
            walk.node(node).map_err(|problem| Error::Operator {
                index: node.index,
                op: node.op.name(),
                output: node.outputs.first().map_or(String::new(), |&id| first_part(&graph.tensors[id].name)),
                problem,
            })?;
        }
        Ok(walk)
    }

    /// Operand `at` of `node`, if it is there.
    pub(super) fn tensor(&self, node: &Node, at: usize) -> Option<&'a Tensor> {
        node.inputs.get(at).copied().flatten().map(|id| &self.graph.tensors[id])
    }

    /// The layer that operand `at` is the value of.
    pub(super) fn layer(&self, node: &Node, at: usize) -> Result<LayerId, String> {
        let id = node.inputs.get(at).copied().flatten().ok_or_else(|| format!("operand {at} is missing"))?;
        match self.values.get(&id) {
            Some(Value::Layer(layer)) => Ok(*layer),
            Some(Value::Softmax(_)) => {
                Err("comes after a softmax; only a softmax at the very end is taken away".into())
            }
            _ => Err(format!("operand {at} ({:?}) does not depend on the image", self.graph.tensors[id].name)),
        }
    }

    /// Whether operand `at` is a constant.
    pub(super) fn is_constant(&self, node: &Node, at: usize) -> bool {
        let Some(id) = node.inputs.get(at).copied().flatten() else { return false };
        matches!(self.values.get(&id), Some(Value::Constant(_))) || self.graph.tensors[id].data.is_some()
    }

    /// The numbers of operand `at`; `None` if it is absent.
    pub(super) fn floats(&self, node: &Node, at: usize) -> Result<Option<Vec<f32>>, String> {
        let Some(id) = node.inputs.get(at).copied().flatten() else { return Ok(None) };
        match self.values.get(&id) {
            Some(Value::Constant(values)) => Ok(Some(values.clone())),
            _ => constants::floats(&self.graph.tensors[id]).map(Some),
        }
    }

    /// The integers of operand `at`.
    pub(super) fn integers(&self, node: &Node, at: usize) -> Result<Vec<i64>, String> {
        let tensor = self.tensor(node, at).ok_or_else(|| format!("operand {at} is missing"))?;
        constants::integers(tensor)
    }

    /// Adds a layer over values of earlier ones, with its numbers. Its name is that of the operator with `suffix`.
    pub(super) fn add(
        &mut self,
        suffix: &str,
        op: Op,
        inputs: &[LayerId],
        numbers: Vec<Vec<f32>>,
    ) -> Result<LayerId, String> {
        let base = format!("{}{suffix}", self.names[self.at]);
        self.add_as(&base, op, inputs, numbers)
    }

    /// As [`Walk::add`], under this name or, if it is taken, this name and a number.
    pub(super) fn add_as(
        &mut self,
        base: &str,
        op: Op,
        inputs: &[LayerId],
        numbers: Vec<Vec<f32>>,
    ) -> Result<LayerId, String> {
        let taken = |name: &str| self.net.layers().iter().any(|layer| layer.name == name);
        let mut name = base.to_owned();
        let mut number = 2;
        while taken(&name) {
            name = format!("{base}_{number}");
            number += 1;
        }
        let layer = self.net.add(name, op, inputs).map_err(|error| match error {
            Error::Net { problem, .. } => problem,
            other => other.to_string(),
        })?;
        for (tensor, values) in self.net.tensors()[self.net.tensors_of(layer)].iter().zip(&numbers) {
            if tensor.elements() != values.len() {
                return Err(format!("{} values for {:?} of shape {:?}", values.len(), tensor.name, tensor.shape));
            }
        }
        self.numbers.extend(numbers);
        Ok(layer)
    }

    /// The output of `node` is the value of `layer`, after the activation that is fused into the operator.
    pub(super) fn yields(&mut self, node: &Node, layer: LayerId, act: graph::Activation) -> Result<(), String> {
        let act = match act {
            graph::Activation::None => None,
            graph::Activation::Relu => Some(net::Activation::Relu),
            graph::Activation::Relu6 => Some(net::Activation::Relu6),
            graph::Activation::ReluN1To1 => {
                return Err("its activation RELU_N1_TO_1 is not among the layers that train".into());
            }
        };
        let layer = match act {
            Some(act) => self.add("/act", Op::Act(act), &[layer], Vec::new())?,
            None => layer,
        };
        let out = self.output(node)?;
        self.matches(out, layer)?;
        self.values.insert(out, Value::Layer(layer));
        Ok(())
    }

    /// The one output of `node`, a float.
    pub(super) fn output(&self, node: &Node) -> Result<TensorId, String> {
        let &[out] = &node.outputs[..] else { return Err("has more than one output, which no layer has".into()) };
        match self.graph.tensors[out].dtype {
            DType::F32 => Ok(out),
            other => {
                Err(format!("computes {other}, expected float32: give the float file that this one was made from"))
            }
        }
    }

    /// That the file holds the value of `layer` for the same size, where it says so.
    fn matches(&self, tensor: TensorId, layer: LayerId) -> Result<(), String> {
        let (said, found) = (&self.graph.tensors[tensor].shape, self.net.shape(layer));
        let agrees = match said.len() {
            0 => true,
            4 => shape_of(said) == Some(found),
            _ => said.iter().product::<usize>() == found.len(),
        };
        if !agrees {
            return Err(format!("the file says {said:?} for the output, its operands give {found}"));
        }
        Ok(())
    }
}

/// Converters join the names of all that was fused into an operator.
fn first_part(name: &str) -> String {
    name.split(';').next().unwrap_or(name).to_owned()
}

/// Height, width and channels of the input.
fn input_shape(tensor: &Tensor) -> Result<Shape, String> {
    if tensor.dtype != DType::F32 {
        return Err(format!("{}, expected float32: give the float file that this one was made from", tensor.dtype));
    }
    let shape = shape_of(&tensor.shape).filter(|_| tensor.shape.len() > 1);
    shape.ok_or_else(|| format!("shape {:?}, expected [1, height, width, channels]", tensor.shape))
}
