//! Whether two targets compute the same integers, layer by layer.
//!
//! * [`target`]: what can be compared, and how it is named;
//! * [`trace`]: digests of every tensor, as a file: what a target leaves behind that cannot be here at the time;
//! * [`live`]: a target on this machine;
//! * [`side`]: either of them, sample by sample;
//! * [`mod@compare`]: where two sides differ first;
//! * [`element`]: one element of a tensor;
//! * [`error`]: why it could not be done.

pub mod compare;
pub mod element;
pub mod error;
pub mod live;
pub mod side;
pub mod target;
pub mod trace;

pub use compare::compare;
pub use error::ParityError;
