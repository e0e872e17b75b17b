//! Vectors of `f32`, one type for each instruction set, and the way into code that is compiled for it.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

use crate::{Isa, Kernels};

/// A vector of `f32`.
///
/// Safety of every function: the CPU has the features of the instruction set, and pointers are valid for what is said.
pub(crate) trait Vector: Copy + 'static {
    /// Lanes.
    const LANES: usize;
    /// Accumulators that a tile may hold: registers, less those for operands.
    const ACCUMULATORS: usize;

    /// Runs `op` in a function that is compiled for this instruction set.
    unsafe fn call<O: Op>(op: O);
    /// One value in all lanes.
    unsafe fn splat(x: f32) -> Self;
    /// Reads all lanes.
    unsafe fn load(at: *const f32) -> Self;
    /// Reads the first `n` (or all) lanes; the rest are zeros.
    unsafe fn load_first(at: *const f32, n: usize) -> Self;
    /// Writes all lanes.
    unsafe fn store(at: *mut f32, v: Self);
    /// Writes the first `n` (or all) lanes.
    unsafe fn store_first(at: *mut f32, v: Self, n: usize);
    /// `x · w + acc`, rounded once.
    unsafe fn fma(x: Self, w: Self, acc: Self) -> Self;
    /// `a + b`
    unsafe fn add(a: Self, b: Self) -> Self;
    /// `a − b`
    unsafe fn sub(a: Self, b: Self) -> Self;
    /// `a · b`
    unsafe fn mul(a: Self, b: Self) -> Self;
    /// `a / b`
    unsafe fn div(a: Self, b: Self) -> Self;
    /// `√a`
    unsafe fn sqrt(a: Self) -> Self;
    /// To the nearest whole number, half to even.
    unsafe fn round(a: Self) -> Self;
    /// `if a > b { a } else { b }`
    unsafe fn max(a: Self, b: Self) -> Self;
    /// `if a < b { a } else { b }`
    unsafe fn min(a: Self, b: Self) -> Self;
    /// `if a > b { yes } else { no }`
    unsafe fn where_gt(a: Self, b: Self, yes: Self, no: Self) -> Self;
}

/// Code for any vector.
pub(crate) trait Op {
    /// Runs it; always inlined into a function with the features of the instruction set.
    ///
    /// # Safety
    /// The CPU has the features that `V` needs, and what the type says.
    unsafe fn run<V: Vector>(self);
}

impl Kernels {
    /// Floats in a vector.
    pub(crate) const fn lanes(&self) -> usize {
        match self.isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => <avx512::V as Vector>::LANES,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => <avx2::V as Vector>::LANES,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => <neon::V as Vector>::LANES,
            _ => <portable::V as Vector>::LANES,
        }
    }

    /// Runs `op` with this instruction set.
    ///
    /// # Safety
    /// What the type of `op` says; `self` is the proof of the CPU's features.
    pub(crate) unsafe fn run<O: Op>(&self, op: O) {
        // SAFETY: as this function's; a `Kernels` is handed out only where the CPU has the features.
        unsafe {
            match self.isa() {
                #[cfg(target_arch = "x86_64")]
                Isa::Avx512 => avx512::V::call(op),
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2 => avx2::V::call(op),
                #[cfg(target_arch = "aarch64")]
                Isa::Neon => neon::V::call(op),
                _ => portable::V::call(op),
            }
        }
    }
}

/// Functions that are one instruction each.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! instructions {
    ($($name:ident($($a:ident),*) = $f:expr;)*) => {
        $(#[inline(always)]
        unsafe fn $name($($a: Self),*) -> Self {
            // SAFETY: the caller vouches for the CPU.
            unsafe { $f }
        })*
    };
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) use instructions;
