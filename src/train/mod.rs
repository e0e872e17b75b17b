//! From data sets and command lines to trainings, and from trainings to files.

pub mod base;
pub mod defaults;
pub mod deployed;
pub mod emulate;
pub mod history;
pub mod images;
pub mod learning;
pub mod product;
pub mod recipes;

use crate::data::DataError;
use crate::eval::input::Misfit;
use crate::model::ModelError;

/// Why a training, or what comes of it, is not possible.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The images.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The network, its training, or a recipe.
    #[error(transparent)]
    Train(#[from] edgebench_train::Error),
    /// A model file.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Images that are not what a model takes.
    #[error("{file}: {source}")]
    Misfit {
        /// The model.
        file: String,
        /// Why.
        source: Misfit,
    },
    /// What [`edgebench_models`] refuses.
    #[error(transparent)]
    Models(#[from] edgebench_models::Error),
    /// Something else, in words.
    #[error("{0}")]
    Other(String),
}

/// Bytes in hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
