//! A network as typed operators over tensors, in execution order.

mod check;
mod import;
mod op;
mod shapes;

use std::fmt;

use crate::tflite::Bytes;

pub use op::*;

/// Element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum DType {
    F32,
    F16,
    F64,
    I4,
    I8,
    I16,
    I32,
    I64,
    U8,
    U32,
    Bool,
}

impl DType {
    /// Bytes of `elements` elements (two 4-bit values share a byte).
    #[must_use]
    pub const fn bytes(self, elements: usize) -> usize {
        match self {
            DType::I4 => elements.div_ceil(2),
            _ => elements * self.size(),
        }
    }

    /// Bytes per element as held in memory (4-bit values are unpacked to one byte).
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            DType::I4 | DType::I8 | DType::U8 | DType::Bool => 1,
            DType::F16 | DType::I16 => 2,
            DType::F32 | DType::I32 | DType::U32 => 4,
            DType::F64 | DType::I64 => 8,
        }
    }

    /// `float32`, `int8`, …: the names of numpy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            DType::F32 => "float32",
            DType::F16 => "float16",
            DType::F64 => "float64",
            DType::I4 => "int4",
            DType::I8 => "int8",
            DType::I16 => "int16",
            DType::I32 => "int32",
            DType::I64 => "int64",
            DType::U8 => "uint8",
            DType::U32 => "uint32",
            DType::Bool => "bool",
        }
    }

    /// Whether values are 8-bit codes (held as `i8` in a plan).
    #[must_use]
    pub const fn is_8bit(self) -> bool {
        matches!(self, DType::I8 | DType::U8)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// `real = scale · (code − zero_point)`, per tensor or per channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Quant {
    /// One scale, or one per channel; finite and positive.
    pub scale: Vec<f32>,
    /// As many zero points.
    pub zero_point: Vec<i64>,
    /// The axis of the channels.
    pub axis: usize,
}

/// An activation or a constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Name in the file; not necessarily unique.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Quantisation, if any.
    pub quant: Option<Quant>,
    /// Little-endian row-major elements of a constant; sparse tensors are already dense, 4-bit ones are unpacked to one byte each.
    pub data: Option<Bytes>,
    /// The file stores the constant sparsely, in blocks of 1×16: LiteRT runs a dense layer of such weights in a kernel with its own
    /// rounding.
    pub blocks16: bool,
}

impl Tensor {
    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of the tensor as held in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.elements() * self.dtype.size()
    }
}

/// Index into [`Graph::tensors`].
pub type TensorId = usize;

/// One operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// Operands; `None` where an optional one is absent.
    pub inputs: Vec<Option<TensorId>>,
    /// Results.
    pub outputs: Vec<TensorId>,
    /// Position among the operators of the file.
    pub index: usize,
}

/// A network.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Tensors, as numbered in the file.
    pub tensors: Vec<Tensor>,
    /// Operators in execution order.
    pub nodes: Vec<Node>,
    /// Inputs of the network.
    pub inputs: Vec<TensorId>,
    /// Outputs of the network.
    pub outputs: Vec<TensorId>,
}
