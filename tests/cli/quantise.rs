//! `edgebench quantise`.

use edgebench::data::npy::DType;
use edgebench_models::build::{Builder, Kernel, Window};
use edgebench_models::graph::Activation;
use edgebench_models::tflite::{BuiltinOperator, Model, OperatorCode, TensorType};

use crate::{Files, ZOO, at, edgebench, json, number};

/// The float form of the embedded model; its side file says what a pixel means.
pub(crate) const FLOAT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/zoo/digits_cnn_float.tflite");

/// A tiny classifier of 2×2 images.
fn tiny(weight: f32) -> Model {
    let mut b = Builder::new("tiny");
    let x = b.input("x", &[1, 2, 2, 1]).expect("an input");
    let values = [weight, -0.5, 0.25];
    let kernel = Kernel { shape: &[3, 1, 1, 1], values: &values, bias: None };
    let x = b.conv_2d(x, &kernel, Window { activation: Activation::Relu, ..Window::default() }).expect("a layer");
    let x = b.mean(x, &[1, 2], false).expect("a mean");
    let x = b.softmax(x, 1.0).expect("scores");
    b.finish(&[("scores", x)]).expect("a model")
}

fn port_types(path: &str) -> (TensorType, TensorType) {
    let model = Model::open(path).expect("a model");
    let graph = &model.subgraphs[0];
    let dtype = |ids: &[i32]| graph.tensors[ids[0] as usize].dtype;
    (dtype(&graph.inputs), dtype(&graph.outputs))
}

