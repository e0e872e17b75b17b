//! How good, how fast and how large a model is.

pub mod pool;
pub mod statistics;
