//! Every lint on a network that deserves it and on one that does not.

use edgebench::inspect::lints::{Finding, Severity, findings};
use edgebench::inspect::network::Network;
use edgebench_models::tflite::*;

/// A network in the making.
struct Net {
    model: Model,
}

impl Net {
    fn new() -> Self {
        // Buffer 0 is the empty one.
        let model = Model { buffers: vec![Bytes::default()], subgraphs: vec![SubGraph::default()], ..Model::default() };
        Self { model }
    }

    /// An activation with scale 1/255 and zero point −128.
    fn tensor(&mut self, dtype: TensorType, shape: &[i32]) -> i32 {
        let quantization = Quantization { scale: vec![1.0 / 255.0], zero_point: vec![-128], ..Quantization::default() };
        let tensor = Tensor {
            shape: shape.to_vec(),
            dtype,
            quantization: (dtype != TensorType::FLOAT32).then(|| Box::new(quantization)),
            ..Tensor::default()
        };
        self.model.subgraphs[0].tensors.push(tensor);
        self.model.subgraphs[0].tensors.len() as i32 - 1
    }

    /// A constant with zero point 0.
    fn constant(&mut self, dtype: TensorType, shape: &[i32], data: Vec<u8>) -> i32 {
        let id = self.tensor(dtype, shape);
        self.model.buffers.push(data.into());
        let buffer = self.model.buffers.len() as u32 - 1;
        let tensor = self.at(id);
        tensor.buffer = buffer;
        if let Some(quantization) = &mut tensor.quantization {
            quantization.zero_point = vec![0];
        }
        id
    }

    fn at(&mut self, id: i32) -> &mut Tensor {
        &mut self.model.subgraphs[0].tensors[id as usize]
    }

    fn operator(&mut self, code: BuiltinOperator, inputs: &[i32], output: i32) {
        self.model.operator_codes.push(OperatorCode::builtin(code, 1));
        let opcode_index = self.model.operator_codes.len() as u32 - 1;
        let (inputs, outputs) = (inputs.to_vec(), vec![output]);
        self.model.subgraphs[0].operators.push(Operator { opcode_index, inputs, outputs, ..Operator::default() });
    }

    /// `[1, 4, 4, 2] → CONV_2D 1×1 → [1, 4, 4, 2]` in `dtype`, with these weights (codes, or floats from codes).
    fn conv(&mut self, dtype: TensorType, weights: [i8; 4]) -> i32 {
        let input = self.tensor(dtype, &[1, 4, 4, 2]);
        self.model.subgraphs[0].inputs.push(input);
        let bytes = if dtype == TensorType::FLOAT32 { floats(&weights) } else { codes(&weights) };
        let weights = self.constant(dtype, &[2, 1, 1, 2], bytes);
        let output = self.tensor(dtype, &[1, 4, 4, 2]);
        self.operator(BuiltinOperator::CONV_2D, &[input, weights, -1], output);
        output
    }

    fn findings(&self) -> Vec<Finding> {
        findings(&Network::new(&self.model).expect("a network"))
    }

    /// Names and severities.
    #[track_caller]
    fn expect(&self, expected: &[(&str, Severity)]) {
        let found = self.findings();
        assert_eq!(found.iter().map(|f| (f.lint, f.severity)).collect::<Vec<_>>(), expected, "{found:#?}");
    }
}

fn codes(values: &[i8]) -> Vec<u8> {
    values.iter().map(|v| v.cast_unsigned()).collect()
}

fn floats(values: &[i8]) -> Vec<u8> {
    values.iter().flat_map(|&v| f32::from(v).to_le_bytes()).collect()
}

const I8: TensorType = TensorType::INT8;
const F32: TensorType = TensorType::FLOAT32;

#[test]
fn a_sound_network_has_no_findings() {
    let mut net = Net::new();
    net.conv(I8, [1, 2, 3, 4]);
    net.expect(&[]);
}

