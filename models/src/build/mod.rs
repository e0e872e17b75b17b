//! Float networks from scratch: a [`Builder`] makes the [`Model`] that TensorFlow's converter would write.
//!
//! ```
//! use edgebench_models::build::{Builder, Kernel, Window};
//! use edgebench_models::graph::Activation;
//!
//! # fn main() -> Result<(), edgebench_models::Error> {
//! let mut b = Builder::new("tiny");
//! let x = b.input("image", &[1, 8, 8, 3])?;
//! let kernel = Kernel { shape: &[4, 3, 3, 3], values: &[0.1; 108], bias: Some(&[0.0; 4]) };
//! let x = b.conv_2d(x, &kernel, Window { stride: [2, 2], activation: Activation::Relu, ..Window::default() })?;
//! let x = b.mean(x, &[1, 2], false)?;
//! let x = b.softmax(x, 1.0)?;
//! let file: Vec<u8> = b.finish(&[("scores", x)])?.write()?;
//! # assert!(file.len() > 500);
//! # Ok(())
//! # }
//! ```
//!
//! The leading dimension of an input is the batch: 1 in the file, and marked as dynamic. Constants of equal bytes share a
//! buffer, so the same calls always give the same bytes, and no constant is stored twice.

mod elementwise;
mod parts;
mod products;
mod shapes;

use std::collections::HashMap;

use crate::Error;
use crate::graph::{Activation, Padding};
use crate::tflite::{self, Bytes, Model, Operator, OperatorCode, SignatureDef, SubGraph, Tensor, TensorMap};

use parts::{MAX_RANK, index};

pub use products::Kernel;

/// A tensor of the network that is being built: a network's input or an operator's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Value(usize);

impl Value {
    /// Its index among the tensors of the model.
    #[must_use]
    pub const fn tensor(self) -> usize {
        self.0
    }
}

/// How a window moves over an image, and what happens to what it gives; `[a, b]` pairs are (height, width), from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// What happens at the border.
    pub padding: Padding,
    /// Steps from one output to the next.
    pub stride: [usize; 2],
    /// Distance of the taps; pools take only `[1, 1]`.
    pub dilation: [usize; 2],
    /// Activation fused into the operator.
    pub activation: Activation,
}

impl Default for Window {
    fn default() -> Self {
        Window { padding: Padding::Same, stride: [1, 1], dilation: [1, 1], activation: Activation::None }
    }
}

/// Makes a network operator by operator. Every method checks its operands' shapes and gives the result.
#[derive(Clone, Debug)]
pub struct Builder {
    name: String,
    label: Option<String>,
    tensors: Vec<Tensor>,
    operators: Vec<Operator>,
    codes: Vec<OperatorCode>,
    buffers: Vec<Bytes>,
    known: HashMap<Vec<u8>, u32>,
    inputs: Vec<(String, Value)>,
}

impl Builder {
    /// An empty network.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Builder {
            name: name.to_owned(),
            label: None,
            tensors: Vec::new(),
            operators: Vec::new(),
            codes: Vec::new(),
            // The schema's convention: the first buffer is empty, and activations refer to it.
            buffers: vec![Bytes::default()],
            known: HashMap::new(),
            inputs: Vec::new(),
        }
    }

    /// Names the result of the next operator; its constants are called `name/weights` and `name/bias`.
    pub fn label(&mut self, name: &str) -> &mut Self {
        self.label = Some(name.to_owned());
        self
    }

    /// A float32 input; `shape[0]` is the batch and must be 1.
    ///
    /// # Errors
    /// If the shape has no leading 1, a size of 0, or too many elements.
    pub fn input(&mut self, name: &str, shape: &[usize]) -> Result<Value, Error> {
        if shape.first() != Some(&1) || shape.len() > MAX_RANK {
            let (what, expected) = ("shape".into(), format!("1 (the batch) and at most {} sizes more", MAX_RANK - 1));
            return Err(Error::Tensor { name: name.to_owned(), what, expected, got: format!("{shape:?}") });
        }
        let value = self.activation(format!("serving_default_{name}:0"), shape)?;
        self.inputs.push((name.to_owned(), value));
        Ok(value)
    }

    /// The shape of a value.
    ///
    /// # Panics
    /// If the value is another builder's.
    #[must_use]
    pub fn shape(&self, value: Value) -> Vec<usize> {
        self.tensors[value.0].shape.iter().map(|&d| d.unsigned_abs() as usize).collect()
    }

    /// The model, with the outputs and their names in the signature `serving_default`.
    ///
    /// # Errors
    /// If there is nothing to run, or an output is an input.
    pub fn finish(self, outputs: &[(&str, Value)]) -> Result<Model, Error> {
        let wrong = |what: &str, expected: &str, got: String| Error::Model {
            what: what.to_owned(),
            expected: expected.to_owned(),
            got,
        };
        if self.operators.is_empty() || outputs.is_empty() {
            return Err(wrong("network", "an operator and an output", format!("{} operators", self.operators.len())));
        }
        if let Some((name, _)) = outputs.iter().find(|(_, v)| self.inputs.iter().any(|(_, input)| input == v)) {
            return Err(wrong("output", "the result of an operator", format!("input {name}")));
        }
        let map = |name: &str, value: Value| TensorMap {
            name: name.to_owned(),
            tensor_index: u32::try_from(value.0).unwrap_or(u32::MAX),
        };
        let signature = SignatureDef {
            inputs: self.inputs.iter().map(|(name, value)| map(name, *value)).collect(),
            outputs: outputs.iter().map(|(name, value)| map(name, *value)).collect(),
            signature_key: "serving_default".to_owned(),
            subgraph_index: 0,
        };
        let graph = SubGraph {
            inputs: self.inputs.iter().map(|(_, value)| index(*value)).collect(),
            outputs: outputs.iter().map(|(_, value)| index(*value)).collect(),
            tensors: self.tensors,
            operators: self.operators,
            name: "main".to_owned(),
            ..SubGraph::default()
        };
        let mut model = Model {
            operator_codes: self.codes,
            subgraphs: vec![graph],
            description: self.name,
            buffers: self.buffers,
            signature_defs: vec![signature],
            ..Model::default()
        };
        model.refresh_versions();
        model.check()?;
        Ok(model)
    }
}

fn code(activation: Activation) -> tflite::Activation {
    match activation {
        Activation::None => tflite::Activation::NONE,
        Activation::Relu => tflite::Activation::RELU,
        Activation::ReluN1To1 => tflite::Activation::RELU_N1_TO_1,
        Activation::Relu6 => tflite::Activation::RELU6,
    }
}

/// Strides and dilations as files hold them; [`Builder::windows`] has checked them.
fn int(size: usize) -> i32 {
    i32::try_from(size).unwrap_or(i32::MAX)
}

fn padding_code(padding: Padding) -> tflite::Padding {
    match padding {
        Padding::Same => tflite::Padding::SAME,
        Padding::Valid => tflite::Padding::VALID,
    }
}
