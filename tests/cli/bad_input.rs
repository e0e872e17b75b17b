//! What cannot be done is said in words, with exit code 2.

use crate::{Files, ZOO, edgebench, noise};
use edgebench::data::npy::DType;

/// The program must refuse with code 2, print nothing but an error that contains `words`, and not panic.
#[track_caller]
pub(crate) fn refused(args: &[&str], words: &[&str]) {
    let run = edgebench(args);
    assert_eq!(run.code, Some(2), "{args:?}: {}{}", run.stdout, run.stderr);
    assert!(run.stdout.is_empty(), "{args:?}: {}", run.stdout);
    assert!(run.stderr.starts_with("error: ") && !run.stderr.contains("panicked"), "{args:?}: {}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "{args:?}: no {word:?} in {}", run.stderr);
    }
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0";

#[test]
fn files_that_hold_no_model() {
    let files = Files::new();
    let cases = [
        (files.write("empty.tflite", b""), "an empty file"),
        (files.write("picture.tflite", PNG), "a PNG image"),
        (files.write("text.tflite", b"hello, this is no model"), "without the mark TFL3"),
        (files.name(""), "a directory"),
        (files.name("absent.tflite"), "cannot be read"),
    ];
    for (path, words) in &cases {
        for command in ["eval", "bench", "inspect"] {
            refused(&[command, path], &[path, words]);
        }
        refused(&["run", path, "--input", "x.npy", "--output", "y.npy"], &[path, words]);
    }
}

#[test]
fn truncated_models() {
    let files = Files::new();
    let zoo = std::fs::read(ZOO).expect("the zoo's model");
    for part in 0..24 {
        // Cuts close to the head hit the tables, later ones the weights.
        let path = files.write("cut.tflite", &zoo[..8 + part * part * (zoo.len() - 9) / (23 * 23)]);
        refused(&[["eval", "inspect", "bench"][part % 3], &path], &[&path]);
    }
}

#[test]
fn data_that_are_none() {
    let files = Files::new();
    std::fs::create_dir(files.path("nothing")).expect("a directory");
    for (path, words) in [
        (files.write("empty.npy", b""), "empty"),
        (files.write("picture.png", PNG), "image"),
        (files.name("nothing"), "nothing"),
        (files.name("absent"), "absent"),
    ] {
        refused(&["eval", "--data", &path], &[&path, words]);
    }
}

#[test]
fn labels_and_classes_that_do_not_fit() {
    let files = Files::new();
    let images = files.array("images.npy", DType::U8, &[2, 32, 32, 3], noise(2 * 32 * 32 * 3));
    let labels = |labels: [i64; 2]| {
        let bytes = labels.iter().flat_map(|label| label.to_le_bytes()).collect();
        files.array("labels.npy", DType::I64, &[2], bytes);
    };
    labels([0, 10]);
    refused(&["eval", "--data", &images], &["the model gives 10 scores", "has 11 classes"]);
    labels([0, -1]);
    refused(&["eval", "--data", &images], &["label -1 of sample 1"]);
    labels([0, 1 << 40]);
    refused(&["eval", "--data", &images], &["1099511627776"]);
    // A record of CIFAR-10 whose label is beyond its ten classes.
    let mut record = noise(3073);
    record[0] = 10;
    let batch = files.write("test_batch.bin", &record);
    refused(&["eval", "--data", &batch], &[&batch, "10"]);
}

#[test]
fn images_of_another_size_and_inputs_of_another_shape() {
    let files = Files::new();
    let images = files.array("images.npy", DType::U8, &[2, 28, 28, 3], noise(2 * 28 * 28 * 3));
    files.array("labels.npy", DType::U8, &[2], vec![0, 1]);
    refused(&["eval", "--data", &images], &["28x28", "32x32", "--resize"]);
    assert_eq!(edgebench(&["eval", "--data", &images, "--resize"]).code, Some(0));
    let output = files.name("y.npy");
    refused(&["run", ZOO, "--input", &images, "--output", &output], &["uint8", "the model takes int8"]);
    let input = files.array("x.npy", DType::I8, &[2, 28, 28, 3], noise(2 * 28 * 28 * 3));
    refused(&["run", ZOO, "--input", &input, "--output", &output], &["[2, 28, 28, 3]", "[N, 32, 32, 3]"]);
    assert!(!files.path("y.npy").exists());
}

#[test]
fn floats_that_say_nothing_about_pixels() {
    let files = Files::new();
    let float = std::fs::read(ZOO.replace("int8", "float")).expect("the zoo's float model");
    // Without its side file.
    let path = files.write("float.tflite", &float);
    refused(&["eval", &path], &[&path, "--preprocess raw", "float.toml"]);
    assert_eq!(edgebench(&["eval", &path, "--preprocess", "unit", "--limit", "9"]).code, Some(0));
}
