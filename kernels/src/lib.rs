//! The arithmetic of edgebench, and nothing else.
//!
//! A network arrives here as a list of [`Step`]s. A step is one operator with everything decided: where its operands lie, which
//! rounding rule it follows, how its weights were packed. [`run`] executes the list over an arena and cannot fail; whatever could
//! go wrong was refused when the list was made (`edgebench-models`, module `lower`).
//!
//! * [`span`]: where operands lie (arena or constants), and how a step borrows them;
//! * [`step`]: the list of step kinds; each kind is one file of [`ops`], with its fields, its limits and its loops;
//! * [`arith`]: the rounding rules that deployed runtimes use, each said once;
//! * [`isa`]: instruction sets, and one static table of micro-kernels for each ([`Kernels`]);
//! * [`arch`]: those tables. Only there, in [`span`], in `shared` and in the dispatch is `unsafe` used;
//! * `shared` (with the feature `std`): an arena that several threads work on;
//! * [`mod@digest`]: what two machines compare instead of tensors;
//! * [`peak`]: what the machine could do at most;
//! * [`mod@reference`]: what the convolutions mean, in the fewest loops; the tests hold every instruction set to it.
//!
//! **8-bit codes are stored as `i8`.** A `uint8` tensor is held with its top bit flipped and its zero point lowered by 128, which
//! leaves `real = scale · (code − zero_point)` unchanged, so that every kernel knows one 8-bit type. The few operators whose rule
//! is not invariant under that shift say so in a field.
//!
//! Without the feature `std` the crate is `no_std` and allocates nothing. It has no dependency but `libm`.
#![cfg_attr(not(feature = "std"), no_std)]

pub mod arch;
pub mod arith;
pub mod code;
pub mod digest;
pub mod fixed;
pub mod isa;
pub mod ops;
pub mod peak;
pub mod reference;
#[cfg(feature = "std")]
pub mod shared;
pub mod span;
pub mod step;

pub use isa::{Isa, Kernels};
#[cfg(feature = "std")]
pub use shared::{Overlap, SharedArena};
pub use span::{Block, Memory, Place, Span};
pub use step::{Access, Step, run};
