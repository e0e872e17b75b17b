//! From the file's tables to a graph: operator codes and options become [`Op`]s, constants are made dense.

use crate::error::Error;
use crate::graph::{
    Activation, BinaryKind, DType, Graph, Node, Op, Padding, Quant, ReduceKind, Tensor, UnaryKind, shapes,
};
use crate::tflite::{self, BuiltinOperator, Bytes, Options, TensorType};

impl Graph {
    /// The first subgraph of a file.
    ///
    /// # Errors
    /// If an operator or a tensor type is not supported, or the file contradicts itself.
    pub fn from_model(model: &tflite::Model) -> Result<Graph, Error> {
        let subgraph =
            model.subgraphs.first().ok_or_else(|| Error::Malformed { offset: 0, what: "no subgraph".into() })?;
        let mut constants = Constants { model, expanded: 0 };
        let tensors = subgraph.tensors.iter().map(|t| tensor(&mut constants, t)).collect::<Result<_, _>>()?;
        let nodes = subgraph.operators.iter().enumerate().map(|(i, o)| node(model, i, o)).collect::<Result<_, _>>()?;
        let ids = |list: &[i32]| list.iter().map(|&i| i as usize).collect();
        let mut graph = Graph { tensors, nodes, inputs: ids(&subgraph.inputs), outputs: ids(&subgraph.outputs) };
        shapes::fill(&mut graph);
        graph.check()?;
        Ok(graph)
    }
}

fn dtype(code: TensorType) -> Option<DType> {
    Some(match code {
        TensorType::FLOAT32 => DType::F32,
        TensorType::FLOAT16 => DType::F16,
        TensorType::FLOAT64 => DType::F64,
        TensorType::INT4 => DType::I4,
        TensorType::INT8 => DType::I8,
        TensorType::INT16 => DType::I16,
        TensorType::INT32 => DType::I32,
        TensorType::INT64 => DType::I64,
        TensorType::UINT8 => DType::U8,
        TensorType::UINT32 => DType::U32,
        TensorType::BOOL => DType::Bool,
        _ => return None,
    })
}

fn tensor(constants: &mut Constants<'_>, source: &tflite::Tensor) -> Result<Tensor, Error> {
    let name = source.name.clone();
    let wrong = |what: &str, expected: &str, got: String| Error::Tensor {
        name: name.clone(),
        what: what.to_owned(),
        expected: expected.to_owned(),
        got,
    };
    let kind =
        dtype(source.dtype).ok_or_else(|| wrong("type", "a float, an integer or bool", source.dtype.to_string()))?;
    let shape = source.shape.iter().map(|&d| usize::try_from(d).ok()).collect::<Option<Vec<_>>>();
    let shape = shape.ok_or_else(|| wrong("shape", "no negative size", format!("{:?}", source.shape)))?;
    let quant = source.quantization.as_ref().filter(|q| !q.scale.is_empty());
    if source.quantization.as_ref().is_some_and(|q| q.details != tflite::QuantizationDetails::None) {
        return Err(wrong("quantisation", "scales per tensor or per channel", "custom or blockwise scales".into()));
    }
    let quant = quant.map(|q| Quant {
        scale: q.scale.clone(),
        zero_point: if q.zero_point.is_empty() { vec![0; q.scale.len()] } else { q.zero_point.clone() },
        axis: usize::try_from(q.quantized_dimension).unwrap_or(usize::MAX),
    });
    let elements = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d)).unwrap_or(usize::MAX);
    let data = constants.get(source, kind, elements)?;
    let blocks16 =
        source.sparsity.as_ref().is_some_and(|s| s.dim_metadata.len() == 3 && s.dim_metadata[2].dense_size == 16);
    Ok(Tensor { name, dtype: kind, shape, quant, data, blocks16 })
}

/// Constants of a file as plain elements. Those that lie so in the file are shared with it, and what has to be expanded
/// (sparse, 4-bit) is limited in total, so that a small file cannot fill the memory.
struct Constants<'m> {
    model: &'m tflite::Model,
    expanded: usize,
}

/// Most bytes that sparse and 4-bit constants may take when they are expanded.
const EXPANDED_LIMIT: usize = 1 << 31;

