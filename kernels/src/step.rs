//! The list of step kinds, and the loop that runs them.
//!
//! To add a kind: write `ops/<kind>.rs` with a struct that implements [`Run`], and name it once in the `steps!` list below.

use crate::isa::Kernels;
use crate::ops;
use crate::span::{Memory, Span};

/// What a step does with one of its spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads it.
    Read,
    /// Reads it element by element, in order, before it writes the same element of the output: the planner may put both in
    /// the same place if this is the last reader and the lengths agree.
    ReadInPlace,
    /// Writes all of it.
    Write,
    /// Uses it as scratch space; nothing is kept.
    Scratch,
}

/// One operator with everything decided.
pub trait Run {
    /// Names every span of the step with what is done to it. The planner learns lifetimes from here and patches offsets in.
    fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access));
    /// Executes the step.
    fn run(&self, kernels: &'static Kernels, memory: &mut Memory<'_>);
}

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident($type:ty),)*) => {
        /// One operator with everything decided: operands, rounding, packed weights.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant)]
        pub enum Step {
            $($(#[$doc])* $name($type),)*
        }
        impl Step {
            /// See [`Run::spans`].
            pub fn spans(&mut self, visit: &mut dyn FnMut(&mut Span, Access)) {
                match self { $(Step::$name(step) => step.spans(visit),)* }
            }
            /// See [`Run::run`].
            pub fn run(&self, kernels: &'static Kernels, memory: &mut Memory<'_>) {
                match self { $(Step::$name(step) => run_apart(step, kernels, memory),)* }
            }
            /// The kind's name, as in this enum.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(Step::$name(_) => stringify!($name),)* }
            }
        }
        $(impl From<$type> for Step { fn from(step: $type) -> Step { Step::$name(step) } })*
    };
}

steps! {
    /// int8 convolution, dense layer, matrix product with constant weights.
    Conv(ops::conv::Conv),
    /// int8 depthwise convolution.
    Depthwise(ops::depthwise::Depthwise),
    /// float32 convolution, dense layer.
    ConvF32(ops::conv_f32::ConvF32),
    /// float32 depthwise convolution.
    DepthwiseF32(ops::depthwise_f32::DepthwiseF32),
    /// 8-bit code → value by a table.
    Lut(ops::lut::Lut),
    /// Element-wise operators of two quantised operands.
    Binary(ops::binary::Binary),
    /// int8 pooling.
    Pool(ops::pool::Pool),
    /// int8 maximum over windows.
    MaxPool(ops::max_pool::MaxPool),
    /// int8 reductions.
    Reduce(ops::reduce::Reduce),
    /// int8 softmax and log-softmax.
    Softmax(ops::softmax::Softmax),
    /// int8 bilinear resizing.
    Resize(ops::resize::Resize),
    /// int8 L2 normalisation.
    L2Norm(ops::l2norm::L2Norm),
    /// Between float and codes, between codes of 8 and 16 bits.
    Convert(ops::convert::Convert),
    /// Copies with a stride or an index table per axis: slices, transposes, pads, concatenation.
    Move(ops::movement::Move),
    /// Indices of maxima.
    ArgMax(ops::argmax::ArgMax),
    /// Elements at computed indices.
    Gather(ops::gather::Gather),
    /// Between number types.
    Cast(ops::cast::Cast),
    /// Convolution with 16-bit operands: asymmetric weights, int16 activations, transposed convolution.
    WideConv(ops::wide_conv::WideConv),
    /// Element-wise float32 functions.
    UnaryF32(ops::float_unary::UnaryF32),
    /// Element-wise operators of two number tensors.
    BinaryNum(ops::float_binary::BinaryNum),
    /// float32 pooling.
    PoolF32(ops::float_pool::PoolF32),
    /// float32 reductions.
    ReduceF32(ops::float_reduce::ReduceF32),
    /// float32 functions of rows: softmax and its kin.
    RowsF32(ops::float_rows::RowsF32),
    /// float32 bilinear resizing.
    BilinearF32(ops::float_rows::BilinearF32),
    /// float32 convolution in the order of the reference kernels.
    PlainConvF32(ops::plain_conv_f32::PlainConvF32),
    /// float32 matrix product of computed operands.
    MatMulF32(ops::float_matmul::MatMulF32),
    /// int16 code to code by a table.
    WideLut(ops::wide_lut::WideLut),
    /// SOFTMAX on int16 codes.
    WideSoftmax(ops::wide_softmax::WideSoftmax),
    /// Product of two matrices that are both computed.
    MatMul(ops::matmul::MatMul),
    /// Float activations with int8 weights.
    Hybrid(ops::hybrid::Hybrid),
}

/// A kind of step for itself: what one kind needs of stack and registers is no other's business.
#[inline(never)]
fn run_apart<S: Run>(step: &S, kernels: &'static Kernels, memory: &mut Memory<'_>) {
    step.run(kernels, memory);
}

/// Runs the steps in order.
pub fn run(steps: &[Step], kernels: &'static Kernels, memory: &mut Memory<'_>) {
    for step in steps {
        step.run(kernels, memory);
    }
}
