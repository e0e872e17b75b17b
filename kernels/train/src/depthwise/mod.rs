//! Depthwise convolutions: output channel `i · multiplier + m` sees input channel `i` only.

mod gradient;
mod product;
mod tile;

use crate::walk::Part;
use crate::{ConvShape, Kernels, Scratch, ShapeError, reference};
use gradient::Gradient;
use product::Multiply;

/// How a depthwise layer is computed on an instruction set; made once per layer.
#[derive(Clone, Debug)]
pub struct DepthwisePlan {
    shape: ConvShape,
    kernels: Kernels,
    forward: Vec<Part>,
    backward: Vec<Part>,
}

impl DepthwisePlan {
    /// Decides how `shape`, whose groups are its input channels, is computed.
    ///
    /// # Errors
    /// [`ConvShape::check`], and if there are other groups than one for each input channel.
    pub fn new(kernels: &Kernels, shape: ConvShape) -> Result<DepthwisePlan, ShapeError> {
        shape.check()?;
        shape.check_depthwise()?;
        let (forward, backward) = (Part::forward(&shape), Part::backward(&shape));
        Ok(DepthwisePlan { shape, kernels: *kernels, forward, backward })
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

    /// Whether plain loops compute it: those with several outputs for an input are rare.
    fn is_plain(&self) -> bool {
        self.shape.in_c != self.shape.out_c
    }

    fn check(&self, n: usize, x: usize, w: usize, y: usize) {
        assert_eq!(x, n * self.shape.x_len(), "inputs (or their gradient) of another shape");
        assert_eq!(w, self.shape.depthwise_weights_len(), "weights (or their gradient) of another shape");
        assert_eq!(y, n * self.shape.y_len(), "outputs (or their gradient) of another shape");
    }
}

/// `y = x * w + bias` for `n` images; `w` is `[kernel rows, kernel columns, out_c]`.
///
/// Each output starts at its bias (or 0) and adds products over kernel rows, kernel columns.
///
/// # Panics
/// If a slice has another length than the plan's shape says.
pub fn depthwise_forward(
    plan: &DepthwisePlan,
    n: usize,
    x: &[f32],
    w: &[f32],
    bias: Option<&[f32]>,
    y: &mut [f32],
    _scratch: &mut Scratch,
) {
    plan.check(n, x.len(), w.len(), y.len());
    assert!(bias.is_none_or(|b| b.len() == plan.shape.out_c), "biases of another shape");
    if plan.is_plain() {
        return reference::depthwise_forward(&plan.shape, x, w, bias, y);
    }
    let (s, parts) = (&plan.shape, &plan.forward);
    let image = [s.x_len(), s.y_len()];
    let all = Multiply { parts, channels: s.in_c, src: x, weights: w, bias, dst: y, image, accumulate: false };
    // SAFETY: lengths were checked; the parts are those of the shape.
    unsafe { plan.kernels.run(all) }
}

/// The gradient of the inputs of `n` images, written to `dx` or added to it.
///
/// Each starts at 0 (or at what `dx` holds) and adds products over rows of `dy`, columns of `dy`, the output channels of its input
/// channel.
///
/// # Panics
/// As [`depthwise_forward`].
pub fn depthwise_input_gradient(
    plan: &DepthwisePlan,
    n: usize,
    dy: &[f32],
    w: &[f32],
    dx: &mut [f32],
    accumulate: bool,
    _scratch: &mut Scratch,
) {
    plan.check(n, dx.len(), w.len(), dy.len());
    if plan.is_plain() {
        return reference::depthwise_input_gradient(&plan.shape, dy, w, dx, accumulate);
    }
    let (s, parts) = (&plan.shape, &plan.backward);
    let image = [s.y_len(), s.x_len()];
    let all = Multiply { parts, channels: s.in_c, src: dy, weights: w, bias: None, dst: dx, image, accumulate };
    // SAFETY: lengths were checked; the parts are those of the shape.
    unsafe { plan.kernels.run(all) }
}

/// Adds the gradient of the weights over `n` images to `dw`.
///
/// Each starts at what `dw` holds and adds products over images, rows of `dy`, columns of `dy`.
///
/// # Panics
/// As [`depthwise_forward`].
pub fn depthwise_weight_gradient(
    plan: &DepthwisePlan,
    n: usize,
    x: &[f32],
    dy: &[f32],
    dw: &mut [f32],
    scratch: &mut Scratch,
) {
    plan.check(n, x.len(), dw.len(), dy.len());
    if plan.is_plain() {
        return reference::depthwise_weight_gradient(&plan.shape, x, dy, dw);
    }
    // SAFETY: lengths were checked.
    unsafe { plan.kernels.run(Gradient { shape: &plan.shape, x, dy, dw, scratch }) }
}
