//! What is known of a file that a sweep has made: `NAME.json` beside `NAME.tflite`, written after it. No times, no threads, nothing of
//! the machine: the same study gives the same bytes.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use edgebench_train::compress::StageReport;
use edgebench_train::fit::{Epoch, State};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Error;
use crate::data::npy::write_whole;
use crate::train::hex;

/// One epoch of a training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRow {
    /// From 1.
    pub epoch: usize,
    /// Rate of the last step.
    pub rate: f64,
    /// Mean loss over the training images, as they were seen.
    pub loss: f64,
    /// Share of training images whose class was found, as they were seen.
    pub accuracy: f64,
    /// Mean cross entropy over the validation images.
    pub valid_loss: Option<f64>,
    /// Share of validation images whose class was found.
    pub valid_accuracy: Option<f64>,
}

/// A training: of a network, or of a stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// Names all that it depends on.
    pub fingerprint: String,
    /// The epoch whose numbers were kept, if there were validation images to choose it.
    pub best_epoch: Option<usize>,
    /// All epochs.
    pub epochs: Vec<EpochRow>,
}

/// A stage of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageFact {
    /// What it did.
    pub kind: String,
    /// How it went.
    pub course: Course,
    /// Steps of the optimiser.
    pub steps: u32,
    /// Promises that were looked at in what it has made.
    pub kept: Vec<String>,
}

/// A network that was trained here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkFact {
    /// How it was trained.
    pub course: Course,
    /// SHA-256 of the file.
    pub sha256: String,
}

/// What a recipe has made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductFact {
    /// Names all that it depends on.
    pub fingerprint: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Its stages.
    pub stages: Vec<StageFact>,
}

/// What can be known of a file.
pub trait Fact: Serialize + DeserializeOwned {
    /// Names all that the file depends on.
    fn fingerprint(&self) -> &str;
    /// SHA-256 of the file.
    fn sha256(&self) -> &str;
}

impl Fact for NetworkFact {
    fn fingerprint(&self) -> &str {
        &self.course.fingerprint
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }
}

impl Fact for ProductFact {
    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }
}

impl From<&Epoch> for EpochRow {
    fn from(epoch: &Epoch) -> Self {
        let &Epoch { epoch, rate, loss, accuracy, valid_loss, valid_accuracy, seconds: _ } = epoch;
        Self { epoch, rate, loss, accuracy, valid_loss, valid_accuracy }
    }
}

impl Course {
    /// Of a training that is over.
    #[must_use]
    pub fn of(fingerprint: &str, state: &State) -> Self {
        Self {
            fingerprint: fingerprint.to_owned(),
            best_epoch: state.best.as_ref().map(|best| best.epoch),
            epochs: state.history.iter().map(EpochRow::from).collect(),
        }
    }

    /// Validation accuracy of the epoch that was kept.
    #[must_use]
    pub fn valid_accuracy(&self) -> Option<f64> {
        self.epochs.get(self.best_epoch?.checked_sub(1)?)?.valid_accuracy
    }
}

impl From<&StageReport> for StageFact {
    fn from(report: &StageReport) -> Self {
        Self {
            kind: report.kind.name().to_owned(),
            course: Course::of(&report.fingerprint, &report.state),
            steps: report.steps,
            kept: report.kept.clone(),
        }
    }
}

/// What stands beside `model`, if it is about this very file and what is wanted now; a damaged or older one says nothing.
///
/// # Errors
/// Files that are there and cannot be read.
pub fn known<F: Fact>(model: &Path, fingerprint: &str) -> Result<Option<F>, Error> {
    let side = model.with_extension("json");
    let (Some(text), Some(bytes)) = (read(&side)?, read(model)?) else { return Ok(None) };
    let Ok(fact) = serde_json::from_slice::<F>(&text) else { return Ok(None) };
    let sha256 = hex(&Sha256::digest(&bytes));
    Ok((fact.fingerprint() == fingerprint && fact.sha256() == sha256).then_some(fact))
}

/// Writes what is known of `model`, which is there already.
///
/// # Errors
/// The operating system's.
pub fn keep<F: Fact>(model: &Path, fact: &F) -> Result<(), Error> {
    let side = model.with_extension("json");
    let refuse = |problem: String| Error::File { path: side.clone(), problem };
    let text = serde_json::to_string_pretty(fact).map_err(|error| refuse(error.to_string()))? + "\n";
    write_whole(&side, |file| file.write_all(text.as_bytes())).map_err(|error| refuse(error.to_string()))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::File { path: path.to_owned(), problem: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_of_this_file_and_this_fingerprint() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("a.tflite");
        fs::write(&model, b"model").unwrap();
        let sha256 = hex(&Sha256::digest(b"model"));
        let fact = ProductFact { fingerprint: "f".into(), sha256, stages: Vec::new() };
        assert_eq!(known::<ProductFact>(&model, "f").unwrap(), None, "nothing beside it");
        keep(&model, &fact).unwrap();
        assert_eq!(known(&model, "f").unwrap(), Some(fact));
        assert_eq!(known::<ProductFact>(&model, "g").unwrap(), None, "another study");
        fs::write(&model, b"other").unwrap();
        assert_eq!(known::<ProductFact>(&model, "f").unwrap(), None, "another file");
        fs::write(model.with_extension("json"), b"{\"fing").unwrap();
        assert_eq!(known::<ProductFact>(&model, "f").unwrap(), None, "a damaged one");
    }
}
