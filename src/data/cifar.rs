//! CIFAR-10 and CIFAR-100, binary version: records of label bytes and three planes of 32 × 32 pixels.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::error::{At, DataError, Result};
use super::{Dataset, OpenOptions, Parts, Samples, Split, stem};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
pub(crate) const PIXELS: usize = 3 * PLANE;

const CIFAR10: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Which of the two sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cifar {
    Ten,
    Hundred,
}

impl Cifar {
    /// Label bytes before the pixels of a record (CIFAR-100: coarse, then fine).
    fn label_bytes(self) -> usize {
        match self {
            Self::Ten => 1,
            Self::Hundred => 2,
        }
    }

    fn record(self) -> usize {
        self.label_bytes() + PIXELS
    }

    /// Files of a split, without their ending.
    pub(crate) fn files(self, split: Split) -> &'static [&'static str] {
        match (self, split) {
            (Self::Ten, Split::Test) => &["test_batch"],
            (Self::Ten, Split::Train) => {
                &["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"]
            }
            (Self::Hundred, Split::Test) => &["test"],
            (Self::Hundred, Split::Train) => &["train"],
        }
    }

    pub(crate) fn classes(self, coarse: bool) -> usize {
        match (self, coarse) {
            (Self::Ten, _) => 10,
            (Self::Hundred, true) => 20,
            (Self::Hundred, false) => 100,
        }
    }

    pub(crate) fn name(self, coarse: bool) -> &'static str {
        match (self, coarse) {
            (Self::Ten, _) => "cifar10",
            (Self::Hundred, true) => "cifar100-coarse",
            (Self::Hundred, false) => "cifar100",
        }
    }

    /// Names for the labels: those that the files give, else CIFAR-10's own.
    pub(crate) fn class_names(self, found: Option<Vec<String>>, path: &Path, coarse: bool) -> Result<Vec<String>> {
        let classes = self.classes(coarse);
        match found {
            Some(names) if names.len() == classes => Ok(names),
            Some(names) => {
                let problem = format!("expected {classes} class names, found {}", names.len());
                Err(DataError::malformed(path, problem))
            }
            None if self == Self::Ten => Ok(CIFAR10.map(String::from).to_vec()),
            None => Ok((0..classes).map(|class| class.to_string()).collect()),
        }
    }
}

/// The labels and pixels gathered so far.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) labels: Vec<u32>,
    pub(crate) data: Vec<u8>,
}

impl Gathered {
    /// Adds one image, given as red, green and blue plane.
    pub(crate) fn push(&mut self, label: u32, planes: &[u8]) {
        self.labels.push(label);
        let (red, rest) = planes.split_at(PLANE);
        let (green, blue) = rest.split_at(PLANE);
        for ((&r, &g), &b) in red.iter().zip(green).zip(blue) {
            self.data.extend([r, g, b]);
        }
    }

    pub(crate) fn into_parts(self, cifar: Cifar, options: &OpenOptions, class_names: Vec<String>) -> Parts {
        let shape = vec![SIDE, SIDE, 3];
        Parts {
            name: cifar.name(options.coarse).into(),
            source: String::new(),
            split: Some(options.split),
            samples: Samples::U8 { shape: shape.clone(), data: self.data },
            shape,
            labels: self.labels,
            class_names: Some(class_names),
            notes: Vec::new(),
        }
    }
}

/// Reads the split from the directory of the binary version.
pub(crate) fn open_directory(dir: &Path, cifar: Cifar, options: &OpenOptions) -> Result<Dataset> {
    let mut gathered = Gathered::default();
    let files = cifar.files(options.split);
    for file in files {
        read_file(&dir.join(format!("{file}.bin")), cifar, options, &mut gathered)?;
    }
    let source = format!("{} binary version, {} ({})", cifar.name(options.coarse), options.split, files.join(", "));
    finish(dir, cifar, options, gathered, source)
}

