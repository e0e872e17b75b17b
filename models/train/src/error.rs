//! What can go wrong.

/// Why something could not be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A network that is not one.
    #[error("layer {layer:?}: {problem}")]
    Net {
        /// Name of the layer.
        layer: String,
        /// What is wrong.
        problem: String,
    },
    /// An architecture that does not exist.
    #[error("there is no architecture {name:?}{suggestion}; known are {known}")]
    Architecture {
        /// What was asked for.
        name: String,
        /// ` (did you mean …?)`, or nothing.
        suggestion: String,
        /// All names.
        known: String,
    },
    /// Images that cannot be learnt from.
    #[error("{problem}")]
    Images {
        /// What is wrong.
        problem: String,
    },
    /// Threads could not be started.
    #[error("threads could not be started: {0}")]
    Threads(rayon::ThreadPoolBuildError),
    /// Numbers that do not fit the network.
    #[error("tensor {tensor:?}: {problem}")]
    Params {
        /// Name of the tensor.
        tensor: String,
        /// What is wrong.
        problem: String,
    },
}
