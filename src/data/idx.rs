//! IDX files (MNIST, Fashion-MNIST, EMNIST, KMNIST): images and labels in two files, plain or gzipped.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use super::error::{At, DataError, Result};
use super::npy::{MAX_BYTES, at_end, check_expansion, read_payload};
use super::{Dataset, OpenOptions, Parts, Samples, Split};

/// `0x08`: unsigned bytes, the only element type that image sets use.
const UNSIGNED_BYTE: u8 = 8;

/// Whether a file name speaks of IDX images.
pub(crate) fn is_images_name(name: &str) -> bool {
    name.contains("idx3") && name.contains("images")
}

/// Whether the first bytes are an IDX header of unsigned bytes.
pub(crate) fn is_header(head: &[u8]) -> bool {
    matches!(head, [0, 0, UNSIGNED_BYTE, 1..=4, ..])
}

/// Picks the pair of the wanted split from the `images` found in `dir`.
pub(crate) fn open_directory(dir: &Path, images: &[PathBuf], options: &OpenOptions) -> Result<Dataset> {
    let of_split: Vec<&PathBuf> =
        images.iter().filter(|path| split_of(&file_name(path)) == Some(options.split)).collect();
    match of_split[..] {
        [path] => open_file(path, options),
        [] => Err(DataError::missing(
            dir,
            format!("the images file of the {} split", options.split),
            "expected a name like t10k-images-idx3-ubyte or train-images-idx3-ubyte",
        )),
        _ => Err(DataError::Ambiguous {
            path: dir.into(),
            found: of_split.iter().map(|path| file_name(path)).collect::<Vec<_>>().join(" or "),
            advice: "name the images file itself".into(),
        }),
    }
}

/// Reads an images file and the labels file that belongs to it.
pub(crate) fn open_file(path: &Path, options: &OpenOptions) -> Result<Dataset> {
    let labels_path = match &options.labels {
        Some(path) => path.clone(),
        None => labels_beside(path)?,
    };
    let limit = options.limit.unwrap_or(usize::MAX);
    let (mut shape, count, data) = read(path, limit)?;
    let (label_shape, label_count, labels) = read(&labels_path, limit)?;
    if !label_shape.is_empty() {
        let problem = format!("expected one label an image, found items of shape {label_shape:?}");
        return Err(DataError::malformed(&labels_path, problem));
    }
    if count != label_count {
        let problem = format!("{label_count} labels for the {count} images of {}", file_name(path));
        return Err(DataError::inconsistent(&labels_path, problem));
    }
    match shape.len() {
        2 => shape.push(1),
        3 if matches!(shape[2], 1 | 3) => {}
        _ => {
            let problem = format!("expected images of height and width, found items of shape {shape:?}");
            return Err(DataError::malformed(path, problem));
        }
    }
    let name = file_name(path);
    let parts = Parts {
        name: path.parent().and_then(Path::file_name).map_or("idx".into(), |dir| dir.to_string_lossy().into_owned()),
        source: format!("IDX files {name} and {}", file_name(&labels_path)),
        split: split_of(&name),
        samples: Samples::U8 { shape: shape.clone(), data },
        shape,
        labels: labels.into_iter().map(u32::from).collect(),
        class_names: None,
        notes: Vec::new(),
    };
    Dataset::new(path, parts)
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn split_of(name: &str) -> Option<Split> {
    if name.contains("t10k") || name.contains("test") {
        Some(Split::Test)
    } else if name.contains("train") {
        Some(Split::Train)
    } else {
        None
    }
}

pub(super) fn labels_beside(path: &Path) -> Result<PathBuf> {
    let name = file_name(path);
    let wanted = name.replace("images", "labels").replace("idx3", "idx1");
    if wanted == name {
        let advice = "its name does not say which labels belong to it: give the labels file (--labels)";
        return Err(DataError::missing(path, "the labels file", advice));
    }
    let plain = wanted.trim_end_matches(".gz").to_string();
    let zipped = format!("{plain}.gz");
    [wanted, plain, zipped]
        .iter()
        .map(|name| path.with_file_name(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| {
            let labels = path.with_file_name(name.replace("images", "labels").replace("idx3", "idx1"));
            DataError::missing(&labels, "the labels file", "put it beside the images or give it (--labels)")
        })
}

/// Shape of one item, number of items in the file, and the values of at most `limit` of them.
fn read(path: &Path, limit: usize) -> Result<(Vec<usize>, usize, Vec<u8>)> {
    let mut head = [0; 2];
    let size = fs::metadata(path).at(path)?.len();
    let mut file = BufReader::new(File::open(path).at(path)?);
    file.read_exact(&mut head).map_err(|_| DataError::malformed(path, "shorter than an IDX header"))?;
    let file = BufReader::new(File::open(path).at(path)?);
    if head == [0x1f, 0x8b] {
        return read_stream(path, BufReader::new(GzDecoder::new(file)), limit, (size, true));
    }
    read_stream(path, file, limit, (size, false))
}

fn read_stream(
    path: &Path,
    mut file: impl Read,
    limit: usize,
    (size, packed): (u64, bool),
) -> Result<(Vec<usize>, usize, Vec<u8>)> {
    let cut = |_| DataError::malformed(path, "cut inside the IDX header");
    let mut magic = [0; 4];
    file.read_exact(&mut magic).map_err(cut)?;
    if !is_header(&magic) {
        let problem = format!("expected an IDX header of unsigned bytes (0, 0, 8, 1..4), found {magic:?}");
        return Err(DataError::malformed(path, problem));
    }
    let mut dims = Vec::new();
    for _ in 0..magic[3] {
        let mut dim = [0; 4];
        file.read_exact(&mut dim).map_err(cut)?;
        dims.push(u32::from_be_bytes(dim) as usize);
    }
    let (count, shape) = (dims[0], dims[1..].to_vec());
    let each = shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d as u64)).unwrap_or(u64::MAX);
    let total = each.saturating_mul(count as u64);
    let header = 4 + 4 * dims.len() as u64;
    if !packed && total.saturating_add(header) != size {
        let problem = format!("the header declares {dims:?}, {total} bytes of data, the file has {}", size - header);
        return Err(DataError::malformed(path, problem));
    }
    let wanted = each.saturating_mul(count.min(limit) as u64);
    if wanted > MAX_BYTES {
        return Err(DataError::TooLarge {
            path: path.into(),
            what: "the array".into(),
            bytes: wanted,
            limit: MAX_BYTES,
        });
    }
    if packed {
        check_expansion(path, size, wanted)?;
    }
    let data = read_payload(&mut file, wanted).map_err(|found| {
        DataError::malformed(path, format!("the header declares {dims:?}, the data end after {found} bytes"))
    })?;
    if count <= limit && !at_end(&mut file) {
        return Err(DataError::malformed(path, "the data are damaged (checksum), or there is more than declared"));
    }
    Ok((shape, count, data))
}
