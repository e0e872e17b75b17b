//! aarch64 with dot products: convolutions by `sdot`, everything else as with NEON.

mod conv;
pub(super) mod driver;
mod peak;

use super::neon;
use crate::isa::{Isa, Kernels, PackSpec};

/// The table.
pub static KERNELS: Kernels = Kernels {
    isa: Isa::DotProd,
    conv_pack: PackSpec { nr: 8, kr: 4, offset: 0, code_size: 1, slides: false },
    conv: conv::conv,
    peak_int8: peak::int8,
    ..neon::TABLE
};
