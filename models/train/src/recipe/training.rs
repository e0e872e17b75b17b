//! How a network or a stage trains, as a file says it: every key may be missing, and then another's word counts.

use serde::{Deserialize, Serialize};

use crate::augment::{AugMix, Augment};
use crate::fit::Plan;
use crate::optim::Optimizer;
use crate::schedule::{Schedule, Shape};
use crate::trainer::Moves;

/// Names of optimisers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum OptimizerName {
    Sgd,
    Adam,
    Adamw,
}

/// Names of schedules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum ScheduleName {
    Constant,
    /// A tenth after half of the epochs, and again after three quarters.
    Steps,
    Cosine,
}

impl OptimizerName {
    /// All of them.
    pub const ALL: [OptimizerName; 3] = [OptimizerName::Sgd, OptimizerName::Adam, OptimizerName::Adamw];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            OptimizerName::Sgd => "sgd",
            OptimizerName::Adam => "adam",
            OptimizerName::Adamw => "adamw",
        }
    }
}

impl ScheduleName {
    /// All of them.
    pub const ALL: [ScheduleName; 3] = [ScheduleName::Constant, ScheduleName::Steps, ScheduleName::Cosine];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ScheduleName::Constant => "constant",
            ScheduleName::Steps => "steps",
            ScheduleName::Cosine => "cosine",
        }
    }
}

/// Settings of a training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Training {
    /// Passes over the images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// Images of a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// `sgd` (momentum 0.9, Nesterov), `adam`, `adamw`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<OptimizerName>,
    /// Highest learning rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// What becomes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleName>,
    /// Epochs in which it grows from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<f64>,
    /// Decay of kernels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Largest norm of the gradients; 0 for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<f64>,
    /// Share of a label given to all classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_smoothing: Option<f64>,
    /// Epochs without gain after which training ends; 0 for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Whether the best epoch on the validation images is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_best: Option<bool>,
    /// Whether images are mirrored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flip: Option<bool>,
    /// By how many pixels they move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<usize>,
    /// Side of a square that is covered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cutout: Option<usize>,
    /// Whether images are mixed with changed copies of themselves (AugMix).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augmix: Option<bool>,
}

impl Training {
    /// All keys.
    pub const KEYS: &'static [&'static str] = &[
        "epochs",
        "batch",
        "optimizer",
        "rate",
        "schedule",
        "warmup",
        "weight_decay",
        "clip",
        "label_smoothing",
        "patience",
        "keep_best",
        "flip",
        "crop",
        "cutout",
        "augmix",
    ];

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Training::default()
    }

    /// What it says, and where it says nothing what `other` says.
    #[must_use]
    pub fn or(&self, other: &Training) -> Training {
        Training {
            epochs: self.epochs.or(other.epochs),
            batch: self.batch.or(other.batch),
            optimizer: self.optimizer.or(other.optimizer),
            rate: self.rate.or(other.rate),
            schedule: self.schedule.or(other.schedule),
            warmup: self.warmup.or(other.warmup),
            weight_decay: self.weight_decay.or(other.weight_decay),
            clip: self.clip.or(other.clip),
            label_smoothing: self.label_smoothing.or(other.label_smoothing),
            patience: self.patience.or(other.patience),
            keep_best: self.keep_best.or(other.keep_best),
            flip: self.flip.or(other.flip),
            crop: self.crop.or(other.crop),
            cutout: self.cutout.or(other.cutout),
            augmix: self.augmix.or(other.augmix),
        }
    }

    /// The plan; where nothing is said: 10 epochs of 128 images, AdamW at 3·10⁻⁴ with a cosine.
    #[must_use]
    pub fn plan(&self, seed: u64) -> Plan {
        let optimizer = match self.optimizer.unwrap_or(OptimizerName::Adamw) {
            OptimizerName::Sgd => Optimizer::Sgd { momentum: 0.9, nesterov: true },
            OptimizerName::Adam => Optimizer::Adam,
            OptimizerName::Adamw => Optimizer::AdamW,
        };
        let shape = match self.schedule.unwrap_or(ScheduleName::Cosine) {
            ScheduleName::Constant => Shape::Constant,
            ScheduleName::Steps => Shape::Steps { at: vec![0.5, 0.75], factor: 0.1 },
            ScheduleName::Cosine => Shape::Cosine,
        };
        let rate = self.rate.unwrap_or(if matches!(optimizer, Optimizer::Sgd { .. }) { 0.01 } else { 3e-4 });
        let positive = |value: Option<f64>| value.filter(|value| *value > 0.0);
        Plan {
            epochs: self.epochs.unwrap_or(10),
            batch: self.batch.unwrap_or(128),
            moves: Moves {
                optimizer,
                weight_decay: self.weight_decay.unwrap_or(0.0) as f32,
                clip: positive(self.clip),
            },
            schedule: Schedule { rate, warmup: self.warmup.unwrap_or(0.0), shape },
            label_smoothing: self.label_smoothing.unwrap_or(0.0),
            augment: Augment {
                flip: self.flip.unwrap_or(false),
                crop: self.crop.unwrap_or(0),
                cutout: self.cutout.unwrap_or(0),
                augmix: self.augmix.unwrap_or(false).then(AugMix::default),
            },
            patience: self.patience.filter(|patience| *patience > 0),
            keep_best: self.keep_best.unwrap_or(true),
            seed,
            prune: None,
        }
    }

    /// Whether every number is one that makes sense.
    ///
    /// # Errors
    /// What does not, in words.
    pub fn check(&self) -> Result<(), String> {
        let within = |name: &str, value: Option<f64>, (lo, hi): (f64, f64)| match value {
            Some(value) if !(lo..=hi).contains(&value) => Err(format!("{name} = {value} is not from {lo} to {hi}")),
            _ => Ok(()),
        };
        let whole = |value: Option<usize>| value.map(|value| value as f64);
        within("epochs", whole(self.epochs), (1.0, 100_000.0))?;
        within("batch", whole(self.batch), (1.0, 65_536.0))?;
        within("rate", self.rate, (0.0, 1e3))?;
        within("warmup", self.warmup, (0.0, 1e5))?;
        within("weight_decay", self.weight_decay, (0.0, 1.0))?;
        within("clip", self.clip, (0.0, 1e9))?;
        within("label_smoothing", self.label_smoothing, (0.0, 0.99))?;
        within("crop", whole(self.crop), (0.0, 1024.0))?;
        within("cutout", whole(self.cutout), (0.0, 1024.0))
    }
}
