//! A network that trains: layers as data.
//!
//! A [`Net`] is a list of layers in execution order; every layer yields one value, `[height, width, channels]` per image, and names
//! the earlier layers whose values it takes. It holds no numbers: those are in [`Params`](crate::Params), in the order of
//! [`Net::tensors`].

mod build;
mod layer;
mod shape;

use std::fmt;
use std::ops::Range;

pub use layer::{Activation, Conv, Layer, LayerId, Op, Padding, Pool, Window};

use crate::Error;

/// Height, width and channels of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
    /// Channels.
    pub c: usize,
}

impl Shape {
    /// A shape.
    #[must_use]
    pub const fn new(h: usize, w: usize, c: usize) -> Shape {
        Shape { h, w, c }
    }

    /// Values of one image.
    #[must_use]
    pub const fn len(self) -> usize {
        self.h * self.w * self.c
    }

    /// Whether there is no value.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Rows times columns.
    #[must_use]
    pub const fn pixels(self) -> usize {
        self.h * self.w
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.h, self.w, self.c)
    }
}

/// What a tensor of a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Weights of a convolution `[O, kh, kw, I / groups]` or of a dense layer `[O, I]`.
    Kernel,
    /// Weights of a depthwise convolution `[1, kh, kw, C · multiplier]`.
    DepthwiseKernel,
    /// One value per output channel.
    Bias,
    /// Batch normalisation: factor.
    Gamma,
    /// Batch normalisation: offset.
    Beta,
    /// Batch normalisation: running mean, not trained.
    Mean,
    /// Batch normalisation: running variance, not trained.
    Variance,
    /// Simulated quantisation: smallest and largest value, not trained by gradients.
    Range,
}

impl Role {
    /// The end of a tensor's name: `stem/conv.weight`.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Role::Kernel | Role::DepthwiseKernel => "weight",
            Role::Bias => "bias",
            Role::Gamma => "gamma",
            Role::Beta => "beta",
            Role::Mean => "mean",
            Role::Variance => "variance",
            Role::Range => "range",
        }
    }

    /// Whether gradients move it.
    #[must_use]
    pub const fn is_trained(self) -> bool {
        !matches!(self, Role::Mean | Role::Variance | Role::Range)
    }

    /// Whether it is a kernel of any kind.
    #[must_use]
    pub const fn is_kernel(self) -> bool {
        matches!(self, Role::Kernel | Role::DepthwiseKernel)
    }
}

/// A tensor that a layer needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// `layer.suffix`, unique in a network.
    pub name: String,
    /// The layer.
    pub layer: LayerId,
    /// What it is to the layer.
    pub role: Role,
    /// Sizes, outermost first, in the layout of TFLite.
    pub shape: Vec<usize>,
}

impl TensorInfo {
    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Layers in execution order. The first is the input, the last gives the logits.
#[derive(Clone, Debug, PartialEq)]
pub struct Net {
    name: String,
    layers: Vec<Layer>,
    shapes: Vec<Shape>,
    tensors: Vec<TensorInfo>,
    /// For each layer, its part of `tensors`.
    ranges: Vec<Range<usize>>,
}

impl Net {
    /// A network that is nothing but its input.
    ///
    /// # Errors
    /// [`Error::Net`] if the input holds no value.
    pub fn new(name: impl Into<String>, input: Shape) -> Result<Net, Error> {
        let name = name.into();
        if input.is_empty() {
            return Err(Error::Net { layer: "input".into(), problem: format!("an input of {input} holds no value") });
        }
        let layer = Layer { name: "input".into(), op: Op::Input, inputs: Vec::new() };
        Ok(Net { name, layers: vec![layer], shapes: vec![input], tensors: Vec::new(), ranges: vec![Range::default()] })
    }

    /// Name of the architecture.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The layers.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Shape of the value that `layer` yields.
    ///
    /// # Panics
    /// If there is no such layer.
    #[must_use]
    pub fn shape(&self, layer: LayerId) -> Shape {
        self.shapes[layer]
    }

    /// Shape of the input.
    #[must_use]
    pub fn input(&self) -> Shape {
        self.shapes[0]
    }

    /// The layer whose value is the logits.
    #[must_use]
    pub fn output(&self) -> LayerId {
        self.layers.len() - 1
    }

    /// Number of classes: values of the last layer.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.shapes[self.output()].len()
    }

    /// The tensors of all layers, in the order of the layers.
    #[must_use]
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// Which of [`Net::tensors`] belong to `layer`.
    ///
    /// # Panics
    /// If there is no such layer.
    #[must_use]
    pub fn tensors_of(&self, layer: LayerId) -> Range<usize> {
        self.ranges[layer].clone()
    }

    /// The tensor of `layer` with this role.
    #[must_use]
    pub fn tensor(&self, layer: LayerId, role: Role) -> Option<usize> {
        self.tensors_of(layer).find(|&at| self.tensors[at].role == role)
    }

    /// How many layers take the value of each layer.
    #[must_use]
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.layers.len()];
        for &input in self.layers.iter().flat_map(|layer| &layer.inputs) {
            uses[input] += 1;
        }
        uses
    }

    /// Trained values.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.tensors.iter().filter(|tensor| tensor.role.is_trained()).map(TensorInfo::elements).sum()
    }

    /// Multiply-accumulates of one image in convolutions and dense layers.
    #[must_use]
    pub fn macs(&self) -> u64 {
        let of = |(at, layer): (usize, &Layer)| {
            let kernel = self.tensors_of(at).find(|&t| self.tensors[t].role.is_kernel());
            let Some(kernel) = kernel.map(|t| &self.tensors[t]) else { return 0 };
            let per_output = match layer.op {
                Op::Depthwise { .. } => kernel.shape[1] * kernel.shape[2],
                _ => kernel.shape[1..].iter().product(),
            };
            (self.shapes[at].len() * per_output) as u64
        };
        self.layers.iter().enumerate().map(of).sum()
    }
}
