//! Labelled samples: what is read, how it is named, and how it becomes a model's input.
//!
//! [`open`] recognises the kind of data from the path (see [`SUPPORTED`]) and gives a [`Dataset`]: samples
//! (8-bit pixels, or arrays of `i8` or `f32`), one label each, and everything a result must say about them.
//! [`preprocess`] says what a pixel means to a model and [`pipeline`] makes the bytes of its input tensor; [`npy`] and [`npz`]
//! read and write bare arrays.
//!
//! Every file is hostile input here: sizes are checked before memory is taken, and what does not fit is an
//! error that names the file, what was expected and what was found.

mod arrays;
mod cifar;
mod cifar_python;
mod digits;
mod error;
mod folder;
mod idx;
pub mod npy;
pub(crate) mod npy_header;
pub mod npz;
mod pickle;
pub mod pipeline;
pub mod preprocess;
pub mod quantise;
mod samples;
pub mod side_file;
mod sniff;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use error::{DataError, Result};
pub(crate) use samples::resize_pixels;
pub use samples::{Sample, Samples, Values};
pub use sniff::{SUPPORTED, labels_of, open};

/// Part of a data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// What the model was trained on.
    Train,
    /// What the model has not seen.
    #[default]
    Test,
}

impl Split {
    /// `"train"` or `"test"`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Split {
    type Err = String;

    fn from_str(s: &str) -> std::result::Result<Self, String> {
        match s {
            "train" => Ok(Self::Train),
            "test" => Ok(Self::Test),
            other => Err(format!("unknown split {other:?}; expected train or test")),
        }
    }
}

/// How [`open`] reads.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// The part to read, where the data have parts.
    pub split: Split,
    /// At most this many samples: the first ones, in a folder of images taken in turn from every class.
    pub limit: Option<usize>,
    /// Height and width that every image is brought to; without it images keep their size and must agree.
    pub resize: Option<[usize; 2]>,
    /// The file with the labels, for `.npy` and IDX files whose labels are not found by name.
    pub labels: Option<PathBuf>,
    /// CIFAR-100: the 20 coarse labels in place of the 100 fine ones.
    pub coarse: bool,
}

/// Labelled samples of one shape. Cheap to clone: the samples are shared.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Short name: `"digits"`, `"cifar10"`, or the file's or folder's own name.
    pub name: String,
    /// What it was read from, in words.
    pub source: String,
    /// The part that was read; `None` where the data have no parts.
    pub split: Option<Split>,
    /// Shape of one sample: `[height, width, channels]` for pixels, any for arrays.
    pub shape: Vec<usize>,
    /// One class index a sample, below [`Dataset::classes`].
    pub labels: Vec<u32>,
    /// Names of the classes, where the data name them.
    pub class_names: Option<Vec<String>>,
    /// What a reader of the results must know: conversions made, parts chosen.
    pub notes: Vec<String>,
    /// Text to be shown wherever figures from these data are (licences ask for it).
    pub attribution: Option<&'static str>,
    samples: Arc<Samples>,
    resize: Option<[usize; 2]>,
}

/// What every reader hands to [`Dataset::new`].
pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) split: Option<Split>,
    pub(crate) shape: Vec<usize>,
    pub(crate) samples: Samples,
    pub(crate) labels: Vec<u32>,
    pub(crate) class_names: Option<Vec<String>>,
    pub(crate) notes: Vec<String>,
}

/// More classes than any classifier has; a label above is taken for a damaged file.
const MAX_CLASSES: u32 = 1 << 20;

