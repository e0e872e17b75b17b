//! Why two targets could not be compared.

use crate::model::ModelError;

/// Why two targets could not be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParityError {
    /// The model does not become a plan.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The plan does not run here, or inputs are not the model's.
    #[error(transparent)]
    Run(#[from] edgebench_models::Error),
    /// A sample that a trace does not have, or that a network that runs here was not given.
    #[error("{target}: sample {sample} is not there, {found} are; record a trace with as many --samples")]
    NoSample {
        /// Who.
        target: String,
        /// Which.
        sample: usize,
        /// How many there are.
        found: usize,
    },
    /// Two targets that saw different inputs.
    #[error(
        "sample {sample}: {a} and {b} were given different inputs; record with the same --input, --seed and --samples"
    )]
    Inputs {
        /// Which.
        sample: usize,
        /// The one.
        a: String,
        /// The other.
        b: String,
    },
    /// Two lists of layers that are not of one network.
    #[error("{a} has {of_a}, {b} has {of_b} in its place; one trace is of another network")]
    Layers {
        /// The one.
        a: String,
        /// What it has.
        of_a: String,
        /// The other.
        b: String,
        /// What it has.
        of_b: String,
    },
    /// Nothing was compared.
    #[error("{a} and {b} have no layer in common")]
    Nothing {
        /// The one.
        a: String,
        /// The other.
        b: String,
    },
}
