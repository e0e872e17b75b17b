//! Products of activations and weights.

use edgebench_models::graph::{self, Node};

use super::walk::Walk;
use crate::net::{Conv, Op, Padding, Window};

impl Walk<'_> {
    pub(super) fn convolution(&mut self, node: &Node, window: Window, act: graph::Activation) -> Result<(), String> {
        let x = self.layer(node, 0)?;
        let &[out_c, kh, kw, in_c] = self.shape(node, 1)? else { return Err(wrong_weights("[O, height, width, I]")) };
        let channels = self.net.shape(x).c;
        if in_c == 0 || !channels.is_multiple_of(in_c) {
            return Err(format!("weights for {in_c} channels over an image of {channels}"));
        }
        let numbers = self.weights(node)?;
        let window = Window { kernel: [kh, kw], ..window };
        let conv = Conv { out_c, window, groups: channels / in_c, bias: numbers.len() == 2 };
        let layer = self.add("", Op::Conv(conv), &[x], numbers)?;
        self.yields(node, layer, act)
    }

    pub(super) fn depthwise(&mut self, node: &Node, window: Window, act: graph::Activation) -> Result<(), String> {
        let x = self.layer(node, 0)?;
        let &[1, kh, kw, outputs] = self.shape(node, 1)? else { return Err(wrong_weights("[1, height, width, O]")) };
        let channels = self.net.shape(x).c;
        if !outputs.is_multiple_of(channels) {
            return Err(format!("weights of {outputs} channels over an image of {channels}"));
        }
        let numbers = self.weights(node)?;
        let window = Window { kernel: [kh, kw], ..window };
        let op = Op::Depthwise { multiplier: outputs / channels, window, bias: numbers.len() == 2 };
        let layer = self.add("", op, &[x], numbers)?;
        self.yields(node, layer, act)
    }

    /// A dense layer over all values or, where the file keeps height and width, over the channels of each pixel.
    pub(super) fn fully_connected(&mut self, node: &Node, keep: bool, act: graph::Activation) -> Result<(), String> {
        let x = self.layer(node, 0)?;
        let &[units, values] = self.shape(node, 1)? else { return Err(wrong_weights("[O, I]")) };
        let from = self.net.shape(x);
        let numbers = self.weights(node)?;
        let bias = numbers.len() == 2;
        let op = if values == from.len() {
            Op::Dense { units, bias }
        } else if values == from.c && keep {
            Op::Conv(Conv { bias, ..Conv::new(units, Window::square(1)) })
        } else {
            return Err(format!("weights for {values} values over {from}"));
        };
        let layer = self.add("", op, &[x], numbers)?;
        self.yields(node, layer, act)
    }

    /// Weights and, where there is one, bias.
    fn weights(&self, node: &Node) -> Result<Vec<Vec<f32>>, String> {
        let weights = self.floats(node, 1)?.ok_or("has no weights")?;
        let bias = self.floats(node, 2)?;
        Ok([weights].into_iter().chain(bias).collect())
    }

    fn shape(&self, node: &Node, at: usize) -> Result<&[usize], String> {
        self.tensor(node, at).map(|tensor| &tensor.shape[..]).ok_or_else(|| format!("operand {at} is missing"))
    }
}

fn wrong_weights(expected: &str) -> String {
    format!("its weights are not of the shape {expected}")
}

/// A window without its kernel size.
pub(super) fn window(padding: graph::Padding, stride: [usize; 2], dilation: [usize; 2]) -> Window {
    let padding = match padding {
        graph::Padding::Same => Padding::Same,
        graph::Padding::Valid => Padding::Valid,
    };
    Window { kernel: [1; 2], stride, dilation, padding }
}