impl Constants<'_> {
    fn get(&mut self, source: &tflite::Tensor, kind: DType, elements: usize) -> Result<Option<Bytes>, Error> {
        let Some(bytes) = self.model.buffers.get(source.buffer as usize).filter(|b| !b.is_empty()) else {
            return Ok(None);
        };
        if source.sparsity.is_none() && kind != DType::I4 {
            return Ok(Some(bytes.clone()));
        }
        self.expanded = self.expanded.saturating_add(elements.saturating_mul(kind.size()));
        if self.expanded > EXPANDED_LIMIT {
            let what = "bytes of sparse and 4-bit constants when expanded".into();
            return Err(Error::Limit { what, limit: EXPANDED_LIMIT, got: self.expanded });
        }
        Ok(Some(match &source.sparsity {
            Some(sparsity) => tflite::densify(sparsity, &source.shape, bytes, kind.size())?.into(),
            None => tflite::unpack_int4(bytes, elements).into_iter().map(i8::cast_unsigned).collect::<Vec<u8>>().into(),
        }))
    }
}

/// The options of an operator, or their defaults where the file has none.
macro_rules! options {
    ($operator:expr, $variant:ident) => {
        match &$operator.options {
            Options::$variant(options) => options.clone(),
            _ => Default::default(),
        }
    };
}

fn node(model: &tflite::Model, index: usize, source: &tflite::Operator) -> Result<Node, Error> {
    let code = model.operator_codes.get(source.opcode_index as usize);
    let code = code.ok_or_else(|| Error::Malformed { offset: 0, what: "an operator without a code".into() })?;
    let name = if code.builtin_code == BuiltinOperator::CUSTOM {
        format!("CUSTOM {}", code.custom_code)
    } else {
        code.builtin_code.to_string()
    };
    let op = match operator(code.builtin_code, source) {
        Ok(Some(op)) => op,
        Ok(None) => return Err(Error::UnknownOperator { index, op: name, supported: SUPPORTED }),
        Err(what) => return Err(Error::Unsupported { index, op: name, what }),
    };
    let inputs = source.inputs.iter().map(|&i| usize::try_from(i).ok()).collect();
    let outputs = source.outputs.iter().map(|&i| i as usize).collect();
    Ok(Node { op, inputs, outputs, index })
}

/// `None` for an operator that edgebench does not have.
fn operator(code: BuiltinOperator, source: &tflite::Operator) -> Result<Option<Op>, String> {
    use BuiltinOperator as B;
    let unary = |kind| Ok(Op::Unary(kind));
    let reduce = |kind| Ok(Op::Reduce { kind, keep_dims: options!(source, Reducer).keep_dims });
    let plain = |kind| Ok(Op::Binary { kind, activation: Activation::None });
    match code {
        B::CONV_2D | B::DEPTHWISE_CONV_2D | B::FULLY_CONNECTED | B::TRANSPOSE_CONV | B::BATCH_MATMUL => {
            product(code, source)
        }
        B::AVERAGE_POOL_2D | B::MAX_POOL_2D => pool(code, source),
        B::ADD => binary(BinaryKind::Add, options!(source, Add).activation),
        B::SUB => binary(BinaryKind::Sub, options!(source, Sub).activation),
        B::MUL => binary(BinaryKind::Mul, options!(source, Mul).activation),
        B::DIV => binary(BinaryKind::Div, options!(source, Div).activation),
        B::MAXIMUM => plain(BinaryKind::Maximum),
        B::MINIMUM => plain(BinaryKind::Minimum),
        B::SQUARED_DIFFERENCE => plain(BinaryKind::SquaredDifference),
        B::RELU => unary(UnaryKind::Relu),
        B::RELU6 => unary(UnaryKind::Relu6),
        B::RELU_N1_TO_1 => unary(UnaryKind::ReluN1To1),
        B::ELU => unary(UnaryKind::Elu),
        B::LEAKY_RELU => unary(UnaryKind::LeakyRelu { alpha: options!(source, LeakyRelu).alpha }),
        B::HARD_SWISH => unary(UnaryKind::HardSwish),
        B::GELU => unary(UnaryKind::Gelu { approximate: options!(source, Gelu).approximate }),
        B::LOGISTIC => unary(UnaryKind::Logistic),
        B::TANH => unary(UnaryKind::Tanh),
        B::EXP => unary(UnaryKind::Exp),
        B::RSQRT => unary(UnaryKind::Rsqrt),
        B::ABS => unary(UnaryKind::Abs),
        B::NEG => unary(UnaryKind::Neg),
        B::PRELU => Ok(Op::Prelu),
        B::MEAN => reduce(ReduceKind::Mean),
        B::SUM => reduce(ReduceKind::Sum),
        B::REDUCE_MAX => reduce(ReduceKind::Max),
        B::REDUCE_MIN => reduce(ReduceKind::Min),
        B::SOFTMAX => Ok(Op::Softmax { beta: options!(source, Softmax).beta }),
        B::LOG_SOFTMAX => Ok(Op::LogSoftmax),
        B::L2_NORMALIZATION => Ok(Op::L2Normalization { activation: activation(options!(source, L2Norm).activation)? }),
        B::QUANTIZE => Ok(Op::Quantize),
        B::DEQUANTIZE => Ok(Op::Dequantize),
        B::CAST => Ok(Op::Cast),
        B::ARG_MAX => Ok(Op::ArgMax),
        _ => return movement(code, source),
    }
    .map(Some)
}

