//! Run, measure and compare `.tflite` image classifiers exactly as their device does.
//!
//! The command `edgebench` is a thin layer over this library:
//!
//! ```text
//! cli ─► commands ─► data (samples) ─┐
//!            │                       ├─► eval (accuracy, latency, size) ─► report (text, JSON)
//!            └─► edgebench-models ───┘
//! ```
//! * [`cli`]: the command line as types, nothing else;
//! * [`commands`]: one file a command: parse, decide, do, print;
//! * [`data`]: labelled samples of every supported kind, and what they become before a model;
//! * [`corrupt`]: the same samples in noise, blur, weather;
//! * [`robust`]: corrupted images, cells, ledgers, shards; [`metrics`]: what figures are made of them;
//! * `study`: what a sweep is about, and what it leaves behind (feature `train`);
//! * `fetch`: published data sets (feature of the same name);
//! * [`report`]: results, one serde struct each (that is the JSON), with a renderer for people;
//! * [`eval`]: many samples on many threads, accuracy, latency, statistics;
//! * [`inspect`]: what a file says without running it, lints;
//! * [`model`]: a model file on its way to a plan;
//! * [`mod@parity`]: two targets, layer by layer;
//! * [`remote`]: other machines, through OpenSSH;
//! * [`mod@firmware`] has microcontrollers;
//! * [`machine`]: where a figure was measured.
#![forbid(unsafe_code)]

pub mod cli;
pub mod commands;
pub mod corrupt;
pub mod data;
pub mod eval;
#[cfg(feature = "fetch")]
pub mod fetch;
pub mod firmware;
pub mod inspect;
pub mod machine;
pub mod metrics;
pub mod model;
pub mod parity;
pub mod remote;
pub mod report;
pub mod robust;
#[cfg(feature = "train")]
pub mod study;
#[cfg(feature = "train")]
pub mod train;
