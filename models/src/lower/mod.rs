//! From a graph to a plan: every operator becomes steps of `edgebench-kernels`, for one arithmetic and one instruction set.
//!
//! Lowering may refuse, running may not: all that can be wrong with a model is found here. Operators whose operands are all
//! constant are evaluated on the spot (in `fold.rs`), so that chains like SHAPE → STRIDED_SLICE → PACK → RESHAPE vanish.
//!
//! To add an operator: a variant of [`Op`], its line in `graph/import.rs`, and an arm in `lower_node` that calls a function of
//! one of the files here.

mod batch;
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
use std::mem;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use edgebench_kernels::{Block, Isa, Span};

pub(crate) use context::Cx;

use crate::error::Error;
use crate::graph::{Graph, Op, TensorId};
use crate::lower::batch::Draft;
use crate::memory::Zeroed;
use crate::plan::{Plan, Planner, Port};

/// Whose integers a plan reproduces, bit for bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arithmetic {
    /// LiteRT 2.3.0's default CPU path on x86-64: XNNPACK for what it takes, the built-in kernels for the rest.
    Litert,
    /// The same on aarch64, where XNNPACK and the built-in kernels round some operators otherwise.
    LitertArm64,
    /// LiteRT's reference kernels.
    Reference,
    /// TFLite Micro and CMSIS-NN.
    Tflm,
}

impl Arithmetic {
    /// All of them, the default first.
    pub const ALL: [Arithmetic; 4] =
        [Arithmetic::Litert, Arithmetic::LitertArm64, Arithmetic::Reference, Arithmetic::Tflm];

    /// The name on the command line and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Arithmetic::Litert => "litert",
            Arithmetic::LitertArm64 => "litert-arm64",
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
#[error("unknown arithmetic, expected one of litert litert-arm64 reference tflm")]
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
    /// Whether there shall be a plan for several images at once too ([`Plan::many`]); one for several threads has none.
    pub many: Many,
}

/// When a plan for several images at once is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Many {
    /// Images run one by one.
    Never,
    /// If it saves time.
    IfFaster,
    /// Whatever it costs.
    Always,
}

impl Default for LowerOptions {
    fn default() -> Self {
        let (isa, grain) = (Isa::detect(), split::GRAIN);
        Self { arithmetic: Arithmetic::Litert, isa, keep_all: false, threads: 1, grain, many: Many::Never }
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
    let (inputs, outputs) = (ports(inputs)?, ports(outputs)?);
    if options.keep_all {
        let mut compact: Vec<TensorId> = cx.compacts.keys().copied().collect();
        compact.sort_unstable();
        compact.into_iter().try_for_each(|id| cx.operand(id).map(|_| ()))?;
    }
    let many = if options.many != Many::Never && options.threads == 1 && !options.keep_all {
        let (steps, origins, buffers) = (cx.steps.clone(), cx.origins.clone(), cx.buffers.clone());
        let single = Draft { steps, origins, buffers, inputs: inputs.clone(), outputs: outputs.clone() };
        batch::for_images(cx.kernels, &single, options.many)
    } else {
        None
    };
    let groups = split::split(&mut cx, options);
    let consts = Arc::new(mem::take(&mut cx.consts).finish());
    let steps = mem::take(&mut cx.steps);
    let draft =
        Draft { steps, origins: mem::take(&mut cx.origins), buffers: mem::take(&mut cx.buffers), inputs, outputs };
    let many = many.and_then(|draft| {
        let each = (0..draft.steps.len()).map(|at| at..at + 1).collect();
        let plan = place(draft, each, Arc::clone(&consts), Vec::new(), options).ok()?;
        (options.many == Many::Always || plan.arena_len <= batch::MOST_BYTES).then_some(plan)
    });
    let many = many.map(|plan| Arc::new(Plan { images: batch::IMAGES, ..plan }));
    let plan = place(draft, groups, consts, cx.places, options)?;
    Ok(Plan { many, warnings: cx.warnings, ..plan })
}

/// Lays the buffers of a draft out.
fn place(
    mut draft: Draft,
    groups: Vec<Range<usize>>,
    consts: Arc<Zeroed>,
    mut tensors: Vec<Option<Span>>,
    options: &LowerOptions,
) -> Result<Plan, Error> {
    let spans = |ports: &[Port]| ports.iter().map(|p| p.span).collect::<Vec<Span>>();
    // Where nothing is heavy enough there is nothing to share.
    let threads = groups.iter().map(Range::len).max().unwrap_or(1).max(1);
    let lens: Vec<usize> = draft.buffers.iter().map(|len| len.next_multiple_of(Block::SIZE).max(Block::SIZE)).collect();
    let planner = Planner {
        lens: &lens,
        groups: &groups,
        inputs: &spans(&draft.inputs),
        outputs: &spans(&draft.outputs),
        keep_all: options.keep_all,
    };
    let layout = planner.layout(&mut draft.steps);
    if layout.arena_len > ARENA_LIMIT {
        return Err(Error::Limit { what: "bytes of arena".into(), limit: ARENA_LIMIT, got: layout.arena_len });
    }
    for step in &mut draft.steps {
        step.spans(&mut |span, _| layout.patch(span));
    }
    for port in draft.inputs.iter_mut().chain(&mut draft.outputs) {
        layout.patch(&mut port.span);
    }
    for span in tensors.iter_mut().flatten() {
        layout.patch(span);
    }
    Ok(Plan {
        isa: options.isa,
        arithmetic: options.arithmetic,
        arena_len: layout.arena_len,
        lifetimes: layout.lifetimes(),
        steps: draft.steps,
        origins: draft.origins,
        groups,
        threads,
        images: 1,
        many: None,
        consts,
        inputs: draft.inputs,
        outputs: draft.outputs,
        tensors,
        warnings: Vec::new(),
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
