//! What many operators ask of their operands.

use crate::error::Error;
use crate::graph::Tensor;
use crate::lower::Cx;

/// Every operand and result of the current node has elements.
pub(crate) fn nonempty(cx: &Cx<'_>) -> Result<(), Error> {
    let node = cx.node();
    for &id in node.inputs.iter().flatten().chain(&node.outputs) {
        let tensor = &cx.graph.tensors[id];
        if tensor.elements() == 0 {
            return Err(cx.unsupported(&format!("tensor {} without elements", tensor.name)));
        }
    }
    Ok(())
}

/// The tensor has this shape.
pub(crate) fn shape(cx: &Cx<'_>, tensor: &Tensor, expected: &[usize]) -> Result<(), Error> {
    if tensor.shape == expected {
        return Ok(());
    }
    let what = format!("shape of {}", tensor.name);
    Err(cx.inconsistent(&what, format!("{expected:?}"), format!("{:?}", tensor.shape)))
}

/// Two tensors have the same type.
pub(crate) fn same_dtype(cx: &Cx<'_>, a: &Tensor, b: &Tensor) -> Result<(), Error> {
    if a.dtype == b.dtype { Ok(()) } else { Err(cx.inconsistent(&format!("type of {}", b.name), a.dtype, b.dtype)) }
}

/// Two tensors have the same scale and zero point: the operator compares or averages codes and does not rescale.
pub(crate) fn same_quant(cx: &Cx<'_>, a: &Tensor, b: &Tensor) -> Result<(), Error> {
    same_dtype(cx, a, b)?;
    let ((sa, za), (sb, zb)) = (cx.scale_zero(a)?, cx.scale_zero(b)?);
    if za == zb && (sa - sb).abs() <= 1e-6 {
        return Ok(());
    }
    let text = |s: f32, z: i32| format!("scale {s}, zero point {z}");
    Err(cx.inconsistent(&format!("quantisation of {}", b.name), text(sa, za), text(sb, zb)))
}
