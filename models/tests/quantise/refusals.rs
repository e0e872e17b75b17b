//! What cannot be quantised is said, by name.

use edgebench_models::build::{Builder, Kernel, Window};
use edgebench_models::graph::Activation;
use edgebench_models::quantise::{
    CalibrateOptions, Error, Io, Method, Origin, QuantiseOptions, Range, Ranges, calibrate, quantise,
};
use edgebench_models::tflite::{BuiltinOperator, Model, OperatorCode};

use super::digits::zoo;

/// A convolution and what `more` adds.
fn net(weights: &[f32; 4], bias: f32) -> Model {
    let mut b = Builder::new("small");
    let x = b.input("x", &[1, 2, 2, 2]).expect("an input");
    let kernel = Kernel { shape: &[2, 1, 1, 2], values: weights, bias: Some(&[bias, 0.0]) };
    let x = b.label("conv").conv_2d(x, &kernel, Window::default()).expect("a layer");
    let x = b.relu(x).expect("a value");
    let x = b.mean(x, &[1, 2], false).expect("a mean");
    b.finish(&[("y", x)]).expect("a model")
}

const WEIGHTS: [f32; 4] = [0.5, -0.25, 1.0, 0.125];

fn ranges(model: &Model) -> Result<Ranges, Error> {
    calibrate(model, [[0.5_f32; 8], [-0.25; 8]], &CalibrateOptions::default())
}

fn refusal(model: &Model) -> String {
    let result = ranges(model).and_then(|ranges| quantise(model, &ranges, &QuantiseOptions::default()));
    result.expect_err("a refusal").to_string()
}

#[test]
fn an_operator_without_int8_form() {
    let mut model = net(&WEIGHTS, 0.0);
    let relu = model.operator_codes.iter().position(|code| code.builtin_code == BuiltinOperator::RELU).expect("one");
    model.operator_codes[relu] = OperatorCode::builtin(BuiltinOperator::EXP, 1);
    let said = refusal(&model);
    assert!(said.starts_with("operator 1 (EXP) cannot be quantised: it has no int8 form here"), "{said}");
    assert!(said.contains("CONV_2D") && said.contains("replace it"), "{said}");
}

#[test]
fn weights_and_biases_that_are_not_finite() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let said = refusal(&net(&[0.5, bad, 1.0, 0.1], 0.0));
        assert!(said.contains("conv/weights holds") && said.contains("at element 1"), "{said}");
        let said = refusal(&net(&WEIGHTS, bad));
        assert!(said.contains("conv/bias holds") && said.contains("at element 0"), "{said}");
    }
}

#[test]
fn activations_that_are_not_finite() {
    let model = net(&[3e38, 3e38, 0.0, 0.0], 0.0);
    let error = calibrate(&model, [[0.1_f32; 8], [9.0; 8]], &CalibrateOptions::default()).expect_err("a refusal");
    assert!(matches!(&error, Error::Activation { name, sample: 1, .. } if name == "conv"), "{error}");
    let error = calibrate(&net(&WEIGHTS, 0.0), [[f32::NAN; 8]], &CalibrateOptions::default()).expect_err("a refusal");
    assert!(matches!(error, Error::Activation { sample: 0, .. }));
}

#[test]
fn samples_of_another_size_or_none() {
    let model = net(&WEIGHTS, 0.0);
    let options = CalibrateOptions::default();
    let error = calibrate(&model, [vec![0.0_f32; 8], vec![0.0; 7]], &options).expect_err("a refusal");
    assert!(matches!(error, Error::Sample { sample: 1, expected: 8, got: 7, .. }), "{error}");
    let none: [[f32; 8]; 0] = [];
    assert!(matches!(calibrate(&model, none, &options), Err(Error::NoSample)));
    let options = CalibrateOptions { method: Method::Percentile(0.2), ..options };
    assert!(matches!(calibrate(&model, [[0.0_f32; 8]], &options), Err(Error::Given { what: "percentile", .. })));
}

#[test]
fn models_that_are_quantised_already() {
    let said = refusal(&zoo("digits_cnn_int8.tflite"));
    assert!(said.contains("is INT8, so this is no float32 model"), "{said}");
    let float = zoo("digits_cnn_float.tflite");
    let images = super::digits::training_images(2);
    let ranges = calibrate(&float, images, &CalibrateOptions::default()).expect("ranges");
    let int8 = quantise(&float, &ranges, &QuantiseOptions::default()).expect("a model");
    assert!(matches!(quantise(&int8, &ranges, &QuantiseOptions::default()), Err(Error::NotFloat { .. })));
}

#[test]
fn ranges_of_another_model() {
    let model = net(&WEIGHTS, 0.0);
    let error = quantise(&model, &Ranges::new(), &QuantiseOptions::default()).expect_err("a refusal");
    assert!(matches!(&error, Error::NoRange { tensor: 0, .. }), "{error}");
    let mut wrong = ranges(&model).expect("ranges");
    wrong.set_weight_scales(1, vec![0.1; 3]).expect("scales");
    let error = quantise(&model, &wrong, &QuantiseOptions::default()).expect_err("a refusal");
    assert!(
        error.to_string().contains("weight scales of tensor conv/weights: expected 1 or 2 scales, got 3"),
        "{error}"
    );
}

