//! The float32 inner loops of training on a CPU: activations are NHWC, weights lie as in TFLite.
//!
//! Functions are safe, work on a chunk of `n` images and start no threads: a caller shares images (or output channels of a weight
//! gradient) among its own. A [`Kernels`] says which instruction set computes, a [`Scratch`] belongs to each worker.
//!
//! **The same bits everywhere.** An output is one chain of fused multiply-adds in an order that is documented with its function;
//! vectors go over channels, so neither the instruction set nor the cut into tiles can change it. A tap outside of an image counts
//! as a zero: it may be multiplied or left out, and only the sign of a zero or a weight that is not finite could tell.
//! [`mod@reference`] holds the plain loops that all are compared with.

mod arch;
mod conv;
mod depthwise;
mod elementwise;
mod isa;
mod loss;
mod optim;
mod pool;
mod quant;
pub mod reference;
mod scratch;
mod shape;
mod stream;
mod walk;

pub use conv::{ConvPlan, PackedWeights, conv_forward, conv_input_gradient, conv_weight_gradient};
pub use depthwise::{DepthwisePlan, depthwise_forward, depthwise_input_gradient, depthwise_weight_gradient};
pub use elementwise::{
    Act, Norm, act_backward, act_forward, add, add_assign, bias_gradient, channel_sums, norm_backward,
    norm_backward_sums, scale_shift_act,
};
pub use isa::{Isa, Kernels, UnknownIsa};
pub use loss::{CrossEntropy, LossSums, softmax_cross_entropy};
pub use optim::{AdamStep, SgdStep, adam, sgd_momentum};
pub use pool::{
    average_pool_backward, average_pool_forward, global_average_backward, global_average_forward, max_pool_backward,
    max_pool_forward, pad_backward, pad_forward, upsample_backward, upsample_forward,
};
pub use quant::{FakeQuant, fake_quant, fake_quant_backward, fake_quant_rows, min_max, row_abs_max};
pub use scratch::Scratch;
pub use shape::{ConvShape, PadShape, PoolShape, ShapeError, UpsampleShape};
