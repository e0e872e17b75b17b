//! float32 operators on small graphs, against results worked out from the definitions.

use std::sync::Arc;

use edgebench_kernels::Isa;
use edgebench_models::graph::{Activation, BinaryKind, DType, Graph, Node, Op, Padding, ReduceKind, Tensor, UnaryKind};
use edgebench_models::tflite::Bytes;
use edgebench_models::{Arithmetic, LowerOptions, Session, lower};

fn tensor(shape: &[usize], dtype: DType, data: Option<Vec<u8>>) -> Tensor {
    Tensor { name: "t".into(), dtype, shape: shape.to_vec(), quant: None, data: data.map(Bytes::from), blocks16: false }
}

fn floats(shape: &[usize], values: &[f32]) -> Tensor {
    tensor(shape, DType::F32, Some(values.iter().flat_map(|v| v.to_le_bytes()).collect()))
}

fn ints(values: &[i32]) -> Tensor {
    tensor(&[values.len()], DType::I32, Some(values.iter().flat_map(|v| v.to_le_bytes()).collect()))
}

/// Runs one operator on `x` of shape `shape` at place `at` among `operands`, in every arithmetic and instruction set; all agree.
fn run_at(at: usize, op: &Op, (shape, x): (&[usize], &[f32]), operands: &[Tensor], out: &[usize]) -> Vec<f32> {
    let mut tensors = operands.to_vec();
    tensors.insert(at, tensor(shape, DType::F32, None));
    let count = tensors.len();
    tensors.push(tensor(out, DType::F32, None));
    let node = Node { op: op.clone(), inputs: (0..count).map(Some).collect(), outputs: vec![count], index: 0 };
    let graph = Graph { tensors, nodes: vec![node], inputs: vec![at], outputs: vec![count] };
    let bytes: Vec<u8> = x.iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut found: Option<Vec<u8>> = None;
    for arithmetic in Arithmetic::ALL {
        for isa in Isa::available() {
            let options = LowerOptions { arithmetic, isa, ..LowerOptions::default() };
            let mut session = Session::new(Arc::new(lower(&graph, &options).expect("supported"))).expect("available");
            session.set_input(0, &bytes).expect("the right length");
            session.run();
            let output = session.output(0);
            assert_eq!(found.get_or_insert_with(|| output.clone()), &output, "{arithmetic} {isa}");
        }
    }
    let bytes = found.expect("at least one instruction set");
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
}

fn run(op: &Op, x: (&[usize], &[f32]), operands: &[Tensor], out: &[usize]) -> Vec<f32> {
    run_at(0, op, x, operands, out)
}

const NONE: Activation = Activation::None;

#[test]
fn transposed_convolution_scatters() {
    let op = Op::TransposeConv { padding: Padding::Valid, stride: [1, 2], activation: NONE };
    // Two pixels, kernel of three columns, stride 2: [a·w0, a·w1, a·w2 + b·w0, b·w1, b·w2].
    let operands = [ints(&[1, 1, 5, 1]), floats(&[1, 1, 3, 1], &[1.0, 10.0, 100.0]), floats(&[1], &[0.5])];
    let out = run_at(2, &op, (&[1, 1, 2, 1], &[2.0, 3.0]), &operands, &[1, 1, 5, 1]);
    assert_eq!(out, [2.5, 20.5, 203.5, 30.5, 300.5]);
    let op = Op::TransposeConv { padding: Padding::Same, stride: [1, 2], activation: NONE };
    let operands = [ints(&[1, 1, 4, 1]), floats(&[1, 1, 3, 1], &[1.0, 10.0, 100.0])];
    let out = run_at(2, &op, (&[1, 1, 2, 1], &[2.0, 3.0]), &operands, &[1, 1, 4, 1]);
    assert_eq!(out, [2.0, 20.0, 203.0, 30.0]);
}