#[test]
fn weights_that_are_computed() {
    let mut model = net(&WEIGHTS, 0.0);
    // The weights become a second input.
    model.subgraphs[0].tensors[1].buffer = 0;
    model.subgraphs[0].inputs.push(1);
    let said = refusal(&model);
    assert!(said.contains("operator 0 (CONV_2D)") && said.contains("weights are no float32 constants"), "{said}");
}

#[test]
fn said_ranges_and_scales_are_in_the_file() {
    let model = net(&WEIGHTS, 0.5);
    let mut ranges = ranges(&model).expect("ranges");
    // RELU is fused, so its result is what the convolution gives.
    let relu = 4;
    ranges.insert(relu, Range { min: 0.0, max: 6.375, origin: Origin::Trained }).expect("a range");
    ranges.set_weight_scales(1, vec![0.01, 0.02]).expect("scales");
    let int8 = quantise(&model, &ranges, &QuantiseOptions::default()).expect("a model");
    let graph = &int8.subgraphs[0];
    let codes: Vec<&str> = graph.operators.iter().map(|op| int8.code_of(op).name()).collect();
    assert_eq!(codes, ["CONV_2D", "MEAN"]);
    let tensor = |id: i32| &graph.tensors[id as usize];
    let scale = |id: i32| tensor(id).quantization.as_ref().expect("a quantisation").scale.clone();
    assert_eq!(scale(graph.operators[0].outputs[0]), [0.025]);
    assert_eq!(scale(graph.operators[0].inputs[1]), [0.01, 0.02]);
    let weights = &int8.buffers[tensor(graph.operators[0].inputs[1]).buffer as usize];
    assert_eq!(weights.iter().map(|b| b.cast_signed()).collect::<Vec<i8>>(), [50, -25, 50, 6]);
}

#[test]
fn an_activation_that_is_always_zero_has_a_usable_scale() {
    let model = net(&[0.0; 4], 0.0);
    let int8 = quantise(&model, &ranges(&model).expect("ranges"), &QuantiseOptions::default()).expect("a model");
    for tensor in int8.subgraphs[0].tensors.iter().filter_map(|t| t.quantization.as_ref()) {
        assert!(tensor.scale.iter().all(|scale| *scale > 1e-12 && scale.is_finite()), "{tensor:?}");
    }
    edgebench_models::Graph::from_model(&int8).expect("a graph");
}

#[test]
fn constants_on_both_sides_are_refused_without_panic() {
    // The input of the convolution is a constant.
    let mut b = Builder::new("constant");
    let x = b.input("x", &[1, 1, 1, 2]).expect("an input");
    let kernel = Kernel { shape: &[2, 1, 1, 2], values: &WEIGHTS, bias: None };
    let y = b.conv_2d(x, &kernel, Window::default()).expect("a layer");
    let y = b.add(y, x, Activation::None).expect("a sum");
    let mut model = b.finish(&[("y", y)]).expect("a model");
    model.buffers.push(vec![0; 8].into());
    let constant = model.subgraphs[0].tensors[0].clone();
    let buffer = model.buffers.len() as u32 - 1;
    model.subgraphs[0].tensors.push(edgebench_models::tflite::Tensor { buffer, ..constant });
    model.subgraphs[0].operators[0].inputs[0] = model.subgraphs[0].tensors.len() as i32 - 1;
    let mut ranges = Ranges::new();
    for tensor in 0..model.subgraphs[0].tensors.len() {
        ranges.insert(tensor, Range { min: -1.0, max: 1.0, origin: Origin::Calibrated }).expect("a range");
    }
    let said = quantise(&model, &ranges, &QuantiseOptions::default()).expect_err("a refusal").to_string();
    assert!(said.contains("its input is constant"), "{said}");
}

#[test]
fn ports_take_the_names_of_the_tensors_and_their_places_in_the_signature() {
    let model = net(&WEIGHTS, 0.0);
    let ranges = ranges(&model).expect("ranges");
    let params = |model: &Model, id: i32| {
        let quant = model.subgraphs[0].tensors[id as usize].quantization.clone();
        quant.map(|quant| (quant.scale, quant.zero_point))
    };
    let int8 = quantise(&model, &ranges, &QuantiseOptions::default()).expect("a model");
    let plain = int8.subgraphs[0].clone();
    for io in Io::ALL {
        let wrapped =
            quantise(&model, &ranges, &QuantiseOptions { io, ..QuantiseOptions::default() }).expect("a model");
        let graph = &wrapped.subgraphs[0];
        let (input, output) = (graph.inputs[0], graph.outputs[0]);
        let signature = &wrapped.signature_defs[0];
        let named = (signature.inputs[0].tensor_index as i32, signature.outputs[0].tensor_index as i32);
        assert_eq!(named, (input, output), "{}", io.name());
        let name = |graph: &edgebench_models::tflite::SubGraph, id: i32| graph.tensors[id as usize].name.clone();
        assert_eq!(name(graph, input), name(&plain, plain.inputs[0]));
        assert_eq!(name(graph, output), name(&plain, plain.outputs[0]));
        for (port, inner) in [(input, plain.inputs[0]), (output, plain.outputs[0])] {
            let (scale, zero) = params(&int8, inner).expect("a quantisation");
            let expected = match io {
                Io::Int8 => Some((scale, zero)),
                Io::Uint8 => Some((scale, vec![zero[0] + 128])),
                Io::Float => None,
            };
            assert_eq!(params(&wrapped, port), expected, "{}", io.name());
        }
    }
}
