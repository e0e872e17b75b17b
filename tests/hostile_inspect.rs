//! Damaged models are described or refused, in words and without a panic.

use edgebench::inspect::describe::describe;
use edgebench::model::ModelFile;
use edgebench::report::inspect::InspectReport;
use edgebench::report::inspect_text::{Details, render};
use edgebench_models::LowerOptions;
use edgebench_models::tflite::Model;

/// Describes a file in all forms; whether it could be read.
fn inspect(bytes: &[u8]) -> bool {
    let file = ModelFile { path: None, file: "damaged.tflite".into(), bytes: bytes.into() };
    let Ok(row) = describe(&file, &LowerOptions::default()) else { return false };
    let report = InspectReport { schema: InspectReport::SCHEMA, models: vec![row], findings: Vec::new() };
    assert!(!render(&report, Details::All, 80).is_empty());
    assert!(serde_json::to_string(&report).is_ok());
    true
}

#[test]
fn mutated_models_are_described_or_refused() {
    let zoo =
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/models/zoo/digits_cnn_int8.tflite")).expect("the zoo");
    let mut state = 7_u64;
    let mut random = move |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    let mut described = 0;
    for round in 0..600 {
        let mut bytes = zoo.clone();
        for _ in 0..1 + random(4) {
            // Most of the tables lie behind the weights, in the last third of the file.
            let at = if round % 2 == 0 { random(bytes.len()) } else { bytes.len() - 1 - random(bytes.len() / 3) };
            bytes[at] = [0, 1, 0x7f, 0x80, 0xff, random(256) as u8][random(6)];
        }
        described += usize::from(inspect(&bytes));
    }
    assert!(described > 100, "only {described} of 600 could be read at all");
}

/// Tables are sound but what they say is extreme.
#[test]
fn absurd_shapes_and_scales() {
    let zoo = Model::read(include_bytes!("../models/zoo/digits_cnn_int8.tflite")).expect("the zoo");
    let mut described = 0;
    for id in 0..zoo.subgraphs[0].tensors.len() {
        for size in [0, -1, i32::MAX] {
            for dim in 0..zoo.subgraphs[0].tensors[id].shape.len() {
                let mut model = zoo.clone();
                model.subgraphs[0].tensors[id].shape[dim] = size;
                described += usize::from(model.write().is_ok_and(|bytes| inspect(&bytes)));
            }
        }
        let mut model = zoo.clone();
        if id % 2 == 0 {
            model.subgraphs[0].tensors[id].shape = vec![i32::MAX; 6];
        }
        model.subgraphs[0].tensors[id].name = "\u{1b}[2J\r\nname".into();
        if let Some(quantization) = &mut model.subgraphs[0].tensors[id].quantization {
            quantization.scale.fill(f32::NAN);
            quantization.zero_point.fill([i64::MIN, i64::MAX, i32::MIN.into()][id % 3]);
        }
        described += usize::from(model.write().is_ok_and(|bytes| inspect(&bytes)));
    }
    assert!(described > 40, "only {described}");
}
