//! Networks from scratch: what they hold, that they run, and what is refused.

use std::sync::Arc;

use edgebench_models::build::{Builder, Kernel, Window};
use edgebench_models::graph::{Activation, Padding};
use edgebench_models::tflite::{Model, TensorType};
use edgebench_models::{Error, Graph, LowerOptions, Session, lower};

/// Runs a model with one input and one output.
fn run(model: &Model, input: &[f32]) -> Vec<f32> {
    let graph = Graph::from_model(model).expect("a graph");
    let plan = lower(&graph, &LowerOptions::default()).expect("a plan");
    let mut session = Session::new(Arc::new(plan)).expect("a session");
    let bytes: Vec<u8> = input.iter().flat_map(|v| v.to_le_bytes()).collect();
    session.set_input(0, &bytes).expect("an input");
    session.run();
    session.output(0).as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn kernel<'a>(shape: &'a [usize], values: &'a [f32]) -> Kernel<'a> {
    Kernel { shape, values, bias: None }
}

#[test]
fn a_network_runs_and_is_the_same_file_each_time() {
    let make = || -> Result<Model, Error> {
        let mut b = Builder::new("sum");
        let x = b.input("x", &[1, 2, 2, 1])?;
        let padded = b.pad(x, &[[0, 0], [0, 1], [1, 0], [0, 0]])?;
        let window = Window { padding: Padding::Valid, ..Window::default() };
        let sums = b.label("sums").conv_2d(padded, &kernel(&[1, 2, 2, 1], &[1.0; 4]), window)?;
        let doubled = b.add(sums, sums, Activation::None)?;
        let up = b.resize_nearest_neighbor(doubled, [4, 2])?;
        let joined = b.concatenation(&[up, up], 3, Activation::None)?;
        let flat = b.reshape(joined, &[16])?;
        b.finish(&[("y", flat)])
    };
    let model = make().expect("a model");
    // Windows of x = 1 2 / 3 4 with a column of zeros before and a row below: 4 10 / 3 7.
    let rows = [[8.0, 20.0], [8.0, 20.0], [6.0, 14.0], [6.0, 14.0]];
    let expected: Vec<f32> = rows.as_flattened().iter().flat_map(|&v| [v, v]).collect();
    assert_eq!(run(&model, &[1.0, 2.0, 3.0, 4.0]), expected);
    let bytes = model.write().expect("a file");
    assert_eq!(bytes, make().expect("a model").write().expect("a file"));
    assert_eq!(Model::read(&bytes).expect("a model"), model);
}

#[test]
fn a_file_says_what_the_converter_s_would() {
    let mut b = Builder::new("names");
    let x = b.input("image", &[1, 4, 4, 2]).expect("an input");
    let x =
        b.label("stem").depthwise_conv_2d(x, &kernel(&[1, 3, 3, 2], &[0.5; 18]), Window::default()).expect("a layer");
    let x = b.mean(x, &[1, 2], true).expect("a mean");
    let x = b.hard_swish(x).expect("a value");
    let model = b.finish(&[("scores", x)]).expect("a model");
    let graph = &model.subgraphs[0];
    let codes: Vec<String> = model.operator_codes.iter().map(|c| format!("{} {}", c.name(), c.version)).collect();
    assert_eq!(codes, ["DEPTHWISE_CONV_2D 1", "MEAN 1", "HARD_SWISH 1"]);
    assert_eq!(model.metadata("min_runtime_version").expect("metadata")[..8], *b"1.15.0\0\0");
    let signature = &model.signature_defs[0];
    assert_eq!(signature.signature_key, "serving_default");
    assert_eq!((signature.inputs[0].name.as_str(), signature.outputs[0].name.as_str()), ("image", "scores"));
    assert_eq!(graph.tensors[0].shape_signature, [-1, 4, 4, 2]);
    let named = |name: &str| graph.tensors.iter().any(|t| t.name == name);
    assert!(named("stem") && named("stem/weights") && named("stem/bias"));
    // Runtimes ask for a bias, so there is one of zeros.
    assert_eq!(graph.operators[0].inputs.len(), 3);
}

#[test]
fn equal_constants_are_stored_once() {
    let mut b = Builder::new("twice");
    let x = b.input("x", &[1, 3]).expect("an input");
    let weights = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
    let x = b.fully_connected(x, &kernel(&[3, 3], &weights), Activation::Relu).expect("a layer");
    let x = b.fully_connected(x, &kernel(&[3, 3], &weights), Activation::None).expect("a layer");
    let x = b.softmax(x, 1.0).expect("scores");
    let model = b.finish(&[("y", x)]).expect("a model");
    let filled = model.buffers.iter().filter(|buffer| !buffer.is_empty()).count();
    let the_weights_and_the_metadata = 2;
    assert_eq!(filled, the_weights_and_the_metadata);
    let sum: f32 = run(&model, &[1.0, -2.0, 3.0]).iter().sum();
    assert!((sum - 1.0).abs() < 1e-6);
}

#[test]
fn versions_follow_types_and_options() {
    let mut b = Builder::new("versions");
    let x = b.input("x", &[1, 8, 8, 2]).expect("an input");
    let q = b.quantize(x, TensorType::INT8, 0.5, -3).expect("codes");
    let q = b.max_pool_2d(q, [2, 2], Window::default()).expect("a pool");
    let x = b.dequantize(q).expect("numbers");
    let window = Window { dilation: [2, 2], ..Window::default() };
    let x = b.depthwise_conv_2d(x, &kernel(&[1, 3, 3, 2], &[0.5; 18]), window).expect("a layer");
    let x = b.logistic(x).expect("a value");
    let x = b.tanh(x).expect("a value");
    let x = b.relu6(x).expect("a value");
    let x = b.mul_constant(x, &[2], &[2.0, 3.0]).expect("a product");
    let x = b.resize_nearest_neighbor(x, [16, 16]).expect("an image");
    let model = b.finish(&[("y", x)]).expect("a model");
    let codes: Vec<String> = model.operator_codes.iter().map(|c| format!("{} {}", c.name(), c.version)).collect();
    let expected = [
        "QUANTIZE 1",
        "MAX_POOL_2D 2",
        "DEQUANTIZE 2",
        "DEPTHWISE_CONV_2D 2",
        "LOGISTIC 1",
        "TANH 1",
        "RELU6 1",
        "MUL 1",
        "RESIZE_NEAREST_NEIGHBOR 3",
    ];
    assert_eq!(codes, expected);
    assert_eq!(model.metadata("min_runtime_version").expect("metadata")[..6], *b"2.3.0\0");
    assert_eq!(run(&model, &[0.3; 128]).len(), 16 * 16 * 2);
}

#[test]
fn codes_go_only_through_what_takes_them() {
    let mut b = Builder::new("codes");
    let x = b.input("x", &[1, 2, 2, 2]).expect("an input");
    let q = b.quantize(x, TensorType::UINT8, 0.5, 3).expect("codes");
    let other = b.quantize(x, TensorType::UINT8, 0.25, 3).expect("codes");
    assert!(b.relu(q).is_err());
    assert!(b.add(x, q, Activation::None).is_err());
    assert!(b.concatenation(&[q, other], 1, Activation::None).is_err());
    assert!(b.concatenation(&[q, x], 1, Activation::None).is_err());
    let joined = b.concatenation(&[q, q], 1, Activation::None).expect("joined codes");
    let y = b.dequantize(joined).expect("numbers");
    let model = b.finish(&[("y", y)]).expect("a model");
    assert_eq!(run(&model, &[1.5; 8]), [1.5; 16]);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let mut b = Builder::new("refused");
    let x = b.input("x", &[1, 4, 4, 2]).expect("an input");
    let flat = b.reshape(x, &[32]).expect("a vector");
    let window = Window::default();
    let valid = Window { padding: Padding::Valid, ..window };
    let errors = [
        ("batch", b.input("y", &[2, 4]).err()),
        ("size of 0", b.input("y", &[1, 0]).err()),
        ("too large", b.input("y", &[1, 1 << 20, 1 << 20]).err()),
        ("channels", b.conv_2d(x, &kernel(&[1, 1, 1, 3], &[0.0; 3]), window).err()),
        ("number of weights", b.conv_2d(x, &kernel(&[1, 1, 1, 2], &[0.0; 3]), window).err()),
        ("no image", b.conv_2d(flat, &kernel(&[1, 1, 1, 2], &[0.0; 2]), window).err()),
        ("stride", b.conv_2d(x, &kernel(&[1, 1, 1, 2], &[0.0; 2]), Window { stride: [0, 1], ..window }).err()),
        ("filter beyond", b.max_pool_2d(x, [5, 5], valid).err()),
        ("dilated pool", b.max_pool_2d(x, [2, 2], Window { dilation: [2, 2], ..window }).err()),
        (
            "bias",
            b.conv_2d(x, &Kernel { shape: &[1, 1, 1, 2], values: &[0.0; 2], bias: Some(&[0.0; 2]) }, window).err(),
        ),
        ("dense", b.fully_connected(flat, &kernel(&[2, 31], &[0.0; 62]), Activation::None).err()),
        ("broadcast", b.add(x, flat, Activation::None).err()),
        ("broadcast of the batch", b.add_constant(flat, &[2, 32], &[0.0; 64]).err()),
        ("paddings", b.pad(x, &[[0, 0], [1, 1]]).err()),
        ("padded batch", b.pad(x, &[[1, 0], [0, 0], [0, 0], [0, 0]]).err()),
        ("padded beyond", b.pad(x, &[[0, 0], [usize::MAX, 1], [0, 0], [0, 0]]).err()),
        ("axis of the batch", b.mean(x, &[0], false).err()),
        ("axis twice", b.mean(x, &[1, 1], false).err()),
        ("elements", b.reshape(x, &[31]).err()),
        ("elements beyond", b.reshape(x, &[usize::MAX, 2]).err()),
        ("no size", b.resize_nearest_neighbor(x, [0, 3]).err()),
        ("nothing to join", b.concatenation(&[], 1, Activation::None).err()),
        ("ranks", b.concatenation(&[x, flat], 1, Activation::None).err()),
        ("beta", b.softmax(flat, f32::NAN).err()),
        ("scale", b.quantize(x, TensorType::INT8, 0.0, 0).err()),
        ("zero point", b.quantize(x, TensorType::UINT8, 1.0, -1).err()),
        ("type", b.quantize(x, TensorType::INT16, 1.0, 0).err()),
        ("not quantised", b.dequantize(x).err()),
    ];
    for (what, error) in errors {
        assert!(matches!(error, Some(Error::Tensor { .. } | Error::Inconsistent { .. })), "{what}: {error:?}");
    }
    assert!(b.clone().finish(&[("x", x)]).is_err());
    assert!(b.clone().finish(&[]).is_err());
    assert!(b.finish(&[("flat", flat)]).is_ok());
    assert!(Builder::new("empty").finish(&[]).is_err());
}
