//! Weights from elsewhere and for elsewhere: `.safetensors` and `.npz`, tensors by the names of the network.
//!
//! A tensor is `layer.weight`, `layer.bias`, `layer.gamma`, …, as [`Net::tensors`] has it; `docs/training-names.md` tells how to export
//! them. What is missing, unknown or of another shape is told all at once, and nothing is taken over then.

mod layout;
mod names;
mod npy;
mod npz;
mod safe;

use std::path::Path;

use crate::checkpoint::write_whole;
use crate::{Error, Net, Params};
pub use layout::Layout;

/// Larger files are not weights of anything that trains here.
const MAX_BYTES: u64 = 4 << 30;

/// How a file is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The layout of the file's kernels; `None` takes what the file's metadata says (`layout`), or that of TFLite.
    pub layout: Option<Layout>,
    /// Layers that keep the numbers that they have: a layer's name, or the beginning of names before a `/`.
    pub except: &'a [String],
}

/// `begin` with the numbers of a file in place of its own.
///
/// # Errors
/// [`Error::File`] if the file cannot be read, or lists what is missing, unknown or of another shape; [`Error::Params`] for NaN and
/// infinities.
pub fn load(path: &Path, net: &Net, begin: Params, options: Options<'_>) -> Result<Params, Error> {
    let refuse = |problem: String| Error::file(path, problem);
    let mut file = File::open(path).map_err(refuse)?;
    let layout = match (options.layout, file.layout()) {
        (Some(layout), _) => layout,
        (None, Some(named)) => named.parse().map_err(refuse)?,
        (None, None) => Layout::Tflite,
    };
    let matches = names::matches(net, layout, options.except, file.entries()).map_err(refuse)?;
    let mut values: Vec<Vec<f32>> = begin.tensors().to_vec();
    for (tensor, entry) in matches {
        let read =
            file.read(entry).map_err(|problem| refuse(format!("{:?}: {problem}", net.tensors()[tensor].name)))?;
        values[tensor] = layout.to_tflite(net, tensor, read);
    }
    Params::new(net, values)
}

/// Writes all numbers, in the layout of TFLite, as the extension of `path` says. The file appears whole or not at all.
///
/// # Errors
/// [`Error::File`] for another extension, or if it cannot be written.
pub fn save(path: &Path, net: &Net, params: &Params) -> Result<(), Error> {
    let bytes = match kind(path).map_err(|problem| Error::file(path, problem))? {
        Kind::Safetensors => safe::bytes(net, params),
        Kind::Npz => npz::bytes(net, params),
    };
    write_whole(path, &bytes.map_err(|problem| Error::file(path, problem))?)
}

enum Kind {
    Safetensors,
    Npz,
}

fn kind(path: &Path) -> Result<Kind, String> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("safetensors") => Ok(Kind::Safetensors),
        Some("npz") => Ok(Kind::Npz),
        _ => Err("the name does not end in .safetensors or .npz".into()),
    }
}

/// One tensor of a file, not yet read.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    name: String,
    shape: Vec<usize>,
}

/// How numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    F16,
    Bf16,
    F32,
    F64,
}

impl Number {
    const fn size(self) -> usize {
        match self {
            Number::F16 | Number::Bf16 => 2,
            Number::F32 => 4,
            Number::F64 => 8,
        }
    }

    fn read(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Number::F16 => edgebench_models::tflite::widen_f16(bytes),
            Number::Bf16 => bytes.as_chunks::<2>().0.iter().map(|b| f32::from_le_bytes([0, 0, b[0], b[1]])).collect(),
            Number::F32 => bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Number::F64 => bytes.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
        }
    }
}

/// An open file: names and shapes first, numbers when asked for.
enum File {
    Safetensors(safe::Safe),
    Npz(npz::Npz),
}

impl File {
    fn open(path: &Path) -> Result<File, String> {
        let kind = kind(path)?;
        let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
        if size > MAX_BYTES {
            return Err(format!("{size} bytes, expected at most {MAX_BYTES}"));
        }
        let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
        match kind {
            Kind::Safetensors => safe::Safe::open(bytes).map(File::Safetensors),
            Kind::Npz => npz::Npz::open(bytes).map(File::Npz),
        }
    }

    fn entries(&self) -> &[Entry] {
        match self {
            File::Safetensors(file) => file.entries(),
            File::Npz(file) => file.entries(),
        }
    }

    /// What the metadata says about the layout.
    fn layout(&self) -> Option<&str> {
        match self {
            File::Safetensors(file) => file.layout(),
            File::Npz(_) => None,
        }
    }

    /// The numbers of entry `at`, row by row.
    fn read(&mut self, at: usize) -> Result<Vec<f32>, String> {
        match self {
            File::Safetensors(file) => file.read(at),
            File::Npz(file) => file.read(at),
        }
    }
}
