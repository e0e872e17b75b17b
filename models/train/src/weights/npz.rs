//! Several named arrays in one zip file: NumPy's `.npz`.

use std::io::{Cursor, Read, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::layout::permuted;
use super::npy::{self, Header};
use super::{Entry, MAX_BYTES};
use crate::{Net, Params};

/// More arrays than any network has tensors.
const MAX_ARRAYS: usize = 1 << 17;

/// An open file.
pub(super) struct Npz {
    archive: ZipArchive<Cursor<Vec<u8>>>,
    entries: Vec<Entry>,
    headers: Vec<Header>,
}

impl Npz {
    pub(super) fn open(bytes: Vec<u8>) -> Result<Npz, String> {
        let broken = |error: zip::result::ZipError| format!("not a readable .npz file: {error}");
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
        if archive.len() > MAX_ARRAYS {
            return Err(format!("{} arrays, expected at most {MAX_ARRAYS}", archive.len()));
        }
        let (mut entries, mut headers) = (Vec::new(), Vec::new());
        for at in 0..archive.len() {
            let mut file = archive.by_index(at).map_err(broken)?;
            let name = file.name().map_err(broken)?.into_owned();
            let name = name.strip_suffix(".npy").ok_or_else(|| format!("{name:?} is not an array"))?.to_owned();
            let header = npy::header(&mut file).map_err(|problem| format!("{name:?}: {problem}"))?;
            entries.push(Entry { name, shape: header.shape.clone() });
            headers.push(header);
        }
        Ok(Npz { archive, entries, headers })
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Reads an array whose shape is one that is wanted.
    pub(super) fn read(&mut self, at: usize) -> Result<Vec<f32>, String> {
        let Header { number, shape, fortran } = &self.headers[at];
        let mut file = self.archive.by_index(at).map_err(|error| error.to_string())?;
        npy::header(&mut file)?;
        let bytes = shape.iter().try_fold(number.size(), |bytes, dim| bytes.checked_mul(*dim));
        let bytes = bytes.filter(|bytes| *bytes as u64 <= MAX_BYTES).ok_or("more values than fit into memory")?;
        // Memory grows with what is there; the end of a packed stream is where its sum is checked.
        let mut data = Vec::new();
        let read = file.by_ref().take(bytes as u64 + 1).read_to_end(&mut data);
        match read {
            Ok(found) if found == bytes => {}
            Ok(found) => {
                let more = if found > bytes { "more" } else { "less" };
                return Err(format!("the data are {more} than the {bytes} bytes that the header declares"));
            }
            Err(error) => return Err(format!("damaged: {error}")),
        }
        let values = number.read(&data);
        if !fortran {
            return Ok(values);
        }
        let reversed: Vec<usize> = shape.iter().rev().copied().collect();
        let axes: Vec<usize> = (0..shape.len()).rev().collect();
        Ok(permuted(&values, &reversed, &axes))
    }
}

/// The file; the same numbers give the same bytes.
pub(super) fn bytes(net: &Net, params: &Params) -> Result<Vec<u8>, String> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (tensor, values) in net.tensors().iter().zip(params.tensors()) {
        let options = SimpleFileOptions::DEFAULT.compression_method(CompressionMethod::Deflated);
        zip.start_file(format!("{}.npy", tensor.name), options).map_err(|error| error.to_string())?;
        zip.write_all(&npy::bytes(&tensor.shape, values)).map_err(|error| error.to_string())?;
    }
    zip.finish().map(Cursor::into_inner).map_err(|error| error.to_string())
}
