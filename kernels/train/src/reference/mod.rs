//! Plain loops: slow, short, in the order that every other implementation keeps.

mod conv;
mod depthwise;
mod norm;

pub use conv::{conv_forward, conv_input_gradient, conv_weight_gradient};
pub use depthwise::{depthwise_forward, depthwise_input_gradient, depthwise_weight_gradient};
pub use norm::{act, act_slope, channel_sums, norm_backward, norm_backward_sums, scale_shift_act};

/// The input coordinate that tap `k` of output `o` sees, if it is inside.
fn tap(o: usize, k: usize, (stride, dilation, pad): (usize, usize, usize), len: usize) -> Option<usize> {
    (o * stride + k * dilation).checked_sub(pad).filter(|i| *i < len)
}
