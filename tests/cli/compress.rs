//! `compress` on what cannot be compressed, and on the files of other tools.

use std::io::Write;
use std::path::{Path, PathBuf};

use edgebench::data::npy::DType;

use crate::bad_input::refused;
#[cfg(unix)]
use crate::train::{cramped, no_rest};
use crate::{FLOAT, Files, ZOO, edgebench, noise};

/// What every call here says.
const SHORT: [&str; 10] =
    ["--preprocess", "unit", "--limit", "100", "--epochs", "1", "--threads", "1", "--batch", "20"];

fn compress<'a>(model: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    ["compress", model].iter().chain(&SHORT).chain(more).copied().collect()
}

#[test]
fn recipes_that_cannot_be_followed() {
    let files = Files::new();
    let output = files.name("out.tflite");
    for (recipe, words) in [
        ("pcqt-int8", "did you mean \"pcqat-int8\"?"),
        ("17", "built in are 1 to 16 and original"),
        ("absent.toml", "absent.toml: cannot be read"),
    ] {
        refused(&compress(FLOAT, &["--recipe", recipe, "-o", &output]), &[words]);
    }
    for (stage, words) in [
        ("kind = \"cluster\"\nclusters = 100000", "clusters = 100000 is not from 2 to 256"),
        ("kind = \"cluster\"\nclusters = 1", "clusters = 1 is not from 2 to 256"),
        ("kind = \"prune\"\nsparsity = 1.0", "sparsity 1 is not from 0 to below 1"),
        ("kind = \"prune\"\nsparsity = 1.5", "sparsity 1.5 is not from 0 to below 1"),
        ("kind = \"prune\"\nsparsity = nan", "sparsity NaN is not from 0 to below 1"),
        ("kind = \"prune\"\npattern = \"4:2\"", "\"4:2\" is none of unstructured, 2:4"),
        ("kind = \"prun\"", "did you mean \"prune\"?"),
        ("kind = \"prune\"\nsparsty = 0.5", "did you mean \"sparsity\"?"),
        ("kind = \"qat\"\n[[stage]]\nkind = \"prune\"", "nothing can follow quantisation-aware training"),
        ("kind = \"prune\"\nrate = -1.0", "rate"),
    ] {
        let recipe = files.write("mine.toml", format!("name = \"mine\"\n[[stage]]\n{stage}\n").as_bytes());
        refused(&compress(FLOAT, &["--recipe", &recipe, "-o", &output]), &["mine.toml", words]);
    }
    let recipe = files.write("mine.toml", b"name = \"../evil\"\n");
    refused(&compress(FLOAT, &["--recipe", &recipe]), &["files are called by it"]);
    assert!(!files.path("out.tflite").exists());
}

