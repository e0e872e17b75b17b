//! A training from scratch: what decides about it, and its name.

use std::path::Path;

use edgebench_train::arch::{self, Target};
use edgebench_train::exec::{Executor, Workers};
use edgebench_train::fit::Plan;
use edgebench_train::recipe::Training;
use edgebench_train::weights::{self, Options};
use edgebench_train::{Images, Init, Net, Params, Trainer};
use sha2::{Digest, Sha256};

use super::learning::Learning;
use super::{Error, defaults, hex};

/// A training that has not begun.
#[derive(Clone, Debug)]
pub struct Base {
    /// The layers.
    pub net: Net,
    /// How they are trained.
    pub plan: Plan,
    /// Names the training: all that it depends on.
    pub fingerprint: String,
    /// The numbers that it begins with.
    params: Params,
}

impl Base {
    /// The architecture of this name for `data`; `said` goes before what is usual.
    ///
    /// # Errors
    /// An architecture that does not exist, or images that are too small for it.
    pub fn new(arch: &str, data: &Learning, said: &Training, seed: u64) -> Result<Base, Error> {
        let net = arch::build(arch, Target { input: data.train.shape(), classes: data.train.classes() })?;
        let plan = said.or(&defaults::from_scratch(&data.set)).plan(seed);
        let fingerprint = fingerprint(&net, &plan, data);
        let params = Params::init(&net, Init::HeNormal, seed);
        Ok(Base { net, plan, fingerprint, params })
    }

    /// The same, beginning with the weights of a file.
    ///
    /// # Errors
    /// A file that cannot be read, or holds other tensors.
    pub fn with_weights(mut self, path: &Path, options: Options<'_>) -> Result<Base, Error> {
        self.params = weights::load(path, &self.net, self.params, options)?;
        let mut hash = Sha256::new();
        hash.update(&self.fingerprint);
        self.params.tensors().iter().flatten().for_each(|value| hash.update(value.to_le_bytes()));
        self.fingerprint = hex(&hash.finalize())[..24].to_owned();
        Ok(self)
    }

    /// The same, computed by this executor: what another has begun it does not go on with.
    pub fn on(mut self, executor: Executor) -> Base {
        if executor != Executor::Cpu {
            let hash = Sha256::digest(format!("{} {executor}", self.fingerprint));
            self.fingerprint = hex(&hash)[..24].to_owned();
        }
        self
    }

    /// A trainer with the first numbers.
    ///
    /// # Errors
    /// A network that does not fit together.
    pub fn trainer(&self, workers: Workers) -> Result<Trainer, Error> {
        Ok(Trainer::new(self.net.clone(), self.params.clone(), workers)?)
    }
}

fn fingerprint(net: &Net, plan: &Plan, data: &Learning) -> String {
    let mut hash = Sha256::new();
    let valid = data.valid.as_ref().map_or(0, Images::len);
    hash.update(format!("{net:?} {plan:?} {} {} {valid} {:?}", data.sha256, data.train.len(), data.train.encoding()));
    hex(&hash.finalize())[..24].to_owned()
}
