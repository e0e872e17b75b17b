//! How networks and stages train when nothing is said.

use edgebench_train::recipe::{OptimizerName, Training};

use crate::data::Dataset;

/// Fewer training images than this are seen more often, in smaller batches.
const FEW: usize = 5000;

/// Images of digits are not mirrored.
fn has_digits(data: &Dataset) -> bool {
    data.name.contains("digit") || data.name.contains("mnist")
}

/// A training from scratch: gradient descent with a cosine; images move by an eighth of their height, and all but digits are mirrored.
#[must_use]
pub fn from_scratch(data: &Dataset) -> Training {
    let few = data.len() < FEW;
    Training {
        epochs: Some(if few { 30 } else { 60 }),
        batch: Some(if few { 32 } else { 128 }),
        optimizer: Some(OptimizerName::Sgd),
        rate: Some(if few { 0.05 } else { 0.1 }),
        warmup: Some(1.0),
        weight_decay: Some(5e-4),
        flip: Some(!has_digits(data)),
        crop: Some(data.shape[0] / 8),
        ..Training::default()
    }
}

/// A stage of a recipe: as long as a tenth of a training, at a rate that does not undo it.
#[must_use]
pub fn stage(data: &Dataset) -> Training {
    let few = data.len() < FEW;
    Training {
        epochs: Some(if few { 5 } else { 10 }),
        batch: Some(if few { 32 } else { 128 }),
        optimizer: Some(OptimizerName::Adamw),
        rate: Some(if few { 5e-4 } else { 1e-3 }),
        flip: Some(!has_digits(data)),
        crop: Some(data.shape[0] / 8),
        ..Training::default()
    }
}
