//! A step as the expression that makes it.
//!
//! The `Debug` form of plain data is Rust, but for the paths of names. So each step is written in a block that imports the names
//! which its kind can hold.

use edgebench_kernels::Step;

use crate::error::Error;

/// Module under `edgebench_kernels::ops` of a step kind, and the enums of it whose variants can stand in a step.
fn names(kind: &str) -> Option<(&'static str, &'static [&'static str])> {
    Some(match kind {
        "Conv" => ("conv", &[]),
        "Depthwise" => ("depthwise", &[]),
        "ConvF32" => ("conv_f32", &[]),
        "DepthwiseF32" => ("depthwise_f32", &[]),
        "Lut" => ("lut", &[]),
        "Binary" => ("binary", &["BinaryRule"]),
        "Pool" => ("pool", &["PoolRule"]),
        "MaxPool" => ("max_pool", &[]),
        "Reduce" => ("reduce", &["ReduceRule"]),
        "Softmax" => ("softmax", &["SoftmaxRule"]),
        "Resize" => ("resize", &["ResizeRule"]),
        "L2Norm" => ("l2norm", &[]),
        "Convert" => ("convert", &["ConvertRule"]),
        "Move" => ("movement", &[]),
        "ArgMax" => ("argmax", &[]),
        "Gather" => ("gather", &[]),
        "WideConv" => ("wide_conv", &[]),
        "UnaryF32" => ("float_unary", &["UnaryF32Kind"]),
        "PoolF32" => ("float_pool", &["PoolF32Kind"]),
        "ReduceF32" => ("float_reduce", &["ReduceF32Kind"]),
        "RowsF32" => ("float_rows", &["RowsF32Kind"]),
        "BilinearF32" => ("float_rows", &[]),
        "PlainConvF32" => ("plain_conv_f32", &[]),
        "MatMulF32" => ("float_matmul", &[]),
        "WideLut" => ("wide_lut", &[]),
        "WideSoftmax" => ("wide_softmax", &[]),
        "MatMul" => ("matmul", &[]),
        "Hybrid" => ("hybrid", &["Quantiser", "Finish"]),
        _ => return None,
    })
}

/// `static STEP_<at>: … = …;`
pub(super) fn of_step(at: usize, step: &Step) -> Result<String, Error> {
    let kind = step.kind();
    let unknown = || Error::UnsupportedFile { what: format!("a step of kind {kind} in firmware") };
    let (module, enums) = names(kind).ok_or_else(unknown)?;
    let path = format!("edgebench_kernels::ops::{module}");
    let mut imports = format!("use {path}::*;");
    for name in enums {
        imports.push_str(&format!(" use {path}::{name}::*;"));
    }
    // The variant's name and its parentheses go: what stands between is the step's own struct.
    // "No limit" is the largest number here and there.
    let text = format!("{step:?}").replace(&usize::MAX.to_string(), "usize::MAX");
    let inner =
        text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('(')?.strip_suffix(')')).ok_or_else(unknown)?;
    Ok(format!(
        "\n#[allow(unused_imports)]\npub static STEP_{at}: {path}::{kind} = {{\n    \
         use core::f32::INFINITY as inf; use edgebench_kernels::Place::*; use edgebench_kernels::arith::*; \
         use edgebench_kernels::arith::Rounding::*; use edgebench_kernels::ops::conv::ConvShape;\n    {imports}\n    {inner}\n}};\n"
    ))
}
