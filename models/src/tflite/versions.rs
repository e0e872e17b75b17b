//! Operator versions and the oldest runtime that knows them, as TensorFlow's converter writes them.

use super::{BuiltinOperator as B, Metadata, Model, Operator, OperatorCode, Options, Tensor, TensorType};

/// The metadata that names the oldest runtime: a version, padded with zeros.
const MIN_RUNTIME: &str = "min_runtime_version";
const MIN_RUNTIME_BYTES: usize = 16;

impl Model {
    /// Lists each kind of operator once, in the order of first use, with the highest version that the element types and options
    /// of its uses ask for, and says in the metadata which runtime is needed. Operators whose versions are not known here keep
    /// theirs.
    ///
    /// Indices must be in range, as [`Model::check`] makes sure.
    pub fn refresh_versions(&mut self) {
        let mut codes: Vec<OperatorCode> = Vec::new();
        for graph in &mut self.subgraphs {
            for op in &mut graph.operators {
                let mut code = self.operator_codes[op.opcode_index as usize].clone();
                code.version = version(code.builtin_code, op, &graph.tensors).unwrap_or(code.version);
                let same = |known: &OperatorCode| {
                    (known.builtin_code, &known.custom_code) == (code.builtin_code, &code.custom_code)
                };
                let at = codes.iter().position(same).unwrap_or_else(|| {
                    codes.push(code.clone());
                    codes.len() - 1
                });
                codes[at].version = codes[at].version.max(code.version);
                op.opcode_index = u32::try_from(at).unwrap_or(u32::MAX);
            }
        }
        self.operator_codes = codes;
        let needed = self.operator_codes.iter().filter_map(runtime).max();
        // What is needed by operators that this table does not know is already said in the file.
        let unknown = self.operator_codes.iter().any(|code| runtime(code).is_none());
        let said = if unknown { self.metadata(MIN_RUNTIME).and_then(|text| parse(text)) } else { None };
        if let Some([major, minor, patch]) = needed.max(said) {
            let mut text = format!("{major}.{minor}.{patch}").into_bytes();
            text.resize(MIN_RUNTIME_BYTES, 0);
            self.set_metadata(MIN_RUNTIME, text);
        }
    }

    /// Replaces the content of a metadata entry, or adds the entry.
    pub fn set_metadata(&mut self, name: &str, content: Vec<u8>) {
        let buffer = u32::try_from(self.buffers.len()).unwrap_or(u32::MAX);
        match self.metadata.iter_mut().find(|entry| entry.name == name) {
            // Buffers may be shared: the entry gets one of its own unless the content stays.
            Some(entry) if self.buffers.get(entry.buffer as usize).is_some_and(|old| old[..] == content[..]) => return,
            Some(entry) => entry.buffer = buffer,
            None => self.metadata.push(Metadata { name: name.to_owned(), buffer }),
        }
        self.buffers.push(content.into());
    }
}

/// `1.14.0` as numbers.
fn parse(text: &[u8]) -> Option<[u32; 3]> {
    let text = std::str::from_utf8(text.split(|&b| b == 0).next()?).ok()?;
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??])
}

/// The version that an operator of this kind needs, for those that classifiers are made of.
fn version(kind: B, op: &Operator, tensors: &[Tensor]) -> Option<i32> {
    let tensor = |list: &[i32], i: usize| tensors.get(usize::try_from(*list.get(i)?).ok()?).map(|t| t.dtype);
    let first = tensor(&op.inputs, 0);
    let int8 = first == Some(TensorType::INT8);
    if matches!(first, Some(TensorType::INT16)) || tensor(&op.inputs, 1) == Some(TensorType::INT4) {
        return None;
    }
    // Float activations with coded weights and other mixtures, and weights that are stored sparsely.
    let weights = op.inputs.get(1).and_then(|&id| tensors.get(usize::try_from(id).ok()?));
    let mixed = first != tensor(&op.inputs, 1) || weights.is_some_and(|weights| weights.sparsity.is_some());
    Some(match kind {
        B::CONV_2D | B::DEPTHWISE_CONV_2D | B::FULLY_CONNECTED if mixed => return None,
        B::CONV_2D if int8 => 3,
        B::CONV_2D => 1,
        B::DEPTHWISE_CONV_2D => match &op.options {
            _ if int8 => 3,
            Options::DepthwiseConv2D(o) if (o.dilation_h_factor, o.dilation_w_factor) != (1, 1) => 2,
            _ => 1,
        },
        B::FULLY_CONNECTED => match &op.options {
            _ if op.inputs.len() == 2 => 6,
            Options::FullyConnected(o) if o.keep_num_dims => 5,
            _ if int8 => 4,
            _ => 1,
        },
        B::RESIZE_NEAREST_NEIGHBOR => match &op.options {
            Options::ResizeNearestNeighbor(o) if o.align_corners || o.half_pixel_centers => 3,
            _ if int8 => 2,
            _ => 1,
        },
        B::DEQUANTIZE if first == Some(TensorType::FLOAT16) => 3,
        B::MUL if int8 && mul_grows(op, tensors) => 3,
        B::ADD
        | B::SUB
        | B::MUL
        | B::MEAN
        | B::PAD
        | B::MAX_POOL_2D
        | B::AVERAGE_POOL_2D
        | B::CONCATENATION
        | B::LOGISTIC
        | B::TANH
        | B::SOFTMAX
        | B::RELU
        | B::RELU6
        | B::TRANSPOSE
        | B::DEQUANTIZE => 1 + i32::from(int8),
        B::QUANTIZE => match op.outputs.first().and_then(|&id| tensors.get(usize::try_from(id).ok()?)) {
            Some(result) if result.quantization.as_ref().is_some_and(|quant| quant.scale.len() > 1) => 3,
            Some(result) if result.dtype == TensorType::INT16 => 2,
            _ => 1,
        },
        B::RESHAPE | B::HARD_SWISH | B::SQUEEZE | B::EXPAND_DIMS => 1,
        _ => return None,
    })
}

