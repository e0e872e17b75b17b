//! Products with constant weights, and what moves windows over images.

use super::parts::{New, index};
use super::{Builder, Value, Window, code, int, padding_code};
use crate::Error;
use crate::graph::{Activation, Padding};
use crate::tflite::{
    BuiltinOperator as B, Conv2DOptions, DepthwiseConv2DOptions, FullyConnectedOptions, Options, Pool2DOptions,
};

/// Constant weights and bias.
#[derive(Clone, Copy, Debug)]
pub struct Kernel<'a> {
    /// Shape of the weights: `[out, height, width, in]` for CONV_2D, `[1, height, width, channels·multiplier]` for
    /// DEPTHWISE_CONV_2D, `[out, in]` for FULLY_CONNECTED.
    pub shape: &'a [usize],
    /// The weights, row-major.
    pub values: &'a [f32],
    /// One number for each output channel; without it CONV_2D and DEPTHWISE_CONV_2D get zeros, which runtimes ask for.
    pub bias: Option<&'a [f32]>,
}

/// Largest stride, dilation or filter, as models are read.
const MAX_STEP: usize = 1 << 16;

impl Builder {
    /// CONV_2D of an image with `[out, height, width, in]` weights; `in` may divide the input's channels (groups).
    ///
    /// # Errors
    /// If shapes do not fit together.
    pub fn conv_2d(&mut self, x: Value, kernel: &Kernel<'_>, window: Window) -> Result<Value, Error> {
        let [n, h, w, c] = self.image(B::CONV_2D, x)?;
        let &[out, kh, kw, depth] = kernel.shape else {
            return Err(self.wrong(B::CONV_2D, "shape of the weights", "[out, height, width, in]", list(kernel.shape)));
        };
        if depth == 0 || c % depth != 0 || out % (c / depth) != 0 {
            let expected = format!("inputs that divide the {c} channels into groups that divide the outputs");
            return Err(self.wrong(B::CONV_2D, "channels of the weights", expected, list(kernel.shape)));
        }
        let [oh, ow] = self.windows(B::CONV_2D, [h, w], [kh, kw], window)?;
        let options = Options::Conv2D(Conv2DOptions {
            padding: padding_code(window.padding),
            stride_h: int(window.stride[0]),
            stride_w: int(window.stride[1]),
            activation: code(window.activation),
            dilation_h_factor: int(window.dilation[0]),
            dilation_w_factor: int(window.dilation[1]),
            ..Conv2DOptions::default()
        });
        self.product((B::CONV_2D, options), (x, kernel, out), &[n, oh, ow, out])
    }

    /// DEPTHWISE_CONV_2D of an image with `[1, height, width, channels·multiplier]` weights.
    ///
    /// # Errors
    /// If shapes do not fit together.
    pub fn depthwise_conv_2d(&mut self, x: Value, kernel: &Kernel<'_>, window: Window) -> Result<Value, Error> {
        let [n, h, w, c] = self.image(B::DEPTHWISE_CONV_2D, x)?;
        let &[1, kh, kw, out] = kernel.shape else {
            let expected = "[1, height, width, channels]";
            return Err(self.wrong(B::DEPTHWISE_CONV_2D, "shape of the weights", expected, list(kernel.shape)));
        };
        if out == 0 || out % c != 0 {
            let expected = format!("a multiple of {c}");
            return Err(self.wrong(B::DEPTHWISE_CONV_2D, "channels of the weights", expected, out));
        }
        let [oh, ow] = self.windows(B::DEPTHWISE_CONV_2D, [h, w], [kh, kw], window)?;
        let options = Options::DepthwiseConv2D(DepthwiseConv2DOptions {
            padding: padding_code(window.padding),
            stride_h: int(window.stride[0]),
            stride_w: int(window.stride[1]),
            depth_multiplier: int(out / c),
            activation: code(window.activation),
            dilation_h_factor: int(window.dilation[0]),
            dilation_w_factor: int(window.dilation[1]),
        });
        self.product((B::DEPTHWISE_CONV_2D, options), (x, kernel, out), &[n, oh, ow, out])
    }

