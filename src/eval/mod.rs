//! How good, how fast and how large a model is.

pub mod accuracy;
pub mod input;
pub mod latency;
pub mod peak;
pub mod pool;
pub mod profile;
pub mod size;
pub mod statistics;
pub mod stopwatch;
