//! What a model file says, without running it: operators, tensors, the arena, and what a careful reader would object to.
//!
//! Everything here works on the file's own tables, so that also a model that cannot be lowered is described.

pub mod arena;
pub mod constants;
pub mod describe;
pub mod lints;
pub mod network;
