//! Directories in the layout of CIFAR-10-C: `NAME.npy`, five severities one after the other, and `labels.npy`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use edgebench_corrupt::{Corruption, SYNTHETIC_FROST, Severity};
use sha2::{Digest, Sha256};

use super::condition::Kind;
use crate::data::npy::{DType, read_npy};
use crate::data::npy_header;
use crate::data::{DataError, Dataset};

/// Corrupted images in files. They are read where they are needed, a few at a time.
#[derive(Debug)]
pub struct CorruptedFiles {
    sets: BTreeMap<Kind, Set>,
    shape: [usize; 3],
    /// Images of one severity in every file.
    images: usize,
}

#[derive(Debug)]
struct Set {
    path: PathBuf,
    file: Mutex<File>,
    /// Bytes of the header.
    begin: u64,
    sha256: String,
}

const SEVERITIES: usize = Severity::ALL.len();

/// The corruptions that `dir` has files for, in the order of the paper. Of frost the published file, else the drawn one.
///
/// # Errors
/// A directory without any.
pub fn kinds_in(dir: &Path) -> Result<Vec<Kind>, DataError> {
    std::fs::read_dir(dir).map_err(|source| DataError::Io { path: dir.into(), source })?;
    let kinds: Vec<Kind> = Corruption::ALL.into_iter().filter_map(|kind| find(dir, kind)).collect();
    if kinds.is_empty() {
        let advice = "expected gaussian_noise.npy, fog.npy, …; this is the directory that CIFAR-10-C.tar unpacks to";
        return Err(DataError::missing(dir, "any NAME.npy of a corruption", advice));
    }
    Ok(kinds)
}

fn find(dir: &Path, corruption: Corruption) -> Option<Kind> {
    let drawn = (corruption == Corruption::Frost).then(|| Kind::by_name(SYNTHETIC_FROST)).flatten();
    [Some(Kind::new(corruption)), drawn].into_iter().flatten().find(|kind| path_of(dir, *kind).is_file())
}

fn path_of(dir: &Path, kind: Kind) -> PathBuf {
    dir.join(format!("{}.npy", kind.name()))
}

impl CorruptedFiles {
    /// Opens the files of these corruptions and compares them with the clean data: shape, element type, labels.
    /// `threads` files are hashed at a time.
    ///
    /// # Errors
    /// A file that is missing, or does not belong to `data`.
    pub fn open(dir: &Path, corruptions: &[Corruption], data: &Dataset, threads: usize) -> Result<Self, DataError> {
        let present = kinds_in(dir)?;
        let mut kinds = Vec::new();
        for &corruption in corruptions {
            let kind = present.iter().find(|kind| kind.corruption == corruption).ok_or_else(|| {
                let names: Vec<&str> = present.iter().map(|kind| kind.name()).collect();
                let advice = format!("the directory has {}; choose among these with --corruptions", names.join(", "));
                DataError::missing(dir, format!("{corruption}.npy"), advice)
            })?;
            kinds.push(*kind);
        }
        let (true, &[height, width, channels]) = (data.samples().is_pixels(), &data.shape[..]) else {
            let found = format!("samples of shape {:?} ({})", data.shape, data.samples().type_name());
            return Err(DataError::unsupported(
                Path::new(&data.name),
                found,
                "corrupted images need clean images beside them",
            ));
        };
        let images = check_labels(&dir.join("labels.npy"), data)?;
        let shape = [height, width, channels];
        let mut sets = BTreeMap::new();
        for part in kinds.chunks(threads.max(1)) {
            let opened: Vec<_> = std::thread::scope(|scope| {
                let open =
                    |&kind: &Kind| scope.spawn(move || Ok((kind, Set::open(path_of(dir, kind), shape, images)?)));
                let handles: Vec<_> = part.iter().map(open).collect();
                handles.into_iter().map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
            });
            for set in opened {
                let (kind, set): (Kind, Set) = set.map_err(|error: DataError| error)?;
                sets.insert(kind, set);
            }
        }
        Ok(Self { sets, shape, images })
    }

