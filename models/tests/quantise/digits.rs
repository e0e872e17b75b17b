//! The digit classifier of the zoo: its int8 file was made by TensorFlow's converter from 400 images of the training split.

use std::path::Path;

use edgebench_models::quantise::{CalibrateOptions, QuantiseOptions, Range, calibrate, quantise};
use edgebench_models::tflite::Model;

use super::compare::compare;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn zoo(name: &str) -> Model {
    Model::open(root().join("zoo").join(name)).expect("a model of the zoo")
}

/// Pixels of the training split as numbers 0 to 1: 8×8 values 0..=16, each 4×4 pixels of three equal channels.
pub(crate) fn training_images(count: usize) -> Vec<Vec<f32>> {
    let blob = std::fs::read(root().join("../src/data/digits.bin")).expect("the embedded digits");
    let records = blob[12..].chunks_exact(65).enumerate().filter(|(at, _)| at % 5 != 4);
    let image = |record: &[u8]| {
        let pixel = |at: usize| {
            let (y, x) = (at / 96 / 4, at / 3 % 32 / 4);
            ((u32::from(record[1 + 8 * y + x]) * 255 + 8) / 16) as f32 / 255.0
        };
        (0..32 * 32 * 3).map(pixel).collect()
    };
    records.take(count).map(|(_, record)| image(record)).collect()
}

/// The converter's calibration differs from ours in one tensor. LiteRT lets ADD write its result over an operand that dies
/// there, and the converter notes operands after the operator has run: so the range of that operand, the convolution before
/// ADD, comes to hold the result's range too. Ours is the range of the convolution.
const BEFORE_ADD: usize = 22;
const SUM: usize = 23;

#[test]
fn the_zoo_s_int8_model_is_reproduced_code_by_code() {
    let float = zoo("digits_cnn_float.tflite");
    let theirs = zoo("digits_cnn_int8.tflite");
    let mut ranges = calibrate(&float, training_images(400), &CalibrateOptions::default()).expect("ranges");
    let int8 = quantise(&float, &ranges, &QuantiseOptions::default()).expect("an int8 model");
    let found = compare(&int8, &theirs);
    assert_eq!(found.tensors, 8 * 4 + 3 + 3 + 2);
    let scale_and_zero_point_of_two_uses = 4;
    assert_eq!(found.real.len(), scale_and_zero_point_of_two_uses, "{:#?}", found.real);
    let only = |what: &String| {
        what.starts_with("operator 4 (CONV_2D), tensor 3") || what.starts_with("operator 5 (ADD), tensor 1")
    };
    assert!(found.real.iter().all(only), "{:#?}", found.real);

    // With the range as the converter sees it, nothing differs but last bits of scales.
    let (operand, sum) = (ranges.get(BEFORE_ADD).expect("a range"), ranges.get(SUM).expect("a range"));
    let joined = Range { min: operand.min.min(sum.min), max: operand.max.max(sum.max), ..operand };
    ranges.insert(BEFORE_ADD, joined).expect("a range");
    let int8 = quantise(&float, &ranges, &QuantiseOptions::default()).expect("an int8 model");
    let found = compare(&int8, &theirs);
    assert_eq!(found.real, [""; 0]);
    let runtime = int8.metadata("min_runtime_version").expect("metadata");
    assert_eq!(runtime[..], *b"1.14.0\0\0\0\0\0\0\0\0\0\0");
    // The same model again is the same bytes, and reads back.
    let bytes = int8.write().expect("a file");
    assert_eq!(Model::read(&bytes).expect("a model"), int8);
}
