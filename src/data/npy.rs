//! Arrays in NumPy's `.npy` format, versions 1 to 3, C order, little endian.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::error::{At, DataError, Result};
use super::npy_header::{Header, parse};

/// The most that is read into memory from one array: 8 GiB.
pub const MAX_BYTES: u64 = 8 << 30;

/// Element types that are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DType {
    /// Truth values, one byte each.
    Bool,
    /// `uint8`
    U8,
    /// `int8`
    I8,
    /// `int16`
    I16,
    /// `int32`
    I32,
    /// `int64`
    I64,
    /// `float32`
    F32,
}

impl DType {
    pub(crate) const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::Bool, "|b1", "bool"),
        (Self::U8, "|u1", "uint8"),
        (Self::I8, "|i1", "int8"),
        (Self::I16, "<i2", "int16"),
        (Self::I32, "<i4", "int32"),
        (Self::I64, "<i8", "int64"),
        (Self::F32, "<f4", "float32"),
    ];

    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::I16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::I64 => 8,
        }
    }

    /// NumPy's name of the type.
    pub fn name(self) -> &'static str {
        self.row().2
    }

    pub(crate) fn descr(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> &'static (Self, &'static str, &'static str) {
        Self::ALL.iter().find(|row| row.0 == self).expect("every type is listed")
    }
}

/// An array: element type, shape and the elements in C order, little endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    /// Element type.
    pub dtype: DType,
    /// Dimensions; empty for a single number.
    pub shape: Vec<usize>,
    /// `product(shape) * dtype.size()` bytes.
    pub bytes: Vec<u8>,
}

impl Array {
    /// An array of the given parts.
    ///
    /// # Errors
    /// A number of bytes that does not fit, told in words.
    pub fn new(dtype: DType, shape: Vec<usize>, bytes: Vec<u8>) -> std::result::Result<Self, String> {
        let expected = shape.iter().try_fold(dtype.size(), |n, &d| n.checked_mul(d));
        if expected != Some(bytes.len()) {
            return Err(format!("{} bytes do not fit {} of shape {shape:?}", bytes.len(), dtype.name()));
        }
        Ok(Self { dtype, shape, bytes })
    }

    /// An array of `f32`.
    ///
    /// # Errors
    /// A number of values that does not fit `shape`.
    pub fn from_f32(shape: Vec<usize>, values: &[f32]) -> std::result::Result<Self, String> {
        Self::new(DType::F32, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// The elements, if they are `f32`.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        (self.dtype == DType::F32)
            .then(|| self.bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    /// The elements as integers, unless they are `f32`.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        let values = |convert: fn(&[u8]) -> i64| self.bytes.chunks_exact(self.dtype.size()).map(convert).collect();
        Some(match self.dtype {
            DType::Bool | DType::U8 => values(|b| b[0].into()),
            DType::I8 => values(|b| (b[0] as i8).into()),
            DType::I16 => values(|b| i16::from_le_bytes([b[0], b[1]]).into()),
            DType::I32 => values(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]).into()),
            DType::I64 => values(|b| i64::from_le_bytes(b.try_into().expect("chunks of eight"))),
            DType::F32 => return None,
        })
    }

    /// The whole file: header and elements.
    pub fn to_npy(&self) -> Vec<u8> {
        let mut file = Header { dtype: self.dtype, shape: self.shape.clone() }.to_bytes();
        file.extend_from_slice(&self.bytes);
        file
    }
}

/// Reads a `.npy` file.
///
/// # Errors
/// A file that is not NPY, is cut or has bytes to spare, is in Fortran order, or holds another element type.
pub fn read_npy(path: &Path) -> Result<Array> {
    read_npy_rows(path, usize::MAX).map(|(array, _)| array)
}

/// Reads at most `rows` of the leading dimension; gives the array and the whole leading dimension.
///
/// # Errors
/// As [`read_npy`].
pub fn read_npy_rows(path: &Path, rows: usize) -> Result<(Array, usize)> {
    let size = fs::metadata(path).at(path)?.len();
    let file = File::open(path).at(path)?;
    read_array(path, BufReader::new(file), size, rows)
}

