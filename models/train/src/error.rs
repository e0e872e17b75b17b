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
    /// A network that a file's format cannot say.
    #[error("{net} cannot be written: {problem}")]
    Export {
        /// Name of the network.
        net: String,
        /// What is wrong.
        problem: String,
    },
    /// A recipe that cannot be followed.
    #[error("recipe {recipe:?}: {problem}")]
    Recipe {
        /// Its name or file.
        recipe: String,
        /// What is wrong.
        problem: String,
    },
    /// A technique did not keep what it promises.
    #[error("{stage} broke its promise in {layer:?}: {problem}")]
    Promise {
        /// The stage.
        stage: String,
        /// The layer.
        layer: String,
        /// What was promised, and what is.
        problem: String,
    },
    /// A file that cannot be read or written.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The loss is not a number any more.
    #[error(
        "the loss is no longer finite after step {step} (rate {rate}): lower the learning rate, lengthen the warm-up or clip gradients"
    )]
    Diverged {
        /// Steps done before.
        step: usize,
        /// Learning rate of the step.
        rate: f64,
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
    /// libtorch could not do something, or is not there.
    #[error("torch: {problem}")]
    Torch {
        /// What it says.
        problem: String,
    },
    /// An operator of a file that cannot be trained.
    #[error("operator {index} ({op}, output {output:?}): {problem}")]
    Operator {
        /// Position in the file.
        index: usize,
        /// Its name in the schema.
        op: &'static str,
        /// Name of its first output.
        output: String,
        /// What is wrong.
        problem: String,
    },
    /// A model file that is not one.
    #[error(transparent)]
    Model(#[from] edgebench_models::Error),
    /// Numbers that do not fit the network.
    #[error("tensor {tensor:?}: {problem}")]
    Params {
        /// Name of the tensor.
        tensor: String,
        /// What is wrong.
        problem: String,
    },
}

impl Error {
    /// The error that a file has this problem.
    pub(crate) fn file(path: &std::path::Path, problem: impl std::fmt::Display) -> Error {
        Error::File { path: path.to_owned(), problem: problem.to_string() }
    }
}
