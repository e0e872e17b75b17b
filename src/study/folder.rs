//! Where a sweep keeps what.

use std::fs;
use std::path::{Path, PathBuf};

use super::Error;
use crate::robust::shard::Shard;

/// The folder of a sweep.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes what is not there yet.
    ///
    /// # Errors
    /// The operating system's.
    pub fn make(path: &Path) -> Result<Folder, Error> {
        for name in ["networks", "stages", "models", "ledgers"] {
            let inner = path.join(name);
            fs::create_dir_all(&inner).map_err(|error| Error::File { path: inner, problem: error.to_string() })?;
        }
        Ok(Folder(path.to_owned()))
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The float model of a network that was trained here.
    #[must_use]
    pub fn network(&self, name: &str, seed: u64) -> PathBuf {
        self.0.join("networks").join(format!("{name}_s{seed}.tflite"))
    }

    /// Stages, by their fingerprints.
    #[must_use]
    pub fn stages(&self) -> PathBuf {
        self.0.join("stages")
    }

    /// What a recipe has made of a network.
    #[must_use]
    pub fn model(&self, name: &str) -> PathBuf {
        self.0.join("models").join(format!("{name}.tflite"))
    }

    /// Cells that `shard` measures. Two processes never write to one ledger.
    #[must_use]
    pub fn ledger(&self, shard: Shard) -> PathBuf {
        let name = match shard {
            Shard::ALL => "study.ledger".to_owned(),
            Shard { index, count } => format!("shard-{}-of-{count}.ledger", index + 1),
        };
        self.0.join("ledgers").join(name)
    }

    /// All ledgers, sorted by name.
    ///
    /// # Errors
    /// The operating system's.
    pub fn ledgers(&self) -> Result<Vec<PathBuf>, Error> {
        let path = self.0.join("ledgers");
        let entries = fs::read_dir(&path).and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>());
        let entries = entries.map_err(|error| Error::File { path, problem: error.to_string() })?;
        let mut found: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
        found.retain(|path| path.extension().is_some_and(|extension| extension == "ledger"));
        found.sort();
        Ok(found)
    }
}
