//! `edgebench inspect`.

use crate::{ZOO, at, edgebench, json, number};

#[test]
fn the_json_describes_the_file() {
    let report = json(&["inspect", ZOO, "--json"]);
    assert_eq!(at(&report, "schema"), "edgebench.inspect/1");
    let model = at(&report, "models.0");
    assert_eq!(at(model, "runs"), true);
    assert_eq!(at(model, "operators.1.op"), "DEPTHWISE_CONV_2D");
    assert_eq!(at(model, "operators.1.details"), "3×3/2 relu");
    // 8 × 8 × 16 outputs of 9 products each.
    assert_eq!(number(model, "operators.1.macs"), 9216.0);
    let eval = json(&["eval", ZOO, "--limit", "1", "--json"]);
    assert_eq!(number(model, "macs"), number(&eval, "models.0.macs"));
    assert_eq!(number(model, "arena.bytes"), number(&eval, "models.0.arena_bytes"));
    assert!(number(model, "arena.live_bytes") <= number(model, "arena.bytes"));
    assert_eq!(at(model, "arena.steps").as_array().map(Vec::len), Some(11));
    for buffer in at(model, "arena.buffers").as_array().expect("a list") {
        assert!(number(buffer, "offset") + number(buffer, "len") <= number(model, "arena.bytes"));
        assert!(number(buffer, "first_step") <= number(buffer, "last_step"));
    }
    let tensors = at(model, "tensors").as_array().expect("a list");
    let weights = tensors.iter().find(|tensor| at(tensor, "shape") == &serde_json::json!([10, 48])).expect("weights");
    assert_eq!(number(weights, "quantisation.scales"), 10.0);
    assert_eq!((number(weights, "constant.bytes"), number(weights, "constant.distinct")), (480.0, 221.0));
}

#[test]
fn the_text_fits_80_columns() {
    for args in [&["inspect", ZOO, "--all"][..], &["inspect", &ZOO.replace("int8", "float")], &["inspect", "--brief"]] {
        let run = edgebench(args);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let widest = run.stdout.lines().max_by_key(|line| line.chars().count()).unwrap_or_default();
        assert!(widest.chars().count() <= 80, "{widest}");
    }
}

#[test]
fn what_cannot_run_is_described_all_the_same() {
    use edgebench_models::tflite::{BuiltinOperator, Model};
    let files = crate::Files::new();
    let mut model = Model::open(ZOO).expect("the zoo's model");
    let softmax = model.operator_codes.iter().position(|code| code.builtin_code == BuiltinOperator::SOFTMAX);
    model.operator_codes[softmax.expect("a softmax")].builtin_code = BuiltinOperator::SIN;
    let path = files.write("sine.tflite", &model.write().expect("a model"));
    let report = json(&["inspect", &path, "--json"]);
    assert_eq!(at(&report, "models.0.runs"), false);
    assert!(at(&report, "models.0.problem").as_str().is_some_and(|text| text.contains("operator 10 (SIN)")));
    assert!(at(&report, "models.0.arena").is_null());
    assert_eq!(at(&report, "models.0.operators.10.op"), "SIN");
    let run = edgebench(&["inspect", &path]);
    assert!(run.code == Some(0) && run.stdout.contains("cannot be run: operator 10 (SIN)"), "{}", run.stdout);
    let eval = edgebench(&["eval", &path]);
    assert!(eval.code == Some(2) && eval.stderr.contains("operator 10 (SIN) is not supported"), "{}", eval.stderr);
}
