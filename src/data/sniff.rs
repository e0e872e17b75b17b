//! Recognises the kind of data from a path.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::cifar::Cifar;
use super::error::{At, DataError, Result};
use super::{Dataset, OpenOptions, arrays, cifar, cifar_python, digits, folder, idx};

/// What [`open`] can read, in words for a help text or an error.
pub const SUPPORTED: &str = "\
digits (the embedded set); a directory of CIFAR-10 or CIFAR-100 (binary or python version) or one of its files; \
IDX files or their directory (MNIST; .gz too); a .npy file of samples with its labels beside it; \
a .npz file with samples and labels; a folder of folders of PNG or JPEG images, one a class \
(also below train, test or val)";

/// Directories that the official archives unpack to, looked for one level down.
const INNER: [&str; 6] =
    ["cifar-10-batches-bin", "cifar-100-binary", "cifar-10-batches-py", "cifar-100-python", "MNIST/raw", "raw"];

/// One way to read a directory.
enum Kind {
    CifarBinary(PathBuf, Cifar),
    CifarPython(PathBuf, Cifar),
    Idx(PathBuf, Vec<PathBuf>),
    Npy(PathBuf, PathBuf),
    Folder(PathBuf),
}

impl Kind {
    fn describe(&self) -> String {
        match self {
            Self::CifarBinary(dir, cifar) => {
                format!("{} binary version in {}", cifar.name(false), dir.display())
            }
            Self::CifarPython(dir, cifar) => {
                format!("{} python version in {}", cifar.name(false), dir.display())
            }
            Self::Idx(dir, _) => format!("IDX files in {}", dir.display()),
            Self::Npy(samples, labels) => {
                format!("{} with {}", samples.display(), labels.display())
            }
            Self::Folder(dir) => format!("folders of images in {}", dir.display()),
        }
    }

    fn open(&self, options: &OpenOptions) -> Result<Dataset> {
        match self {
            Self::CifarBinary(dir, cifar) => cifar::open_directory(dir, *cifar, options),
            Self::CifarPython(dir, cifar) => cifar_python::open_directory(dir, *cifar, options),
            Self::Idx(dir, images) => idx::open_directory(dir, images, options),
            Self::Npy(samples, labels) => {
                let labels = options.labels.clone().or_else(|| Some(labels.clone()));
                arrays::open_npy(samples, &OpenOptions { labels, ..options.clone() })
            }
            Self::Folder(dir) => folder::open(dir, options),
        }
    }
}

/// Opens the data at `path`; `digits` names the embedded set (a directory of that name is `./digits`).
///
/// # Errors
/// Data that are missing, damaged, of no kind in [`SUPPORTED`] or of several, and a limit of zero samples.
///
/// ```
/// use edgebench::data::{OpenOptions, open};
///
/// let digits = open("digits".as_ref(), &OpenOptions::default())?;
/// assert_eq!((digits.len(), digits.classes()), (359, 10));
/// assert_eq!(digits.shape, [32, 32, 3]);
/// # Ok::<(), edgebench::data::DataError>(())
/// ```
pub fn open(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    if options.limit == Some(0) {
        return Err(DataError::inconsistent(path, "a limit of 0 samples leaves nothing to read"));
    }
    let dataset = if path == Path::new("digits") {
        digits::open(options)?
    } else if fs::metadata(path).at(path)?.is_dir() {
        open_directory(path, options)?
    } else {
        open_file(path, options)?
    };
    match options.resize {
        Some([height, width]) => dataset.resized(height, width),
        None => Ok(dataset),
    }
}

fn open_directory(dir: &Path, options: &OpenOptions) -> Result<Dataset> {
    let mut kinds = kinds(dir, options);
    if kinds.is_empty() {
        kinds = INNER.iter().flat_map(|inner| self::kinds(&dir.join(inner), options)).collect();
    }
    match &kinds[..] {
        [kind] => kind.open(options),
        [] => Err(DataError::unsupported(dir, "no data of a known kind", format!("supported: {SUPPORTED}"))),
        several => Err(DataError::Ambiguous {
            path: dir.into(),
            found: several.iter().map(Kind::describe).collect::<Vec<_>>().join(" or "),
            advice: "name the file or the inner directory that is meant".into(),
        }),
    }
}