#[test]
fn the_digits_model_loses_nothing() {
    let files = Files::new();
    let out = files.name("int8.tflite");
    let report = json(&["quantise", FLOAT, "-o", &out, "--calibration", "400", "--json"]);
    assert_eq!(at(&report, "schema"), "edgebench.quantise/1");
    assert_eq!(at(&report, "calibration.split"), "train");
    assert_eq!(number(&report, "calibration.samples"), 400.0);
    assert_eq!(at(&report, "calibration.preprocess"), "unit");
    assert_eq!(number(&report, "accuracy.n"), 359.0);
    assert!(number(&report, "accuracy.int8.top1") > 0.98 && number(&report, "accuracy.agree") > 355.0);
    assert!(number(&report, "size.int8.raw") < 0.5 * number(&report, "size.float.raw"));
    let layers = at(&report, "layers").as_array().expect("a list");
    assert_eq!(layers.len(), 11);
    assert!(layers.iter().all(|layer| number(layer, "output_db") > 25.0), "{layers:?}");
    assert!(number(&report, "layers.0.weights_db") > 40.0);
    assert!(at(&report, "layers.10.weights_db").is_null());
    // What is written is evaluated as any other model, without being told what a pixel means.
    let evaluated = json(&["eval", &out, "--json"]);
    assert_eq!(at(&evaluated, "models.0.top1"), at(&report, "accuracy.int8.top1"));
    assert_eq!(at(&evaluated, "models.0.sha256"), at(&report, "written_sha256"));
    // Nothing is left beside it, and the same again is the same file.
    let names: Vec<_> = std::fs::read_dir(files.path("")).expect("a directory").collect();
    assert_eq!(names.len(), 1);
    let first = std::fs::read(&out).expect("a file");
    let run = edgebench(&["quantize", FLOAT, "-o", &out, "--calibration", "400"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(std::fs::read(&out).expect("a file"), first);
    assert!(run.stdout.contains("signal to noise, the worst 10 of 11 operators"), "{}", run.stdout);
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
}

#[test]
fn ports_are_of_the_type_that_was_asked_for() {
    let files = Files::new();
    for (io, dtype, conversions) in
        [("int8", TensorType::INT8, 0.0), ("uint8", TensorType::UINT8, 2.0), ("float", TensorType::FLOAT32, 2.0)]
    {
        let out = files.name(io);
        let args = ["quantise", FLOAT, "-o", &out, "--calibration", "20", "--limit", "50", "--io", io, "--json"];
        let report = json(&args);
        assert_eq!(port_types(&out), (dtype, dtype), "{io}");
        assert_eq!(number(&report, "operators.conversions"), conversions);
        assert!(number(&report, "accuracy.int8.top1") > 0.9);
        let warned = at(&report, "warnings").as_array().expect("a list").len();
        assert_eq!(warned, usize::from(io == "float"), "{io}: {report}");
    }
}

#[test]
fn options_say_what_they_did() {
    let files = Files::new();
    let out = files.name("int8.tflite");
    let common = ["quantise", FLOAT, "-o", &out, "--calibration", "30", "--limit", "60", "--json"];
    let report =
        json(&[&common[..], &["--equalize", "--bias-correction", "--method", "mse", "--per-tensor-dense"]].concat());
    assert!(number(&report, "equalisation.pairs") > 1.0 && number(&report, "equalisation.largest") > 1.0);
    assert_eq!(number(&report, "bias_correction.layers"), 8.0);
    assert_eq!((at(&report, "calibration.method"), at(&report, "per_channel_dense")), (&"mse".into(), &false.into()));
    assert!(number(&report, "accuracy.int8.top1") > 0.9);
    let plain = json(&common);
    assert!(at(&plain, "equalisation").is_null() && at(&plain, "bias_correction").is_null());
    assert_ne!(at(&plain, "written_sha256"), at(&report, "written_sha256"));
    let report = json(&[&common[..], &["--method", "percentile", "--percentile", "99%"]].concat());
    assert_eq!(number(&report, "calibration.percentile"), 0.99);
}

#[test]
fn arrays_without_parts_serve_for_both() {
    let files = Files::new();
    let model = files.write("tiny.tflite", &tiny(1.0).write().expect("a file"));
    let values: Vec<u8> = (0..24).flat_map(|i| (i as f32 / 10.0 - 1.0).to_le_bytes()).collect();
    let x = files.array("x.npy", DType::F32, &[6, 2, 2, 1], values);
    files.array("labels.npy", DType::U8, &[6], vec![0, 1, 2, 0, 1, 2]);
    let out = files.name("int8.tflite");
    let report = json(&["quantise", &model, "-o", &out, "--data", &x, "--json"]);
    assert!(at(&report, "calibration.split").is_null() && at(&report, "calibration.preprocess").is_null());
    assert_eq!(number(&report, "accuracy.n"), 6.0);
    assert!(at(&report, "warnings.0").as_str().is_some_and(|said| said.contains("the data have no parts")));
    // More classes than scores: calibrated all the same, accuracy is left out.
    files.array("labels.npy", DType::U8, &[6], vec![0, 1, 2, 3, 4, 5]);
    let report = json(&["quantise", &model, "-o", &out, "--data", &x, "--json"]);
    assert!(at(&report, "accuracy").is_null());
    assert!(at(&report, "warnings.0").as_str().is_some_and(|said| said.contains("accuracy was not measured")));
}

#[test]
fn what_cannot_be_quantised_is_said_and_nothing_is_written() {
    let files = Files::new();
    let out = files.name("int8.tflite");
    let mut exp = tiny(1.0);
    let softmax = exp.operator_codes.iter().position(|c| c.builtin_code == BuiltinOperator::SOFTMAX).expect("one");
    exp.operator_codes[softmax] = OperatorCode::builtin(BuiltinOperator::EXP, 1);
    exp.subgraphs[0].operators[2].options = edgebench_models::tflite::Options::None;
    let exp = files.write("exp.tflite", &exp.write().expect("a file"));
    let nan = files.write("nan.tflite", &tiny(f32::NAN).write().expect("a file"));
    let model = files.write("tiny.tflite", &tiny(1.0).write().expect("a file"));
    let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let bad = files.array("bad.npy", DType::F32, &[1, 2, 2, 1], bytes(&[0.0, f32::INFINITY, 0.0, 0.0]));
    let good = files.array("good.npy", DType::F32, &[1, 2, 2, 1], bytes(&[0.0; 4]));
    let wide = files.array("wide.npy", DType::F32, &[1, 3, 2, 1], bytes(&[0.0; 6]));
    files.array("labels.npy", DType::U8, &[1], vec![0]);
    let labels = files.name("labels.npy");
    for (model, data, said) in [
        (exp.as_str(), good.as_str(), "operator 2 (EXP) cannot be quantised: it has no int8 form here"),
        (&nan, &good, "conv_2d_0/weights holds NaN at element 0"),
        (&model, &bad, "becomes inf on calibration sample 0"),
        (&model, &wide, "cannot be calibrated on"),
        (ZOO, "digits", "is INT8, so this is no float32 model"),
        (FLOAT, &good, "cannot be calibrated on"),
        ("absent.tflite", "digits", "cannot be read"),
    ] {
        let run = edgebench(&["quantise", model, "-o", &out, "--data", data, "--labels", &labels]);
        assert_eq!(run.code, Some(2), "{model} {data}: {}", run.stdout);
        assert!(run.stderr.contains(said), "{model} {data}: {}", run.stderr);
        assert!(!files.path("int8.tflite").exists());
    }
    let run = edgebench(&["quantise", FLOAT, "-o", &files.name("no/such/folder/x.tflite"), "--calibration", "2"]);
    assert_eq!(run.code, Some(2));
    for (args, hint) in [
        (&["--calibration", "0"][..], "--calibration"),
        (&["--method", "entropy"], "minmax"),
        (&["--percentile", "10%"], "more than 50%"),
        (&["--io", "int16"], "uint8"),
    ] {
        let run = edgebench(&[&["quantise", FLOAT, "-o", &out], args].concat());
        assert_eq!(run.code, Some(2), "{args:?}");
        assert!(run.stderr.contains(hint), "{args:?}: {}", run.stderr);
    }
}