impl Dataset {
    /// Checks that counts, shape, labels and names belong together.
    pub(crate) fn new(path: &Path, parts: Parts) -> Result<Self> {
        let count = parts.labels.len();
        if count == 0 {
            return Err(DataError::inconsistent(path, "there is no sample in it"));
        }
        if parts.shape.contains(&0) {
            let problem = format!("samples of shape {:?} hold no value", parts.shape);
            return Err(DataError::inconsistent(path, problem));
        }
        let per_sample = parts.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if per_sample.and_then(|n| n.checked_mul(count)) != Some(parts.samples.values(&parts.shape)) {
            let problem = format!("{count} labels do not fit the samples of shape {:?}", parts.shape);
            return Err(DataError::inconsistent(path, problem));
        }
        let classes = parts.class_names.as_ref().map_or(MAX_CLASSES, |names| names.len() as u32);
        if let Some((at, label)) = parts.labels.iter().enumerate().find(|&(_, &label)| label >= classes) {
            let problem = format!("label {label} of sample {at} is out of range, expected 0..{classes}");
            return Err(DataError::inconsistent(path, problem));
        }
        Ok(Self {
            name: parts.name,
            source: parts.source,
            split: parts.split,
            shape: parts.shape,
            labels: parts.labels,
            class_names: parts.class_names,
            notes: parts.notes,
            attribution: None,
            samples: Arc::new(parts.samples),
            resize: None,
        })
    }

    /// Number of samples, at least 1.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Number of classes: that of the names, else one more than the largest label.
    pub fn classes(&self) -> usize {
        match &self.class_names {
            Some(names) => names.len(),
            None => self.labels.iter().max().map_or(0, |&label| label as usize + 1),
        }
    }

    /// The samples as they lie in memory (before any resizing).
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// Sample `index`, decoded and resized where needed; its shape is [`Dataset::shape`].
    ///
    /// # Errors
    /// An image file that cannot be read or decoded, or whose size has changed since it was opened.
    ///
    /// # Panics
    /// If `index` is not below [`Dataset::len`].
    pub fn sample(&self, index: usize) -> Result<Sample<'_>> {
        assert!(index < self.len(), "sample {index} of {}", self.len());
        self.samples.get(index, &self.shape, self.resize)
    }

    /// The same samples with every image brought to `height` × `width` (triangle filter: bilinear where it
    /// enlarges, area-weighted where it shrinks), and a note of it.
    ///
    /// # Errors
    /// Samples that are not pixels.
    pub fn resized(&self, height: usize, width: usize) -> Result<Self> {
        let path = Path::new(&self.name);
        if !self.samples.is_pixels() {
            return Err(DataError::unsupported(path, "arrays that are not 8-bit pixels", "only images can be resized"));
        }
        if height == 0 || width == 0 || height.saturating_mul(width) > samples::MAX_PIXELS {
            let problem = format!("cannot resize to {height}x{width}");
            return Err(DataError::inconsistent(path, problem));
        }
        let mut new = self.clone();
        if self.shape[..2] != [height, width] {
            let [h, w] = [self.shape[0], self.shape[1]];
            new.notes.push(format!("images resized from {h}x{w} to {height}x{width}, triangle filter"));
            new.shape = vec![height, width, self.shape[2]];
            new.resize = Some([height, width]);
        }
        Ok(new)
    }

    /// SHA-256 (hex) over element type, shape, labels (little endian `u32`) and the samples before any
    /// resizing: bytes as they are in memory, or the bytes of each image file.
    ///
    /// # Errors
    /// An image file that cannot be read.
    pub fn sha256(&self) -> Result<String> {
        let mut hash = Sha256::new();
        hash.update(format!("{} {} ", self.samples.type_name(), self.len()));
        if !matches!(*self.samples, Samples::Files(_)) {
            let values = self.shape_in_memory();
            hash.update(format!("{values:?} "));
        }
        for label in &self.labels {
            hash.update(label.to_le_bytes());
        }
        self.samples.feed(&mut |bytes| hash.update(bytes))?;
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn shape_in_memory(&self) -> Vec<usize> {
        match &*self.samples {
            Samples::U8 { shape, .. } => shape.clone(),
            _ => self.shape.clone(),
        }
    }
}

/// The part of a path that names it to a person.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "data".into(), |name| name.to_string_lossy().into_owned())
}
