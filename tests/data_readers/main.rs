//! Every data reader on small files made here, sound and damaged. An error is expected to name what is wrong.

mod arrays;
mod cifar;
mod cifar_python;
mod digits;
mod folder;
mod idx;
mod preprocess;
mod real;
mod zoo;

use std::fs;
use std::path::{Path, PathBuf};

use edgebench::data::{DataError, Dataset, OpenOptions, Split, Values, open};
use tempfile::TempDir;

/// A temporary directory with the given files in it.
fn dir_with(files: &[(&str, &[u8])]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    dir
}

fn open_default(path: impl AsRef<Path>) -> Result<Dataset, DataError> {
    open(path.as_ref(), &OpenOptions::default())
}

fn train() -> OpenOptions {
    OpenOptions { split: Split::Train, ..OpenOptions::default() }
}

/// The error's text, which must hold every one of `words`.
#[track_caller]
fn refused(result: Result<Dataset, DataError>, words: &[&str]) {
    let text = result.map(|dataset| dataset.source).expect_err("must be refused").to_string();
    for word in words {
        assert!(text.contains(word), "{text:?} does not say {word:?}");
    }
}

fn pixels(dataset: &Dataset, index: usize) -> Vec<u8> {
    match dataset.sample(index).unwrap().values {
        Values::U8(pixels) => pixels.into_owned(),
        other => panic!("expected pixels, found {other:?}"),
    }
}

/// Opens `file` cut after every byte and with single bytes changed; `Ok` or `Err`, but no panic.
/// Cut files must be refused.
fn torture(file: &[u8], name: &str, beside: &[(&str, &[u8])]) {
    let dir = dir_with(beside);
    let path: PathBuf = dir.path().join(name);
    for length in 0..file.len().min(260) {
        fs::write(&path, &file[..length]).unwrap();
        assert!(open_default(&path).is_err(), "{name} cut to {length} of {} bytes was accepted", file.len());
    }
    for at in 0..file.len().min(260) {
        for flip in [1, 0xff] {
            let mut changed = file.to_vec();
            changed[at] ^= flip;
            fs::write(&path, &changed).unwrap();
            let _ = open_default(&path);
        }
    }
}

#[test]
fn unknown_data_are_refused_with_what_is_supported() {
    let dir = dir_with(&[("notes.txt", b"hello"), ("empty.npy", b""), ("one.png", b"\x89PNG\r\n\x1a\n")]);
    refused(open_default(dir.path()), &["no data of a known kind", "CIFAR-10", "IDX", ".npz"]);
    refused(open_default(dir.path().join("notes.txt")), &["notes.txt", "no data of a known kind", "supported"]);
    refused(open_default(dir.path().join("empty.npy")), &["empty"]);
    refused(open_default(dir.path().join("one.png")), &["a single image", "folder"]);
    refused(open_default(dir.path().join("absent")), &["absent"]);
    let none = OpenOptions { limit: Some(0), ..OpenOptions::default() };
    refused(open("digits".as_ref(), &none), &["limit of 0"]);
}

#[test]
fn a_directory_of_two_kinds_is_ambiguous() {
    let record = [0; 3073];
    let dir = dir_with(&[("cifar-10-batches-bin/test_batch.bin", &record), ("cifar-10-batches-py/test_batch", b"x")]);
    refused(open_default(dir.path()), &["binary version", " or ", "python version"]);
}
