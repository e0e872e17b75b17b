//! x86-64 with AVX-512 F, BW, VL, DQ and VNNI.

mod add;
mod conv;
mod depthwise;
mod float;
mod peak;
mod requant;

use crate::isa::{Isa, Kernels, PackSpec};
use crate::ops::max_pool::{self, MaxPool, MaxPoolData};

/// How weights lie.
const PACK: PackSpec = PackSpec { nr: 16, kr: 4, offset: 128, code_size: 1, slides: true, joins: 0 };

/// The table.
pub static KERNELS: Kernels = Kernels {
    isa: Isa::Avx512Vnni,
    conv_pack: PACK,
    conv_f32_nr: 16,
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

/// Codes as `vpdpbusd` wants them: code + 128.
#[inline(always)]
fn to_unsigned(from: &[i8], to: &mut [u8]) {
    for (x, y) in from.iter().zip(to) {
        *y = x.cast_unsigned() ^ 0x80;
    }
}

/// See [`MaxPool`].
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn max_pool(step: &MaxPool, data: MaxPoolData<'_>) {
    max_pool::max_pool(step, data);
}
