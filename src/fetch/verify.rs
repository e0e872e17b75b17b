//! Whether a copy is what was published.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use md5::{Digest, Md5};

use super::error::FetchError;
use super::sets::{Archive, SETS};
use crate::data::{self, OpenOptions, Split};
use crate::robust::files::{CorruptedFiles, kinds_in};

/// How much can be said of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has the published checksum.
    Verified,
    /// Structure, sizes and labels are right; there is no published checksum to compare the content with.
    Sound,
    /// It is not what was published.
    Differs,
}

impl Verdict {
    /// In results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Sound => "sound",
            Self::Differs => "differs",
        }
    }
}

/// What was found at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is, in words.
    pub what: String,
    /// Whether it is as published.
    pub verdict: Verdict,
    /// What was compared, and what differs.
    pub details: Vec<String>,
}

/// MD5 of a file, in hex.
///
/// # Errors
/// A file that cannot be read.
pub fn md5_of(path: &Path) -> Result<String, FetchError> {
    let io = FetchError::io(path);
    let (mut file, mut hash, mut buffer) = (File::open(path).map_err(&io)?, Md5::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut buffer).map_err(&io)? {
            0 => return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// Looks at an archive or at an unpacked directory. `clean` are the clean images of a directory of corrupted ones.
///
/// # Errors
/// A path that cannot be read.
pub fn verify(path: &Path, clean: Option<&Path>) -> Result<Finding, FetchError> {
    let metadata = std::fs::metadata(path).map_err(FetchError::io(path))?;
    if metadata.is_file() {
        return archive(path);
    }
    Ok(match kinds_in(path) {
        Ok(kinds) => corrupted(path, clean, kinds.iter().map(|kind| kind.corruption).collect()),
        Err(_) => images(path),
    })
}

fn archive(path: &Path) -> Result<Finding, FetchError> {
    let found = md5_of(path)?;
    if let Some(set) = SETS.iter().find(|set| set.md5 == found) {
        let details = vec![format!("MD5 {found}, as published")];
        return Ok(Finding { what: format!("{}: {}", set.file, set.about), verdict: Verdict::Verified, details });
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let named: Option<&Archive> = SETS.iter().find(|set| set.file == name);
    let detail = match named {
        Some(set) => {
            format!("MD5 {found}, published is {}: the file is damaged or incomplete; fetch it again", set.md5)
        }
        None => format!("MD5 {found}, which is none of the published ones ({})", SETS.map(|set| set.file).join(", ")),
    };
    Ok(Finding { what: format!("the file {name}"), verdict: Verdict::Differs, details: vec![detail] })
}

fn images(path: &Path) -> Finding {
    let mut details = Vec::new();
    let mut names = Vec::new();
    for split in [Split::Train, Split::Test] {
        match data::open(path, &OpenOptions { split, ..OpenOptions::default() }) {
            Ok(set) => {
                let hash = set.sha256().unwrap_or_default();
                details.push(format!(
                    "{} part: {} images {:?}, {} classes, sha256 {hash}",
                    split.name(),
                    set.len(),
                    set.shape,
                    set.classes()
                ));
                names.push(set.source.clone());
            }
            Err(error) => {
                details.push(error.to_string());
                return Finding { what: "no data that are known".into(), verdict: Verdict::Differs, details };
            }
        }
    }
    details.push(
        "structure, sizes and labels are sound; checksums are published for the archives only, verify those".into(),
    );
    Finding { what: names.first().cloned().unwrap_or_default(), verdict: Verdict::Sound, details }
}

fn corrupted(path: &Path, clean: Option<&Path>, kinds: Vec<edgebench_corrupt::Corruption>) -> Finding {
    let what = format!("corrupted images, {} corruptions", kinds.len());
    let Some(clean) = clean else {
        let detail = "give the clean images with --clean to compare shapes and labels".into();
        return Finding { what, verdict: Verdict::Differs, details: vec![detail] };
    };
    let opened =
        data::open(clean, &OpenOptions::default()).and_then(|data| CorruptedFiles::open(path, &kinds, &data, 2));
    match opened {
        Ok(files) => {
            let hash = |kind| format!("{kind}.npy: sha256 {}", files.sha256(kind).unwrap_or_default());
            Finding { what, verdict: Verdict::Sound, details: files.kinds().map(hash).collect() }
        }
        Err(error) => Finding { what, verdict: Verdict::Differs, details: vec![error.to_string()] },
    }
}
