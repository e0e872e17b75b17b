//! From a graph to a plan: every operator becomes steps of `edgebench-kernels`, for one arithmetic and one instruction set.
//!
//! Lowering may refuse, running may not: all that can be wrong with a model is found here. Operators whose operands are all
//! constant are evaluated on the spot (in `fold.rs`), so that chains like SHAPE → STRIDED_SLICE → PACK → RESHAPE vanish.
//!
//! To add an operator: a variant of [`Op`], its line in `graph/import.rs`, and an arm in `lower_node` that calls a function of
//! one of the files here.

mod binary;
mod cast;
mod checks;
mod compact;
mod context;
mod conv;
mod convert;
mod dense;
mod depthwise;
mod float;
mod fold;
mod hybrid;
mod matmul;
mod movement;
mod per_channel;
mod pool;
mod product;
mod quant;
mod reduce;
mod resize;
mod softmax;
mod split;
mod unary;
mod wide;
mod wide_unary;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use edgebench_kernels::{Isa, Span};

pub(crate) use context::Cx;

use crate::error::Error;
use crate::graph::{Graph, Op, TensorId};
use crate::plan::{Plan, Planner, Port};

/// Whose integers a plan reproduces, bit for bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// LiteRT 2.3.0's default CPU path on x86-64: XNNPACK for what it takes, the built-in kernels for the rest.
    Litert,
    /// LiteRT's reference kernels.
    Reference,
    /// TFLite Micro and CMSIS-NN.
    Tflm,
}

impl Arithmetic {
    /// All of them, the default first.
    pub const ALL: [Arithmetic; 3] = [Arithmetic::Litert, Arithmetic::Reference, Arithmetic::Tflm];

    /// The name on the command line and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Arithmetic::Litert => "litert",
            Arithmetic::Reference => "reference",
            Arithmetic::Tflm => "tflm",
        }
    }
}

impl fmt::Display for Arithmetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that no arithmetic has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown arithmetic, expected one of litert reference tflm")]
pub struct UnknownArithmetic;

impl FromStr for Arithmetic {
    type Err = UnknownArithmetic;
    fn from_str(name: &str) -> Result<Self, UnknownArithmetic> {
        Self::ALL.into_iter().find(|a| a.name() == name).ok_or(UnknownArithmetic)
    }
}

/// What a graph is lowered for.
#[derive(Clone, Copy, Debug)]
pub struct LowerOptions {
    /// Whose integers.
    pub arithmetic: Arithmetic,
    /// Which kernels.
    pub isa: Isa,
    /// Keep every intermediate tensor in a place of its own, to be read after a run; costs RAM.
    pub keep_all: bool,
    /// Threads that work on one image together: heavy steps are split into so many parts.
    pub threads: usize,
    /// Nanoseconds of work, roughly, for which another thread is worth it; less makes more parts.
    pub grain: u64,
}

impl Default for LowerOptions {
    fn default() -> Self {
        let (isa, grain) = (Isa::detect(), split::GRAIN);
        Self { arithmetic: Arithmetic::Litert, isa, keep_all: false, threads: 1, grain }
    }
}

/// Makes a plan.
///
/// # Errors
/// If an operator, or a form of it, is not supported, or the model contradicts itself.
pub fn lower(graph: &Graph, options: &LowerOptions) -> Result<Plan, Error> {
    graph.check()?;
    let mut cx = Cx::new(graph, options)?;
    for &id in &graph.inputs {
        cx.define(id);
    }
    for index in 0..graph.nodes.len() {
        cx.enter(index);
        if !fold::fold(&mut cx)? {
            lower_node(&mut cx)?;
        }
        cx.check_limits()?;
    }
    finish(cx, &graph.inputs, &graph.outputs, options)
}

/// Most bytes of arena that are accepted.
const ARENA_LIMIT: usize = 1 << 31;

