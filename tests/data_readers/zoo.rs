//! The models of this project: the files are those of the record, and the record's figures are LiteRT's answers.

use std::fs;
use std::path::{Path, PathBuf};

use edgebench::data::npy::Array;
use edgebench::data::npz::read_npz;
use edgebench::data::preprocess::Preprocess;
use edgebench::data::side_file;
use sha2::{Digest, Sha256};

use super::open_default;

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn record() -> Vec<toml::Table> {
    record_of("models/zoo")
}

fn record_of(folder: &str) -> Vec<toml::Table> {
    let text = fs::read_to_string(root(folder).join("MODELS.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    table["model"].as_array().unwrap().iter().map(|model| model.as_table().unwrap().clone()).collect()
}

#[test]
fn the_files_are_those_of_the_record() {
    let folders = ["models/zoo", "models/zoo/cifar10"];
    for (folder, model) in
        folders.into_iter().flat_map(|folder| record_of(folder).into_iter().map(move |m| (folder, m)))
    {
        // Of some models the record has the figures only: they are large, and a command makes them again.
        let Some(file) = model.get("file") else { continue };
        let path = root(folder).join(file.as_str().unwrap());
        let bytes = fs::read(&path).unwrap();
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hash, model["sha256"].as_str().unwrap(), "{}", path.display());
        assert_eq!(bytes.len() as i64, model["bytes"].as_integer().unwrap());
    }
    let side = side_file::read_for(&root("models/zoo/digits_cnn_float.tflite")).unwrap().unwrap();
    assert_eq!(side.preprocess, Some(Preprocess::Unit));
}

fn index_of_largest(row: &[f64]) -> usize {
    (0..row.len()).rev().max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap()
}

fn values(array: &Array) -> Vec<f64> {
    match array.to_f32() {
        Some(values) => values.into_iter().map(f64::from).collect(),
        None => array.to_i64().unwrap().into_iter().map(|value| value as f64).collect(),
    }
}

#[test]
fn the_figures_are_those_of_the_golden_answers() {
    let golden = read_npz(&root("tests/golden/digits_cnn.npz")).unwrap();
    let array = |name: &str| values(&golden.iter().find(|(found, _)| found == name).unwrap().1);
    let labels = open_default("digits").unwrap().labels;
    assert_eq!(array("labels"), labels.iter().map(|&label| f64::from(label)).collect::<Vec<_>>());
    for (model, kind) in record().iter().zip(["int8", "float"]) {
        let answers = array(kind);
        let right = answers.chunks(10).zip(&labels).filter(|(row, label)| index_of_largest(row) == **label as usize);
        assert_eq!(right.count() as i64, model["test_correct"].as_integer().unwrap(), "{kind}");
    }
}
