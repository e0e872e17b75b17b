//! Photographs of frost from a directory.

use std::path::{Path, PathBuf};

use edgebench_corrupt::{Constants, ImageView, Photograph};
use image::{ImageReader, Limits};

use crate::data::DataError;

const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];
/// As many as the published generators choose from.
const USED: usize = 5;

/// The first five images of `dir` by name, as these constants use them.
///
/// # Errors
/// A directory without images, or an image that cannot be read.
pub fn read_photographs(dir: &Path, set: Constants) -> Result<Vec<Photograph>, DataError> {
    let io = |source| DataError::Io { path: dir.into(), source };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        if ending.is_some_and(|ending| ENDINGS.contains(&&*ending)) {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        let advice = "expected .png, .jpg or .jpeg files".into();
        return Err(DataError::Missing { path: dir.into(), what: "a photograph of frost".into(), advice });
    }
    paths.iter().take(USED).map(|path| read(path, set)).collect()
}

fn read(path: &PathBuf, set: Constants) -> Result<Photograph, DataError> {
    let io = |source| DataError::Io { path: path.clone(), source };
    let malformed = |problem: String| DataError::Malformed { path: path.clone(), problem };
    let mut reader = ImageReader::open(path).map_err(io)?.with_guessed_format().map_err(io)?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(1 << 12), Some(1 << 12));
    reader.limits(limits);
    let image = reader.decode().map_err(|error| malformed(error.to_string()))?.to_rgb8();
    let (width, height) = (image.width() as usize, image.height() as usize);
    let view = ImageView::new(image.as_raw(), height, width, 3).map_err(|error| malformed(error.to_string()))?;
    Ok(Photograph::new(view, set))
}
