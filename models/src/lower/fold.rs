//! Operators whose operands are all constant are evaluated while lowering.

use edgebench_kernels::{Block, Isa, Memory};

use crate::error::Error;
use crate::graph::{DType, Op, TensorId};
use crate::lower::{Cx, LowerOptions, finish, lower_node};
use crate::memory::Zeroed;
use crate::session::flip;
use crate::tflite::Bytes;

/// Evaluates the current node if it can be; its outputs then have values.
pub(crate) fn fold(cx: &mut Cx<'_>) -> Result<bool, Error> {
    let node = cx.node();
    if node.op == Op::Shape {
        let shape = &cx.tensor(0)?.shape;
        let out = cx.out(0)?;
        let bytes = super::quant::integer_bytes(out.dtype, shape.iter().map(|&d| d as i64))
            .ok_or_else(|| cx.inconsistent("output type", "int32 or int64", out.dtype))?;
        set(cx, node.outputs[0], bytes)?;
        return Ok(true);
    }
    let known = |id: &Option<TensorId>| id.is_none_or(|id| cx.values[id].is_some());
    if node.inputs.is_empty() || !node.inputs.iter().all(known) {
        return Ok(false);
    }
    if node.op == Op::Densify || matches!(node.op, Op::Reshape { .. } | Op::Squeeze | Op::ExpandDims) {
        let value = node.inputs[0].and_then(|id| cx.values[id].clone());
        set(cx, node.outputs[0], value.map_or_else(Vec::new, |v| v.to_vec()))?;
        return Ok(true);
    }
    if let Some(value) = super::per_channel::convert(cx)? {
        set(cx, node.outputs[0], value)?;
        return Ok(true);
    }
    for (id, value) in evaluate(cx)? {
        set(cx, id, value)?;
    }
    Ok(true)
}

fn set(cx: &mut Cx<'_>, id: TensorId, value: Vec<u8>) -> Result<(), Error> {
    let expected = cx.graph.tensors[id].bytes();
    if value.len() != expected {
        return Err(cx.inconsistent("bytes of the output", expected, value.len()));
    }
    let widens = cx.node().op == Op::Dequantize && cx.tensor(0)?.dtype == DType::F16;
    cx.fixed[id] = (widens || cx.node().op == Op::Densify) && cx.is_fixed(0);
    cx.folded += value.len();
    cx.values[id] = Some(Bytes::from(value));
    Ok(())
}

/// Lowers the node alone, in the portable kernels, and runs it.
fn evaluate(cx: &Cx<'_>) -> Result<Vec<(TensorId, Vec<u8>)>, Error> {
    let options =
        LowerOptions { arithmetic: cx.arithmetic, isa: Isa::Scalar, keep_all: true, ..LowerOptions::default() };
    let mut alone = Cx::new(cx.graph, &options)?;
    alone.values.clone_from(&cx.values);
    alone.enter(cx.node_index());
    lower_node(&mut alone)?;
    let plan = finish(alone, &[], &cx.node().outputs, &options)?;
    let kernels = options.isa.kernels().ok_or(Error::IsaUnavailable { isa: options.isa.name() })?;
    let mut arena = Zeroed::new(plan.arena_len + Block::SIZE);
    let mut memory = Memory::of_bytes(plan.consts.bytes(), arena.bytes_mut());
    edgebench_kernels::run(&plan.steps, kernels, &mut memory);
    let outputs = cx.node().outputs.iter().map(|&id| {
        let span = plan.tensors[id].ok_or_else(|| cx.unsupported("constant operands"))?;
        let mut bytes = memory.read::<u8>(span).to_vec();
        flip(cx.graph.tensors[id].dtype, &mut bytes);
        Ok((id, bytes))
    });
    outputs.collect()
}
