//! One file per kind of step: its fields with shapes and ranges, its loops.
pub mod argmax;
pub mod binary;
pub mod cast;
pub mod conv;
pub mod conv_f32;
pub mod convert;
pub mod depthwise;
pub mod depthwise_f32;
pub mod gather;
pub mod l2norm;
pub mod lut;
pub mod movement;
pub mod pool;
pub mod reduce;
pub mod resize;
pub mod softmax;
pub mod window;
