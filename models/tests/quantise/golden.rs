//! The small networks against what TensorFlow's converter makes of them (`scripts/make_ptq_golden.py`).

use std::path::Path;

use edgebench_models::quantise::{CalibrateOptions, QuantiseOptions, Range, Ranges, calibrate, quantise};
use edgebench_models::tflite::{BuiltinOperator, Model};

use super::compare::compare;
use super::nets;

fn golden(name: &str) -> Model {
    Model::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/ptq").join(name)).expect("a golden model")
}

/// Calibration as the converter does it: see `digits.rs` about operands of ADD.
fn as_the_converter_sees_them(model: &Model, ranges: &mut Ranges) {
    let graph = &model.subgraphs[0];
    for op in &graph.operators {
        let written_in_place = match model.code_of(op).builtin_code {
            BuiltinOperator::ADD | BuiltinOperator::MUL => &op.inputs[..],
            _ => continue,
        };
        let reads =
            |tensor: &i32| graph.operators.iter().flat_map(|op| &op.inputs).filter(|input| *input == tensor).count();
        for &operand in written_in_place.iter().filter(|tensor| reads(tensor) == 1) {
            let (operand, result) = (operand as usize, op.outputs[0] as usize);
            let same_size = graph.tensors[operand].shape == graph.tensors[result].shape;
            if let (Some(a), Some(b), true) = (ranges.get(operand), ranges.get(result), same_size) {
                let joined = Range { min: a.min.min(b.min), max: a.max.max(b.max), ..a };
                ranges.insert(operand, joined).expect("a range");
                break;
            }
        }
    }
}

fn check(name: &str, golden_name: &str, options: &QuantiseOptions) {
    let (_, len, float) = nets::all().into_iter().find(|(known, _, _)| *known == name).expect("a network");
    let mut ranges = calibrate(&float, nets::samples(len, 200), &CalibrateOptions::default()).expect("ranges");
    as_the_converter_sees_them(&float, &mut ranges);
    let int8 = quantise(&float, &ranges, options).expect("an int8 model");
    let theirs = golden(golden_name);
    assert_eq!(compare(&int8, &theirs).real, [""; 0], "{golden_name}");
    let runtime = |model: &Model| model.metadata("min_runtime_version").expect("metadata").to_vec();
    assert_eq!(runtime(&int8), runtime(&theirs));
}

#[test]
fn a_residual_network() {
    check("residual", "residual.tflite", &QuantiseOptions::default());
}

#[test]
fn one_scale_for_all_weights_of_a_dense_layer() {
    let options = QuantiseOptions { per_channel_dense: false, ..QuantiseOptions::default() };
    check("residual", "residual_whole.tflite", &options);
}

#[test]
fn gates_constants_and_upsampling() {
    check("gated", "gated.tflite", &QuantiseOptions::default());
}

#[test]
fn joined_branches_have_one_scale() {
    check("joined", "joined.tflite", &QuantiseOptions::default());
}

#[test]
fn where_scales_meet_there_is_a_quantize() {
    check("meeting", "meeting.tflite", &QuantiseOptions::default());
}
