//! Corrupted sets as files. Each appears whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use edgebench_corrupt::{Corruption, Severity};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};

use super::generator::{CorruptError, Generator};
use crate::data::npy::{self, Array, DType};
use crate::data::{DataError, Dataset};

/// Bytes of images that are held before they are written.
const BLOCK: usize = 1 << 25;

fn io(path: &Path, source: io::Error) -> CorruptError {
    DataError::Io { path: path.into(), source }.into()
}

/// Writes `NAME.npy` of all five severities, one block after the other, as in CIFAR-10-C; gives its path.
///
/// # Errors
/// A file of that name, an image that cannot be read or corrupted, or the operating system's.
pub fn write_npy(
    generator: &mut Generator<'_>,
    kind: Corruption,
    dir: &Path,
    done: impl Fn() + Sync,
) -> Result<PathBuf, CorruptError> {
    let path = absent(dir.join(format!("{}.npy", generator.name(kind))))?;
    let [height, width, channels] = generator.shape();
    let (count, size) = (generator.data().len(), height * width * channels);
    let header = npy::header(DType::U8, vec![Severity::ALL.len() * count, height, width, channels]);
    let block = (BLOCK / size).clamp(1, count);
    let mut images = vec![0; block * size];
    let mut failed = None;
    let written = npy::write_whole(&path, |file| {
        file.write_all(&header)?;
        for severity in Severity::ALL {
            for first in (0..count).step_by(block) {
                let range = first..count.min(first + block);
                let images = &mut images[..range.len() * size];
                if let Err(error) = generator.fill((kind, severity), range, images, &done) {
                    failed = Some(error);
                    return Err(io::Error::other("no images to write"));
                }
                file.write_all(images)?;
            }
        }
        Ok(())
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(written.map(|()| path)?),
    }
}

/// Writes `labels.npy`: the labels once for each of the five severities, as bytes where they fit (CIFAR-10-C's own type).
///
/// # Errors
/// A file of that name with other labels in it, or the operating system's.
pub fn write_labels(data: &Dataset, dir: &Path) -> Result<PathBuf, CorruptError> {
    let path = dir.join("labels.npy");
    let small = data.labels.iter().all(|&label| label < 256);
    let one =
        |label: &u32| -> Vec<u8> { if small { vec![*label as u8] } else { i64::from(*label).to_le_bytes().to_vec() } };
    let once: Vec<u8> = data.labels.iter().flat_map(one).collect();
    let dtype = if small { DType::U8 } else { DType::I64 };
    let shape = vec![Severity::ALL.len() * data.labels.len()];
    let array = Array { dtype, shape, bytes: once.repeat(Severity::ALL.len()) };
    if path.exists() && npy::read_npy(&path)? != array {
        let problem = "holds the labels of other images; choose another output directory".into();
        return Err(DataError::Inconsistent { path, problem }.into());
    }
    npy::write_npy(&path, &array)?;
    Ok(path)
}

/// Writes `NAME/SEVERITY/CLASS/NUMBER.png`; gives the path of `NAME`, which must not be there yet.
///
/// # Errors
/// A directory of that name, an image that cannot be read or corrupted, or the operating system's.
pub fn write_png_folder(
    generator: &mut Generator<'_>,
    kind: Corruption,
    severities: &[Severity],
    dir: &Path,
    done: impl Fn() + Sync,
) -> Result<PathBuf, CorruptError> {
    let name = generator.name(kind);
    let path = absent(dir.join(name))?;
    let partial = dir.join(format!("{name}.{}.partial", std::process::id()));
    let data = generator.data();
    let shape = generator.shape();
    let classes: Vec<String> = (0..data.classes()).map(|class| class_name(data, class)).collect();
    let result = (|| {
        for &severity in severities {
            let folder = partial.join(severity.to_string());
            for class in &classes {
                let folder = folder.join(class);
                fs::create_dir_all(&folder).map_err(|error| io(&folder, error))?;
            }
            generator.each((kind, severity), |index, pixels| {
                let class = &classes[data.labels[index] as usize];
                write_png(&folder.join(class).join(format!("{index:06}.png")), pixels, shape)?;
                done();
                Ok(())
            })?;
        }
        fs::rename(&partial, &path).map_err(|error| io(&path, error))
    })();
    if result.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_dir_all(&partial);
    }
    result.map(|()| path)
}

/// Published files took days to make or to fetch: nothing is overwritten.
fn absent(path: PathBuf) -> Result<PathBuf, CorruptError> {
    if path.exists() {
        let found = "there already".to_owned();
        let advice = "remove it, or choose another output directory".to_owned();
        return Err(DataError::Unsupported { path, found, advice }.into());
    }
    Ok(path)
}

/// A folder's name, in the order of the classes when sorted by name.
fn class_name(data: &Dataset, class: usize) -> String {
    let digits = data.classes().saturating_sub(1).to_string().len();
    let name = data.class_names.as_ref().and_then(|names| names.get(class));
    let plain = |name: &String| -> String {
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(64).collect()
    };
    name.map_or_else(|| format!("{class:0digits$}"), |name| format!("{class:0digits$}_{}", plain(name)))
}

fn write_png(path: &Path, pixels: &[u8], [height, width, channels]: [usize; 3]) -> Result<(), CorruptError> {
    let file = File::create(path).map_err(|error| io(path, error))?;
    encode(BufWriter::new(file), pixels, [height, width, channels]).map_err(|error| io(path, error))
}

fn encode(to: impl Write, pixels: &[u8], [height, width, channels]: [usize; 3]) -> io::Result<()> {
    let colour = if channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    PngEncoder::new(to).write_image(pixels, width as u32, height as u32, colour).map_err(io::Error::other)
}

/// Writes a contact sheet as PNG.
///
/// # Errors
/// The operating system's.
pub fn write_sheet(sheet: &RgbImage, path: &Path) -> Result<(), CorruptError> {
    let shape = [sheet.height() as usize, sheet.width() as usize, 3];
    Ok(npy::write_whole(path, |file| encode(BufWriter::new(file), sheet.as_raw(), shape))?)
}
