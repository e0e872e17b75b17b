//! Networks that recipes begin with.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use edgebench_train::checkpoint;
use edgebench_train::export::{Form, float};
use edgebench_train::fit::fit;
use sha2::{Digest, Sha256};

use super::super::train_watch::Follower;
use super::Sweep;
use super::setting::{Network, Origin};
use crate::data::npy::write_whole;
use crate::model::ModelFile;
use crate::study::Folder;
use crate::study::facts::{Course, NetworkFact, keep, known};
use crate::train::base::Base;
use crate::train::hex;
use crate::train::product::Subject;

/// A network as recipes take it.
pub(super) struct Trained {
    /// Names all that it depends on.
    pub(super) fingerprint: String,
    pub(super) subject: Subject,
    /// How it was trained, if it was trained here.
    pub(super) fact: Option<NetworkFact>,
}

/// The network with this seed: as it was brought, as it is in the folder, or trained now.
pub(super) fn base(sweep: &Sweep, network: &Network, folder: &Folder, seed: u64) -> Result<Trained> {
    let (arch, training) = match &network.origin {
        Origin::File { file, subject, .. } => {
            return Ok(Trained { fingerprint: file.sha256(), subject: (**subject).clone(), fact: None });
        }
        Origin::Arch { arch, training } => (arch, training),
    };
    let base = Base::new(arch, &network.images, training, seed)?.on(sweep.executor);
    let path = folder.network(&network.name, seed);
    let fact = match known(&path, &base.fingerprint)? {
        Some(fact) => fact,
        None => train(sweep, network, &base, &path)?,
    };
    let file = ModelFile::open(&path)?;
    let subject = Subject { name: network.name.clone(), ..Subject::of(&file)? };
    Ok(Trained { fingerprint: base.fingerprint, subject, fact: Some(fact) })
}

fn train(sweep: &Sweep, network: &Network, base: &Base, path: &Path) -> Result<NetworkFact> {
    let Base { plan, fingerprint, .. } = base;
    let images = &network.images;
    let mut trainer = base.trainer(sweep.workers())?;
    // Another training may have left its own; nothing is lost that the study still wants.
    let kept = path.with_file_name(format!("training-{fingerprint}.safetensors"));
    let mut state = checkpoint::load(&kept, &mut trainer, fingerprint)?.unwrap_or_default();
    let mut watch =
        Follower::new(sweep.talk, &network.name, (plan.epochs, images.train.len())).keeping(&kept, fingerprint);
    if sweep.brief {
        watch = watch.briefly();
    }
    fit(&mut trainer, plan, (&images.train, images.valid.as_ref()), &mut state, &mut watch)?;
    watch.finish();
    let model = float(trainer.net(), &trainer.params, Form::Float)?.model;
    let bytes = model.write().with_context(|| format!("{}: cannot be written", path.display()))?;
    write_whole(path, |file| file.write_all(&bytes))?;
    let side = format!("[input]\npreprocess = \"{}\"\n", network.kind);
    write_whole(&path.with_extension("toml"), |file| file.write_all(side.as_bytes()))?;
    let mut course = Course::of(fingerprint, &state);
    course.best_epoch = course.best_epoch.filter(|_| plan.keep_best);
    let fact = NetworkFact { course, sha256: hex(&Sha256::digest(&bytes)) };
    keep(path, &fact)?;
    if sweep.brief {
        let valid = fact
            .course
            .valid_accuracy()
            .map_or(String::new(), |share| format!(", {:.2} % of the validation images", 100.0 * share));
        sweep.talk.note(&format!("{} is trained: {} epochs{valid}", network.name, fact.course.epochs.len()));
    }
    Ok(fact)
}