/// Reads an array from `stream`, which must hold `size` bytes; `path` is for messages.
pub(crate) fn read_array(path: &Path, mut stream: impl Read, size: u64, rows: usize) -> Result<(Array, usize)> {
    let (mut header, header_bytes) = parse(&mut stream).map_err(|problem| DataError::malformed(path, problem))?;
    let elements = header.shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d as u64));
    let declared = elements.and_then(|n| n.checked_mul(header.dtype.size() as u64));
    if declared.and_then(|n| n.checked_add(header_bytes)) != Some(size) {
        let problem = format!(
            "the header declares {} of shape {:?}, the file has {} bytes of data",
            header.dtype.name(),
            header.shape,
            size.saturating_sub(header_bytes)
        );
        return Err(DataError::malformed(path, problem));
    }
    let all = header.shape.first().copied().unwrap_or(1);
    if let Some(first) = header.shape.first_mut() {
        *first = all.min(rows);
    }
    let bytes = header.shape.iter().product::<usize>() as u64 * header.dtype.size() as u64;
    if bytes > MAX_BYTES {
        return Err(DataError::TooLarge { path: path.into(), what: "the array".into(), bytes, limit: MAX_BYTES });
    }
    let bytes = read_payload(&mut stream, bytes)
        .map_err(|found| DataError::malformed(path, format!("the data end after {found} of {bytes} bytes")))?;
    if rows >= all && !at_end(&mut stream) {
        return Err(DataError::malformed(path, "the data are damaged (checksum), or there is more than declared"));
    }
    Ok((Array { dtype: header.dtype, shape: header.shape, bytes }, all))
}

/// Whether a stream ends here, and soundly: packed streams check their sum when the end is reached.
pub(crate) fn at_end(stream: &mut impl Read) -> bool {
    matches!(stream.read(&mut [0]), Ok(0))
}

/// Refuses what a packed stream declares when it is large and could only come from a bomb: images and features never
/// pack 200-fold.
pub(crate) fn check_expansion(path: &Path, packed: u64, unpacked: u64) -> Result<()> {
    if unpacked > 1 << 28 && unpacked / 200 > packed {
        let problem = format!("{packed} packed bytes declare {unpacked} bytes of data, which no real samples do");
        return Err(DataError::malformed(path, problem));
    }
    Ok(())
}

/// `bytes` bytes of `stream`; memory grows with what is really there. Else how many there were.
pub(crate) fn read_payload(stream: &mut impl Read, bytes: u64) -> std::result::Result<Vec<u8>, usize> {
    let mut data = Vec::with_capacity(bytes.min(1 << 24) as usize);
    match stream.take(bytes).read_to_end(&mut data) {
        Ok(_) if data.len() as u64 == bytes => Ok(data),
        _ => Err(data.len()),
    }
}

/// Writes a `.npy` file (format version 1, or 2 for very many dimensions); the file appears whole or not at all.
///
/// # Errors
/// The operating system's.
pub fn write_npy(path: &Path, array: &Array) -> Result<()> {
    write_whole(path, |file| {
        file.write_all(&Header { dtype: array.dtype, shape: array.shape.clone() }.to_bytes())?;
        file.write_all(&array.bytes)
    })
}

/// The header of a `.npy` file, for elements that are written behind it piece by piece.
pub(crate) fn header(dtype: DType, shape: Vec<usize>) -> Vec<u8> {
    Header { dtype, shape }.to_bytes()
}

/// Writes beside `path` and renames, so that a reader never sees half a file.
pub(crate) fn write_whole(path: &Path, write: impl FnOnce(&mut File) -> std::io::Result<()>) -> Result<()> {
    // Who may write to devices (root) would have them replaced by the file.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        let problem = "there is something else than a file, which is not replaced; give another name";
        return Err(std::io::Error::new(std::io::ErrorKind::AlreadyExists, problem)).at(path);
    }
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.partial", std::process::id()));
    let partial: PathBuf = path.with_file_name(name);
    let mut file = File::create(&partial).at(&partial)?;
    let written = write(&mut file).and_then(|()| file.sync_all());
    drop(file);
    let renamed = written.and_then(|()| fs::rename(&partial, path));
    if renamed.is_err() {
        // The first error is the one to tell; a partial file that cannot be removed either adds nothing.
        let _ = fs::remove_file(&partial);
    }
    renamed.at(path)
}
