//! One table of functions per instruction set.
mod float;
mod float_depthwise;
mod gemm;
pub mod mcu;
mod rows;
pub mod scalar;
mod tile;

#[cfg(target_arch = "aarch64")]
#[macro_use]
pub mod neon;
#[cfg(target_arch = "aarch64")]
pub mod dotprod;
#[cfg(target_arch = "aarch64")]
pub mod i8mm;

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512vnni;
#[cfg(target_arch = "x86_64")]
pub mod avxvnni;