#[test]
fn matrix_products() {
    let op = Op::FullyConnected { activation: Activation::Relu, keep_num_dims: false, asymmetric_inputs: false };
    let operands = [floats(&[2, 2], &[1.0, 2.0, -1.0, 1.0]), floats(&[2], &[0.5, 0.0])];
    assert_eq!(run(&op, (&[2, 2], &[1.0, 2.0, 3.0, 1.0]), &operands, &[2, 2]), [5.5, 1.0, 5.5, 0.0]);
    let op = Op::BatchMatMul { adj_x: false, adj_y: true };
    let w = [floats(&[2, 2], &[1.0, 2.0, -1.0, 1.0])];
    assert_eq!(run(&op, (&[2, 1, 2], &[1.0, 2.0, 3.0, 1.0]), &w, &[2, 1, 2]), [5.0, 1.0, 5.0, -2.0]);
}

#[test]
fn depthwise_with_a_multiplier() {
    let op = Op::DepthwiseConv2d {
        padding: Padding::Valid,
        stride: [1, 1],
        dilation: [1, 1],
        multiplier: 2,
        activation: NONE,
    };
    let operands = [floats(&[1, 1, 2, 4], &[1.0, 2.0, 3.0, 4.0, 10.0, 20.0, 30.0, 40.0]), floats(&[4], &[0.0; 4])];
    assert_eq!(run(&op, (&[1, 1, 2, 2], &[1.0, 2.0, 3.0, 4.0]), &operands, &[1, 1, 1, 4]), [31.0, 62.0, 126.0, 168.0]);
}

#[test]
fn elementwise() {
    let op = |kind| Op::Binary { kind, activation: NONE };
    let x: (&[usize], &[f32]) = (&[2, 2], &[1.0, -2.0, 3.0, 4.0]);
    assert_eq!(run(&op(BinaryKind::Add), x, &[floats(&[2], &[10.0, 20.0])], &[2, 2]), [11.0, 18.0, 13.0, 24.0]);
    assert_eq!(run(&op(BinaryKind::Div), x, &[floats(&[], &[2.0])], &[2, 2]), [0.5, -1.0, 1.5, 2.0]);
    assert_eq!(run_at(1, &op(BinaryKind::Sub), x, &[floats(&[2, 1], &[1.0, 0.0])], &[2, 2]), [0.0, 3.0, -3.0, -4.0]);
    assert_eq!(run(&Op::Prelu, x, &[floats(&[2], &[0.5, 0.25])], &[2, 2]), [1.0, -0.5, 3.0, 4.0]);
    assert_eq!(run(&Op::Unary(UnaryKind::Relu6), (&[2], &[-1.0, 7.0]), &[], &[2]), [0.0, 6.0]);
    assert_eq!(run(&Op::Unary(UnaryKind::Tanh), (&[1], &[0.0]), &[], &[1]), [0.0]);
}

#[test]
fn pools_and_reductions() {
    let x: (&[usize], &[f32]) = (&[1, 2, 2, 1], &[1.0, 2.0, 3.0, 6.0]);
    let (padding, stride, filter) = (Padding::Same, [1, 1], [2, 2]);
    let op = Op::AveragePool { padding, stride, filter, activation: NONE };
    assert_eq!(run(&op, x, &[], &[1, 2, 2, 1]), [3.0, 4.0, 4.5, 6.0]);
    let op = Op::MaxPool { padding, stride, filter, activation: NONE };
    assert_eq!(run(&op, x, &[], &[1, 2, 2, 1]), [6.0; 4]);
    let op = Op::Reduce { kind: ReduceKind::Mean, keep_dims: false };
    assert_eq!(run(&op, x, &[ints(&[1, -2])], &[1, 1]), [3.0]);
    let op = Op::Reduce { kind: ReduceKind::Max, keep_dims: true };
    assert_eq!(run(&op, x, &[ints(&[1])], &[1, 1, 2, 1]), [3.0, 6.0]);
}

#[test]
fn rows() {
    let softmax = run(&Op::Softmax { beta: 1.0 }, (&[1, 2], &[0.0, 0.0]), &[], &[1, 2]);
    assert_eq!(softmax, [0.5, 0.5]);
    let l2 = run(&Op::L2Normalization { activation: NONE }, (&[1, 2], &[3.0, 4.0]), &[], &[1, 2]);
    assert_eq!(l2, [0.6, 0.8]);
    let op = Op::ResizeBilinear { align_corners: true, half_pixel_centers: false };
    let out = run(&op, (&[1, 1, 2, 1], &[0.0, 2.0]), &[ints(&[1, 3])], &[1, 1, 3, 1]);
    assert_eq!(out, [0.0, 1.0, 2.0]);
}
