//! One file per kind of step: its fields with shapes and ranges, its loops.
pub mod argmax;
pub mod cast;
pub mod conv;
pub mod conv_f32;
pub mod depthwise;
pub mod depthwise_f32;
pub mod gather;
pub mod lut;
pub mod movement;
pub mod window;