#[test]
fn a_normalisation_behind_a_convolution() {
    for (dtype, severity) in [(I8, Severity::Error), (F32, Severity::Warning)] {
        let mut net = Net::new();
        let hidden = net.conv(dtype, [1, 2, 3, 4]);
        let bytes = if dtype == F32 { floats(&[5, 6]) } else { codes(&[5, 6]) };
        let factor = net.constant(dtype, &[2], bytes);
        let output = net.tensor(dtype, &[1, 4, 4, 2]);
        net.operator(BuiltinOperator::MUL, &[factor, hidden], output);
        net.expect(&[("unfolded-batch-norm", severity)]);
        // A branch that reads the convolution too forbids folding.
        net.operator(BuiltinOperator::RELU, &[hidden], output);
        net.expect(&[]);
    }
}

#[test]
fn a_product_of_activations_is_no_normalisation() {
    let mut net = Net::new();
    let hidden = net.conv(I8, [1, 2, 3, 4]);
    let gate = net.tensor(I8, &[1, 1, 1, 2]);
    net.operator(BuiltinOperator::MUL, &[hidden, gate], hidden);
    net.expect(&[]);
}

#[test]
fn constants_that_are_turned_into_floats() {
    for (dtype, bytes, expected) in [
        (I8, codes(&[1, 2, 3, 4]), &[("quantised-float-model", Severity::Error)][..]),
        // The usual way of storing half-precision weights.
        (TensorType::FLOAT16, vec![0, 0x3c, 0, 0x3c, 0, 0x3c, 0, 0x3c], &[]),
    ] {
        let mut net = Net::new();
        let stored = net.constant(dtype, &[2, 1, 1, 2], bytes);
        let weights = net.tensor(F32, &[2, 1, 1, 2]);
        net.operator(BuiltinOperator::DEQUANTIZE, &[stored], weights);
        let (input, output) = (net.tensor(F32, &[1, 4, 4, 2]), net.tensor(F32, &[1, 4, 4, 2]));
        net.operator(BuiltinOperator::CONV_2D, &[input, weights, -1], output);
        net.expect(expected);
    }
}

#[test]
fn fake_quantisation_left_in_a_float_file() {
    let mut net = Net::new();
    let input = net.tensor(F32, &[1, 4]);
    let (middle, output) = (net.tensor(I8, &[1, 4]), net.tensor(F32, &[1, 4]));
    net.operator(BuiltinOperator::QUANTIZE, &[input], middle);
    net.operator(BuiltinOperator::DEQUANTIZE, &[middle], output);
    net.expect(&[("quantised-float-model", Severity::Error)]);
}

#[test]
fn floats_between_integers() {
    let mut net = Net::new();
    let hidden = net.conv(I8, [1, 2, 3, 4]);
    let (real, softmax) = (net.tensor(F32, &[1, 4, 4, 2]), net.tensor(F32, &[1, 4, 4, 2]));
    net.operator(BuiltinOperator::DEQUANTIZE, &[hidden], real);
    net.operator(BuiltinOperator::SOFTMAX, &[real], softmax);
    // Floats at the end are what many ask for.
    net.expect(&[]);
    let back = net.tensor(I8, &[1, 4, 4, 2]);
    net.operator(BuiltinOperator::QUANTIZE, &[softmax], back);
    net.expect(&[("float-island", Severity::Warning)]);
    assert_eq!(net.findings()[0].operators, [2]);
}

#[test]
fn channels_without_a_weight() {
    let with = |dtype, weights| {
        let mut net = Net::new();
        net.conv(dtype, weights);
        net
    };
    for dtype in [I8, F32] {
        with(dtype, [1, 0, 0, 3]).expect(&[]);
        let net = with(dtype, [1, 2, 0, 0]);
        net.expect(&[("dead-channels", Severity::Note)]);
        assert!(net.findings()[0].message.starts_with("1 of 2 output channels"));
        with(dtype, [0; 4]).expect(&[("dead-channels", Severity::Error)]);
    }
    // A zero is the code that the zero point says.
    let mut net = with(TensorType::UINT8, [7, 7, 1, 7]);
    net.at(0).quantization.as_mut().expect("a scale").zero_point = vec![0];
    net.expect(&[]);
    net.at(1).quantization.as_mut().expect("a scale").zero_point = vec![7];
    net.expect(&[("dead-channels", Severity::Note)]);
}