/// Whether the product of the operands' scales is not below the scale of the result; such an int8 MUL came later.
fn mul_grows(op: &Operator, tensors: &[Tensor]) -> bool {
    let scale = |id: &i32| {
        let tensor = usize::try_from(*id).ok().and_then(|id| tensors.get(id))?;
        tensor.quantization.as_ref()?.scale.first().copied()
    };
    match (&op.inputs[..], &op.outputs[..]) {
        ([a, b, ..], [out, ..]) => {
            matches!((scale(a), scale(b), scale(out)), (Some(a), Some(b), Some(out)) if a * b / out >= 1.0)
        }
        _ => false,
    }
}

/// The first release of the runtime that knows an operator in this version.
fn runtime(code: &OperatorCode) -> Option<[u32; 3]> {
    let minor = |minor: u32| Some([1, minor, 0]);
    match (code.builtin_code, code.version) {
        (B::RESIZE_NEAREST_NEIGHBOR | B::DEQUANTIZE, 1) => Some([1, 13, 1]),
        (B::LOGISTIC | B::TANH | B::QUANTIZE, 1) => minor(14),
        (B::HARD_SWISH, 1) | (B::DEQUANTIZE, 3) | (B::QUANTIZE, 2) | (B::MUL, 3) => minor(15),
        (B::MEAN | B::SUB | B::TRANSPOSE | B::SQUEEZE | B::EXPAND_DIMS | B::STRIDED_SLICE, 1) => minor(6),
        (B::PACK | B::SHAPE, 1) => minor(11),
        (B::DEPTHWISE_CONV_2D, 2) => minor(12),
        (B::QUANTIZE, 3) => Some([2, 7, 0]),
        (B::RELU, 2) | (B::FULLY_CONNECTED, 6) => Some([2, 1, 0]),
        (B::FULLY_CONNECTED, 5) => Some([2, 0, 0]),
        (B::RESIZE_NEAREST_NEIGHBOR, 3) => Some([2, 3, 0]),
        (B::CONV_2D | B::DEPTHWISE_CONV_2D, 3) | (B::FULLY_CONNECTED, 4) => minor(14),
        (
            B::CONV_2D
            | B::DEPTHWISE_CONV_2D
            | B::FULLY_CONNECTED
            | B::ADD
            | B::MUL
            | B::PAD
            | B::MAX_POOL_2D
            | B::AVERAGE_POOL_2D
            | B::CONCATENATION
            | B::SOFTMAX
            | B::RELU
            | B::RELU6
            | B::RESHAPE,
            1,
        ) => minor(5),
        (
            B::ADD
            | B::SUB
            | B::MUL
            | B::MEAN
            | B::PAD
            | B::MAX_POOL_2D
            | B::AVERAGE_POOL_2D
            | B::CONCATENATION
            | B::LOGISTIC
            | B::TANH
            | B::SOFTMAX
            | B::RELU6
            | B::TRANSPOSE
            | B::DEQUANTIZE
            | B::STRIDED_SLICE
            | B::RESIZE_NEAREST_NEIGHBOR
            | B::PACK,
            2,
        ) => minor(14),
        _ => None,
    }
}
