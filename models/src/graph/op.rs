//! The operators that edgebench knows, with their attributes.

/// Spatial padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Output size `⌈in / stride⌉`; what is missing is split, the smaller half first.
    Same,
    /// No padding.
    Valid,
}

/// Activation fused into an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Activation {
    None,
    Relu,
    ReluN1To1,
    Relu6,
}

/// Element-wise operators of two operands, with broadcasting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryKind {
    Add,
    Sub,
    Mul,
    Div,
    Maximum,
    Minimum,
    SquaredDifference,
}

/// Element-wise operators of one operand.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum UnaryKind {
    Relu,
    Relu6,
    ReluN1To1,
    Elu,
    LeakyRelu { alpha: f32 },
    HardSwish,
    Gelu { approximate: bool },
    Logistic,
    Tanh,
    Exp,
    Rsqrt,
    Abs,
    Neg,
}

/// Reductions over constant axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ReduceKind {
    Mean,
    Sum,
    Max,
    Min,
}

/// An operator and its attributes; `[a, b]` pairs are (height, width).
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Op {
    /// Inputs: NHWC activations, OHWI weights, bias.
    Conv2d {
        padding: Padding,
        stride: [usize; 2],
        dilation: [usize; 2],
        activation: Activation,
        bias_i64: bool,
    },
    /// Inputs: NHWC activations, `[1, H, W, C·multiplier]` weights, bias (optional).
    DepthwiseConv2d {
        padding: Padding,
        stride: [usize; 2],
        dilation: [usize; 2],
        multiplier: usize,
        activation: Activation,
    },
    /// Inputs: activations, `[O, I]` weights, bias (optional).
    FullyConnected {
        activation: Activation,
        keep_num_dims: bool,
        asymmetric_inputs: bool,
    },
    /// Inputs: output shape, OHWI weights, NHWC activations, bias (optional).
    TransposeConv {
        padding: Padding,
        stride: [usize; 2],
        activation: Activation,
    },
    BatchMatMul {
        adj_x: bool,
        adj_y: bool,
    },
    Binary {
        kind: BinaryKind,
        activation: Activation,
    },
    Unary(UnaryKind),
    Prelu,
    AveragePool {
        padding: Padding,
        stride: [usize; 2],
        filter: [usize; 2],
        activation: Activation,
    },
    MaxPool {
        padding: Padding,
        stride: [usize; 2],
        filter: [usize; 2],
        activation: Activation,
    },
    Reduce {
        kind: ReduceKind,
        keep_dims: bool,
    },
    Softmax {
        beta: f32,
    },
    LogSoftmax,
    L2Normalization {
        activation: Activation,
    },
    Quantize,
    Dequantize,
    Cast,
    ArgMax,
    ResizeNearest {
        align_corners: bool,
        half_pixel_centers: bool,
    },
    ResizeBilinear {
        align_corners: bool,
        half_pixel_centers: bool,
    },
    /// Inputs: tensor, paddings `[rank, 2]`.
    Pad,
    /// Inputs: tensor, paddings, one value.
    PadV2,
    /// `symmetric` repeats the border, otherwise it is left out (reflect).
    MirrorPad {
        symmetric: bool,
    },
    Concatenation {
        axis: i32,
        activation: Activation,
    },
    /// Inputs: axis, tensor.
    Split,
    /// Inputs: tensor, sizes, axis.
    SplitV,
    Reshape {
        new_shape: Vec<i32>,
    },
    Squeeze,
    ExpandDims,
    Transpose,
    /// Inputs: tensor, begin, size.
    Slice,
    /// Inputs: tensor, begin, end, strides.
    StridedSlice {
        begin_mask: u32,
        end_mask: u32,
        ellipsis_mask: u32,
        new_axis_mask: u32,
        shrink_axis_mask: u32,
        offset: bool,
    },
    Shape,
    Pack {
        axis: i32,
    },
    Unpack {
        axis: i32,
    },
    Gather {
        axis: i32,
        batch_dims: i32,
    },
    Tile,
    BroadcastTo,
    /// Inputs: dims, value.
    Fill,
    SpaceToDepth {
        block: usize,
    },
    DepthToSpace {
        block: usize,
    },
    /// Inputs: tensor, block shape, paddings.
    SpaceToBatchNd,
    /// Inputs: tensor, block shape, crops.
    BatchToSpaceNd,
    /// The constant behind it is made dense by the reader.
    Densify,
}
impl Op {
    /// The operator's name in the TFLite schema.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Op::Conv2d { .. } => "CONV_2D",
            Op::DepthwiseConv2d { .. } => "DEPTHWISE_CONV_2D",
            Op::FullyConnected { .. } => "FULLY_CONNECTED",
            Op::TransposeConv { .. } => "TRANSPOSE_CONV",
            Op::BatchMatMul { .. } => "BATCH_MATMUL",
            Op::Binary { kind, .. } => match kind {
                BinaryKind::Add => "ADD",
                BinaryKind::Sub => "SUB",
                BinaryKind::Mul => "MUL",
                BinaryKind::Div => "DIV",
                BinaryKind::Maximum => "MAXIMUM",
                BinaryKind::Minimum => "MINIMUM",
                BinaryKind::SquaredDifference => "SQUARED_DIFFERENCE",
            },
            Op::Unary(kind) => match kind {
                UnaryKind::Relu => "RELU",
                UnaryKind::Relu6 => "RELU6",
                UnaryKind::ReluN1To1 => "RELU_N1_TO_1",
                UnaryKind::Elu => "ELU",
                UnaryKind::LeakyRelu { .. } => "LEAKY_RELU",
                UnaryKind::HardSwish => "HARD_SWISH",
                UnaryKind::Gelu { .. } => "GELU",
                UnaryKind::Logistic => "LOGISTIC",
                UnaryKind::Tanh => "TANH",
                UnaryKind::Exp => "EXP",
                UnaryKind::Rsqrt => "RSQRT",
                UnaryKind::Abs => "ABS",
                UnaryKind::Neg => "NEG",
            },
            Op::Prelu => "PRELU",
            Op::AveragePool { .. } => "AVERAGE_POOL_2D",
            Op::MaxPool { .. } => "MAX_POOL_2D",
            Op::Reduce { kind, .. } => match kind {
                ReduceKind::Mean => "MEAN",
                ReduceKind::Sum => "SUM",
                ReduceKind::Max => "REDUCE_MAX",
                ReduceKind::Min => "REDUCE_MIN",
            },
            Op::Softmax { .. } => "SOFTMAX",
            Op::LogSoftmax => "LOG_SOFTMAX",
            Op::L2Normalization { .. } => "L2_NORMALIZATION",
            Op::Quantize => "QUANTIZE",
            Op::Dequantize => "DEQUANTIZE",
            Op::Cast => "CAST",
            Op::ArgMax => "ARG_MAX",
            Op::ResizeNearest { .. } => "RESIZE_NEAREST_NEIGHBOR",
            Op::ResizeBilinear { .. } => "RESIZE_BILINEAR",
            Op::Pad => "PAD",
            Op::PadV2 => "PADV2",
            Op::MirrorPad { .. } => "MIRROR_PAD",
            Op::Concatenation { .. } => "CONCATENATION",
            Op::Split => "SPLIT",
            Op::SplitV => "SPLIT_V",
            Op::Reshape { .. } => "RESHAPE",
            Op::Squeeze => "SQUEEZE",
            Op::ExpandDims => "EXPAND_DIMS",
            Op::Transpose => "TRANSPOSE",
            Op::Slice => "SLICE",
            Op::StridedSlice { .. } => "STRIDED_SLICE",
            Op::Shape => "SHAPE",
            Op::Pack { .. } => "PACK",
            Op::Unpack { .. } => "UNPACK",
            Op::Gather { .. } => "GATHER",
            Op::Tile => "TILE",
            Op::BroadcastTo => "BROADCAST_TO",
            Op::Fill => "FILL",
            Op::SpaceToDepth { .. } => "SPACE_TO_DEPTH",
            Op::DepthToSpace { .. } => "DEPTH_TO_SPACE",
            Op::SpaceToBatchNd => "SPACE_TO_BATCH_ND",
            Op::BatchToSpaceNd => "BATCH_TO_SPACE_ND",
            Op::Densify => "DENSIFY",
        }
    }
}
