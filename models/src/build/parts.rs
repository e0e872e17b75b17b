//! What every operator of a builder is made of: tensors, constants, names, and the errors.

use super::{Builder, Value};
use crate::Error;
use crate::tflite::{BuiltinOperator, Operator, OperatorCode, Options, Quantization, Tensor, TensorType};

/// An operator that is being added.
pub(super) struct New {
    pub(super) kind: BuiltinOperator,
    pub(super) options: Options,
    pub(super) name: String,
}

/// Most dimensions of a tensor; a builder's limit, above what the operators take.
pub(super) const MAX_RANK: usize = 6;

/// Most elements of a tensor, as [`crate::Graph::check`] takes them.
const MAX_ELEMENTS: usize = 1 << 28;

pub(super) fn index(value: Value) -> i32 {
    i32::try_from(value.0).unwrap_or(i32::MAX)
}

/// A shape as files hold it.
pub(super) fn sizes(name: &str, shape: &[usize]) -> Result<Vec<i32>, Error> {
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

impl Builder {
    /// A new activation.
    pub(super) fn activation(&mut self, name: String, shape: &[usize]) -> Result<Value, Error> {
        let sizes = sizes(&name, shape)?;
        let mut shape_signature = sizes.clone();
        shape_signature[0] = -1;
        self.tensors.push(Tensor { shape: sizes, name, shape_signature, has_rank: true, ..Tensor::default() });
        Ok(Value(self.tensors.len() - 1))
    }

    /// A new constant; equal bytes share a buffer.
    pub(super) fn constant(
        &mut self,
        name: String,
        dtype: TensorType,
        shape: &[usize],
        bytes: Vec<u8>,
    ) -> Result<i32, Error> {
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

    pub(super) fn floats(&mut self, name: String, shape: &[usize], values: &[f32]) -> Result<i32, Error> {
        self.constant(name, TensorType::FLOAT32, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    pub(super) fn ints(&mut self, name: String, shape: &[usize], values: &[i32]) -> Result<i32, Error> {
        self.constant(name, TensorType::INT32, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// The name of the next operator's result.
    pub(super) fn next_name(&mut self, kind: BuiltinOperator) -> String {
        self.label.take().unwrap_or_else(|| format!("{}_{}", kind.name().to_lowercase(), self.operators.len()))
    }

    /// Adds an operator with one result.
    pub(super) fn push(&mut self, op: New, inputs: Vec<i32>, shape: &[usize]) -> Result<Value, Error> {
        if shape.first() != Some(&1) {
            return Err(self.wrong(op.kind, "batch of the result", 1, format!("{shape:?}")));
        }
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
    pub(super) fn codes_of(
        &self,
        kind: BuiltinOperator,
        inputs: &[i32],
    ) -> Result<Option<(TensorType, Quantization)>, Error> {
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
    pub(super) fn wrong(
        &self,
        kind: BuiltinOperator,
        what: &str,
        expected: impl ToString,
        got: impl ToString,
    ) -> Error {
        Error::Inconsistent {
            index: self.operators.len(),
            op: kind.name().to_owned(),
            what: what.to_owned(),
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }

    /// The four sizes of an image.
    pub(super) fn image(&self, kind: BuiltinOperator, value: Value) -> Result<[usize; 4], Error> {
        let shape = self.shape(value);
        let four: Result<[usize; 4], _> = shape.as_slice().try_into();
        four.map_err(|_| {
            self.wrong(kind, "shape of the input", "[batch, height, width, channels]", format!("{shape:?}"))
        })
    }

    /// Puts quantisation on a value (QUANTIZE).
    pub(super) fn quantise(&mut self, value: Value, dtype: TensorType, quant: Quantization) {
        let tensor = &mut self.tensors[value.0];
        tensor.dtype = dtype;
        tensor.quantization = Some(Box::new(quant));
    }
}
