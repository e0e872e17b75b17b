//! Results: one serde struct each, which is also the JSON of `--json`, and a small renderer for people.

pub mod arena_text;
pub mod bench;
pub mod bench_text;
#[cfg(feature = "train")]
pub mod compress;
pub mod corrupt;
#[cfg(feature = "fetch")]
pub mod data;
pub mod decision;
#[cfg(feature = "train")]
pub mod emulate;
pub mod eval;
pub mod eval_text;
pub mod inspect;
pub mod inspect_text;
pub mod isa;
pub mod merge;
pub mod parity;
pub mod quantise;
pub mod robust;
pub mod run;
#[cfg(feature = "train")]
pub mod study;
pub mod table;
#[cfg(feature = "train")]
pub mod train;
