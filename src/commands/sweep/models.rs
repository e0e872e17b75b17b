//! Recipes on networks: the models of a study.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow};
use edgebench_models::quantise::Io;
use edgebench_train::compress::StageReport;
use edgebench_train::exec::Executor;
use edgebench_train::recipe::{Recipe, Stage};
use sha2::{Digest, Sha256};

use super::super::compress::write;
use super::super::train_watch::Follower;
use super::Sweep;
use super::bases::{Trained, base};
use super::setting::{Network, Setting};
use crate::study::Folder;
use crate::study::facts::{NetworkFact, ProductFact, StageFact, keep, known};
use crate::study::units::Unit;
use crate::train::hex;
use crate::train::product::Manner;

/// One more whenever the same study gives other models.
const RULES: u32 = 1;

/// What was made.
pub(super) struct Models {
    /// In the order of the units.
    pub(super) products: Vec<(Unit, ProductFact)>,
    /// Trainings of networks, by number and seed.
    pub(super) networks: BTreeMap<(usize, u64), NetworkFact>,
}

/// The name of a unit's model, without its ending.
pub(super) fn name(network: &Network, recipe: &Recipe, seed: u64) -> String {
    format!("{}_{}_s{seed}", network.name, recipe.name)
}

/// Makes the models of `units` that are not there yet, in their order.
pub(super) fn make(sweep: &Sweep, setting: &Setting, folder: &Folder, units: &[Unit]) -> Result<Models> {
    let mut models = Models { products: Vec::new(), networks: BTreeMap::new() };
    let io = sweep.file.interface().map_err(|problem| anyhow!("{problem}"))?;
    for group in units.chunk_by(|a, b| (a.network, a.seed) == (b.network, b.seed)) {
        let Unit { network: at, seed, .. } = group[0];
        let network = &setting.networks[at];
        let trained = base(sweep, network, folder, seed).with_context(|| format!("network {:?}", network.name))?;
        for (done, &unit) in group.iter().enumerate() {
            let recipe = &network.recipes[unit.recipe];
            let make = Make { sweep, network, recipe, trained: &trained, io };
            let product = make.product(folder, unit, (done + 1, group.len()));
            let product = product.with_context(|| format!("recipe {:?} on {:?}", recipe.name, network.name))?;
            models.products.push((unit, product));
        }
        if let Some(fact) = trained.fact {
            models.networks.insert((at, seed), fact);
        }
    }
    Ok(models)
}

/// A model that is to be made.
struct Make<'a> {
    sweep: &'a Sweep,
    network: &'a Network,
    recipe: &'a Recipe,
    trained: &'a Trained,
    io: Io,
}

impl Make<'_> {
    fn product(&self, folder: &Folder, unit: Unit, (at, of): (usize, usize)) -> Result<ProductFact> {
        let Make { sweep, network, recipe, .. } = *self;
        let path = folder.model(&name(network, recipe, unit.seed));
        let fingerprint = self.fingerprint(unit.seed);
        if let Some(fact) = known(&path, &fingerprint)? {
            return Ok(fact);
        }
        let label = format!("{} {} ({at} of {of})", network.name, recipe.name);
        let mut watch = Follower::new(sweep.talk, &label, (1, network.images.train.len()));
        if sweep.brief {
            watch = watch.briefly();
        }
        let stages = folder.stages();
        let manner = Manner {
            training: &network.stages,
            seed: unit.seed,
            workers: sweep.workers(),
            work: Some(&stages),
            io: self.io,
        };
        let product = self.trained.subject.follow(recipe, &network.images, &manner, &mut watch);
        watch.finish();
        let product = product?;
        write(&path, &product.bytes, (recipe, network.kind, self.io))?;
        let fact = ProductFact {
            fingerprint,
            sha256: hex(&Sha256::digest(&product.bytes)),
            stages: product.stages.iter().zip(&recipe.stages).map(|(report, stage)| self.fact(report, stage)).collect(),
        };
        keep(&path, &fact)?;
        if sweep.brief {
            sweep.talk.note(&format!("{label} is made, {} bytes", product.bytes.len()));
        }
        Ok(fact)
    }

    fn fact(&self, report: &StageReport, stage: &Stage) -> StageFact {
        let mut fact = StageFact::from(report);
        let training = stage.training.or(&self.recipe.training).or(&self.network.stages);
        if training.keep_best == Some(false) {
            fact.course.best_epoch = None;
        }
        fact
    }

    /// Names all that the model depends on.
    fn fingerprint(&self, seed: u64) -> String {
        let images = &self.network.images;
        let valid = images.valid.as_ref().map_or(0, edgebench_train::Images::len);
        let mut hash = Sha256::new();
        hash.update(format!("{RULES} {} {} {seed} ", self.trained.fingerprint, self.io.name()));
        hash.update(format!("{} {} {valid} {:?} ", images.sha256, images.train.len(), images.train.encoding()));
        hash.update(format!("{:?} {:?}", self.recipe, self.network.stages));
        if self.sweep.executor != Executor::Cpu {
            hash.update(format!(" {}", self.sweep.executor));
        }
        hex(&hash.finalize())[..24].to_owned()
    }
}
