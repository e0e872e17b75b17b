//! Why a model could not be read, lowered, run or written.

/// Why a model could not be read, lowered, run or written. The variant says who is at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a well-formed FlatBuffer.
    #[error("malformed file at byte {offset}: {what}")]
    Malformed {
        /// Where.
        offset: usize,
        /// What is wrong there.
        what: String,
    },
    /// Well-formed, but outside what edgebench implements.
    #[error("operator {index} ({op}): {what} is not supported")]
    Unsupported {
        /// Position of the operator in the file.
        index: usize,
        /// Its name.
        op: String,
        /// What of it.
        what: String,
    },
    /// An operator that edgebench does not have.
    #[error("operator {index} ({op}) is not supported; supported are {supported}")]
    UnknownOperator {
        /// Position of the operator in the file.
        index: usize,
        /// Its name.
        op: String,
        /// The names of those that are.
        supported: &'static str,
    },
    /// Well-formed, but something of the file as a whole is outside what edgebench implements.
    #[error("{what} is not supported")]
    UnsupportedFile {
        /// What the file asks for.
        what: String,
    },
    /// A part of the model that is neither operator nor tensor contradicts the rest.
    #[error("{what}: expected {expected}, got {got}")]
    Model {
        /// Which part.
        what: String,
        /// What would have been right.
        expected: String,
        /// What was found.
        got: String,
    },
    /// Well-formed, but it contradicts itself.
    #[error("operator {index} ({op}): {what}, expected {expected}, got {got}")]
    Inconsistent {
        /// Position of the operator in the file.
        index: usize,
        /// Its name.
        op: String,
        /// Which property.
        what: String,
        /// What the rest of the model asks for.
        expected: String,
        /// What stands there.
        got: String,
    },
    /// A tensor is used that is neither constant, nor an input, nor computed before.
    #[error("tensor {tensor} is used before anything computes it")]
    NeverComputed {
        /// Its name.
        tensor: String,
    },
    /// A tensor contradicts itself.
    #[error("tensor {name}: {what}, expected {expected}, got {got}")]
    Tensor {
        /// Its name.
        name: String,
        /// Which property.
        what: String,
        /// What the rest of the tensor asks for.
        expected: String,
        /// What stands there.
        got: String,
    },
    /// A limit set by us, not by the format.
    #[error("{what} is {got}, above the limit of {limit}")]
    Limit {
        /// Of what.
        what: String,
        /// The limit.
        limit: usize,
        /// What was found.
        got: usize,
    },
    /// The CPU cannot run a plan.
    #[error("instruction set {isa} cannot run here; `edgebench isa` lists those that can")]
    IsaUnavailable {
        /// Its name.
        isa: &'static str,
    },
    /// A plan whose groups of steps cannot run at the same time; `lower` makes none.
    #[error("the plan cannot run on several threads: {0}")]
    Groups(#[from] edgebench_kernels::Overlap),
    /// An input or output that the model does not have.
    #[error("there is no input {index}, the model has {count}")]
    NoSuchPort {
        /// The number asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// An input of the wrong size.
    #[error("input {name} takes {expected} bytes, got {got}")]
    PortLength {
        /// Name of the input.
        name: String,
        /// Bytes it takes.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
    /// A named file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: std::path::PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
