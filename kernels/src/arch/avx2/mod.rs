//! Kernels for avx2.

mod peak;

use crate::arch::scalar;
use crate::isa::{Isa, Kernels, PackSpec};

/// The table.
pub static KERNELS: Kernels = Kernels {
    isa: Isa::Avx2,
    conv_pack: PackSpec { nr: 8, kr: 1, offset: 0, code_size: 0 },
    conv_f32_nr: 8,
    conv: scalar::conv,
    depthwise: scalar::depthwise,
    depthwise_scratch: |_| 0,
    conv_f32: scalar::conv_f32,
    depthwise_f32: scalar::depthwise_f32,
    peak_int8: peak::int8,
    peak_f32: peak::f32,
};