    /// The corruptions, in the order of the paper.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        self.sets.keys().copied()
    }

    /// Height, width, channels.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// SHA-256 of the file of `kind`, in hex.
    #[must_use]
    pub fn sha256(&self, kind: Kind) -> Option<&str> {
        self.sets.get(&kind).map(|set| set.sha256.as_str())
    }

    /// Reads image `index` and those after it, as many as `out` takes.
    ///
    /// # Errors
    /// The operating system's, or a kind that was not opened.
    pub fn read(&self, (kind, severity): (Kind, Severity), index: usize, out: &mut [u8]) -> Result<(), DataError> {
        let Some(set) = self.sets.get(&kind) else {
            return Err(DataError::missing(Path::new(kind.name()), "the file of this corruption", "open it first"));
        };
        let size: usize = self.shape.iter().product();
        let image = (usize::from(severity.level()) - 1) * self.images + index;
        let io = |source| DataError::Io { path: set.path.clone(), source };
        let mut file = set.file.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        file.seek(SeekFrom::Start(set.begin + (image * size) as u64)).map_err(io)?;
        file.read_exact(out).map_err(io)
    }
}

impl Set {
    fn open(path: PathBuf, shape: [usize; 3], images: usize) -> Result<Self, DataError> {
        let io = |source| DataError::Io { path: path.clone(), source };
        let mut file = File::open(&path).map_err(io)?;
        let mut hash = Hashing { inner: BufReader::with_capacity(1 << 18, &mut file), hash: Sha256::new(), bytes: 0 };
        let (header, begin) = npy_header::parse(&mut hash).map_err(|problem| DataError::malformed(&path, problem))?;
        if header.dtype != DType::U8 {
            let found = format!("images of {}", header.dtype.name());
            return Err(DataError::unsupported(
                &path,
                found,
                "expected uint8, 0 to 255; convert with .astype('uint8')",
            ));
        }
        let [height, width, channels] = shape;
        let expected = vec![SEVERITIES * images, height, width, channels];
        if header.shape != expected {
            let problem = format!(
                "expected images of shape {expected:?} (five severities, sizes of the clean data), found {:?}",
                header.shape
            );
            return Err(DataError::inconsistent(&path, problem));
        }
        std::io::copy(&mut hash, &mut std::io::sink()).map_err(io)?;
        let (found, declared) = (hash.bytes - begin, expected.iter().product::<usize>() as u64);
        if found != declared {
            let problem =
                format!("the header declares {declared} bytes of images, the file has {found}; fetch or make it again");
            return Err(DataError::malformed(&path, problem));
        }
        let sha256 = hash.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { path, file: Mutex::new(file), begin, sha256 })
    }
}

/// Hashes and counts what is read through it.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(out)?;
        self.hash.update(&out[..n]);
        self.bytes += n as u64;
        Ok(n)
    }
}

/// The labels must be those of the clean data, once for each severity; gives the number of images of a severity.
fn check_labels(path: &Path, data: &Dataset) -> Result<usize, DataError> {
    if !path.is_file() {
        let advice =
            "it belongs to the directory of corrupted images and shows that their order is that of the clean data";
        return Err(DataError::missing(path, "the file with the labels", advice));
    }
    let array = read_npy(path)?;
    let labels = array.to_i64().filter(|_| array.shape.len() == 1).ok_or_else(|| {
        let found = format!("{} of shape {:?}", array.dtype.name(), array.shape);
        DataError::unsupported(path, found, "expected one integer an image")
    })?;
    let images = labels.len() / SEVERITIES;
    if labels.len() % SEVERITIES != 0 || images < data.len() {
        let problem = format!(
            "expected five times the {} clean labels, found {}; is --data the set that was corrupted?",
            data.len(),
            labels.len()
        );
        return Err(DataError::inconsistent(path, problem));
    }
    for (severity, block) in labels.chunks_exact(images).enumerate() {
        let differs = block.iter().zip(&data.labels).position(|(&found, &label)| found != i64::from(label));
        if let Some(at) = differs {
            let problem = format!(
                "label {} of image {at}, severity {}, is {} in the clean data; is --data the set that was corrupted, in its order?",
                block[at],
                severity + 1,
                data.labels[at]
            );
            return Err(DataError::inconsistent(path, problem));
        }
    }
    Ok(images)
}
