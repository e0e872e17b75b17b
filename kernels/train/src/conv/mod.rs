//! Convolutions with groups, dense layers among them: forward and both gradients.

mod gradient;
mod gradient_tile;
mod pack;
mod product;
mod tile;

use core::ops::Range;

pub(crate) use tile::{Start, for_size};

use crate::walk::Part;
use crate::{ConvShape, Kernels, Scratch, ShapeError};
use gradient::{Gradient, Slice};
use pack::{pack_backward, pack_forward, packed_len};
use product::{Multiply, Product, ProductPart};

/// How a layer is computed on an instruction set; made once per layer.
#[derive(Clone, Debug)]
pub struct ConvPlan {
    shape: ConvShape,
    kernels: Kernels,
    forward: Product,
    backward: Product,
    slices: Vec<Slice>,
}

/// The weights of a layer in the order in which its kernels read them: made by [`ConvPlan::pack`] after each step.
#[derive(Debug, Default)]
pub struct PackedWeights {
    /// Whose they are.
    of: Option<(ConvShape, Kernels)>,
    forward: Scratch,
    backward: Scratch,
}

impl ConvPlan {
    /// Decides how `shape` is computed.
    ///
    /// # Errors
    /// [`ConvShape::check`].
    pub fn new(kernels: &Kernels, shape: ConvShape) -> Result<ConvPlan, ShapeError> {
        shape.check()?;
        let [ic, oc] = [shape.in_c, shape.out_c].map(|c| c / shape.groups);
        let product = |parts: Vec<Part>, channels: [usize; 2], image| Product {
            channels,
            groups: shape.groups,
            image,
            parts: parts.into_iter().map(|part| ProductPart::new(part, channels[0])).collect(),
        };
        Ok(ConvPlan {
            shape,
            kernels: *kernels,
            forward: product(Part::forward(&shape), [ic, oc], [shape.x_len(), shape.y_len()]),
            backward: product(Part::backward(&shape), [oc, ic], [shape.y_len(), shape.x_len()]),
            slices: gradient::slices(&shape),
        })
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
        let lanes = self.kernels.lanes();
        pack_forward(&self.shape, &self.forward, lanes, weights, &mut packed.forward);
        pack_backward(&self.shape, &self.backward, lanes, weights, &mut packed.backward);
        packed.of = Some((self.shape, self.kernels));
    }

    fn check_packed(&self, packed: &PackedWeights) {
        assert_eq!(packed.of, Some((self.shape, self.kernels)), "weights that were packed for another layer");
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
    plan.check_packed(packed);
    let weights = packed.forward.written(packed_len(&plan.forward, plan.kernels.lanes()));
    let product = &plan.forward;
    // SAFETY: lengths were checked; the weights are those that this plan packs.
    unsafe { plan.kernels.run(Multiply { product, n, src: x, weights, bias, dst: y, accumulate: false }) }
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
    plan.check_packed(packed);
    let weights = packed.backward.written(packed_len(&plan.backward, plan.kernels.lanes()));
    let product = &plan.backward;
    // SAFETY: lengths were checked; the weights are those that this plan packs.
    unsafe { plan.kernels.run(Multiply { product, n, src: dy, weights, bias: None, dst: dx, accumulate }) }
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
    scratch: &mut Scratch,
) {
    plan.check(n, x.len(), dy.len());
    assert!(outputs.start <= outputs.end && outputs.end <= plan.shape.out_c, "outputs that do not exist");
    assert_eq!(dw.len(), outputs.len() * plan.shape.row_len(), "gradients of another shape");
    let gradient = Gradient { shape: &plan.shape, slices: &plan.slices, n, x, dy, dw, outputs, scratch };
    // SAFETY: lengths were checked; the slices are those of the shape.
    unsafe { plan.kernels.run(gradient) }
}
