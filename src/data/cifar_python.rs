//! CIFAR-10 and CIFAR-100, python version: pickled dictionaries of a byte array and lists of labels.

use std::fs;
use std::ops::Range;
use std::path::Path;

use super::cifar::{Cifar, Gathered, PIXELS};
use super::error::{At, DataError, Result};
use super::pickle::{self, Value};
use super::{Dataset, OpenOptions, Split, stem};

/// Five times the largest official file (CIFAR-100's 155 MB).
const MAX_FILE: u64 = 800 << 20;

/// A pickled dictionary and the file that its byte ranges point into.
struct Batch {
    file: Vec<u8>,
    pairs: Vec<(Value, Value)>,
}

impl Batch {
    fn read(path: &Path) -> Result<Self> {
        let bytes = fs::metadata(path).at(path)?.len();
        if bytes > MAX_FILE {
            return Err(DataError::TooLarge { path: path.into(), what: "the file".into(), bytes, limit: MAX_FILE });
        }
        let file = fs::read(path).at(path)?;
        match pickle::read(&file).map_err(|problem| DataError::malformed(path, problem))? {
            Value::Dict(pairs) => Ok(Self { file, pairs }),
            _ => Err(DataError::malformed(path, "expected a pickled dictionary")),
        }
    }

    fn get(&self, key: &str) -> Option<&Value> {
        let is_key =
            |value: &Value| matches!(value, Value::Bytes(range) if self.file[range.clone()] == *key.as_bytes());
        self.pairs.iter().find(|(found, _)| is_key(found)).map(|(_, value)| value)
    }

    fn labels(&self, key: &str) -> Option<Vec<i64>> {
        let Some(Value::List(values)) = self.get(key) else {
            return None;
        };
        let number = |value: &Value| match value {
            Value::Int(label) => Some(*label),
            _ => None,
        };
        values.iter().map(number).collect()
    }

    fn words(&self, key: &str) -> Option<Vec<String>> {
        let Some(Value::List(values)) = self.get(key) else {
            return None;
        };
        let word = |value: &Value| match value {
            Value::Bytes(range) => Some(String::from_utf8_lossy(&self.file[range.clone()]).into_owned()),
            _ => None,
        };
        values.iter().map(word).collect()
    }

    /// Number of images and where their pixels lie.
    fn pixels(&self) -> Option<(usize, Range<usize>)> {
        match self.get("data")? {
            Value::ByteArray { shape, data } if shape.len() >= 2 && data.len() == shape[0].checked_mul(PIXELS)? => {
                Some((shape[0], data.clone()))
            }
            _ => None,
        }
    }
}

/// Reads the split from the directory of the python version.
pub(crate) fn open_directory(dir: &Path, cifar: Cifar, options: &OpenOptions) -> Result<Dataset> {
    let mut gathered = Gathered::default();
    let files = cifar.files(options.split);
    for file in files {
        let path = dir.join(file);
        if !path.is_file() {
            let advice = "the directory must hold the whole split; a single file can be given by its own path";
            return Err(DataError::missing(&path, "a file of the split", advice));
        }
        gather(&path, &Batch::read(&path)?, cifar, options, &mut gathered)?;
    }
    let source = format!("{} python version, {} ({})", cifar.name(options.coarse), options.split, files.join(", "));
    finish(dir, cifar, options, gathered, source)
}

/// Reads one file of the python version; its keys say which set it is.
pub(crate) fn open_file(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    let batch = Batch::read(path)?;
    let cifar = if batch.get("fine_labels").is_some() { Cifar::Hundred } else { Cifar::Ten };
    let mut gathered = Gathered::default();
    gather(path, &batch, cifar, options, &mut gathered)?;
    let name = stem(path);
    let source = format!("{} python version, file {name}", cifar.name(options.coarse));
    let mut dataset = finish(path.parent().unwrap_or(Path::new(".")), cifar, options, gathered, source)?;
    dataset.split = match name.as_str() {
        "test" | "test_batch" => Some(Split::Test),
        "train" => Some(Split::Train),
        other if other.starts_with("data_batch") => Some(Split::Train),
        _ => None,
    };
    Ok(dataset)
}

fn gather(path: &Path, batch: &Batch, cifar: Cifar, options: &OpenOptions, gathered: &mut Gathered) -> Result<()> {
    let key = match (cifar, options.coarse) {
        (Cifar::Ten, _) => "labels",
        (Cifar::Hundred, true) => "coarse_labels",
        (Cifar::Hundred, false) => "fine_labels",
    };
    let labels = batch
        .labels(key)
        .ok_or_else(|| DataError::malformed(path, format!("expected a list of numbers under {key:?}")))?;
    let (count, pixels) =
        batch.pixels().ok_or_else(|| DataError::malformed(path, "expected a byte array of n x 3072 under \"data\""))?;
    if labels.len() != count {
        return Err(DataError::inconsistent(path, format!("{count} images but {} labels", labels.len())));
    }
    let classes = cifar.classes(options.coarse);
    let wanted = options.limit.map_or(usize::MAX, |limit| limit.saturating_sub(gathered.labels.len()));
    for (at, (label, planes)) in labels.iter().zip(batch.file[pixels].chunks_exact(PIXELS)).take(wanted).enumerate() {
        let label = u32::try_from(*label).ok().filter(|&label| (label as usize) < classes).ok_or_else(|| {
            DataError::malformed(path, format!("label {label} of image {at} is out of range, expected 0..{classes}"))
        })?;
        gathered.push(label, planes);
    }
    Ok(())
}

fn finish(dir: &Path, cifar: Cifar, options: &OpenOptions, gathered: Gathered, source: String) -> Result<Dataset> {
    let (file, key) = match (cifar, options.coarse) {
        (Cifar::Ten, _) => ("batches.meta", "label_names"),
        (Cifar::Hundred, true) => ("meta", "coarse_label_names"),
        (Cifar::Hundred, false) => ("meta", "fine_label_names"),
    };
    let path = dir.join(file);
    let found = if path.is_file() { Batch::read(&path)?.words(key) } else { None };
    let names = cifar.class_names(found, &path, options.coarse)?;
    let mut parts = gathered.into_parts(cifar, options, names);
    parts.source = source;
    Dataset::new(dir, parts)
}
