//! Data movement on small graphs, against results worked out from the definitions.

use std::sync::Arc;

use edgebench_kernels::Isa;
use edgebench_models::graph::{DType, Graph, Node, Op, Tensor};
use edgebench_models::{LowerOptions, Session, lower};

fn tensor(shape: &[usize], data: Option<&[i32]>) -> Tensor {
    let bytes = |values: &[i32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>().into();
    Tensor {
        name: "t".into(),
        dtype: DType::I32,
        shape: shape.to_vec(),
        quant: None,
        data: data.map(bytes),
        blocks16: false,
    }
}

type Outcome = Result<Vec<Vec<i32>>, String>;

/// Runs one operator: the input counts from 0, constants follow it. `at` is the input's place among the operands.
fn run_at(at: usize, op: Op, shape: &[usize], constants: &[&[i32]], outputs: &[&[usize]]) -> Outcome {
    let mut tensors: Vec<Tensor> = constants.iter().map(|c| tensor(&[c.len()], Some(c))).collect();
    tensors.insert(at, tensor(shape, None));
    let inputs: Vec<_> = (0..tensors.len()).map(Some).collect();
    let first = tensors.len();
    tensors.extend(outputs.iter().map(|s| tensor(s, None)));
    let outputs: Vec<usize> = (first..tensors.len()).collect();
    let node = Node { op, inputs, outputs: outputs.clone(), index: 0 };
    let graph = Graph { tensors, nodes: vec![node], inputs: vec![at], outputs };
    let options = LowerOptions { isa: Isa::Scalar, ..LowerOptions::default() };
    let plan = lower(&graph, &options).map_err(|e| e.to_string())?;
    let mut session = Session::new(Arc::new(plan)).map_err(|e| e.to_string())?;
    let count: usize = shape.iter().product();
    let input: Vec<u8> = (0..count as i32).flat_map(i32::to_le_bytes).collect();
    session.set_input(0, &input).map_err(|e| e.to_string())?;
    session.run();
    let ints = |bytes: Vec<u8>| bytes.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b)).collect();
    Ok((0..graph.outputs.len()).map(|i| ints(session.output(i))).collect())
}

fn run(op: Op, shape: &[usize], constants: &[&[i32]], out: &[usize]) -> Vec<i32> {
    run_at(0, op, shape, constants, &[out]).expect("a valid operator").remove(0)
}

