//! Samples and labels in `.npy` files beside each other, or in one `.npz` file.

use std::path::{Path, PathBuf};

use super::error::{DataError, Result};
use super::npy::{Array, DType, read_npy_rows};
use super::npz::NpzFile;
use super::{Dataset, OpenOptions, Parts, Samples, Split, stem};

/// Words for samples and the words for labels that go with them.
const PAIRS: [(&str, &str); 4] = [("images", "labels"), ("data", "labels"), ("x", "y"), ("inputs", "labels")];

/// Names of samples and labels, most telling first: `x_test` and `y_test`, `test_images` and `test_labels`, then without a split.
fn names(split: Option<Split>) -> Vec<(String, String)> {
    PAIRS
        .iter()
        .flat_map(|&(samples, labels)| match split {
            Some(split) => vec![
                (format!("{samples}_{split}"), format!("{labels}_{split}")),
                (format!("{split}_{samples}"), format!("{split}_{labels}")),
            ],
            None => vec![(samples.into(), labels.into())],
        })
        .collect()
}

/// The pairs for the wanted split that `exists` knows; with none for it, the pairs that name no split.
fn choose(split: Split, exists: impl Fn(&str) -> bool) -> Vec<(String, String, Option<Split>)> {
    for split in [Some(split), None] {
        let found: Vec<_> = names(split)
            .into_iter()
            .filter(|(samples, labels)| exists(samples) && exists(labels))
            .map(|(samples, labels)| (samples, labels, split))
            .collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Pairs of `.npy` files in a directory, for `sniff`.
pub(crate) fn pair_in(dir: &Path, split: Split) -> Vec<(PathBuf, PathBuf)> {
    let file = |name: &str| dir.join(format!("{name}.npy"));
    choose(split, |name| file(name).is_file()).iter().map(|(a, b, _)| (file(a), file(b))).collect()
}

/// Reads samples from `path` (`.npy`) and labels from the file that its name or the options tell.
pub(crate) fn open_npy(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    let labels_path = match &options.labels {
        Some(path) => path.clone(),
        None => labels_beside(path)?,
    };
    let rows = options.limit.unwrap_or(usize::MAX);
    let samples = read_npy_rows(path, rows)?;
    let labels = read_npy_rows(&labels_path, rows)?;
    let source = format!("{} with labels from {}", path.display(), labels_path.display());
    let name = stem(path);
    let split =
        [Split::Train, Split::Test].into_iter().find(|split| name.split(['_', '-']).any(|word| word == split.name()));
    finish(path, samples, labels, split, source)
}

pub(super) fn labels_beside(path: &Path) -> Result<PathBuf> {
    let name = stem(path);
    let split = names(Some(Split::Train)).into_iter().chain(names(Some(Split::Test))).chain(names(None));
    let mut candidates: Vec<String> = split.filter(|(samples, _)| *samples == name).map(|(_, labels)| labels).collect();
    candidates.extend([format!("{name}_labels"), "labels".into()]);
    let mut found: Vec<PathBuf> = Vec::new();
    for candidate in &candidates {
        let file = path.with_file_name(format!("{candidate}.npy"));
        if file.is_file() && file != path && !found.contains(&file) {
            found.push(file);
        }
    }
    match &found[..] {
        [one] => Ok(one.clone()),
        [] => {
            let tried: Vec<String> = candidates.iter().map(|name| format!("{name}.npy")).collect();
            let advice = format!("put {} beside it or give the file (--labels)", tried.join(" or "));
            Err(DataError::missing(path, "the file with the labels", advice))
        }
        several => Err(DataError::Ambiguous {
            path: path.into(),
            found: several
                .iter()
                .map(|file| format!("labelled by {}", file.display()))
                .collect::<Vec<_>>()
                .join(" or "),
            advice: "give the one that is meant (--labels)".into(),
        }),
    }
}

/// Reads samples and labels from one `.npz` file.
pub(crate) fn open_npz(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    let mut file = NpzFile::open(path)?;
    let found = choose(options.split, |name| file.names().iter().any(|known| known == name));
    let (samples_name, labels_name, split) = match &found[..] {
        [one] => one.clone(),
        [] => {
            let advice =
                "expected for example x_test and y_test, test_images and test_labels, images and labels, or x and y";
            let found = format!("arrays named {}", file.names().join(", "));
            return Err(DataError::unsupported(path, found, advice));
        }
        several => {
            let names = several.iter().map(|(a, b, _)| format!("{a} and {b}")).collect::<Vec<_>>().join(" or ");
            let advice = "keep one pair in the file".into();
            return Err(DataError::Ambiguous { path: path.into(), found: names, advice });
        }
    };
    let rows = options.limit.unwrap_or(usize::MAX);
    let samples = file.rows(&samples_name, rows)?;
    let labels = file.rows(&labels_name, rows)?;
    let source = format!("{}, arrays {samples_name} and {labels_name}", path.display());
    finish(path, samples, labels, split, source)
}

fn finish(
    path: &Path,
    (samples, count): (Array, usize),
    (labels, label_count): (Array, usize),
    split: Option<Split>,
    source: String,
) -> Result<Dataset> {
    if count != label_count {
        let problem = format!("{count} samples but {label_count} labels");
        return Err(DataError::inconsistent(path, problem));
    }
    let labels = class_indices(path, &labels)?;
    let Some((_, shape)) = samples.shape.split_first() else {
        return Err(DataError::malformed(path, "expected samples along a leading dimension, found a single number"));
    };
    let mut shape = shape.to_vec();
    let samples = match samples.dtype {
        DType::U8 => {
            shape = image_shape(path, &shape)?;
            Samples::U8 { shape: shape.clone(), data: samples.bytes }
        }
        DType::I8 => Samples::I8(samples.bytes.into_iter().map(|byte| byte as i8).collect()),
        DType::F32 => Samples::F32(samples.to_f32().expect("the type was just matched")),
        other => {
            let found = format!("samples of {}", other.name());
            return Err(DataError::unsupported(path, found, "expected uint8 pixels, int8 codes or float32 values"));
        }
    };
    let parts = Parts { name: stem(path), source, split, shape, samples, labels, class_names: None, notes: Vec::new() };
    Dataset::new(path, parts)
}

/// `[height, width, channels]` of uint8 images, of which the channels may be left out.
fn image_shape(path: &Path, shape: &[usize]) -> Result<Vec<usize>> {
    match *shape {
        [height, width] => Ok(vec![height, width, 1]),
        [height, width, channels @ (1 | 3)] => Ok(vec![height, width, channels]),
        [1 | 3, _, _] => Err(DataError::unsupported(
            path,
            format!("images of shape {shape:?}, channels first"),
            "transpose to height, width, channels",
        )),
        _ => Err(DataError::unsupported(
            path,
            format!("uint8 samples of shape {shape:?}"),
            "expected images of height, width and 1 or 3 channels; save other inputs as float32",
        )),
    }
}

fn class_indices(path: &Path, labels: &Array) -> Result<Vec<u32>> {
    if !matches!(labels.shape[..], [_] | [_, 1]) {
        let problem = format!("expected one label a sample, found labels of shape {:?}", labels.shape);
        return Err(DataError::inconsistent(path, problem));
    }
    let Some(values) = labels.to_i64() else {
        return Err(DataError::unsupported(path, "labels of float32", "save class indices as integers"));
    };
    let index = |(at, &value): (usize, &i64)| {
        u32::try_from(value).map_err(|_| {
            DataError::inconsistent(path, format!("label {value} of sample {at} is out of range, expected 0 or more"))
        })
    };
    values.iter().enumerate().map(index).collect()
}
