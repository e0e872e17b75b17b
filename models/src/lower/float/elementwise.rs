//! Element-wise operators on float32; those of two operands on int32 and int64 too.

use edgebench_kernels::ops::float_binary::{BINARY_AXES, BinaryNum, BinaryNumKind};
use edgebench_kernels::ops::float_unary::{UnaryF32, UnaryF32Kind};

use super::{bounds, float_output};
use crate::error::Error;
use crate::graph::{Activation, BinaryKind, DType, UnaryKind};
use crate::lower::cast::number_kind;
use crate::lower::movement::{expect_shape, strides};
use crate::lower::{Arithmetic, Cx};

/// The kernels' name of an operator.
pub(super) fn binary_kind(kind: BinaryKind) -> BinaryNumKind {
    match kind {
        BinaryKind::Add => BinaryNumKind::Add,
        BinaryKind::Sub => BinaryNumKind::Sub,
        BinaryKind::Mul => BinaryNumKind::Mul,
        BinaryKind::Div => BinaryNumKind::Div,
        BinaryKind::Maximum => BinaryNumKind::Maximum,
        BinaryKind::Minimum => BinaryNumKind::Minimum,
        BinaryKind::SquaredDifference => BinaryNumKind::SquaredDifference,
    }
}

/// Loop levels of two broadcast operands, merged: size, stride in `a`, stride in `b`.
fn broadcast(cx: &Cx<'_>) -> Result<Vec<(usize, usize, usize)>, Error> {
    let (a, b) = (cx.tensor(0)?, cx.tensor(1)?);
    let rank = a.shape.len().max(b.shape.len());
    let aligned = |shape: &[usize]| -> Vec<(usize, usize)> {
        let own = shape.iter().copied().zip(strides(shape));
        std::iter::repeat_n((1, 0), rank - shape.len()).chain(own).collect()
    };
    let mut shape = Vec::with_capacity(rank);
    let mut levels: Vec<(usize, usize, usize)> = Vec::new();
    for (&(na, sa), &(nb, sb)) in aligned(&a.shape).iter().zip(&aligned(&b.shape)) {
        let n = if na == 1 { nb } else { na };
        if nb != n && nb != 1 {
            return Err(cx.inconsistent("shapes", format!("{:?} to broadcast", a.shape), format!("{:?}", b.shape)));
        }
        shape.push(n);
        let (sa, sb) = (if na == 1 { 0 } else { sa }, if nb == 1 { 0 } else { sb });
        match levels.last_mut() {
            _ if n == 1 => {}
            Some(last) if last.1 == sa * n && last.2 == sb * n => *last = (last.0 * n, sa, sb),
            _ => levels.push((n, sa, sb)),
        }
    }
    expect_shape(cx, 0, &shape)?;
    if levels.len() > BINARY_AXES {
        return Err(cx.unsupported(&format!("broadcasting over {} axes", levels.len())));
    }
    Ok(levels)
}

/// ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM, SQUARED_DIFFERENCE, PRELU.
pub(super) fn binary(cx: &mut Cx<'_>, kind: BinaryNumKind, activation: Activation) -> Result<(), Error> {
    let (a, b, y) = (cx.tensor(0)?, cx.tensor(1)?, cx.out(0)?);
    if b.dtype != a.dtype || y.dtype != a.dtype {
        return Err(cx.inconsistent("types", a.dtype, format!("{} and {}", b.dtype, y.dtype)));
    }
    let levels = broadcast(cx)?;
    let (mut shape, mut a_stride, mut b_stride) = ([1; BINARY_AXES], [0; BINARY_AXES], [0; BINARY_AXES]);
    for (i, &(n, sa, sb)) in levels.iter().enumerate() {
        let d = BINARY_AXES - levels.len() + i;
        (shape[d], a_stride[d], b_stride[d]) = (n, sa, sb);
    }
    // TFLite Micro adds integers without looking at the activation.
    let ignored = cx.arithmetic == Arithmetic::Tflm && kind == BinaryNumKind::Add && a.dtype != DType::F32;
    let (lo, hi) = bounds(if ignored { Activation::None } else { activation });
    let step = BinaryNum {
        a: cx.input(0)?,
        b: cx.input(1)?,
        output: cx.output(0)?,
        kind,
        number: number_kind(cx, a.dtype)?,
        shape,
        a_stride,
        b_stride,
        lo,
        hi,
    };
    cx.push(step, 0);
    Ok(())
}

/// Functions of one operand.
pub(super) fn unary(cx: &mut Cx<'_>, kind: UnaryKind) -> Result<(), Error> {
    float_output(cx)?;
    let clamp = |activation| {
        let (lo, hi) = bounds(activation);
        UnaryF32Kind::Clamp { lo, hi }
    };
    let kind = match kind {
        UnaryKind::Relu => clamp(Activation::Relu),
        UnaryKind::Relu6 => clamp(Activation::Relu6),
        UnaryKind::ReluN1To1 => clamp(Activation::ReluN1To1),
        UnaryKind::Elu => UnaryF32Kind::Elu,
        UnaryKind::LeakyRelu { alpha } => UnaryF32Kind::LeakyRelu { alpha },
        UnaryKind::HardSwish => UnaryF32Kind::HardSwish { reference: !cx.is_litert() },
        UnaryKind::Gelu { approximate } => UnaryF32Kind::Gelu { approximate },
        UnaryKind::Logistic => UnaryF32Kind::Logistic,
        UnaryKind::Tanh => UnaryF32Kind::Tanh,
        UnaryKind::Exp => UnaryF32Kind::Exp,
        UnaryKind::Rsqrt => UnaryF32Kind::Rsqrt,
        UnaryKind::Abs => UnaryF32Kind::Abs,
        UnaryKind::Neg => UnaryF32Kind::Neg,
    };
    let shape = cx.tensor(0)?.shape.clone();
    expect_shape(cx, 0, &shape)?;
    let (input, output) = (cx.input(0)?, cx.output(0)?);
    cx.push(UnaryF32 { input, output, kind }, 0);
    Ok(())
}