fn movement(code: BuiltinOperator, source: &tflite::Operator) -> Result<Option<Op>, String> {
    use BuiltinOperator as B;
    Ok(Some(match code {
        B::RESIZE_NEAREST_NEIGHBOR => {
            let o = options!(source, ResizeNearestNeighbor);
            Op::ResizeNearest { align_corners: o.align_corners, half_pixel_centers: o.half_pixel_centers }
        }
        B::RESIZE_BILINEAR => {
            let o = options!(source, ResizeBilinear);
            Op::ResizeBilinear { align_corners: o.align_corners, half_pixel_centers: o.half_pixel_centers }
        }
        B::PAD => Op::Pad,
        B::PADV2 => Op::PadV2,
        B::MIRROR_PAD => {
            Op::MirrorPad { symmetric: options!(source, MirrorPad).mode == tflite::MirrorPadMode::SYMMETRIC }
        }
        B::CONCATENATION => {
            let o = options!(source, Concatenation);
            Op::Concatenation { axis: o.axis, activation: activation(o.activation)? }
        }
        B::SPLIT => Op::Split,
        B::SPLIT_V => Op::SplitV,
        B::RESHAPE => Op::Reshape { new_shape: options!(source, Reshape).new_shape },
        B::SQUEEZE => Op::Squeeze,
        B::EXPAND_DIMS => Op::ExpandDims,
        B::TRANSPOSE => Op::Transpose,
        B::SLICE => Op::Slice,
        B::STRIDED_SLICE => {
            let o = options!(source, StridedSlice);
            Op::StridedSlice {
                begin_mask: o.begin_mask.cast_unsigned(),
                end_mask: o.end_mask.cast_unsigned(),
                ellipsis_mask: o.ellipsis_mask.cast_unsigned(),
                new_axis_mask: o.new_axis_mask.cast_unsigned(),
                shrink_axis_mask: o.shrink_axis_mask.cast_unsigned(),
                offset: o.offset,
            }
        }
        B::SHAPE => Op::Shape,
        B::PACK => Op::Pack { axis: options!(source, Pack).axis },
        B::UNPACK => Op::Unpack { axis: options!(source, Unpack).axis },
        B::GATHER => {
            let o = options!(source, Gather);
            Op::Gather { axis: o.axis, batch_dims: o.batch_dims }
        }
        B::TILE => Op::Tile,
        B::BROADCAST_TO => Op::BroadcastTo,
        B::FILL => Op::Fill,
        B::SPACE_TO_DEPTH => {
            Op::SpaceToDepth { block: positive(options!(source, SpaceToDepth).block_size, "block size")? }
        }
        B::DEPTH_TO_SPACE => {
            Op::DepthToSpace { block: positive(options!(source, DepthToSpace).block_size, "block size")? }
        }
        B::SPACE_TO_BATCH_ND => Op::SpaceToBatchNd,
        B::BATCH_TO_SPACE_ND => Op::BatchToSpaceNd,
        B::DENSIFY => Op::Densify,
        _ => return Ok(None),
    }))
}

