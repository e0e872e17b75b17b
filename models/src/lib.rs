//! What a network is and how it becomes something that runs.
//!
//! ```text
//! .tflite ─► tflite::Model ─► graph::Graph ─► lower::lower(arithmetic, isa) ─► plan::Plan ─► session::Session
//! ```
//! * [`tflite`]: the file, losslessly: reader and writer of the FlatBuffer schema;
//! * [`graph`]: typed operators over tensors, and one [`graph::Graph::check`];
//! * [`mod@lower`]: an operator, an arithmetic and an instruction set become steps of `edgebench-kernels`;
//! * [`plan`]: steps, constants, and an arena whose size is known before anything runs;
//! * [`emit`]: a plan as Rust source, for firmware;
//! * [`session`]: memory for a plan, inputs in, outputs out;
//! * [`build`]: float networks from scratch;
//! * [`mod@quantise`]: from float to int8 after training, as TensorFlow's converter does it;
//! * [`memory`]: what files, constants and arenas lie in;
//! * [`team`]: threads that do one job together, again and again.
#![forbid(unsafe_code)]

pub mod build;
pub mod emit;
pub mod error;
pub mod graph;
pub mod lower;
pub mod memory;
pub mod plan;
pub mod quantise;
pub mod session;
pub mod team;
pub mod tflite;

pub use error::Error;
pub use graph::Graph;
pub use lower::{Arithmetic, LowerOptions, Many, lower};
pub use plan::Plan;
pub use session::{Image, Session};
pub use team::Team;
