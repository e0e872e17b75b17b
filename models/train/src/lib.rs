//! Trains and compresses image classifiers on the CPU.
//!
//! ```text
//! arch ─► Net (layers as data) ─► Program (fused operations in stages) ─► fit: forward, backward, optimiser
//!          Params (numbers)  ────────────┘                                     │
//!                                                                              └─► export ─► .tflite
//! ```
//! A list of layers with explicit gradients, no general differentiation: fast, small, and the same bits for any number of threads
//! and any instruction set.
#![forbid(unsafe_code)]

pub mod arch;
pub mod augment;
pub mod checkpoint;
pub mod compress;
mod error;
pub mod exec;
pub mod export;
pub mod fit;
mod fold;
mod images;
pub mod import;
pub mod net;
pub mod optim;
pub mod paper;
mod params;
mod promise;
pub mod quant;
pub mod recipe;
pub mod schedule;
mod suggest;
pub mod technique;
mod trainer;
pub mod weights;

pub use error::Error;
pub use exec::Engine;
pub use fold::fold;
pub use images::{Encoding, Images};
pub use net::Net;
pub use params::{Init, Params};
pub use suggest::suggest;
pub use trainer::{Moves, Trainer};
