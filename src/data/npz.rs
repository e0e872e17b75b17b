//! Several named arrays in one zip file: NumPy's `.npz`.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::error::{At, DataError, Result};
use super::npy::{Array, MAX_BYTES, check_expansion, read_array, write_whole};

/// More arrays than any network has tensors.
const MAX_ARRAYS: usize = 1 << 16;

/// An open `.npz` file: names first, arrays when asked for.
pub struct NpzFile {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
    names: Vec<String>,
}

impl NpzFile {
    /// Reads the directory of the file.
    ///
    /// # Errors
    /// A file that is not a zip, or holds no `.npy` entry.
    pub fn open(path: &Path) -> Result<Self> {
        let file = BufReader::new(File::open(path).at(path)?);
        let archive = ZipArchive::new(file).map_err(|error| broken(path, &error))?;
        if archive.len() > MAX_ARRAYS {
            let problem = format!("{} entries, the limit is {MAX_ARRAYS}", archive.len());
            return Err(DataError::malformed(path, problem));
        }
        let mut names = Vec::new();
        for name in archive.file_names() {
            let name = name.map_err(|error| broken(path, &error))?;
            names.extend(name.strip_suffix(".npy").map(String::from));
        }
        if names.is_empty() {
            let found = "a zip file without an array in it";
            return Err(DataError::unsupported(
                path,
                found,
                "expected what numpy.savez writes; unpack an archive of images",
            ));
        }
        Ok(Self { path: path.into(), archive, names })
    }

    /// Names of the arrays in file order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// At most `rows` rows of the array `name`, and its whole leading dimension.
    ///
    /// # Errors
    /// A name that is not there, or a damaged array.
    pub fn rows(&mut self, name: &str, rows: usize) -> Result<(Array, usize)> {
        let inside = self.path.join(format!("{name}.npy"));
        let entry = self.archive.by_name(&format!("{name}.npy")).map_err(|error| broken(&inside, &error))?;
        let size = entry.size();
        check_expansion(&inside, entry.compressed_size(), size)?;
        read_array(&inside, BufReader::new(entry), size, rows)
    }
}

/// Every array of a `.npz` file with its name, in file order.
///
/// # Errors
/// A damaged file, or arrays of more than [`MAX_BYTES`] together.
pub fn read_npz(path: &Path) -> Result<Vec<(String, Array)>> {
    let mut file = NpzFile::open(path)?;
    let names = file.names.clone();
    let mut total = 0;
    let mut arrays = Vec::new();
    for name in names {
        let (array, _) = file.rows(&name, usize::MAX)?;
        total += array.bytes.len() as u64;
        if total > MAX_BYTES {
            return Err(DataError::TooLarge {
                path: path.into(),
                what: "the arrays together".into(),
                bytes: total,
                limit: MAX_BYTES,
            });
        }
        arrays.push((name, array));
    }
    Ok(arrays)
}

/// Writes named arrays, deflated; same arrays, same bytes. The file appears whole or not at all.
///
/// # Errors
/// The operating system's, or a name given twice.
pub fn write_npz(path: &Path, arrays: &[(&str, &Array)]) -> Result<()> {
    write_whole(path, |file| {
        let mut zip = ZipWriter::new(file);
        for (name, array) in arrays {
            let options = SimpleFileOptions::DEFAULT
                .compression_method(CompressionMethod::Deflated)
                .large_file(array.bytes.len() as u64 >= u64::from(u32::MAX) - 4096);
            zip.start_file(format!("{name}.npy"), options)?;
            zip.write_all(&array.to_npy())?;
        }
        zip.finish()?;
        Ok(())
    })
}

fn broken(path: &Path, error: &zip::result::ZipError) -> DataError {
    DataError::malformed(path, format!("not a readable .npz file: {error}"))
}
