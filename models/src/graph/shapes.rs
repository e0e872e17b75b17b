//! Shapes that a file leaves out.
//!
//! Converters write some intermediate tensors without a shape (LiteRT computes it when it loads the model). A scalar and a
//! missing shape look alike in the file, so only operators that keep the shape of their input say which of both it is.

use crate::graph::{Graph, Op};

/// Gives outputs without a shape that of their input, where the operator keeps it.
pub(super) fn fill(graph: &mut Graph) {
    for node in &graph.nodes {
        let keeps = matches!(node.op, Op::Quantize | Op::Dequantize | Op::Unary(_) | Op::Cast | Op::Softmax { .. });
        let (Some(Some(input)), Some(output)) = (node.inputs.first(), node.outputs.first()) else { continue };
        if keeps
            && let Some(shape) = graph.tensors.get(*input).map(|t| t.shape.clone())
            && let Some(tensor) = graph.tensors.get_mut(*output).filter(|t| t.shape.is_empty() && t.data.is_none())
        {
            tensor.shape = shape;
        }
    }
}
