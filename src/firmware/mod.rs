//! Networks on microcontrollers.
//!
//! ```text
//! model ─► edgebench_models::emit ─► Program (firmware/build.sh) ─► Device: requests in, answers out
//!                                       ▲
//!                    Board (board.toml) ┘
//! ```
//! The program's own source is the directory `firmware` of a checkout.

pub mod board;
pub mod core;
pub mod device;
pub mod error;
pub mod facts;
pub mod frame;
pub mod program;
mod scratch;

pub use board::Board;
pub use device::{Answer, Device, Use};
pub use error::FirmwareError;
pub use facts::BoardFacts;
pub use program::Program;
