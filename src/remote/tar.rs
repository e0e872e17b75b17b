//! A directory as one stream of bytes: a `ustar` archive that depends on names and contents only.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::error::RemoteError;

const BLOCK: usize = 512;

/// The largest file of an archive: eleven octal digits.
const MOST: u64 = 0o777_7777_7777;

/// The files below a directory, in the order of their names.
#[derive(Debug)]
pub struct Archive {
    dir: PathBuf,
    /// Names with `/` between their parts, and bytes.
    files: Vec<(String, u64)>,
}

impl Archive {
    /// Looks at `dir`. Links are followed; what is neither file nor directory is left out.
    ///
    /// # Errors
    /// What cannot be read, or has a name that archives cannot hold.
    pub fn of(dir: &Path) -> Result<Self, RemoteError> {
        let mut files = Vec::new();
        collect(dir, "", &mut files)?;
        files.sort();
        Ok(Self { dir: dir.into(), files })
    }

    /// Bytes of the archive.
    #[must_use]
    pub fn len(&self) -> u64 {
        let each = |(_, len): &(String, u64)| BLOCK as u64 + len.next_multiple_of(BLOCK as u64);
        self.files.iter().map(each).sum::<u64>() + 2 * BLOCK as u64
    }

    /// Whether there is no file in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Writes the archive.
    ///
    /// # Errors
    /// A file that cannot be read or has changed, and what `to` says.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        for (name, len) in &self.files {
            to.write_all(&header(name, *len).map_err(io::Error::other)?)?;
            let mut file = File::open(self.dir.join(name))?.take(*len);
            let copied = io::copy(&mut file, to)?;
            if copied != *len {
                return Err(io::Error::other(format!("{name}: became shorter while it was read")));
            }
            to.write_all(&[0; BLOCK][..(len.next_multiple_of(BLOCK as u64) - len) as usize])?;
        }
        to.write_all(&[0; 2 * BLOCK])
    }
}

fn collect(dir: &Path, below: &str, files: &mut Vec<(String, u64)>) -> Result<(), RemoteError> {
    for entry in fs::read_dir(dir).map_err(RemoteError::io(dir))? {
        let path = entry.map_err(RemoteError::io(dir))?.path();
        let pack = |problem: &str| RemoteError::Pack { path: path.clone(), problem: problem.into() };
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| pack("its name is not UTF-8"))?;
        let name = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        let about = fs::metadata(&path).map_err(RemoteError::io(&path))?;
        if about.is_dir() {
            collect(&path, &name, files)?;
        } else if about.is_file() {
            header(&name, about.len()).map_err(|problem| pack(&problem))?;
            files.push((name, about.len()));
        }
    }
    Ok(())
}

fn header(name: &str, len: u64) -> Result<[u8; BLOCK], String> {
    let mut block = [0; BLOCK];
    let (prefix, last) =
        split(name).ok_or("its path is too long to be sent (255 bytes, 100 of them behind a slash)")?;
    if len > MOST {
        return Err("8 GiB or more".into());
    }
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, last.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{len:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        0");
    put(257, b"ustar\x0000");
    put(345, prefix.as_bytes());
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    // The type stands behind the sum, which is written last.
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(block)
}

/// A path in the two fields of a header: up to 155 bytes before a slash, up to 100 behind it.
fn split(name: &str) -> Option<(&str, &str)> {
    if name.len() <= 100 {
        return Some(("", name));
    }
    let slash = |&(at, _): &(usize, &str)| at <= 155 && name.len() - at - 1 <= 100;
    name.match_indices('/').find(slash).map(|(at, _)| (&name[..at], &name[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_has_the_length_that_it_says() {
        let dir = std::env::temp_dir().join(format!("edgebench-tar-{}", std::process::id()));
        fs::create_dir_all(dir.join("b")).expect("a directory");
        fs::write(dir.join("b/x"), [7; 700]).expect("a file");
        fs::write(dir.join("a"), b"").expect("a file");
        let archive = Archive::of(&dir).expect("a directory");
        let mut bytes = Vec::new();
        archive.write(&mut bytes).expect("memory");
        fs::remove_dir_all(&dir).expect("the directory is there");
        assert_eq!(bytes.len() as u64, archive.len());
        assert_eq!((&bytes[..2], &bytes[512..516]), (&b"a\0"[..], &b"b/x\0"[..]));
        assert_eq!(bytes[1024..1724], [7; 700]);
        // The sum as tar takes it: with blanks in its own field.
        let head = &bytes[512..1024];
        let sum: u32 =
            head.iter().enumerate().map(|(at, &b)| if (148..156).contains(&at) { 32 } else { u32::from(b) }).sum();
        assert_eq!(&head[148..154], format!("{sum:06o}").as_bytes());
    }

    #[test]
    fn long_paths_are_split_at_a_slash() {
        let long = format!("{}/{}", "a".repeat(90), "b".repeat(90));
        assert_eq!(split(&long).map(|(a, b)| (a.len(), b.len())), Some((90, 90)));
        assert_eq!(split(&"a".repeat(101)), None);
    }
}
