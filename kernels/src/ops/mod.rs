//! One file per kind of step: its fields with shapes and ranges, its loops.
pub mod conv;
pub mod depthwise;
pub mod lut;
pub mod movement;
