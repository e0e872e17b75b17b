//! Archives, unpacked beside their place and moved there when they are whole.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use tar::EntryType;

use super::error::FetchError;
use super::sets::MAX_UNPACKED;

/// More files than any of the archives has.
const MAX_FILES: usize = 10_000;

/// Unpacks the directory `name` of the archive to `into/name`, which must not be there.
///
/// # Errors
/// A damaged archive, one without that directory, one with links, or with paths that lead elsewhere.
pub fn extract(archive: &Path, into: &Path, name: &str) -> Result<(), FetchError> {
    let target = into.join(name);
    if target.exists() {
        return Err(FetchError::InTheWay { path: target });
    }
    let aside = into.join(format!(".{name}.unpacking"));
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(FetchError::io(&aside))?;
    }
    fs::create_dir_all(&aside).map_err(FetchError::io(&aside))?;
    let unpacked = unpack(archive, &aside).and_then(|()| {
        let found = aside.join(name);
        if !found.is_dir() {
            let problem = format!("it holds no directory {name}");
            return Err(FetchError::Archive { path: archive.into(), problem });
        }
        fs::rename(&found, &target).map_err(FetchError::io(&target))
    });
    // The first error is the one to tell.
    let _ = fs::remove_dir_all(&aside);
    unpacked
}

fn unpack(path: &Path, aside: &Path) -> Result<(), FetchError> {
    let wrong = |problem: String| FetchError::Archive { path: path.into(), problem };
    let file = BufReader::new(File::open(path).map_err(FetchError::io(path))?);
    let zipped = path.extension().is_some_and(|extension| extension == "gz" || extension == "tgz");
    let stream: Box<dyn Read> = if zipped { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let mut archive = tar::Archive::new(stream.take(MAX_UNPACKED));
    let mut bytes = 0_u64;
    for (count, entry) in archive.entries().map_err(|error| wrong(error.to_string()))?.enumerate() {
        let mut entry = entry.map_err(|error| wrong(format!("damaged ({error})")))?;
        let name = entry.path().map_err(|error| wrong(error.to_string()))?.into_owned();
        let plain = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !plain {
            return Err(wrong(format!("it wants to write to {}, outside of its directory", name.display())));
        }
        bytes = bytes.saturating_add(entry.size());
        if count >= MAX_FILES || bytes > MAX_UNPACKED {
            return Err(wrong(format!("more than {MAX_FILES} files or {MAX_UNPACKED} bytes")));
        }
        let to = aside.join(&name);
        match entry.header().entry_type() {
            EntryType::Directory => fs::create_dir_all(&to).map_err(FetchError::io(&to))?,
            EntryType::Regular => {
                if let Some(parent) = to.parent() {
                    fs::create_dir_all(parent).map_err(FetchError::io(parent))?;
                }
                let mut out = File::create(&to).map_err(FetchError::io(&to))?;
                let size = entry.size();
                let written = std::io::copy(&mut entry, &mut out)
                    .map_err(|error| wrong(format!("{}: {error}", name.display())))?;
                if written != size {
                    return Err(wrong(format!("{} ends after {written} of {size} bytes", name.display())));
                }
            }
            EntryType::XGlobalHeader | EntryType::XHeader => {}
            other => return Err(wrong(format!("{} is a link or device ({other:?}), expected files", name.display()))),
        }
    }
    Ok(())
}
