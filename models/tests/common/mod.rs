//! Models to read.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

/// The folder of other people's models: `$EDGEBENCH_MODELS`, or the one beside the repository.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("EDGEBENCH_MODELS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/models");
    named.or(Some(beside)).filter(|folder| folder.is_dir())
}

/// All `.tflite` files in it, in order; says so if there are none.
pub(crate) fn models() -> Vec<PathBuf> {
    let mut found = Vec::new();
    match folder() {
        Some(folder) => collect(&folder, &mut found),
        None => notice("skipped: no models; set EDGEBENCH_MODELS to a folder with .tflite files"),
    }
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "tflite") {
            found.push(path);
        }
    }
}

/// Says something that the test harness does not swallow.
pub(crate) fn notice(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
