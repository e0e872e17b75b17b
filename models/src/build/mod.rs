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
mod products;
mod shapes;

use std::collections::HashMap;

use crate::Error;
use crate::graph::{Activation, Padding};
use crate::tflite::{
    self, BuiltinOperator, Bytes, Model, Operator, OperatorCode, Options, Quantization, SignatureDef, SubGraph, Tensor,
    TensorMap, TensorType,
};

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

    /// A new activation.
    fn activation(&mut self, name: String, shape: &[usize]) -> Result<Value, Error> {
        let sizes = sizes(&name, shape)?;
        let mut shape_signature = sizes.clone();
        shape_signature[0] = -1;
        self.tensors.push(Tensor { shape: sizes, name, shape_signature, has_rank: true, ..Tensor::default() });
        Ok(Value(self.tensors.len() - 1))
    }

    /// A new constant; equal bytes share a buffer.
    fn constant(&mut self, name: String, dtype: TensorType, shape: &[usize], bytes: Vec<u8>) -> Result<i32, Error> {
        let shape = sizes(&name, shape)?;
        let buffer = match self.known.get(&bytes) {
            Some(&buffer) => buffer,
            None => {
                let buffer = u32::try_from(self.buffers.len()).unwrap_or(u32::MAX);
                self.buffers.push(bytes.clone().into());
                self.known.insert(bytes, buffer);
                buffer
            }
        };
        self.tensors.push(Tensor { shape, dtype, buffer, name, has_rank: true, ..Tensor::default() });
        Ok(index(Value(self.tensors.len() - 1)))
    }

    fn floats(&mut self, name: String, shape: &[usize], values: &[f32]) -> Result<i32, Error> {
        self.constant(name, TensorType::FLOAT32, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    fn ints(&mut self, name: String, shape: &[usize], values: &[i32]) -> Result<i32, Error> {
        self.constant(name, TensorType::INT32, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// The name of the next operator's result.
    fn next_name(&mut self, kind: BuiltinOperator) -> String {
        self.label.take().unwrap_or_else(|| format!("{}_{}", kind.name().to_lowercase(), self.operators.len()))
    }

    /// Adds an operator with one result.
    fn push(&mut self, op: New, inputs: Vec<i32>, shape: &[usize]) -> Result<Value, Error> {
        let codes = self.codes_of(op.kind, &inputs)?;
        let result = self.activation(op.name, shape)?;
        if let Some((dtype, quant)) = codes {
            self.quantise(result, dtype, quant);
        }
        let code = OperatorCode::builtin(op.kind, 1);
        let at = self.codes.iter().position(|known| *known == code).unwrap_or_else(|| {
            self.codes.push(code);
            self.codes.len() - 1
        });
        let opcode_index = u32::try_from(at).unwrap_or(u32::MAX);
        let outputs = vec![index(result)];
        self.operators.push(Operator { opcode_index, inputs, outputs, options: op.options, ..Operator::default() });
        Ok(result)
    }

    /// Type and quantisation of the result of an operator on codes, which only some take; `None` for one on real numbers.
    fn codes_of(&self, kind: BuiltinOperator, inputs: &[i32]) -> Result<Option<(TensorType, Quantization)>, Error> {
        use BuiltinOperator as B;
        let operands = inputs.iter().filter_map(|&input| self.tensors.get(usize::try_from(input).ok()?));
        let Some(coded) = operands.clone().find_map(|t| Some((t.dtype, t.quantization.as_deref()?.clone()))) else {
            return Ok(None);
        };
        let keeps = matches!(
            kind,
            B::MAX_POOL_2D | B::AVERAGE_POOL_2D | B::PAD | B::RESHAPE | B::RESIZE_NEAREST_NEIGHBOR | B::CONCATENATION
        );
        let same = |t: &Tensor| t.dtype == TensorType::INT32 || t.quantization.as_deref() == Some(&coded.1);
        match kind {
            B::QUANTIZE | B::DEQUANTIZE => Ok(None),
            _ if keeps && operands.clone().all(same) => Ok(Some(coded)),
            _ if keeps => Err(self.wrong(kind, "operands", "one quantisation for all", "several")),
            _ => Err(self.wrong(kind, "type of the operands", "FLOAT32; put DEQUANTIZE before", coded.0)),
        }
    }

    /// Error: what is asked of the next operator contradicts itself.
    fn wrong(&self, kind: BuiltinOperator, what: &str, expected: impl ToString, got: impl ToString) -> Error {
        Error::Inconsistent {
            index: self.operators.len(),
            op: kind.name().to_owned(),
            what: what.to_owned(),
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }

    /// The four sizes of an image.
    fn image(&self, kind: BuiltinOperator, value: Value) -> Result<[usize; 4], Error> {
        let shape = self.shape(value);
        let four: Result<[usize; 4], _> = shape.as_slice().try_into();
        four.map_err(|_| {
            self.wrong(kind, "shape of the input", "[batch, height, width, channels]", format!("{shape:?}"))
        })
    }

    /// Puts quantisation on a value (QUANTIZE).
    fn quantise(&mut self, value: Value, dtype: TensorType, quant: Quantization) {
        let tensor = &mut self.tensors[value.0];
        tensor.dtype = dtype;
        tensor.quantization = Some(Box::new(quant));
    }
}

/// An operator that is being added.
struct New {
    kind: BuiltinOperator,
    options: Options,
    name: String,
}

/// Most dimensions of a tensor; a builder's limit, above what the operators take.
const MAX_RANK: usize = 6;

/// Most elements of a tensor, as [`crate::Graph::check`] takes them.
const MAX_ELEMENTS: usize = 1 << 28;

fn index(value: Value) -> i32 {
    i32::try_from(value.0).unwrap_or(i32::MAX)
}

/// A shape as files hold it.
fn sizes(name: &str, shape: &[usize]) -> Result<Vec<i32>, Error> {
    let elements = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d).filter(|&n| n <= MAX_ELEMENTS));
    match elements {
        Some(0) | None => Err(Error::Tensor {
            name: name.to_owned(),
            what: "shape".into(),
            expected: format!("sizes from 1 and at most {MAX_ELEMENTS} elements"),
            got: format!("{shape:?}"),
        }),
        Some(_) => Ok(shape.iter().map(|&d| i32::try_from(d).unwrap_or(i32::MAX)).collect()),
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