/// Weights `[64, 1, 1, 32]` of a convolution.
fn large(dtype: TensorType, bytes: Vec<u8>) -> Net {
    let mut net = Net::new();
    let input = net.tensor(dtype, &[1, 4, 4, 32]);
    let weights = net.constant(dtype, &[64, 1, 1, 32], bytes);
    let output = net.tensor(dtype, &[1, 4, 4, 64]);
    net.operator(BuiltinOperator::CONV_2D, &[input, weights, -1], output);
    net
}

#[test]
fn zeros_and_clusters_that_only_a_zip_archive_sees() {
    let deflate: &[(&str, Severity)] = &[("deflate-only-gain", Severity::Warning)];
    let code = |at: usize| ((at * 37 + at / 7) % 251) as u8;
    large(I8, (0..2048).map(code).collect()).expect(&[]);
    large(I8, (0..2048).map(|at| if at % 2 == 0 { 0 } else { code(at) }).collect()).expect(deflate);
    large(I8, (0..2048).map(|at| 1 + code(at) % 16).collect()).expect(deflate);
    let real = |at: usize| (at as f32 + 1.0).to_le_bytes();
    large(F32, (0..2048).flat_map(real).collect()).expect(&[]);
    let net = large(F32, (0..2048).flat_map(|at| real(at % 200)).collect());
    net.expect(deflate);
    // log2(200) bits for each of 2048 values, nearly.
    assert!(net.findings()[0].message.contains("(1 clustered) but are stored in full, 8.0 KiB for 1.9 KiB"));
}

#[test]
fn inputs_that_no_preprocessing_gives() {
    let input = |channels: i32, scale: f32, zero_point: i64| {
        let mut net = Net::new();
        let id = net.tensor(I8, &[1, 8, 8, channels]);
        net.model.subgraphs[0].inputs.push(id);
        let quantization = net.at(id).quantization.as_mut().expect("a scale");
        (quantization.scale, quantization.zero_point) = (vec![scale], vec![zero_point]);
        net
    };
    input(3, 1.0 / 255.0, -128).expect(&[]);
    input(3, 1.0, -128).expect(&[]);
    input(3, 2.0 / 255.0, 0).expect(&[]);
    input(3, 0.03, 5).expect(&[("input-range", Severity::Warning)]);
    input(1, 0.03, 5).expect(&[("input-range", Severity::Note)]);
    // Not an image.
    input(40, 0.03, 5).expect(&[]);
}

/// Multiply-accumulates by shapes are those of the plan, on every model at hand.
#[test]
fn macs_are_those_of_the_plan() {
    use edgebench_models::{Graph, LowerOptions, lower};
    let mut files = vec![concat!(env!("CARGO_MANIFEST_DIR"), "/models/zoo/digits_cnn_int8.tflite").into()];
    let beside = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models");
    let folder = std::env::var_os("EDGEBENCH_MODELS").map_or(beside, Into::into);
    match std::fs::read_dir(&folder) {
        Ok(entries) => files.extend(entries.flatten().map(|entry| entry.path())),
        Err(_) => notice(&format!("skipped the models of {}: not there", folder.display())),
    }
    for path in files.iter().filter(|path| path.extension().is_some_and(|e| e == "tflite")) {
        let model = Model::open(path).expect("a model");
        let plan = lower(&Graph::from_model(&model).expect("a graph"), &LowerOptions::default()).expect("a plan");
        let network = Network::new(&model).expect("a network");
        let by_shapes: u64 = (0..network.len()).map(|op| network.macs(op)).sum();
        let by_plan: u64 = plan.origins.iter().map(|origin| origin.macs).sum();
        assert_eq!(by_shapes, by_plan, "{}", path.display());
    }
}

/// Says something that the test harness does not swallow.
fn notice(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
