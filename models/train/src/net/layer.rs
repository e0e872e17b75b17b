//! The kinds of layers.

/// Index of a layer, and of the value that it yields.
pub type LayerId = usize;

/// One layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Unique in its network; `/` separates blocks.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// The layers whose values it takes.
    pub inputs: Vec<LayerId>,
}

/// Spatial padding, with zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Output size `⌈in / stride⌉`; what is missing is split, the smaller half first (as TensorFlow does).
    Same,
    /// None.
    Valid,
}

/// A window that moves over an image; pairs are (height, width).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Size of the kernel.
    pub kernel: [usize; 2],
    /// Distance between outputs.
    pub stride: [usize; 2],
    /// Distance between taps.
    pub dilation: [usize; 2],
    /// What surrounds the image.
    pub padding: Padding,
}

impl Window {
    /// A square window, stride 1, padded to keep the size.
    #[must_use]
    pub const fn square(kernel: usize) -> Window {
        Window { kernel: [kernel; 2], stride: [1; 2], dilation: [1; 2], padding: Padding::Same }
    }

    /// With this stride in both directions.
    #[must_use]
    pub const fn stride(mut self, stride: usize) -> Window {
        self.stride = [stride; 2];
        self
    }

    /// With this dilation in both directions.
    #[must_use]
    pub const fn dilation(mut self, dilation: usize) -> Window {
        self.dilation = [dilation; 2];
        self
    }

    /// Without padding.
    #[must_use]
    pub const fn valid(mut self) -> Window {
        self.padding = Padding::Valid;
        self
    }
}

/// A convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Output channels.
    pub out_c: usize,
    /// The window.
    pub window: Window,
    /// Groups of channels; 1 for an ordinary convolution.
    pub groups: usize,
    /// Whether there is a bias.
    pub bias: bool,
}

/// How a window is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// The largest value.
    Max,
    /// The mean of the values inside of the image.
    Average,
}

/// An element-wise function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x · min(max(x + 3, 0), 6) / 6`.
    HardSwish,
}

/// What a layer computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The images.
    Input,
    /// Weights `[O, kh, kw, I / groups]`.
    Conv(Conv),
    /// Weights `[1, kh, kw, C · multiplier]`; output channel `c · multiplier + m` sees input channel `c`.
    Depthwise {
        /// Outputs per input channel.
        multiplier: usize,
        /// The window.
        window: Window,
        /// Whether there is a bias.
        bias: bool,
    },
    /// Weights `[O, I]` over all values of an image; yields 1×1×O.
    Dense {
        /// Outputs.
        units: usize,
        /// Whether there is a bias.
        bias: bool,
    },
    /// Per channel: `gamma · (x − mean) / √(variance + epsilon) + beta`, with the mean and variance of the batch while training.
    BatchNorm {
        /// Added to the variance.
        epsilon: f32,
        /// Share of the old value in a running mean: `running = momentum · running + (1 − momentum) · batch`.
        momentum: f32,
    },
    /// An element-wise function.
    Act(Activation),
    /// The sum of two values of one shape.
    Add,
    /// Zeros around the image: top, bottom, left, right.
    Pad([usize; 4]),
    /// Every pixel repeated `k` times in both directions.
    Upsample(usize),
    /// A window over the image, channel by channel.
    Pool(Pool, Window),
    /// The mean over the image; yields 1×1×C.
    GlobalAveragePool,
    /// While training, zero with this probability, else divided by what is left of 1; otherwise nothing.
    Dropout(f32),
    /// All values of an image in a row; yields 1×1×(H·W·C).
    Flatten,
    /// Values rounded to the 256 that an 8-bit code can say, over a range that follows the values while training.
    FakeQuant,
}

impl Op {
    /// What people call it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Op::Input => "input",
            Op::Conv(_) => "convolution",
            Op::Depthwise { .. } => "depthwise convolution",
            Op::Dense { .. } => "dense layer",
            Op::BatchNorm { .. } => "batch normalisation",
            Op::Act(Activation::Relu) => "ReLU",
            Op::Act(Activation::Relu6) => "ReLU6",
            Op::Act(Activation::HardSwish) => "hard swish",
            Op::Add => "addition",
            Op::Pad(_) => "padding",
            Op::Upsample(_) => "up-sampling",
            Op::Pool(Pool::Max, _) => "max pooling",
            Op::Pool(Pool::Average, _) => "average pooling",
            Op::GlobalAveragePool => "global average pooling",
            Op::Dropout(_) => "dropout",
            Op::Flatten => "flattening",
            Op::FakeQuant => "simulated quantisation",
        }
    }

    /// How many values it takes.
    #[must_use]
    pub const fn arity(&self) -> usize {
        match self {
            Op::Input => 0,
            Op::Add => 2,
            _ => 1,
        }
    }
}
