//! Images to learn from, images that choose, and images that do neither.

use std::path::PathBuf;

use edgebench_train::Images;

use super::Error;
use super::images::{check_classes, images};
use crate::data::preprocess::Preprocess;
use crate::data::{self, Dataset, OpenOptions, Split};

/// Which images, and what they mean.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where they are.
    pub path: PathBuf,
    /// At most this many training images.
    pub limit: Option<usize>,
    /// At most this many test images.
    pub test_limit: Option<usize>,
    /// Height and width that they are brought to.
    pub size: Option<[usize; 2]>,
    /// Training images at the end that only choose; `None`: a tenth.
    pub validation: Option<usize>,
    /// What a pixel means.
    pub kind: Preprocess,
}

/// Images to learn from, and how they were come by.
#[derive(Clone, Debug)]
pub struct Learning {
    /// The training part, as it was read.
    pub set: Dataset,
    /// Of it.
    pub sha256: String,
    /// Images that are trained on.
    pub train: Images,
    /// Images that choose the best epoch.
    pub valid: Option<Images>,
}

impl Source {
    /// The training part.
    ///
    /// # Errors
    /// What cannot be read, is no image, or is not enough.
    pub fn learning(&self) -> Result<Learning, Error> {
        let set = self.part(Split::Train)?;
        let all = images(&set, self.kind)?;
        let (train, valid) = match self.validation.unwrap_or(all.len() / 10) {
            0 => (all, None),
            count => all.split_last(count).map(|(train, valid)| (train, Some(valid)))?,
        };
        check_classes(&train, &set)?;
        let sha256 = set.sha256()?;
        Ok(Learning { set, sha256, train, valid })
    }

    /// One part, as every command reads it.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn part(&self, split: Split) -> data::Result<Dataset> {
        let limit = if split == Split::Train { self.limit } else { self.test_limit };
        let set = data::open(&self.path, &OpenOptions { split, limit, resize: self.size, ..OpenOptions::default() })?;
        match self.size {
            Some([height, width]) => set.resized(height, width),
            None => Ok(set),
        }
    }
}

impl Learning {
    /// The test part as the network takes it.
    ///
    /// # Errors
    /// What cannot be read, or is of another shape.
    pub fn test(&self, source: &Source) -> Result<Images, Error> {
        let set = source.part(Split::Test)?;
        let test = images(&set, source.kind)?;
        if test.shape() != self.train.shape() || test.classes() > self.train.classes() {
            return Err(Error::Other(format!(
                "the test images are {} of {} classes, the training images {} of {}",
                test.shape(),
                test.classes(),
                self.train.shape(),
                self.train.classes()
            )));
        }
        Ok(test)
    }

    /// Inputs of the first `count` training images, for calibration.
    pub fn samples(&self, count: usize) -> impl Iterator<Item = Vec<f32>> + '_ {
        (0..count.min(self.train.len())).map(|at| {
            let mut input = vec![0.0; self.train.shape().len()];
            self.train.encode(at, &mut input);
            input
        })
    }
}
