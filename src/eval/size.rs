//! How large a file is, as it lies and in a zip archive.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// Bytes of a zip archive that holds the file alone, under its bare name, deflated at zlib's level 6: what Python's
/// `zipfile.ZipFile(…, "w", ZIP_DEFLATED)` writes. The encoder is zlib itself (built from source), because other encoders differ
/// by parts of a per cent.
#[must_use]
pub fn zip6(name: &str, bytes: &[u8]) -> u64 {
    // Local header 30, central directory entry 46, end 22; the name stands in the first two.
    deflated(bytes) + 98 + 2 * name.len() as u64
}

fn deflated(bytes: &[u8]) -> u64 {
    let mut encoder = DeflateEncoder::new(Counter(0), Compression::new(6));
    // A counter takes everything.
    let _ = encoder.write_all(bytes);
    encoder.finish().map_or(0, |counter| counter.0)
}

struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_an_empty_block() {
        assert_eq!(zip6("a", b""), 2 + 98 + 2);
    }
}
