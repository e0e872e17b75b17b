//! x86-64 with AVX2, FMA and AVX-VNNI: convolutions by `vpdpbusd`, everything else as on AVX2.

mod conv;
mod peak;

use super::avx2;
use crate::isa::{Isa, Kernels, PackSpec};

/// The table.
pub static KERNELS: Kernels = Kernels {
    isa: Isa::AvxVnni,
    conv_pack: PackSpec { nr: 8, kr: 4, offset: 128, code_size: 1, slides: false, joins: 0 },
    conv: conv::conv,
    peak_int8: peak::int8,
    ..avx2::TABLE
};
