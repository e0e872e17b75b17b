//! A training from scratch: what decides about it, and its name.

use edgebench_train::arch::{self, Target};
use edgebench_train::fit::Plan;
use edgebench_train::recipe::Training;
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
        Ok(Base { net, plan, fingerprint })
    }

    /// A trainer with the first numbers.
    ///
    /// # Errors
    /// A network that does not fit together.
    pub fn trainer(&self, threads: usize) -> Result<Trainer, Error> {
        let params = Params::init(&self.net, Init::HeNormal, self.plan.seed);
        Ok(Trainer::new(self.net.clone(), params, threads)?)
    }
}

fn fingerprint(net: &Net, plan: &Plan, data: &Learning) -> String {
    let mut hash = Sha256::new();
    let valid = data.valid.as_ref().map_or(0, Images::len);
    hash.update(format!("{net:?} {plan:?} {} {} {valid} {:?}", data.sha256, data.train.len(), data.train.encoding()));
    hex(&hash.finalize())[..24].to_owned()
}