/// What [`operator`] knows, for the error that names an operator it does not.
const SUPPORTED: &str = "ABS ADD ARG_MAX AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_TO CAST CONCATENATION CONV_2D \
    DENSIFY DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE DIV ELU EXP EXPAND_DIMS FILL FULLY_CONNECTED GATHER GELU HARD_SWISH \
    L2_NORMALIZATION LEAKY_RELU LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG PACK PAD PADV2 PRELU \
    QUANTIZE REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SHAPE SLICE \
    SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TILE TRANSPOSE \
    TRANSPOSE_CONV UNPACK";

/// Products of activations and weights.
fn product(code: BuiltinOperator, source: &tflite::Operator) -> Result<Op, String> {
    Ok(match code {
        BuiltinOperator::CONV_2D => {
            let o = options!(source, Conv2D);
            Op::Conv2d {
                padding: padding(o.padding)?,
                stride: pair(o.stride_h, o.stride_w, "stride")?,
                dilation: pair(o.dilation_h_factor, o.dilation_w_factor, "dilation")?,
                activation: activation(o.activation)?,
                bias_i64: o.quantized_bias_type == TensorType::INT64,
            }
        }
        BuiltinOperator::DEPTHWISE_CONV_2D => {
            let o = options!(source, DepthwiseConv2D);
            Op::DepthwiseConv2d {
                padding: padding(o.padding)?,
                stride: pair(o.stride_h, o.stride_w, "stride")?,
                dilation: pair(o.dilation_h_factor, o.dilation_w_factor, "dilation")?,
                multiplier: usize::try_from(o.depth_multiplier).unwrap_or(0),
                activation: activation(o.activation)?,
            }
        }
        BuiltinOperator::FULLY_CONNECTED => {
            let o = options!(source, FullyConnected);
            if o.weights_format != tflite::WeightsFormat::DEFAULT {
                return Err(format!("weights format {}", o.weights_format));
            }
            Op::FullyConnected {
                activation: activation(o.activation)?,
                keep_num_dims: o.keep_num_dims,
                asymmetric_inputs: o.asymmetric_quantize_inputs,
            }
        }
        BuiltinOperator::TRANSPOSE_CONV => {
            let o = options!(source, TransposeConv);
            Op::TransposeConv {
                padding: padding(o.padding)?,
                stride: pair(o.stride_h, o.stride_w, "stride")?,
                activation: activation(o.activation)?,
            }
        }
        _ => {
            let o = options!(source, BatchMatMul);
            Op::BatchMatMul { adj_x: o.adj_x, adj_y: o.adj_y }
        }
    })
}

fn pool(code: BuiltinOperator, source: &tflite::Operator) -> Result<Op, String> {
    let o = options!(source, Pool2D);
    let (padding, activation) = (padding(o.padding)?, activation(o.activation)?);
    let stride = pair(o.stride_h, o.stride_w, "stride")?;
    let filter = pair(o.filter_height, o.filter_width, "filter")?;
    Ok(match code {
        BuiltinOperator::AVERAGE_POOL_2D => Op::AveragePool { padding, stride, filter, activation },
        _ => Op::MaxPool { padding, stride, filter, activation },
    })
}

fn binary(kind: BinaryKind, code: tflite::Activation) -> Result<Op, String> {
    Ok(Op::Binary { kind, activation: activation(code)? })
}

fn activation(code: tflite::Activation) -> Result<Activation, String> {
    Ok(match code {
        tflite::Activation::NONE => Activation::None,
        tflite::Activation::RELU => Activation::Relu,
        tflite::Activation::RELU_N1_TO_1 => Activation::ReluN1To1,
        tflite::Activation::RELU6 => Activation::Relu6,
        other => return Err(format!("fused activation {other}")),
    })
}

fn padding(code: tflite::Padding) -> Result<Padding, String> {
    Ok(match code {
        tflite::Padding::SAME => Padding::Same,
        tflite::Padding::VALID => Padding::Valid,
        other => return Err(format!("padding {other}")),
    })
}

/// Sizes such as strides: at least 1, and small enough that no index can overflow.
fn positive(value: i32, what: &str) -> Result<usize, String> {
    usize::try_from(value).ok().filter(|v| (1..=1 << 16).contains(v)).ok_or_else(|| format!("{what} {value}"))
}

fn pair(height: i32, width: i32, what: &str) -> Result<[usize; 2], String> {
    Ok([positive(height, what)?, positive(width, what)?])
}
