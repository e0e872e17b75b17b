//! Why a model could not be calibrated or quantised.

/// Why a model could not be calibrated or quantised, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The float model cannot be read or run.
    #[error(transparent)]
    Model(#[from] crate::Error),
    /// An operator that has no int8 form here.
    #[error("operator {index} ({op}) cannot be quantised: {why}")]
    Operator {
        /// Its position in the file.
        index: usize,
        /// Its name.
        op: String,
        /// The reason, and what to do.
        why: String,
    },
    /// Something that is no float model.
    #[error("tensor {name} is {dtype}, so this is no float32 model; quantise the float32 model that it was made from")]
    NotFloat {
        /// The tensor.
        name: String,
        /// Its type.
        dtype: String,
    },
    /// A constant that no code can stand for.
    #[error(
        "constant {name} holds {value} at element {at}; every weight must be finite: train again from an earlier state"
    )]
    Constant {
        /// The tensor.
        name: String,
        /// Where in it.
        at: usize,
        /// What stands there.
        value: f32,
    },
    /// An activation that has no range.
    #[error(
        "tensor {name} becomes {value} on calibration sample {sample}; expected finite numbers: look at that sample"
    )]
    Activation {
        /// The tensor.
        name: String,
        /// The sample, from 0.
        sample: usize,
        /// What it becomes.
        value: f32,
    },
    /// A calibration sample of another size than the model's input.
    #[error("calibration sample {sample} has {got} values, the input {name} takes {expected}")]
    Sample {
        /// The sample, from 0.
        sample: usize,
        /// Name of the input.
        name: String,
        /// Values that the input takes.
        expected: usize,
        /// Values given.
        got: usize,
    },
    /// Calibration without samples.
    #[error("there is no calibration sample; give at least one, better some hundreds of the training set")]
    NoSample,
    /// Ranges of another model.
    #[error("tensor {name} (number {tensor}) has no range; calibrate this very model, or give a trained range for it")]
    NoRange {
        /// Its index.
        tensor: usize,
        /// Its name.
        name: String,
    },
    /// A range or a scale that cannot be used.
    #[error("{what} of tensor {name}: expected {expected}, got {got}")]
    Given {
        /// What was given.
        what: &'static str,
        /// The tensor's name or number.
        name: String,
        /// What would have been right.
        expected: String,
        /// What was found.
        got: String,
    },
}
