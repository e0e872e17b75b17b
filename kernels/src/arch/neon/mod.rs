//! aarch64 with NEON, which every such CPU has.

#[macro_use]
mod block;
#[macro_use]
mod finish;

mod add;
pub(super) mod columns;
mod conv;
pub(super) mod depthwise;
pub(super) mod driver;
mod float;
mod max_pool;
mod mulls;
mod one_pixel;
mod peak;
mod plain;
mod pointwise;
pub(super) mod requant;
#[macro_use]
pub(super) mod square;
pub(super) mod tables;

use crate::isa::{Isa, Kernels, PackSpec};

/// The table.
pub static KERNELS: Kernels = TABLE;

/// The same as a constant, for instruction sets that contain this one.
pub(super) const TABLE: Kernels = Kernels {
    isa: Isa::Neon,
    conv_pack: PackSpec { nr: 8, kr: 2, offset: 0, code_size: 1, slides: false, joins: 0 },
    conv_f32_nr: 8,
    conv: conv::conv,
    depthwise: mulls::depthwise,
    depthwise_scratch: columns::scratch_len::<mulls::Mulls>,
    depthwise_tables_len: tables::tables_len::<mulls::Mulls>,
    depthwise_tables: tables::tables::<mulls::Mulls>,
    conv_f32: float::conv,
    depthwise_f32: float::depthwise,
    add: add::add,
    max_pool: max_pool::max_pool,
    peak_int8: peak::int8,
    peak_f32: peak::f32,
};
