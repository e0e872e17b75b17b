//! CAST.

use edgebench_kernels::ops::cast::{Cast, NumberKind};

use crate::error::Error;
use crate::graph::DType;
use crate::lower::Cx;

/// The kernels' name of an element type.
pub(crate) fn number_kind(cx: &Cx<'_>, dtype: DType) -> Result<NumberKind, Error> {
    Ok(match dtype {
        DType::F32 => NumberKind::F32,
        DType::F16 => NumberKind::F16,
        DType::F64 => NumberKind::F64,
        DType::I8 => NumberKind::I8,
        DType::U8 => NumberKind::U8,
        DType::I16 => NumberKind::I16,
        DType::I32 => NumberKind::I32,
        DType::U32 => NumberKind::U32,
        DType::I64 => NumberKind::I64,
        DType::Bool => NumberKind::Bool,
        DType::I4 => return Err(cx.unsupported("type int4")),
    })
}

/// CAST of codes and numbers as they are; quantisation plays no part.
pub(crate) fn cast(cx: &mut Cx<'_>) -> Result<(), Error> {
    let (x, y) = (cx.tensor(0)?, cx.out(0)?);
    if x.elements() != y.elements() {
        return Err(cx.inconsistent("elements of the output", x.elements(), y.elements()));
    }
    if x.dtype == y.dtype {
        return cx.alias(0, 0);
    }
    if y.dtype == DType::F16 {
        return Err(cx.unsupported("output type float16"));
    }
    let (from, to) = (number_kind(cx, x.dtype)?, number_kind(cx, y.dtype)?);
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    cx.push(Cast { input, output, from, to }, 0);
    Ok(())
}
