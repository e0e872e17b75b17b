//! `.tflite` files: reader and writer of the FlatBuffer schema, without loss.
//!
//! [`Model`] is the schema in plain structs; [`Model::read`] makes one of any bytes or says why not, [`Model::write`] makes a
//! file that LiteRT loads. What the schema at hand does not know is either kept (metadata, enumeration values, custom
//! options) or makes the writer refuse ([`Model::unknown`]); nothing is lost in silence.
//!
//! # Why own tables
//! The `flatbuffers` and `planus` crates generate some 20,000 lines for this schema, the first full of `unsafe`, and their
//! writers leave neither the alignment of data nor the place of data beyond 2 GB to us. A table of a FlatBuffer is a list of
//! offsets; reading one safely and writing one takes two files of about 200 lines (`reader`, `writer`), and each table of
//! the schema is declared once, in a line or two: `id name: Type = default`. Adding a table is adding that line.
//!
//! # Trust
//! Bytes are hostile until `Model::check` has seen them: see `verify` and `reader` for what is bounded and checked.

mod bytes;
mod codes;
mod field;
mod macros;
mod model;
mod operators;
mod options;
mod packed;
mod reader;
mod schema;
mod sparse;
mod verify;
mod versions;
mod writer;

pub use bytes::Bytes;
pub use codes::*;
pub use model::{Model, OperatorCode, WriteOptions};
pub use operators::BuiltinOperator;
pub use options::*;
pub use packed::{unpack_int4, widen_f16};
pub use schema::*;
pub use sparse::densify;
