//! A model file, on its way to a plan.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use edgebench_models::memory::Zeroed;
use edgebench_models::tflite::{Bytes, Model};
use edgebench_models::{Error, Graph, LowerOptions, Plan, lower};
use sha2::{Digest, Sha256};

/// The largest file that is read: 8 GiB.
const MAX_BYTES: u64 = 8 << 30;

/// The model that is evaluated when none is named: a small int8 network for the embedded digits.
const DIGITS_CNN: &[u8] = include_bytes!("../models/zoo/digits_cnn_int8.tflite");

/// Bytes of a model and how people call it.
#[derive(Clone, Debug)]
pub struct ModelFile {
    /// Where it came from; `None` for the embedded one.
    pub path: Option<PathBuf>,
    /// The path as given, or the name of the embedded model.
    pub file: String,
    /// The file's content.
    pub bytes: Bytes,
}

/// Why a file did not become a plan; the message begins with the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The operating system refused.
    #[error("{file}: cannot be read")]
    Io {
        /// The file.
        file: String,
        /// The system's own words.
        source: std::io::Error,
    },
    /// Not a file with a model in it.
    #[error("{file}: {found}, expected a .tflite file; give the path of a model")]
    NoModel {
        /// The file.
        file: String,
        /// What it is.
        found: &'static str,
    },
    /// More than is read into memory.
    #[error("{file}: more than {MAX_BYTES} bytes, the largest file that is read")]
    TooLarge {
        /// The file.
        file: String,
    },
    /// The content is damaged, or outside what is implemented.
    #[error("{file}: cannot be run")]
    Model {
        /// The file.
        file: String,
        /// Why.
        source: Box<Error>,
    },
}

impl ModelFile {
    /// Reads a file.
    ///
    /// # Errors
    /// A path that cannot be read, and content that is visibly something else than a model.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let file = path.display().to_string();
        let io = |source| ModelError::Io { file: file.clone(), source };
        let handle = File::open(path).map_err(io)?;
        let metadata = handle.metadata().map_err(io)?;
        if metadata.is_dir() {
            return Err(ModelError::NoModel { file, found: "a directory" });
        }
        if metadata.len() > MAX_BYTES {
            return Err(ModelError::TooLarge { file });
        }
        let expected = usize::try_from(metadata.len()).unwrap_or(0);
        let bytes = read_whole(handle, expected).map_err(io)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(ModelError::TooLarge { file });
        }
        match sniff(&bytes) {
            Some(found) => Err(ModelError::NoModel { file, found }),
            None => Ok(Self { path: Some(path.to_owned()), file, bytes }),
        }
    }

    /// The model that is evaluated when none is named.
    #[must_use]
    pub fn embedded() -> Self {
        Self { path: None, file: "digits_cnn_int8.tflite".into(), bytes: DIGITS_CNN.into() }
    }

    /// The last part of the path, without `.tflite`.
    #[must_use]
    pub fn name(&self) -> String {
        let name =
            Path::new(&self.file).file_name().map_or_else(|| self.file.clone(), |n| n.to_string_lossy().into_owned());
        name.strip_suffix(".tflite").map_or(name.clone(), str::to_owned)
    }

    /// SHA-256 of the file, in hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The file's tables.
    ///
    /// # Errors
    /// A damaged file.
    pub fn read(&self) -> Result<Model, ModelError> {
        Model::from_shared(self.bytes.clone()).map_err(|source| self.error(source))
    }

    /// The network in typed operators.
    ///
    /// # Errors
    /// A damaged file, or an operator that is not implemented.
    pub fn graph(&self) -> Result<Graph, ModelError> {
        Graph::from_model(&self.read()?).map_err(|source| self.error(source))
    }

    /// The network, ready to run.
    ///
    /// # Errors
    /// A damaged file, or an operator that is not implemented.
    pub fn plan(&self, options: &LowerOptions) -> Result<Arc<Plan>, ModelError> {
        lower(&self.graph()?, options).map(Arc::new).map_err(|source| self.error(source))
    }

    /// `source`, with the file named.
    #[must_use]
    pub fn error(&self, source: Error) -> ModelError {
        ModelError::Model { file: self.file.clone(), source: source.into() }
    }
}

/// All bytes of a file that says it has `expected`, or the first few more than [`MAX_BYTES`].
fn read_whole(mut file: File, expected: usize) -> std::io::Result<Bytes> {
    // One byte more shows the end of the file.
    let mut memory = Zeroed::try_new(expected + 1)?;
    let mut found = 0;
    while found < memory.bytes().len() {
        match file.read(&mut memory.bytes_mut()[found..]) {
            Ok(0) => return Ok(Bytes::from(memory).slice(0..found).unwrap_or_default()),
            Ok(read) => found += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // A pipe, or a file that grows.
    let mut bytes = memory.bytes().to_vec();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// What the bytes are, if they are clearly something else than a model.
fn sniff(bytes: &[u8]) -> Option<&'static str> {
    Some(match bytes {
        [] => "an empty file",
        [_, _, _, _, b'T', b'F', b'L', b'3', ..] => return None,
        [0x89, b'P', b'N', b'G', ..] => "a PNG image",
        [0xff, 0xd8, 0xff, ..] => "a JPEG image",
        [b'P', b'K', 3 | 5, ..] => "a zip archive",
        [0x93, b'N', b'U', b'M', ..] => "a NumPy array",
        [0x89, b'H', b'D', b'F', ..] => "an HDF5 file (Keras?), which LiteRT's converter can turn into one",
        [8, _, 0x12 | 0x1a | 0x22, ..] => "probably an ONNX file",
        _ => "a file without the mark TFL3 at byte 4",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_model_is_a_model() {
        let model = ModelFile::embedded();
        assert_eq!(sniff(&model.bytes), None);
        assert_eq!(model.name(), "digits_cnn_int8");
        assert_eq!(model.sha256().len(), 64);
    }

    #[test]
    fn other_files_are_named() {
        assert_eq!(sniff(b""), Some("an empty file"));
        assert_eq!(sniff(b"\x89PNG\r\n"), Some("a PNG image"));
        assert_eq!(sniff(b"hello"), Some("a file without the mark TFL3 at byte 4"));
    }
}
