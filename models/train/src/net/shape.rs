//! Sizes of values and tensors, and what is refused.

use super::{Conv, LayerId, Net, Op, Padding, Role, Shape, Window};
use crate::Error;

/// Values of one image above which a layer is taken for a mistake (1 GiB of `f32`).
const MAX_VALUES: usize = 1 << 28;

impl Window {
    /// Output size and zeros before the image, along `axis` (0 height, 1 width) of an image of `size`; `None` if the kernel does not fit.
    #[must_use]
    pub fn over(&self, axis: usize, size: usize) -> Option<(usize, usize)> {
        let [kernel, stride, dilation] = [self.kernel[axis], self.stride[axis], self.dilation[axis]];
        if kernel == 0 || stride == 0 || dilation == 0 {
            return None;
        }
        let extent = (kernel - 1).checked_mul(dilation)?.checked_add(1)?;
        match self.padding {
            Padding::Same => {
                let out = size.div_ceil(stride);
                let missing = ((out - 1) * stride).checked_add(extent)?.saturating_sub(size);
                Some((out, missing / 2))
            }
            Padding::Valid => Some((size.checked_sub(extent)? / stride + 1, 0)),
        }
    }

    /// Rows and columns of the output over an image of shape `from`.
    fn output(&self, from: Shape) -> Result<[usize; 2], String> {
        let sizes = [self.over(0, from.h), self.over(1, from.w)];
        let [Some((h, _)), Some((w, _))] = sizes else {
            return Err(format!(
                "a window of {:?} with stride {:?} and dilation {:?} does not fit {from}",
                self.kernel, self.stride, self.dilation
            ));
        };
        Ok([h, w])
    }
}

/// What `op` yields for values of these shapes.
pub(super) fn shape_of(op: &Op, inputs: &[Shape]) -> Result<Shape, String> {
    if inputs.len() != op.arity() {
        return Err(format!("a {} takes {} values, found {}", op.kind(), op.arity(), inputs.len()));
    }
    let x = inputs.first().copied().unwrap_or(Shape::new(0, 0, 0));
    let windowed = |window: &Window, c| window.output(x).map(|[h, w]| Shape::new(h, w, c));
    let shape = match op {
        Op::Input => return Err("only the first layer is the input".into()),
        Op::Conv(conv) => {
            check_groups(conv, x)?;
            windowed(&conv.window, conv.out_c)?
        }
        Op::Depthwise { multiplier, window, .. } => windowed(window, x.c * multiplier)?,
        Op::Dense { units, .. } => Shape::new(1, 1, *units),
        Op::BatchNorm { epsilon, momentum } => {
            if !(*epsilon > 0.0 && (0.0..1.0).contains(momentum)) {
                return Err(format!("epsilon {epsilon} must be above 0 and momentum {momentum} from 0 to below 1"));
            }
            x
        }
        Op::Dropout(rate) => {
            if !(0.0..1.0).contains(rate) {
                return Err(format!("a rate of {rate} is not from 0 to below 1"));
            }
            x
        }
        Op::Act(_) | Op::FakeQuant => x,
        Op::Add => {
            if inputs[0] != inputs[1] {
                return Err(format!("{} and {} cannot be added", inputs[0], inputs[1]));
            }
            x
        }
        Op::Pad([top, bottom, left, right]) => Shape::new(x.h + top + bottom, x.w + left + right, x.c),
        Op::Upsample(k) => Shape::new(x.h.saturating_mul(*k), x.w.saturating_mul(*k), x.c),
        Op::Pool(_, window) => windowed(window, x.c)?,
        Op::GlobalAveragePool => Shape::new(1, 1, x.c),
        Op::Flatten => Shape::new(1, 1, x.len()),
    };
    let values = shape.h.checked_mul(shape.w).and_then(|n| n.checked_mul(shape.c));
    match values {
        Some(1..=MAX_VALUES) => Ok(shape),
        _ => Err(format!("a value of {shape} is empty or over {MAX_VALUES} elements")),
    }
}

fn check_groups(conv: &Conv, x: Shape) -> Result<(), String> {
    let Conv { groups, out_c, .. } = *conv;
    if groups == 0 || !x.c.is_multiple_of(groups) || !out_c.is_multiple_of(groups) {
        return Err(format!("{groups} groups do not divide {} input and {out_c} output channels", x.c));
    }
    Ok(())
}

/// The tensors of a layer: role and sizes. `x` is the shape of its input.
pub(super) fn tensors_of(op: &Op, x: Shape) -> Vec<(Role, Vec<usize>)> {
    let with_bias = |kernel, bias: bool, outputs| {
        let mut all = vec![kernel];
        if bias {
            all.push((Role::Bias, vec![outputs]));
        }
        all
    };
    match op {
        Op::Conv(Conv { out_c, window: Window { kernel: [kh, kw], .. }, groups, bias }) => {
            with_bias((Role::Kernel, vec![*out_c, *kh, *kw, x.c / groups]), *bias, *out_c)
        }
        Op::Depthwise { multiplier, window: Window { kernel: [kh, kw], .. }, bias } => {
            let outputs = x.c * multiplier;
            with_bias((Role::DepthwiseKernel, vec![1, *kh, *kw, outputs]), *bias, outputs)
        }
        Op::Dense { units, bias } => with_bias((Role::Kernel, vec![*units, x.len()]), *bias, *units),
        Op::BatchNorm { .. } => {
            [Role::Gamma, Role::Beta, Role::Mean, Role::Variance].map(|role| (role, vec![x.c])).to_vec()
        }
        Op::FakeQuant => vec![(Role::Range, vec![2])],
        _ => Vec::new(),
    }
}

impl Net {
    /// The error that `layer` has this problem.
    pub(crate) fn problem(&self, layer: LayerId, problem: impl Into<String>) -> Error {
        Error::Net { layer: self.layers()[layer].name.clone(), problem: problem.into() }
    }
}