#[test]
fn pads() {
    let edges: &[i32] = &[1, 0, 1, 2];
    assert_eq!(run(Op::Pad, &[1, 2], &[edges], &[2, 5]), [0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
    let mirror = |symmetric| run(Op::MirrorPad { symmetric }, &[3], &[&[2, 2]], &[7]);
    assert_eq!(mirror(false), [2, 1, 0, 1, 2, 1, 0]);
    assert_eq!(mirror(true), [1, 0, 0, 1, 2, 2, 1]);
    assert!(run_at(0, Op::MirrorPad { symmetric: false }, &[3], &[&[3, 0]], &[&[6]]).is_err());
}

#[test]
fn transposes() {
    assert_eq!(run(Op::Transpose, &[2, 3], &[&[1, 0]], &[3, 2]), [0, 3, 1, 4, 2, 5]);
    let out = run(Op::Transpose, &[2, 2, 3], &[&[2, 0, 1]], &[3, 2, 2]);
    assert_eq!(out, [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]);
    assert!(run_at(0, Op::Transpose, &[2, 3], &[&[1, 1]], &[&[3, 3]]).is_err());
}

fn strided(begin_mask: u32, end_mask: u32, ellipsis_mask: u32, new_axis_mask: u32, shrink_axis_mask: u32) -> Op {
    Op::StridedSlice { begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask, offset: false }
}

#[test]
fn slices() {
    assert_eq!(run(Op::Slice, &[3, 4], &[&[1, 1], &[-1, 2]], &[2, 2]), [5, 6, 9, 10]);
    // x[::-1], x[-1, 1:3], x[..., newaxis, 0:1], x[3:0:-2]
    assert_eq!(run(strided(1, 1, 0, 0, 0), &[4], &[&[0], &[0], &[-1]], &[4]), [3, 2, 1, 0]);
    let rows: [&[i32]; 3] = [&[-1, 1], &[0, 3], &[1, 1]];
    assert_eq!(run(strided(0, 0, 0, 0, 1), &[2, 4], &rows, &[2]), [5, 6]);
    let last: [&[i32]; 3] = [&[0, 0, 0], &[0, 0, 1], &[1, 1, 1]];
    assert_eq!(run(strided(0, 0, 1, 2, 0), &[2, 2, 3], &last, &[2, 2, 1, 1]), [0, 3, 6, 9]);
    assert_eq!(run(strided(0, 0, 0, 0, 0), &[4], &[&[3], &[0], &[-2]], &[2]), [3, 1]);
    assert!(run_at(0, strided(0, 0, 0, 0, 0), &[4], &[&[3], &[0], &[0]], &[&[2]]).is_err());
    assert!(run_at(0, strided(0, 0, 0, 0, 1), &[4], &[&[4], &[5], &[1]], &[&[]]).is_err());
}

#[test]
fn splits_and_joins() {
    let parts = run_at(1, Op::Split, &[2, 4], &[&[1]], &[&[2, 2], &[2, 2]]).expect("a valid split");
    assert_eq!(parts, [[0, 1, 4, 5], [2, 3, 6, 7]]);
    let parts = run_at(0, Op::SplitV, &[5], &[&[2, -1], &[0]], &[&[2], &[3]]).expect("a valid split");
    assert_eq!(parts, [vec![0, 1], vec![2, 3, 4]]);
    let parts = run_at(0, Op::Unpack { axis: -1 }, &[2, 2], &[], &[&[2], &[2]]).expect("a valid unpack");
    assert_eq!(parts, [[0, 2], [1, 3]]);
    assert_eq!(run(Op::Pack { axis: 1 }, &[2], &[&[7, 8]], &[2, 2]), [0, 7, 1, 8]);
}

#[test]
fn repeats() {
    assert_eq!(run(Op::Tile, &[2], &[&[3]], &[6]), [0, 1, 0, 1, 0, 1]);
    assert_eq!(run(Op::BroadcastTo, &[2, 1], &[&[2, 2, 2]], &[2, 2, 2]), [0, 0, 1, 1, 0, 0, 1, 1]);
    let fill = run_at(1, Op::Fill, &[1], &[&[2, 2]], &[&[2, 2]]).expect("a valid fill");
    assert_eq!(fill, [[0; 4]]);
}

#[test]
fn gathers() {
    let op = Op::Gather { axis: 1, batch_dims: 0 };
    assert_eq!(run(op.clone(), &[2, 3], &[&[2, 0]], &[2, 2]), [2, 0, 5, 3]);
    assert!(run_at(0, op, &[2, 3], &[&[3]], &[&[2, 1]]).is_err());
    // The counting input as indices: computed, so clamped.
    let op = Op::Gather { axis: 0, batch_dims: 0 };
    assert_eq!(run_at(1, op, &[4], &[&[5, 6, 7]], &[&[4]]).expect("a valid gather"), [[5, 6, 7, 7]]);
}

#[test]
fn blocks() {
    let to_depth = run(Op::SpaceToDepth { block: 2 }, &[1, 2, 4, 1], &[], &[1, 1, 2, 4]);
    assert_eq!(to_depth, [0, 1, 4, 5, 2, 3, 6, 7]);
    let to_space = run(Op::DepthToSpace { block: 2 }, &[1, 1, 2, 4], &[], &[1, 2, 4, 1]);
    assert_eq!(to_space, [0, 1, 4, 5, 2, 3, 6, 7]);
    let block: [&[i32]; 2] = [&[2, 2], &[0, 0, 0, 0]];
    assert_eq!(run(Op::SpaceToBatchNd, &[1, 2, 4, 1], &block, &[4, 1, 2, 1]), [0, 2, 1, 3, 4, 6, 5, 7]);
    assert_eq!(run(Op::BatchToSpaceNd, &[4, 1, 2, 1], &block, &[1, 2, 4, 1]), [0, 2, 1, 3, 4, 6, 5, 7]);
    let padded: [&[i32]; 2] = [&[2], &[1, 0]];
    assert_eq!(run(Op::SpaceToBatchNd, &[1, 3, 1], &padded, &[2, 2, 1]), [0, 1, 0, 2]);
    assert_eq!(run(Op::BatchToSpaceNd, &[2, 2, 1], &padded, &[1, 3, 1]), [2, 1, 3]);
}

#[test]
fn resizes_to_the_nearest() {
    let op = Op::ResizeNearest { align_corners: false, half_pixel_centers: false };
    assert_eq!(run(op, &[1, 1, 2, 2], &[&[2, 3]], &[1, 2, 3, 2]), [0, 1, 0, 1, 2, 3, 0, 1, 0, 1, 2, 3]);
}

#[test]
fn finds_the_first_maximum() {
    assert_eq!(run(Op::ArgMax, &[2, 3], &[&[-1]], &[2]), [2, 2]);
    assert_eq!(run(Op::ArgMax, &[2, 3], &[&[0]], &[3]), [1, 1, 1]);
}
