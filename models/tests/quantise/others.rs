//! Float models of other people: each becomes an int8 model that runs and says nearly the same.

use edgebench_models::quantise::{CalibrateOptions, Error, QuantiseOptions, calibrate, measure, quantise_traced};
use edgebench_models::tflite::{Model, TensorType};
use edgebench_models::{Graph, LowerOptions, lower};

use super::common;
use super::nets::samples;

#[test]
fn float_models_become_int8_models() {
    let mut seen = 0;
    for path in common::models() {
        let small = std::fs::metadata(&path).is_ok_and(|file| file.len() < 3 << 20);
        let plain = path
            .components()
            .all(|part| !["golden", "formats", "tfmot16"].iter().any(|other| part.as_os_str() == *other));
        let name = path.display().to_string();
        if !(small && plain && name.contains("float") && !name.contains("int8") && !name.contains("floatio")) {
            continue;
        }
        let float = Model::open(&path).expect("a model");
        let len: i32 = float.subgraphs[0].tensors[float.subgraphs[0].inputs[0] as usize].shape.iter().product();
        let inputs = samples(len as usize, 3);
        let ranges = calibrate(&float, &inputs, &CalibrateOptions::default()).expect("ranges");
        let quantised = quantise_traced(&float, &ranges, &QuantiseOptions::default()).expect("an int8 model");
        let graph = &quantised.model.subgraphs[0];
        assert!(graph.tensors.iter().all(|tensor| tensor.dtype != TensorType::FLOAT32), "{name}");
        lower(&Graph::from_model(&quantised.model).expect("a graph"), &LowerOptions::default()).expect("a plan");
        let losses = measure(&float, &quantised, inputs.iter().take(1), &LowerOptions::default()).expect("losses");
        let weights = losses.iter().filter_map(|loss| loss.weights_db).fold(f64::INFINITY, f64::min);
        let last = losses.iter().rev().find(|loss| loss.op != "SOFTMAX").and_then(|loss| loss.output_db);
        assert!(weights > 25.0 && last.is_some_and(|db| db > 8.0), "{name}: {losses:#?}");
        seen += 1;
    }
    common::notice(&format!("{seen} float models quantised"));
}

#[test]
fn models_of_other_number_types_are_refused_by_name() {
    for path in common::models() {
        let name = path.display().to_string();
        if !(name.contains("dynamic_range") || name.contains("orig_float16") || name.contains("sparse_float.")) {
            continue;
        }
        let model = Model::open(&path).expect("a model");
        let error = calibrate(&model, [[0.0_f32; 1]], &CalibrateOptions::default()).expect_err("a refusal");
        assert!(matches!(error, Error::NotFloat { .. }), "{name}: {error}");
    }
}