#[test]
fn networks_and_images_that_do_not_fit() {
    let files = Files::new();
    let output = files.name("out.tflite");
    refused(&compress(ZOO, &["-o", &output]), &["cannot be compressed", "give the float file"]);
    let mut bytes = std::fs::read(FLOAT).expect("a model");
    let at = (bytes.len() / 2) & !3;
    bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let model = files.write("nan.tflite", &bytes);
    refused(
        &compress(&model, &["-o", &output]),
        &["nan.tflite: cannot be compressed", "is NaN, expected finite numbers"],
    );

    let images = |name: &str, size: usize, labels: Vec<u8>| {
        let count = labels.len();
        files.array(&format!("{name}_labels.npy"), DType::U8, &[count], labels);
        files.array(&format!("{name}.npy"), DType::U8, &[count, size, size, 3], noise(count * size * size * 3))
    };
    let one = images("one", 32, vec![0; 20]);
    refused(&compress(FLOAT, &["--data", &one, "-o", &output]), &["every image is of class 0"]);
    let small = images("small", 16, vec![0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    refused(&compress(FLOAT, &["--data", &small, "-o", &output]), &["takes 32×32×3, the images are 16×16×3; --size"]);
    let many = images("many", 32, (0..48).map(|at| at % 12).collect());
    refused(&compress(FLOAT, &["--data", &many, "-o", &output]), &["gives 10 scores, the images have 12 classes"]);
    assert!(!files.path("out.tflite").exists());
}

/// A loss that is no number ends the stage; the stages before it are kept as they were.
#[test]
fn a_stage_that_diverges() {
    let files = Files::new();
    let (output, work) = (files.name("out.tflite"), files.name("stages"));
    let first = "name = \"mine\"\n[[stage]]\nkind = \"prune\"\n";
    let recipe = files.write("mine.toml", first.as_bytes());
    let args = compress(FLOAT, &["-q", "--recipe", &recipe, "--work", &work, "-o", &output]);
    let run = edgebench(&args);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let stages = || {
        let entries = std::fs::read_dir(files.path("stages")).expect("a folder").flatten();
        let mut all: Vec<(PathBuf, Vec<u8>)> =
            entries.map(|entry| (entry.path(), std::fs::read(entry.path()).expect("a stage"))).collect();
        all.sort();
        all
    };
    let before = (stages(), std::fs::read(&output).expect("a model"));
    assert_eq!(before.0.len(), 1);

    let wild = "[[stage]]\nkind = \"fine-tune\"\nrate = 1000.0\nschedule = \"constant\"\noptimizer = \"sgd\"\n";
    files.write("mine.toml", format!("{first}{wild}").as_bytes());
    refused(&args, &["the loss is no longer finite", "lower the learning rate"]);
    assert!((stages(), std::fs::read(&output).expect("a model")) == before, "files have changed");

    #[cfg(unix)]
    {
        let more = "[[stage]]\nkind = \"fine-tune\"\n";
        files.write("mine.toml", format!("{first}{more}").as_bytes());
        let (code, words) = cramped(&args);
        assert_eq!(code, Some(2), "{words}");
        assert!(words.contains("File too large"), "{words}");
        assert!((stages(), std::fs::read(&output).expect("a model")) == before, "files have changed");
        no_rest(&files.path("stages"));
    }

    // A stage that was damaged is not taken for one.
    let (stage, bytes) = &before.0[0];
    files.write("mine.toml", first.as_bytes());
    std::fs::write(stage, &bytes[..bytes.len() / 2]).expect("written");
    refused(&args, &["stage-", "not a checkpoint"]);
    assert_eq!(std::fs::read(stage).expect("still there").len(), bytes.len() / 2);
}

/// Files of TensorFlow's model optimisation toolkit are looked at, measured, and the float ones compressed.
#[test]
fn files_of_tfmot() {
    let named = std::env::var_os("EDGEBENCH_MODELS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models");
    let folders = [named, Some(beside)].into_iter().flatten().map(|models| models.join("made").join("tfmot16"));
    let Some(folder) = folders.into_iter().find(|folder| folder.is_dir()) else {
        let text = "skipped: no files of tfmot; set EDGEBENCH_MODELS to a folder that holds made/tfmot16";
        return drop(writeln!(std::io::stderr(), "{text}"));
    };
    let files = Files::new();
    let (output, work) = (files.name("out.tflite"), files.name("stages"));
    let (mut floats, mut int8s) = (0, 0);
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path().display().to_string();
        if !path.ends_with(".tflite") {
            continue;
        }
        for args in [&["inspect", &path][..], &["eval", &path, "--preprocess", "unit", "--limit", "10", "-q"]] {
            let run = edgebench(args);
            assert_eq!(run.code, Some(0), "{args:?}: {}", run.stderr);
        }
        let args = compress(&path, &["-q", "--recipe", "10", "--work", &work, "-o", &output]);
        if path.contains("float") {
            let run = edgebench(&args);
            assert_eq!(run.code, Some(0), "{path}: {}", run.stderr);
            floats += 1;
        } else {
            refused(&args, &[&path, "give the float file that this one was made from"]);
            int8s += 1;
        }
    }
    assert_eq!((floats, int8s), (8, 8));
}