fn kinds(dir: &Path, options: &OpenOptions) -> Vec<Kind> {
    let has = |name: &str| dir.join(name).is_file();
    let here = || dir.to_path_buf();
    let mut kinds = Vec::new();
    if has("test_batch.bin") || has("data_batch_1.bin") {
        kinds.push(Kind::CifarBinary(here(), Cifar::Ten));
    }
    if has("test.bin") || has("train.bin") {
        kinds.push(Kind::CifarBinary(here(), Cifar::Hundred));
    }
    if has("test_batch") || has("data_batch_1") {
        kinds.push(Kind::CifarPython(here(), Cifar::Ten));
    }
    if has("test") || has("train") {
        kinds.push(Kind::CifarPython(here(), Cifar::Hundred));
    }
    let images = idx_images(dir);
    if !images.is_empty() {
        kinds.push(Kind::Idx(here(), images));
    }
    kinds.extend(arrays::pair_in(dir, options.split).into_iter().map(|(samples, labels)| Kind::Npy(samples, labels)));
    if folder::has_classes(dir) || !folder::parts(dir).is_empty() {
        kinds.push(Kind::Folder(here()));
    }
    kinds
}

fn idx_images(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_images = |path: &PathBuf| {
        path.is_file() && path.file_name().is_some_and(|name| idx::is_images_name(&name.to_string_lossy()))
    };
    let mut found: Vec<PathBuf> = files.filter(is_images).collect();
    found.sort();
    // A file that lies there both packed and unpacked is one file.
    let plain = found.clone();
    found.retain(|path| path.extension().is_none_or(|e| e != "gz") || !plain.contains(&path.with_extension("")));
    found
}

fn open_file(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    // A pipe would wait for a writer that never comes.
    if !path.is_file() {
        return Err(DataError::unsupported(path, "neither a file nor a directory", format!("supported: {SUPPORTED}")));
    }
    let mut head = Vec::new();
    File::open(path).at(path)?.take(8).read_to_end(&mut head).at(path)?;
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    let refuse = |found: &str, advice: &str| Err(DataError::unsupported(path, found, advice));
    match (&head[..], ending.as_str()) {
        ([], _) => Err(DataError::malformed(path, "the file is empty")),
        (_, "npy") | ([0x93, b'N', b'U', ..], _) => arrays::open_npy(path, options),
        (_, "npz") | ([b'P', b'K', ..], _) => arrays::open_npz(path, options),
        ([0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, ..], _) => {
            refuse("a single image", "give the folder that holds a folder of images for each class")
        }
        ([_, _, _, _, b'T', b'F', b'L', b'3'], _) => refuse("a TFLite model", "models are given without --data"),
        (_, "bin") => cifar::open_file(path, options),
        ([0x80, 2..=5, ..], _) => cifar_python::open_file(path, options),
        (head, _) if idx::is_header(head) => idx::open_file(path, options),
        ([0x1f, 0x8b, ..], "gz") if ending_before_gz(path) == "tar" => refuse("an archive", "unpack it first"),
        ([0x1f, 0x8b, ..], "gz") => idx::open_file(path, options),
        _ => refuse("no data of a known kind", &format!("supported: {SUPPORTED}")),
    }
}

fn ending_before_gz(path: &Path) -> String {
    let inner = path.with_extension("");
    inner.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// The file with the labels that belong to the samples in the file at `path`, if there is exactly one.
pub fn labels_of(path: &Path) -> Option<PathBuf> {
    let is_array = path.extension().is_some_and(|ending| ending == "npy");
    if is_array { arrays::labels_beside(path).ok() } else { idx::labels_beside(path).ok() }
}
