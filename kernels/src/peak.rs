//! How fast this machine can multiply and accumulate at all: dot products on registers, no loads.
//!
//! Time a call and divide its result by the time; that is the figure that a layer's rate is a share of.

use crate::isa::Kernels;

/// Runs `iterations` blocks of independent int8 dot products with the instruction that the int8 kernels use, and returns the
/// multiply-accumulates that were executed.
#[must_use]
pub fn int8(kernels: &'static Kernels, iterations: u64) -> u64 {
    kernels.peak_int8(iterations)
}

/// As [`int8`], for float32 multiply-accumulates.
#[must_use]
pub fn float32(kernels: &'static Kernels, iterations: u64) -> u64 {
    kernels.peak_f32(iterations)
}

/// Chains that run beside each other: enough to hide the latency of two units, few enough for 16 registers.
const CHAINS: usize = 12;

/// The loop: `CHAINS` accumulators, each through `step` (of `lanes` multiply-accumulates) once per iteration. They must start
/// from different values, else the optimiser makes one of them.
#[inline(always)]
pub(crate) fn chains<A: Copy>(iterations: u64, lanes: u64, start: impl Fn(usize) -> A, step: impl Fn(A) -> A) -> u64 {
    let mut acc: [A; CHAINS] = core::array::from_fn(start);
    for _ in 0..iterations {
        for a in &mut acc {
            *a = step(*a);
        }
    }
    core::hint::black_box(&acc);
    iterations * CHAINS as u64 * lanes
}
