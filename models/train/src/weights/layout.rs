//! How kernels lie in a file.

use std::str::FromStr;

use crate::net::{Op, Role, Shape};
use crate::{Net, suggest};

/// Whose order of axes kernels have, and whose words end the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `[O, kh, kw, I]`, depthwise `[1, kh, kw, O]`, dense `[O, I]`: as this network has them.
    Tflite,
    /// `[O, I, kh, kw]`, depthwise `[O, 1, kh, kw]`, dense `[O, I]`, where the values of an image are counted channel by channel.
    Torch,
    /// `[kh, kw, I, O]`, depthwise `[kh, kw, C, multiplier]`, dense `[I, O]`.
    Keras,
}

impl Layout {
    /// All of them.
    pub const ALL: [Layout; 3] = [Layout::Tflite, Layout::Torch, Layout::Keras];

    /// The name on the command line and in metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Layout::Tflite => "tflite",
            Layout::Torch => "torch",
            Layout::Keras => "keras",
        }
    }

    /// The sizes that a file has for tensor `at` of `net`.
    pub(super) fn shape(self, net: &Net, at: usize) -> Vec<usize> {
        let tensor = &net.tensors()[at];
        match (self, tensor.role, &tensor.shape[..]) {
            (Layout::Torch, Role::Kernel, &[o, h, w, i]) => vec![o, i, h, w],
            (Layout::Torch, Role::DepthwiseKernel, &[one, h, w, o]) => vec![o, one, h, w],
            (Layout::Keras, Role::Kernel, &[o, h, w, i]) => vec![h, w, i, o],
            (Layout::Keras, Role::DepthwiseKernel, &[_, h, w, o]) => {
                let channels = net.shape(net.layers()[tensor.layer].inputs[0]).c;
                vec![h, w, channels, o / channels]
            }
            (Layout::Keras, Role::Kernel, &[o, i]) => vec![i, o],
            (_, _, shape) => shape.to_vec(),
        }
    }

    /// The numbers of tensor `at` of `net`, from the order of this layout to that of TFLite.
    pub(super) fn to_tflite(self, net: &Net, at: usize, values: Vec<f32>) -> Vec<f32> {
        let tensor = &net.tensors()[at];
        let shape = self.shape(net, at);
        match (self, tensor.role, shape.len()) {
            (Layout::Torch, Role::Kernel, 4) => permuted(&values, &shape, &[0, 2, 3, 1]),
            (Layout::Torch, Role::DepthwiseKernel, _) => permuted(&values, &shape, &[1, 2, 3, 0]),
            (Layout::Torch, Role::Kernel, _) => match image_before(net, tensor.layer) {
                Some(Shape { h, w, c }) => permuted(&values, &[shape[0], c, h, w], &[0, 2, 3, 1]),
                None => values,
            },
            (Layout::Keras, Role::Kernel, 4) => permuted(&values, &shape, &[3, 0, 1, 2]),
            (Layout::Keras, Role::Kernel, _) => permuted(&values, &shape, &[1, 0]),
            _ => values,
        }
    }
}

impl FromStr for Layout {
    type Err = String;
    fn from_str(name: &str) -> Result<Layout, String> {
        let names = Layout::ALL.map(Layout::name);
        Layout::ALL.into_iter().find(|layout| layout.name() == name).ok_or_else(|| {
            format!("there is no layout {name:?}{}; known are {}", suggest(name, &names), names.join(", "))
        })
    }
}

/// The image whose values dense layer `at` sees in a row, if it is more than one pixel.
fn image_before(net: &Net, at: usize) -> Option<Shape> {
    let mut from = net.layers()[at].inputs[0];
    // What lies between flattening and a dense layer keeps the order.
    while let Op::Flatten | Op::Dropout(_) | Op::Act(_) | Op::FakeQuant = net.layers()[from].op
        && net.shape(from).pixels() == 1
    {
        from = net.layers()[from].inputs[0];
    }
    Some(net.shape(from)).filter(|shape| shape.pixels() > 1)
}

/// `values` of `shape` with axis `axes[i]` in place `i`.
pub(super) fn permuted(values: &[f32], shape: &[usize], axes: &[usize]) -> Vec<f32> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let sizes: Vec<usize> = axes.iter().map(|&axis| shape[axis]).collect();
    let steps: Vec<usize> = axes.iter().map(|&axis| strides[axis]).collect();
    let mut index = vec![0; axes.len()];
    let mut from = 0;
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        out.push(values[from]);
        for axis in (0..sizes.len()).rev() {
            index[axis] += 1;
            from += steps[axis];
            if index[axis] < sizes[axis] {
                break;
            }
            from -= steps[axis] * sizes[axis];
            index[axis] = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_change_places() {
        let values: Vec<f32> = (0..24u8).map(f32::from).collect();
        let turned = permuted(&values, &[2, 3, 4], &[2, 0, 1]);
        for (at, value) in turned.iter().enumerate() {
            let (a, b, c) = (at / 6, at / 3 % 2, at % 3);
            assert_eq!(*value, values[b * 12 + c * 4 + a]);
        }
        assert_eq!(permuted(&values, &[24], &[0]), values);
    }
}
