//! Folders of images, one folder a class: `class/name.png` or `.jpg`.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{At, DataError, Result};
use super::samples::image_size;
use super::{Dataset, OpenOptions, Parts, Samples, Split, stem};

const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];
const SPLITS: [(&str, Split); 5] = [
    ("train", Split::Train),
    ("test", Split::Test),
    ("val", Split::Test),
    ("valid", Split::Test),
    ("validation", Split::Test),
];

fn is_image(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&&*ending))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Entries of a directory, sorted by name (byte order), without hidden ones.
fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).at(dir)? {
        let path = entry.at(dir)?.path();
        if !is_hidden(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn folders(dir: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(dir)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn images(dir: &Path) -> Result<Vec<PathBuf>> {
    Ok(entries(dir)?.into_iter().filter(|path| is_image(path) && path.is_file()).collect())
}

/// Whether a directory has a folder with an image in it.
pub(crate) fn has_classes(dir: &Path) -> bool {
    let mut folders = folders(dir).unwrap_or_default().into_iter();
    folders.any(|folder| images(&folder).is_ok_and(|found| !found.is_empty()))
}

/// Folders of the parts (`train`, `test`, `val`, …) whose own folders are the classes.
pub(crate) fn parts(dir: &Path) -> Vec<(PathBuf, Split)> {
    let known = SPLITS.iter().map(|&(name, split)| (dir.join(name), split));
    known.filter(|(folder, _)| folder.is_dir() && has_classes(folder)).collect()
}

/// Opens a folder of classes, or the part of it that the options name. Grey images are repeated in three channels
/// when decoded, transparency is dropped, 16-bit values lose their lower half.
pub(crate) fn open(dir: &Path, options: &OpenOptions) -> Result<Dataset> {
    let found: Vec<_> = parts(dir).into_iter().filter(|(_, split)| *split == options.split).collect();
    let (root, split) = match &found[..] {
        [] if parts(dir).is_empty() => (dir, None),
        [] => {
            let advice = "expected a folder train, test, val or validation";
            return Err(DataError::missing(dir, format!("the folder of the {} split", options.split), advice));
        }
        [(folder, split)] => (folder.as_path(), Some(*split)),
        several => {
            let names: Vec<_> = several.iter().map(|(folder, _)| folder.display().to_string()).collect();
            let advice = "name the folder itself".into();
            return Err(DataError::Ambiguous { path: dir.into(), found: names.join(" or "), advice });
        }
    };
    let classes = folders(root)?;
    let mut by_class = Vec::new();
    for folder in &classes {
        by_class.push(images(folder)?);
    }
    let mut notes = Vec::new();
    let total: usize = by_class.iter().map(Vec::len).sum();
    let chosen = choose(&by_class, options.limit.unwrap_or(usize::MAX));
    if chosen.len() < total {
        notes.push(format!("{} of {total} images, taken in turn from every class", chosen.len()));
    }
    if chosen.iter().any(|(_, file)| file.extension().is_some_and(|ending| !ending.eq_ignore_ascii_case("png"))) {
        notes.push("JPEG images: other decoders give values that differ by a few steps".into());
    }
    let (labels, files): (Vec<u32>, Vec<PathBuf>) = chosen.into_iter().unzip();
    let size = common_size(root, &files, options)?;
    let parts = Parts {
        name: stem(dir),
        source: format!("images in {}", root.display()),
        split,
        shape: vec![size[0], size[1], 3],
        samples: Samples::Files(files),
        labels,
        class_names: Some(classes.iter().map(|class| file_name(class)).collect()),
        notes,
    };
    let mut dataset = Dataset::new(root, parts)?;
    if let Some([height, width]) = options.resize {
        // The images may differ in size, so each is resized when decoded, whatever the first one's size.
        dataset.resize = options.resize;
        dataset.shape = vec![height, width, 3];
        dataset.notes.push(format!("images resized to {height}x{width} where they differ, triangle filter"));
    }
    Ok(dataset)
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// All images class by class, or, when there are more than `limit`, the first of each class, then the second, …
fn choose(by_class: &[Vec<PathBuf>], limit: usize) -> Vec<(u32, PathBuf)> {
    let total: usize = by_class.iter().map(Vec::len).sum();
    let labelled = |class: usize, path: &PathBuf| (class as u32, path.clone());
    if total <= limit {
        let each = by_class.iter().enumerate();
        return each.flat_map(|(class, paths)| paths.iter().map(move |path| labelled(class, path))).collect();
    }
    let most = by_class.iter().map(Vec::len).max().unwrap_or(0);
    let rounds = (0..most).flat_map(|round| {
        by_class.iter().enumerate().filter_map(move |(class, paths)| Some(labelled(class, paths.get(round)?)))
    });
    rounds.take(limit).collect()
}

/// The size that all images have; without `resize` they must agree.
fn common_size(root: &Path, files: &[PathBuf], options: &OpenOptions) -> Result<[usize; 2]> {
    let Some((first, others)) = files.split_first() else {
        return Err(DataError::inconsistent(root, "there is no image in its folders"));
    };
    let size = image_size(first)?;
    if options.resize.is_some() {
        return Ok(size);
    }
    for other in others {
        let found = image_size(other)?;
        if found != size {
            let [[h, w], [other_h, other_w]] = [size, found];
            let problem =
                format!("{other_h}x{other_w}, but {} is {h}x{w}; ask for one size (--resize)", first.display());
            return Err(DataError::inconsistent(other, problem));
        }
    }
    Ok(size)
}