/// Reads one file of the binary version; its size (or, if that fits both, its name) says which set it is.
pub(crate) fn open_file(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    let bytes = fs::metadata(path).at(path)?.len();
    let fits = |cifar: Cifar| bytes > 0 && bytes % cifar.record() as u64 == 0;
    let name = stem(path);
    let cifar = match (fits(Cifar::Ten), fits(Cifar::Hundred)) {
        (true, false) => Cifar::Ten,
        (false, true) => Cifar::Hundred,
        (true, true) if name.contains("batch") => Cifar::Ten,
        (true, true) => Cifar::Hundred,
        (false, false) => {
            let problem = format!(
                "{bytes} bytes are neither a multiple of 3073 (CIFAR-10 record) nor of 3074 (CIFAR-100 record); \
                 the file is cut or of another kind"
            );
            return Err(DataError::malformed(path, problem));
        }
    };
    let mut gathered = Gathered::default();
    read_file(path, cifar, options, &mut gathered)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    let source = format!("{} binary version, file {name}", cifar.name(options.coarse));
    let mut dataset = finish(dir, cifar, options, gathered, source)?;
    dataset.split = match name.as_str() {
        "train" => Some(Split::Train),
        "test" | "test_batch" => Some(Split::Test),
        other if other.starts_with("data_batch") => Some(Split::Train),
        _ => None,
    };
    Ok(dataset)
}

fn finish(dir: &Path, cifar: Cifar, options: &OpenOptions, gathered: Gathered, source: String) -> Result<Dataset> {
    let names_file = match (cifar, options.coarse) {
        (Cifar::Ten, _) => "batches.meta.txt",
        (Cifar::Hundred, true) => "coarse_label_names.txt",
        (Cifar::Hundred, false) => "fine_label_names.txt",
    };
    let names_file = dir.join(names_file);
    let names = cifar.class_names(read_names(&names_file)?, &names_file, options.coarse)?;
    let mut parts = gathered.into_parts(cifar, options, names);
    parts.source = source;
    Dataset::new(dir, parts)
}

fn read_names(path: &Path) -> Result<Option<Vec<String>>> {
    let Ok(file) = File::open(path) else {
        return Ok(None);
    };
    let mut text = String::new();
    // The official files hold a few hundred bytes.
    file.take(1 << 16).read_to_string(&mut text).at(path)?;
    Ok(Some(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(String::from).collect()))
}

fn read_file(path: &Path, cifar: Cifar, options: &OpenOptions, gathered: &mut Gathered) -> Result<()> {
    if !path.is_file() {
        let advice = "the directory must hold the whole split; a single file can be given by its own path";
        return Err(DataError::missing(path, "a file of the split", advice));
    }
    let (bytes, record) = (fs::metadata(path).at(path)?.len(), cifar.record());
    if bytes == 0 || bytes % record as u64 != 0 {
        let problem =
            format!("expected records of {record} bytes, found {bytes} bytes; the file is cut or of another kind");
        return Err(DataError::malformed(path, problem));
    }
    let mut file = std::io::BufReader::with_capacity(1 << 18, File::open(path).at(path)?);
    let mut buffer = vec![0; record];
    let wanted = options.limit.map_or(u64::MAX, |limit| limit.saturating_sub(gathered.labels.len()) as u64);
    let classes = cifar.classes(options.coarse);
    for at in 0..(bytes / record as u64).min(wanted) {
        file.read_exact(&mut buffer).at(path)?;
        let label = match (cifar, options.coarse) {
            (Cifar::Hundred, false) => buffer[1],
            _ => buffer[0],
        };
        if usize::from(label) >= classes {
            let problem = format!("label {label} of record {at} is out of range, expected 0..{classes}");
            return Err(DataError::malformed(path, problem));
        }
        gathered.push(u32::from(label), &buffer[cifar.label_bytes()..]);
    }
    Ok(())
}
