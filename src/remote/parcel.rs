//! Files and directories on their way: by hash, so that each is sent once.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;

use sha2::{Digest, Sha256};

use super::error::RemoteError;
use super::shell::tame;
use super::tar::Archive;

/// A file, or a directory as an archive.
#[derive(Debug)]
pub struct Parcel {
    /// Hash of its bytes, in hex.
    pub sha256: String,
    /// Number of its bytes.
    pub len: u64,
    /// What it is called there; of letters, digits, dots, dashes and underscores.
    pub name: String,
    /// Whether it is an archive, to be unpacked.
    pub is_dir: bool,
    source: Source,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Dir(PathBuf, Archive),
    Bytes(Vec<u8>),
}

impl Parcel {
    /// What is at `path`.
    ///
    /// # Errors
    /// What cannot be read or packed.
    pub fn of(path: &Path) -> Result<Self, RemoteError> {
        let name = path.file_name().map_or_else(|| "data".into(), |name| tame(&name.to_string_lossy()));
        let is_dir = std::fs::metadata(path).map_err(RemoteError::io(path))?.is_dir();
        let source = if is_dir { Source::Dir(path.into(), Archive::of(path)?) } else { Source::File(path.into()) };
        Self::new(name, is_dir, source)
    }

    /// Bytes that are in no file.
    ///
    /// # Errors
    /// None: memory can be read.
    pub fn of_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, RemoteError> {
        Self::new(tame(name), false, Source::Bytes(bytes))
    }

    fn new(name: String, is_dir: bool, source: Source) -> Result<Self, RemoteError> {
        let mut parcel = Self { sha256: String::new(), len: 0, name, is_dir, source };
        let mut hash = Hashing(Sha256::new(), 0);
        parcel.write(&mut hash).map_err(|source| RemoteError::Io { path: parcel.path(), source })?;
        parcel.sha256 = hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        parcel.len = hash.1;
        Ok(parcel)
    }

    fn path(&self) -> PathBuf {
        match &self.source {
            Source::File(path) | Source::Dir(path, _) => path.clone(),
            Source::Bytes(_) => PathBuf::from(&self.name),
        }
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        match &self.source {
            Source::File(path) => io::copy(&mut File::open(path)?, to).map(|_| ()),
            Source::Dir(_, archive) => archive.write(to),
            Source::Bytes(bytes) => to.write_all(bytes),
        }
    }

    /// Lets `read` take the bytes, with a count of those that it has taken.
    ///
    /// # Errors
    /// Those of `read`; a file that cannot be read any more makes the bytes end early, which their hash shows at the other end.
    pub fn stream<T>(&self, read: impl FnOnce(&mut dyn Read) -> T) -> io::Result<T> {
        let (mut from, mut to) = io::pipe()?;
        thread::scope(|scope| {
            scope.spawn(move || {
                // Whoever reads may stop early, and an archive that is cut is noticed by its hash.
                let _ = self.write(&mut to);
            });
            let result = read(&mut from);
            drop(from);
            Ok(result)
        })
    }
}

struct Hashing(Sha256, u64);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        self.1 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
