//! A training on disk: one safetensors file, written whole or not at all.
//!
//! Tensors are named `param/NAME`, `first/NAME` and `second/NAME` (the optimiser's memory), `mask/NAME`, `centroids/NAME` with their
//! own memory, and `best/…`; history and counters are in the metadata. The file does not say what is trained: a fingerprint does, and a
//! checkpoint of another training is refused.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use crate::fit::{Best, State, centroids_of};
use crate::optim::Moments;
use crate::{Error, Params, Trainer};

/// Metadata: what kind of file this is.
const FORMAT: (&str, &str) = ("format", "edgebench-training-1");

/// Writes the state of a training. `fingerprint` names everything that decides about it: network, plan, data, seed.
///
/// # Errors
/// [`Error::File`] if it cannot be written; what was there before is still there then.
pub fn save(path: &Path, trainer: &Trainer, state: &State, fingerprint: &str) -> Result<(), Error> {
    let mut writer = Writer::default();
    let names: Vec<&str> = trainer.net().tensors().iter().map(|tensor| &tensor.name[..]).collect();
    writer.floats("param", &names, trainer.params.tensors());
    for (prefix, memory) in [("", &trainer.moments), ("centroids.", &trainer.centroid_moments)] {
        writer.floats(&format!("{prefix}first"), &names, memory.iter().map(|moments| &moments.first));
        writer.floats(&format!("{prefix}second"), &names, memory.iter().map(|moments| &moments.second));
    }
    writer.floats("centroids", &names, &centroids_of(trainer));
    for (name, path) in names.iter().zip(&trainer.paths) {
        if let Some(mask) = path.as_ref().and_then(|path| path.mask.as_ref()) {
            writer.add(format!("mask/{name}"), Dtype::U8, mask.iter().map(|kept| u8::from(*kept)).collect());
        }
    }
    if let Some(best) = &state.best {
        writer.floats("best/param", &names, best.params.tensors());
        writer.floats("best/centroids", &names, &best.centroids);
    }
    let meta = Meta {
        fingerprint: fingerprint.to_owned(),
        steps: trainer.steps,
        history: state.history.clone(),
        best: state.best.as_ref().map(|best| (best.epoch, best.score.0, best.score.1)),
    };
    let state = serde_json::to_string(&meta).map_err(|error| Error::file(path, error))?;
    let meta = HashMap::from([(FORMAT.0.to_owned(), FORMAT.1.to_owned()), ("state".to_owned(), state)]);
    let views = writer.0.iter().map(|(name, dtype, bytes)| {
        let len = bytes.len() / dtype.bitsize().div_ceil(8);
        TensorView::new(*dtype, vec![len], bytes).map(|view| (name.clone(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(|error| Error::file(path, error))?;
    let bytes = serialize(views, Some(meta)).map_err(|error| Error::file(path, error))?;
    write_whole(path, &bytes)
}

/// Brings `trainer`, built as it was when the training began, to where the file is; `None` if there is no file.
///
/// # Errors
/// [`Error::File`] if it cannot be read, is damaged, or belongs to another training.
pub fn load(path: &Path, trainer: &mut Trainer, fingerprint: &str) -> Result<Option<State>, Error> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file(path, error)),
    };
    let refuse = |problem: String| Error::file(path, problem);
    let (_, header) =
        SafeTensors::read_metadata(&bytes).map_err(|error| refuse(format!("not a checkpoint: {error}")))?;
    let meta = header.metadata().as_ref().filter(|meta| meta.get(FORMAT.0).is_some_and(|format| format == FORMAT.1));
    let state =
        meta.and_then(|meta| meta.get("state")).ok_or_else(|| refuse("not a checkpoint of a training".into()))?;
    let meta: Meta = serde_json::from_str(state).map_err(|error| refuse(format!("not a checkpoint: {error}")))?;
    if meta.fingerprint != fingerprint {
        return Err(refuse(
            "it belongs to another training (network, plan, data or seed differ); move it away or use another folder"
                .into(),
        ));
    }
    let file = SafeTensors::deserialize(&bytes).map_err(|error| refuse(format!("damaged: {error}")))?;
    let reader =
        Reader { file: &file, names: trainer.net().tensors().iter().map(|tensor| tensor.name.clone()).collect() };
    let params = Params::new(trainer.net(), reader.floats("param")).map_err(|error| refuse(error.to_string()))?;
    let moments = |prefix: &str| {
        let (first, second) = (reader.floats(&format!("{prefix}first")), reader.floats(&format!("{prefix}second")));
        first.into_iter().zip(second).map(|(first, second)| Moments { first, second }).collect::<Vec<_>>()
    };
    let (own, centroids) = (moments(""), moments("centroids."));
    for (at, moments) in own.iter().enumerate() {
        let len = trainer.net().tensors()[at].elements();
        if [&moments.first, &moments.second].iter().any(|moment| ![0, len].contains(&moment.len())) {
            return Err(refuse(format!("the optimiser's memory of {:?} has another length", reader.names[at])));
        }
    }
    let masks: Vec<Option<Vec<bool>>> = reader.names.iter().map(|name| reader.mask(name)).collect();
    let best = match meta.best {
        None => None,
        Some((epoch, accuracy, loss)) => {
            let params =
                Params::new(trainer.net(), reader.floats("best/param")).map_err(|error| refuse(error.to_string()))?;
            Some(Best { epoch, score: (accuracy, loss), params, centroids: reader.floats("best/centroids") })
        }
    };
    for (at, values) in reader.floats("centroids").into_iter().enumerate() {
        let clusters = trainer.paths[at].as_mut().and_then(|path| path.clusters.as_mut());
        match clusters {
            Some(clusters) if clusters.centroids.len() == values.len() => clusters.centroids = values,
            None if values.is_empty() => {}
            _ => return Err(refuse(format!("the clusters of {:?} are others", reader.names[at]))),
        }
    }
    for (at, mask) in masks.into_iter().enumerate() {
        let Some(mask) = mask else { continue };
        if mask.len() != trainer.net().tensors()[at].elements() {
            return Err(refuse(format!("the mask of {:?} has another length", reader.names[at])));
        }
        trainer.paths[at].get_or_insert_default().mask = Some(mask);
    }
    trainer.params = params;
    trainer.moments = own;
    trainer.centroid_moments = centroids;
    trainer.steps = meta.steps;
    Ok(Some(State { history: meta.history, best }))
}

/// Writes a file beside its place and renames it. Devices, pipes and folders are not replaced.
///
/// # Errors
/// [`Error::File`].
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(Error::file(path, "there is something else than a file, which is not replaced; give another name"));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut builder = tempfile::Builder::new();
        // As any new file; the system takes away what the user does not want.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.prefix(".edgebench-").tempfile_in(folder)?;
        // Errors of the temporary file itself would name it, not its place.
        file.as_file_mut().write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok::<(), std::io::Error>(())
    };
    write().map_err(|error| Error::file(path, error))
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Meta {
    fingerprint: String,
    steps: u32,
    history: Vec<crate::fit::Epoch>,
    best: Option<(usize, f64, f64)>,
}

#[derive(Default)]
struct Writer(Vec<(String, Dtype, Vec<u8>)>);

impl Writer {
    fn add(&mut self, name: String, dtype: Dtype, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.0.push((name, dtype, bytes));
        }
    }

    fn floats<'a>(&mut self, kind: &str, names: &[&str], all: impl IntoIterator<Item = &'a Vec<f32>>) {
        for (name, values) in names.iter().zip(all) {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.add(format!("{kind}/{name}"), Dtype::F32, bytes);
        }
    }
}

struct Reader<'a> {
    file: &'a SafeTensors<'a>,
    names: Vec<String>,
}

impl Reader<'_> {
    /// One `Vec` per tensor of the network; empty where the file has none.
    fn floats(&self, kind: &str) -> Vec<Vec<f32>> {
        let of = |name: &String| match self.file.tensor(&format!("{kind}/{name}")) {
            Ok(view) if view.dtype() == Dtype::F32 => {
                view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
            }
            _ => Vec::new(),
        };
        self.names.iter().map(of).collect()
    }

    fn mask(&self, name: &str) -> Option<Vec<bool>> {
        let view = self.file.tensor(&format!("mask/{name}")).ok()?;
        (view.dtype() == Dtype::U8).then(|| view.data().iter().map(|kept| *kept != 0).collect())
    }
}
