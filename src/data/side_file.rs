//! `model.toml` beside `model.tflite`: what the model file itself does not tell.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::{At, DataError, Result};
use super::preprocess::Preprocess;

/// Side files are a few lines.
const MAX_BYTES: u64 = 1 << 20;

/// What a side file may say; other tables and keys are left to others.
///
/// ```toml
/// [input]
/// preprocess = "signed"
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SideFile {
    /// `[input] preprocess`: raw, unit, signed, caffe or imagenet.
    pub preprocess: Option<Preprocess>,
}

/// The side file of a model: the same path with the ending `.toml`.
pub fn path_for(model: &Path) -> PathBuf {
    model.with_extension("toml")
}

/// Reads the side file of `model`; `None` if there is none.
///
/// # Errors
/// A file that is not TOML or names an unknown preprocessing.
pub fn read_for(model: &Path) -> Result<Option<SideFile>> {
    let path = path_for(model);
    if !path.is_file() {
        return Ok(None);
    }
    let mut text = String::new();
    File::open(&path).at(&path)?.take(MAX_BYTES).read_to_string(&mut text).at(&path)?;
    parse(&text).map(Some).map_err(|problem| DataError::malformed(&path, problem))
}

fn parse(text: &str) -> std::result::Result<SideFile, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| format!("not TOML: {}", error.message()))?;
    let Some(input) = table.get("input") else {
        return Ok(SideFile::default());
    };
    let Some(preprocess) = input.as_table().ok_or("[input] is not a table")?.get("preprocess") else {
        return Ok(SideFile::default());
    };
    let name = preprocess.as_str().ok_or("input.preprocess is not text")?;
    Ok(SideFile { preprocess: Some(name.parse()?) })
}
