//! Post-training quantisation against what TensorFlow's converter makes of the same float model and samples.

#[path = "../common/mod.rs"]
mod common;
mod compare;
mod damaged;
mod digits;
mod golden;
#[allow(dead_code)]
mod nets;
mod others;
mod quality;
mod refusals;