/// Plans the arena and puts everything together.
fn finish(mut cx: Cx<'_>, inputs: &[TensorId], outputs: &[TensorId], options: &LowerOptions) -> Result<Plan, Error> {
    let port = |cx: &mut Cx<'_>, id: usize| -> Result<Port, Error> {
        let tensor = &cx.graph.tensors[id];
        let span = cx.operand(id)?;
        let (name, shape) = (tensor.name.clone(), tensor.shape.clone());
        Ok(Port { name, dtype: tensor.dtype, shape, quant: tensor.quant.clone(), span })
    };
    let mut ports = |ids: &[TensorId]| ids.iter().map(|&id| port(&mut cx, id)).collect::<Result<Vec<_>, _>>();
    let (mut inputs, mut outputs) = (ports(inputs)?, ports(outputs)?);
    if options.keep_all {
        let mut compact: Vec<TensorId> = cx.compacts.keys().copied().collect();
        compact.sort_unstable();
        compact.into_iter().try_for_each(|id| cx.operand(id).map(|_| ()))?;
    }
    let spans = |ports: &[Port]| ports.iter().map(|p| p.span).collect::<Vec<Span>>();
    let groups = split::split(&mut cx, options);
    // Where nothing is heavy enough there is nothing to share.
    let threads = groups.iter().map(Range::len).max().unwrap_or(1).max(1);
    let planner = Planner {
        lens: &cx.buffers,
        groups: &groups,
        inputs: &spans(&inputs),
        outputs: &spans(&outputs),
        keep_all: options.keep_all,
    };
    let layout = planner.layout(&mut cx.steps);
    if layout.arena_len > ARENA_LIMIT {
        return Err(Error::Limit { what: "bytes of arena".into(), limit: ARENA_LIMIT, got: layout.arena_len });
    }
    for step in &mut cx.steps {
        step.spans(&mut |span, _| layout.patch(span));
    }
    for port in inputs.iter_mut().chain(&mut outputs) {
        layout.patch(&mut port.span);
    }
    for span in cx.places.iter_mut().flatten() {
        layout.patch(span);
    }
    Ok(Plan {
        isa: options.isa,
        arithmetic: options.arithmetic,
        arena_len: layout.arena_len,
        lifetimes: layout.lifetimes(),
        steps: cx.steps,
        origins: cx.origins,
        groups,
        threads,
        consts: cx.consts.finish(),
        inputs,
        outputs,
        tensors: cx.places,
        warnings: cx.warnings,
    })
}

/// Emits the steps of the current node.
fn lower_node(cx: &mut Cx<'_>) -> Result<(), Error> {
    if movement::lower_node(cx)? || float::lower_node(cx)? {
        return Ok(());
    }
    let op = cx.node().op.clone();
    match op {
        Op::Conv2d { .. } => conv::conv2d(cx),
        Op::Cast => cast::cast(cx),
        Op::Binary { .. } => binary::binary(cx),
        Op::Prelu => binary::prelu(cx),
        Op::Unary(_) => unary::unary(cx),
        Op::Quantize => convert::quantize(cx),
        Op::Dequantize => convert::dequantize(cx),
        Op::AveragePool { .. } | Op::MaxPool { .. } => pool::pool(cx),
        Op::Reduce { .. } => reduce::reduce(cx),
        Op::ResizeBilinear { .. } => resize::resize_bilinear(cx),
        Op::Softmax { .. } => softmax::softmax(cx),
        Op::LogSoftmax => softmax::log_softmax(cx),
        Op::L2Normalization { .. } => softmax::l2_normalization(cx),
        Op::DepthwiseConv2d { .. } => depthwise::depthwise_conv2d(cx),
        Op::FullyConnected { .. } => dense::fully_connected(cx),
        Op::TransposeConv { .. } => wide::transpose_conv(cx),
        Op::BatchMatMul { .. } => matmul::batch_matmul(cx),
        _ => Err(cx.unsupported("this operator")),
    }
}
