//! What an engine does, decided once: fused steps, buffers, stages.
//!
//! Layers become [`Step`]s: batch normalisation, the addition of a shortcut, an activation and a simulated quantisation that follow
//! each other are one pass ([`Norm`]). Steps are put into [`Stage`]s: within a stage a group of images goes through all steps chunk
//! by chunk, so that what one step writes is still in the cache for the next; between stages all groups meet, because batch
//! normalisation needs sums over the whole batch.

use edgebench_train_kernels::{Act, ConvPlan, DepthwisePlan, PadShape, PoolShape, UpsampleShape};

/// Index of a value that is held in memory.
pub(super) type Value = usize;

/// A convolution, depthwise convolution or dense layer.
#[derive(Debug)]
pub(super) struct Conv {
    pub(super) plan: Plan,
    /// Index of the kernel among the tensors of the network.
    pub(super) weight: usize,
    /// Index of the bias.
    pub(super) bias: Option<usize>,
    /// Output channels.
    pub(super) channels: usize,
    /// The weight gradient is not taken group by group but by parts of the output channels, each over the whole batch: many weights,
    /// few pixels.
    pub(super) shared: bool,
    /// The [`Norm`] whose statistics are taken of the output.
    pub(super) statistics: Option<usize>,
}

/// How a [`Conv`] is computed.
#[derive(Debug)]
pub(super) enum Plan {
    Conv(ConvPlan),
    Depthwise(DepthwisePlan),
}

/// One pass: `y = quantise(act(x · scale + shift + residual))`, parts of which may be missing.
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) channels: usize,
    pub(super) batch_norm: Option<BatchNorm>,
    pub(super) act: Act,
    /// The tensor that holds the range of a simulated quantisation.
    pub(super) range: Option<usize>,
}

/// The tensors of a batch normalisation.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchNorm {
    pub(super) gamma: usize,
    pub(super) beta: usize,
    pub(super) mean: usize,
    pub(super) variance: usize,
    pub(super) epsilon: f64,
    pub(super) momentum: f32,
}

/// What a step does to the value `x`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Conv(usize),
    Norm {
        norm: usize,
        residual: Option<Value>,
    },
    /// Sums for the statistics of a batch normalisation of `x`; yields nothing.
    Statistics {
        norm: usize,
    },
    Pool {
        shape: PoolShape,
        max: bool,
    },
    Mean {
        channels: usize,
    },
    Upsample(UpsampleShape),
    Pad(PadShape),
    Dropout {
        rate: f32,
        stream: u32,
    },
}

/// One step of the forward pass, and of the backward pass in reverse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) kind: Kind,
    pub(super) x: Value,
    pub(super) y: Value,
    /// Whether the gradients of `x` and of the residual are wanted, and whether they are added to what is there.
    pub(super) gradient: [Want; 2],
}

/// What the backward pass does with the gradient of an operand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Want {
    #[default]
    Nothing,
    Write,
    Add,
}

/// What is done to one chunk of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// The step forward.
    Forward(usize),
    /// Loss, and the gradient of the logits.
    Loss,
    /// The sums that the gradient of a batch normalisation needs.
    Sums(usize),
    /// The step backward.
    Backward(usize),
}

/// Something that all threads do together.
#[derive(Debug)]
pub(super) enum Stage {
    /// Every group by itself, `chunk` images at a time.
    Groups { moves: Vec<Move>, chunk: usize },
    /// Statistics of the batch for these [`Norm`]s.
    Statistics(Vec<usize>),
    /// The factors of the gradient of the batch normalisation of this step.
    Factors(usize),
    /// The weight gradient of the convolution of this step, by parts of its output channels.
    Weights(usize),
}

/// A network made ready to run.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) convs: Vec<Conv>,
    pub(super) norms: Vec<Norm>,
    pub(super) steps: Vec<Step>,
    /// Elements of each value, per image.
    pub(super) values: Vec<usize>,
    /// Where the gradient of each value lies.
    pub(super) slots: Vec<Option<usize>>,
    /// Elements of each gradient buffer, per image.
    pub(super) slot_len: Vec<usize>,
    /// Forward and backward.
    pub(super) train: Vec<Stage>,
    /// Forward only; running statistics in place of those of the batch.
    pub(super) infer: Vec<Stage>,
    pub(super) logits: Value,
    pub(super) classes: usize,
}
