//! Convolutions with groups, dense layers among them: forward and both gradients.

use core::ops::Range;

use crate::{ConvShape, Kernels, Scratch, ShapeError, reference};

/// How a layer is computed on an instruction set; made once per layer.
#[derive(Clone, Debug)]
pub struct ConvPlan {
    shape: ConvShape,
    kernels: Kernels,
}

/// The weights of a layer in the order in which its kernels read them: made by [`ConvPlan::pack`] after each step.
#[derive(Clone, Debug, Default)]
pub struct PackedWeights {
    plain: Vec<f32>,
}

impl ConvPlan {
    /// Decides how `shape` is computed.
    ///
    /// # Errors
    /// [`ConvShape::check`].
    pub fn new(kernels: &Kernels, shape: ConvShape) -> Result<ConvPlan, ShapeError> {
        shape.check()?;
        Ok(ConvPlan { shape, kernels: *kernels })
    }

    /// The layer's shape.
    #[must_use]
    pub const fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// The instruction set that computes.
    #[must_use]
    pub const fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// Packs `[out_c, kernel rows, kernel columns, in_c / groups]` weights; memory of `packed` is used again.
    ///
    /// # Panics
    /// If `weights` has another length.
    pub fn pack(&self, weights: &[f32], packed: &mut PackedWeights) {
        assert_eq!(weights.len(), self.shape.weights_len(), "weights of another shape");
        packed.plain.clear();
        packed.plain.extend_from_slice(weights);
    }

    fn check(&self, n: usize, x: usize, y: usize) {
        assert_eq!(x, n * self.shape.x_len(), "inputs (or their gradient) of another shape");
        assert_eq!(y, n * self.shape.y_len(), "outputs (or their gradient) of another shape");
    }
}

/// `y = x * w + bias` for `n` images.
///
/// Each output starts at its bias (or 0) and adds products over kernel rows, kernel columns, input channels of its group.
///
/// # Panics
/// If a slice has another length than the plan's shape says, or `packed` was packed for another layer.
pub fn conv_forward(
    plan: &ConvPlan,
    n: usize,
    x: &[f32],
    packed: &PackedWeights,
    bias: Option<&[f32]>,
    y: &mut [f32],
    _scratch: &mut Scratch,
) {
    plan.check(n, x.len(), y.len());
    assert!(bias.is_none_or(|b| b.len() == plan.shape.out_c), "biases of another shape");
    reference::conv_forward(&plan.shape, x, &packed.plain, bias, y);
}

/// The gradient of the inputs of `n` images, written to `dx` or added to it.
///
/// Each starts at 0 (or at what `dx` holds) and adds products over rows of `dy`, columns of `dy`, output channels of its group.
///
/// # Panics
/// As [`conv_forward`].
pub fn conv_input_gradient(
    plan: &ConvPlan,
    n: usize,
    dy: &[f32],
    packed: &PackedWeights,
    dx: &mut [f32],
    accumulate: bool,
    _scratch: &mut Scratch,
) {
    plan.check(n, dx.len(), dy.len());
    reference::conv_input_gradient(&plan.shape, dy, &packed.plain, dx, accumulate);
}

/// Adds the gradient of the weights of output channels `outputs` over `n` images to `dw`, `[outputs, kernel rows, kernel columns,
/// in_c / groups]`.
///
/// Each starts at what `dw` holds and adds products over images, rows of `dy`, columns of `dy`: calls with consecutive chunks of
/// images give the same bits as one call.
///
/// # Panics
/// As [`conv_forward`], or if `outputs` is not within the output channels.
pub fn conv_weight_gradient(
    plan: &ConvPlan,
    n: usize,
    x: &[f32],
    dy: &[f32],
    dw: &mut [f32],
    outputs: Range<usize>,
    _scratch: &mut Scratch,
) {
    plan.check(n, x.len(), dy.len());
    assert!(outputs.start <= outputs.end && outputs.end <= plan.shape.out_c, "outputs that do not exist");
    assert_eq!(dw.len(), outputs.len() * plan.shape.row_len(), "gradients of another shape");
    reference::conv_weight_gradient(&plan.shape, x, dy, dw, outputs);
}
