//! Pooling, up-sampling and padding. Every backward function writes `dx`, or adds to it with `accumulate`.

mod movement;
mod taps;
mod window;

pub use movement::{pad_backward, pad_forward, upsample_backward, upsample_forward};
pub use window::{
    average_pool_backward, average_pool_forward, global_average_backward, global_average_forward, max_pool_backward,
    max_pool_forward,
};
