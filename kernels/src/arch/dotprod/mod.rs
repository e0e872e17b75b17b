//! aarch64 with dot products: convolutions by `sdot`, everything else as with NEON.

mod conv;
mod depthwise;
pub(super) mod joined;
mod pair;
mod peak;
mod resident;
mod square;

use super::neon;
use crate::isa::{Isa, Kernels, PackSpec};

/// The table.
pub static KERNELS: Kernels = TABLE;

/// The same as a constant, for instruction sets that contain this one.
pub(super) const TABLE: Kernels = Kernels {
    isa: Isa::DotProd,
    conv_pack: PackSpec { nr: 8, kr: 4, offset: 0, code_size: 1, slides: false, joins: 4 },
    conv: conv::conv,
    depthwise: depthwise::depthwise,
    depthwise_scratch: neon::columns::scratch_len::<depthwise::Sdot>,
    depthwise_tables_len: neon::tables::tables_len::<depthwise::Sdot>,
    depthwise_tables: neon::tables::tables::<depthwise::Sdot>,
    peak_int8: peak::int8,
    ..neon::TABLE
};