    /// FULLY_CONNECTED of a `[batch, in]` matrix with `[out, in]` weights.
    ///
    /// # Errors
    /// If shapes do not fit together.
    pub fn fully_connected(&mut self, x: Value, kernel: &Kernel<'_>, activation: Activation) -> Result<Value, Error> {
        let shape = self.shape(x);
        let (&[n, inputs], &[out, depth]) = (&shape[..], kernel.shape) else {
            let got = format!("{} and {}", list(&shape), list(kernel.shape));
            return Err(self.wrong(B::FULLY_CONNECTED, "shapes", "[batch, in] and [out, in]", got));
        };
        if depth != inputs {
            return Err(self.wrong(B::FULLY_CONNECTED, "inputs of the weights", inputs, depth));
        }
        let options = FullyConnectedOptions { activation: code(activation), ..FullyConnectedOptions::default() };
        self.product((B::FULLY_CONNECTED, Options::FullyConnected(options)), (x, kernel, out), &[n, out])
    }

    /// AVERAGE_POOL_2D with a filter of `[height, width]`.
    ///
    /// # Errors
    /// If the input is no image, the filter is larger than it, or the window is dilated.
    pub fn average_pool_2d(&mut self, x: Value, filter: [usize; 2], window: Window) -> Result<Value, Error> {
        self.pool(B::AVERAGE_POOL_2D, x, filter, window)
    }

    /// MAX_POOL_2D with a filter of `[height, width]`.
    ///
    /// # Errors
    /// As [`Builder::average_pool_2d`].
    pub fn max_pool_2d(&mut self, x: Value, filter: [usize; 2], window: Window) -> Result<Value, Error> {
        self.pool(B::MAX_POOL_2D, x, filter, window)
    }

    fn pool(&mut self, kind: B, x: Value, filter: [usize; 2], window: Window) -> Result<Value, Error> {
        let [n, h, w, c] = self.image(kind, x)?;
        if window.dilation != [1, 1] {
            return Err(self.wrong(kind, "dilation", "[1, 1]", list(&window.dilation)));
        }
        let [oh, ow] = self.windows(kind, [h, w], filter, window)?;
        let options = Options::Pool2D(Pool2DOptions {
            padding: padding_code(window.padding),
            stride_h: int(window.stride[0]),
            stride_w: int(window.stride[1]),
            filter_height: int(filter[0]),
            filter_width: int(filter[1]),
            activation: code(window.activation),
        });
        let name = self.next_name(kind);
        self.push(New { kind, options, name }, vec![index(x)], &[n, oh, ow, c])
    }

    /// Adds weights, bias and the operator.
    fn product(
        &mut self,
        (kind, options): (B, Options),
        (x, kernel, channels): (Value, &Kernel<'_>, usize),
        shape: &[usize],
    ) -> Result<Value, Error> {
        let expected: usize = kernel.shape.iter().product();
        if kernel.values.len() != expected {
            return Err(self.wrong(kind, "number of weights", expected, kernel.values.len()));
        }
        if let Some(bias) = kernel.bias.filter(|bias| bias.len() != channels) {
            return Err(self.wrong(kind, "elements of the bias", channels, bias.len()));
        }
        let name = self.next_name(kind);
        let weights = self.floats(format!("{name}/weights"), kernel.shape, kernel.values)?;
        let zeros = vec![0.0; channels];
        let bias = match kernel.bias {
            None if kind == B::FULLY_CONNECTED => -1,
            bias => self.floats(format!("{name}/bias"), &[channels], bias.unwrap_or(&zeros))?,
        };
        self.push(New { kind, options, name }, vec![index(x), weights, bias], shape)
    }

    /// Size of the output of a window that moves over an image.
    fn windows(&self, kind: B, size: [usize; 2], filter: [usize; 2], window: Window) -> Result<[usize; 2], Error> {
        let mut out = [0; 2];
        for axis in 0..2 {
            let (stride, dilation) = (window.stride[axis], window.dilation[axis]);
            for (what, value) in [("stride", stride), ("dilation", dilation), ("filter", filter[axis])] {
                if !(1..=MAX_STEP).contains(&value) {
                    return Err(self.wrong(kind, what, format!("1 to {MAX_STEP}"), value));
                }
            }
            let reach = (filter[axis] - 1) * dilation + 1;
            out[axis] = match window.padding {
                Padding::Same => size[axis].div_ceil(stride),
                Padding::Valid if reach > size[axis] => {
                    return Err(self.wrong(kind, "reach of the filter", format!("at most {}", size[axis]), reach));
                }
                Padding::Valid => (size[axis] - reach) / stride + 1,
            };
        }
        Ok(out)
    }
}

/// A list of sizes, for messages.
pub(super) fn list(sizes: &[usize]) -> String {
    format!("{sizes:?}")
}
