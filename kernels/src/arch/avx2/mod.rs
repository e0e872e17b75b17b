//! x86-64 with AVX2 and FMA.

mod add;
pub(super) mod conv;
mod depthwise;
mod float;
mod peak;
mod requant;

use crate::isa::{Isa, Kernels, PackSpec};
use crate::ops::max_pool::{self, MaxPool, MaxPoolData};

/// The table.
pub static KERNELS: Kernels = TABLE;

/// The same as a constant, for instruction sets that contain this one.
pub(super) const TABLE: Kernels = Kernels {
    isa: Isa::Avx2,
    conv_pack: PackSpec { nr: 8, kr: 2, offset: 0, code_size: 2, slides: false, joins: 0 },
    conv_f32_nr: 8,
    conv: conv::conv,
    depthwise: depthwise::depthwise,
    depthwise_scratch: depthwise::scratch_len,
    depthwise_tables_len: depthwise::tables_len,
    depthwise_tables: depthwise::tables,
    conv_f32: float::conv,
    depthwise_f32: float::depthwise,
    add: add::add,
    max_pool,
    peak_int8: peak::int8,
    peak_f32: peak::f32,
};

/// Codes as `vpmaddwd` wants them.
#[inline(always)]
fn widen(from: &[i8], to: &mut [i16]) {
    for (x, y) in from.iter().zip(to) {
        *y = i16::from(*x);
    }
}

/// See [`MaxPool`].
#[target_feature(enable = "avx2,fma")]
unsafe fn max_pool(step: &MaxPool, data: MaxPoolData<'_>) {
    max_pool::max_pool(step, data);
}
