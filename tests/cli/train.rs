//! `train` on what cannot be trained: said in words, with files that were there left as they are.

use std::path::Path;
use std::process::Command;

use edgebench::data::npy::DType;

use crate::bad_input::refused;
use crate::{Files, edgebench, noise};

/// Few images, one epoch.
const SHORT: [&str; 8] = ["train", "digits", "--limit", "100", "--epochs", "1", "--threads", "1"];

fn short<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SHORT.iter().chain(more).copied().collect()
}

/// A folder's files by name.
fn names(files: &Files) -> Vec<String> {
    let entries = std::fs::read_dir(files.path("")).expect("a folder").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Images with these labels beside them.
fn labelled(files: &Files, name: &str, labels: &[u8]) -> String {
    let pixels = noise(labels.len() * 16 * 16 * 3);
    files.array(&format!("{name}_labels.npy"), DType::U8, &[labels.len()], labels.to_vec());
    files.array(&format!("{name}.npy"), DType::U8, &[labels.len(), 16, 16, 3], pixels)
}

#[test]
fn images_that_teach_nothing() {
    let files = Files::new();
    for (labels, words) in [
        (&[0u8; 40][..], &["every image is of class 0", "two classes"][..]),
        (&[0, 2, 0, 2, 0, 2, 2, 0, 0, 2], &["class 1 has no training image; leave it out"]),
        (&[0, 2, 4, 0, 2, 4, 0, 2, 4, 0, 2, 4], &["class 1 has no training image, nor has class 3"]),
        (&[9, 0, 9, 0, 9, 0, 9, 0, 9, 0], &["class 1 has no training image, nor have 7 other classes"]),
    ] {
        let data = labelled(&files, "x", labels);
        let output = files.name("net.tflite");
        refused(&["train", "digits", "--data", &data, "-q", "-o", &output], words);
        assert_eq!(names(&files), ["x.npy", "x_labels.npy"]);
    }
    let floats = vec![0u8; 4 * 10 * 16 * 16 * 3];
    let data = files.array("x.npy", DType::F32, &[10, 16, 16, 3], floats);
    files.array("x_labels.npy", DType::U8, &[10], vec![0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    refused(&["train", "digits", "--data", &data, "-q"], &["x: arrays that are not 8-bit pixels"]);
    refused(&["train", "digits", "--validation", "5000"], &["5000 of 1438 images"]);
}

#[test]
fn numbers_that_make_no_sense() {
    for (option, value, words) in [
        ("--rate", "nan", "rate = NaN is not from 0 to 1000"),
        ("--rate", "-1", "rate = -1 is not"),
        ("--epochs", "0", "epochs = 0 is not"),
        ("--batch", "0", "batch = 0 is not"),
        ("--label-smoothing", "2", "label_smoothing = 2 is not"),
        ("--weight-decay", "-0.5", "weight_decay = -0.5 is not"),
        ("--warmup", "-3", "warmup = -3 is not"),
        ("--clip", "-1", "clip = -1 is not"),
        ("--optimizer", "sdg", "sgd, adam, adamw"),
    ] {
        refused(&["train", "digits", option, value], &[words]);
    }
    refused(&["train", "digts"], &["did you mean \"digits\"?"]);
}

#[test]
fn a_loss_that_is_no_number() {
    let files = Files::new();
    let output = files.name("net.tflite");
    refused(
        &short(&["--rate", "1000", "--schedule", "constant", "--warmup", "0", "--batch", "8", "-q", "-o", &output]),
        &["the loss is no longer finite after step", "lower the learning rate"],
    );
    assert!(names(&files).is_empty(), "{:?}", names(&files));
}

#[test]
fn places_that_take_no_file() {
    let files = Files::new();
    refused(&short(&["-o", &files.name("")]), &["is a folder; give the name of a file"]);
    refused(&short(&["-o", &(files.name("new") + "/")]), &["is a folder; give the name of a file"]);
    let taken = files.write("taken", b"a file");
    refused(&short(&["-o", &(taken.clone() + "/net.tflite")]), &[&taken, "cannot be made"]);
    #[cfg(unix)]
    {
        let pipe = files.name("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        refused(&short(&["-o", &pipe]), &[&pipe, "is no file"]);
        refused(
            &["compress", crate::FLOAT, "--preprocess", "unit", "--recipe", "2", "-o", &pipe],
            &[&pipe, "is no file"],
        );
        let kind = std::fs::metadata(&pipe).expect("still there").file_type();
        assert!(std::os::unix::fs::FileTypeExt::is_fifo(&kind));
    }
    assert_eq!(names(&files).len(), if cfg!(unix) { 2 } else { 1 });
    // A folder that is not there is made.
    let run = edgebench(&short(&["-q", "-o", &files.name("new/net.tflite")]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(files.path("new/net.tflite").is_file());
}

#[test]
fn checkpoints_that_are_none() {
    let files = Files::new();
    let output = files.name("net.tflite");
    let run = |words: &[&str]| refused(&short(&["-q", "-o", &output]), words);
    let kept = files.path("net.training.safetensors");
    let first = edgebench(&short(&["-q", "-o", &output]));
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let good = std::fs::read(&kept).expect("a checkpoint");

    let mut numbers = good.clone();
    let header = 8 + u64::from_le_bytes(good[..8].try_into().expect("eight bytes")) as usize;
    let text = std::str::from_utf8(&good[8..header]).expect("a header");
    let (_, after) = text.split_once("param/logits.bias").expect("a tensor");
    let (_, after) = after.split_once("\"data_offsets\":[").expect("offsets");
    let start: usize = after.split(',').next().expect("one").parse().expect("a number");
    numbers[header + start..][..4].copy_from_slice(&f32::NAN.to_le_bytes());

    for (bytes, words) in [
        (&b""[..], "not a checkpoint"),
        (b"garbage that is long enough for a length", "not a checkpoint"),
        (&good[..good.len() / 2], "not a checkpoint"),
        (&good[..good.len() - 1], "not a checkpoint"),
        (&numbers, "value 0 is NaN"),
    ] {
        std::fs::write(&kept, bytes).expect("written");
        run(&["net.training.safetensors", words]);
        assert!(std::fs::read(&kept).expect("still there") == bytes, "{words}: the file has changed");
    }
    std::fs::write(&kept, &good).expect("written");
    refused(&short(&["-q", "--seed", "2", "-o", &output]), &["belongs to another training", "move it away"]);
    assert!(std::fs::read(&kept).expect("still there") == good);
    std::fs::remove_file(&kept).expect("removed");
    std::fs::create_dir(&kept).expect("a folder");
    run(&["net.training.safetensors"]);
}

/// Runs the program where no file may have more than some 10,000 bytes, as if the disk were full.
#[cfg(unix)]
pub(crate) fn cramped(args: &[&str]) -> (Option<i32>, String) {
    let script = "trap '' XFSZ; ulimit -f 20; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_edgebench")]).args(args).env_remove("EDGEBENCH_ISA");
    let output = command.output().expect("a shell");
    (output.status.code(), String::from_utf8(output.stderr).expect("text"))
}

/// No unfinished file is left.
#[cfg(unix)]
pub(crate) fn no_rest(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(!name.starts_with(".edgebench-") && !name.ends_with(".partial"), "{name} was left");
    }
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full() {
    let files = Files::new();
    let output = files.name("net.tflite");
    let args = short(&["-q", "-o", &output]);
    let (code, words) = cramped(&args);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.starts_with("error: ") && words.contains("net.training.safetensors: File too large"), "{words}");
    assert!(names(&files).is_empty(), "{:?}", names(&files));

    let run = edgebench(&args);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let read = |name: &str| std::fs::read(files.path(name)).expect("a file");
    let before = [read("net.tflite"), read("net.training.safetensors")];
    let (code, words) = cramped(&args);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("net.tflite: File too large"), "{words}");
    assert!(before == [read("net.tflite"), read("net.training.safetensors")]);
    no_rest(&files.path(""));
}
