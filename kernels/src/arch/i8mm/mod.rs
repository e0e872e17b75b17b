//! aarch64 with int8 matrix products: convolutions by `smmla`, everything else as with dot products.

mod conv;
mod pair;
mod peak;

use super::dotprod;
use crate::isa::{Isa, Kernels, PackSpec};

/// The table.
pub static KERNELS: Kernels = Kernels {
    isa: Isa::I8mm,
    conv_pack: PackSpec { nr: 8, kr: 8, offset: 0, code_size: 1, slides: false, joins: 4 },
    conv: conv::conv,
    peak_int8: peak::int8,
    ..dotprod::TABLE
};
