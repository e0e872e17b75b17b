//! What a recipe makes of a network: a file, and what is known about it.

use std::path::Path;

use edgebench_models::quantise::Io;
use edgebench_models::tflite::Model;
use edgebench_train::compress::{Follow, Job, StageReport, follow};
use edgebench_train::exec::Workers;
use edgebench_train::export::artifact;
use edgebench_train::recipe::{Recipe, Training};
use edgebench_train::{Net, Params, import};

use super::Error;
use super::learning::Learning;
use crate::model::ModelFile;

/// Training images that ranges are taken from, as the study has it (SPEC A.2).
const CALIBRATION: usize = 200;

/// A trained network.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What it is called.
    pub name: String,
    /// Its layers.
    pub net: Net,
    /// Its numbers.
    pub params: Params,
}

/// How recipes are followed.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// How stages train, where neither they nor the recipe say anything.
    pub training: &'a Training,
    /// Names all random numbers.
    pub seed: u64,
    /// What computes.
    pub workers: Workers,
    /// Where stages are kept.
    pub work: Option<&'a Path>,
    /// Input and output of int8 files.
    pub io: Io,
}

/// What came of a recipe.
#[derive(Clone, Debug)]
pub struct Product {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its stages.
    pub stages: Vec<StageReport>,
}

impl Subject {
    /// The network of a float file.
    ///
    /// # Errors
    /// A file that is damaged, or holds what cannot be trained.
    pub fn of(file: &ModelFile) -> Result<Subject, Error> {
        let model: Model = file.read()?;
        let imported = import::import(&model, &file.name())?;
        Ok(Subject { name: file.name(), net: imported.net, params: imported.params })
    }

    /// Follows a recipe.
    ///
    /// # Errors
    /// [`edgebench_train::Error`]: a promise that was broken, a training that diverged, files that cannot be written.
    pub fn follow(
        &self,
        recipe: &Recipe,
        images: &Learning,
        manner: &Manner<'_>,
        watch: &mut dyn Follow,
    ) -> Result<Product, Error> {
        let job = Job {
            net: &self.net,
            params: &self.params,
            images: (&images.train, images.valid.as_ref()),
            data: &images.sha256,
            defaults: manner.training,
            workers: manner.workers,
            seed: manner.seed,
            folder: manner.work,
        };
        let (trainer, stages) = follow(&job, recipe, watch)?;
        let model = artifact(&trainer, recipe, manner.io, images.samples(CALIBRATION))?;
        Ok(Product { bytes: model.write()?, stages })
    }
}
