//! Small float files, operator by operator.

use edgebench_models::tflite::{
    Activation, AddOptions, BuiltinOperator, Bytes, Conv2DOptions, DepthwiseConv2DOptions, FullyConnectedOptions,
    Model, MulOptions, Operator, OperatorCode, Options, Padding, Pool2DOptions, Quantization, ReducerOptions,
    ResizeNearestNeighborOptions, SoftmaxOptions, SubGraph, SubOptions, Tensor, TensorType,
};

pub(crate) const SAME: Padding = Padding::SAME;
pub(crate) const VALID: Padding = Padding::VALID;
pub(crate) const RELU: Activation = Activation::RELU;
pub(crate) const RELU6: Activation = Activation::RELU6;
pub(crate) const NONE: Activation = Activation::NONE;

/// A file in the making. Every value has a name of its own, and every constant numbers that look like nothing.
pub(crate) struct Made {
    pub(crate) model: Model,
}

impl Made {
    /// A file whose input has this shape; it is value 0.
    pub(crate) fn new(shape: &[i32]) -> Made {
        let model = Model { buffers: vec![Bytes::default()], subgraphs: vec![SubGraph::default()], ..Model::default() };
        let mut made = Made { model };
        made.value("image", shape);
        made.model.subgraphs[0].inputs.push(0);
        made
    }

    pub(crate) fn value(&mut self, name: &str, shape: &[i32]) -> i32 {
        let tensors = &mut self.model.subgraphs[0].tensors;
        let shape = shape.to_vec();
        tensors.push(Tensor { shape, dtype: TensorType::FLOAT32, name: name.into(), ..Tensor::default() });
        tensors.len() as i32 - 1
    }

    pub(crate) fn at(&mut self, id: i32) -> &mut Tensor {
        &mut self.model.subgraphs[0].tensors[id as usize]
    }

    pub(crate) fn bytes(&mut self, dtype: TensorType, shape: &[i32], data: Vec<u8>) -> i32 {
        let id = self.value("constant", shape);
        self.model.buffers.push(data.into());
        let buffer = self.model.buffers.len() as u32 - 1;
        (self.at(id).buffer, self.at(id).dtype) = (buffer, dtype);
        id
    }

    pub(crate) fn floats(&mut self, shape: &[i32], values: &[f32]) -> i32 {
        self.bytes(TensorType::FLOAT32, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// Floats between −0.5 and 0.5.
    pub(crate) fn some(&mut self, shape: &[i32]) -> i32 {
        let count: i32 = shape.iter().product();
        let seed = self.model.buffers.len() as i32;
        let values: Vec<f32> =
            (0..count).map(|at| ((at * 7919 + seed * 104_729) % 1999) as f32 / 1999.0 - 0.5).collect();
        self.floats(shape, &values)
    }

    pub(crate) fn ints(&mut self, shape: &[i32], values: &[i32]) -> i32 {
        self.bytes(TensorType::INT32, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    pub(crate) fn op(&mut self, code: BuiltinOperator, options: Options, inputs: &[i32], shape: &[i32]) -> i32 {
        let count = self.model.subgraphs[0].operators.len();
        let out = self.value(&format!("net/layer{count}/{code}"), shape);
        self.model.operator_codes.push(OperatorCode::builtin(code, 1));
        let opcode_index = self.model.operator_codes.len() as u32 - 1;
        let (inputs, outputs) = (inputs.to_vec(), vec![out]);
        self.model.subgraphs[0].operators.push(Operator {
            opcode_index,
            inputs,
            outputs,
            options,
            ..Operator::default()
        });
        out
    }

    pub(crate) fn plain(&mut self, code: BuiltinOperator, inputs: &[i32], shape: &[i32]) -> i32 {
        self.op(code, Options::None, inputs, shape)
    }

    pub(crate) fn conv(&mut self, x: i32, weights: &[i32], shape: &[i32], options: Conv2DOptions) -> i32 {
        let (kernel, bias) = (self.some(weights), self.some(&weights[..1]));
        self.op(BuiltinOperator::CONV_2D, Options::Conv2D(options), &[x, kernel, bias], shape)
    }

    pub(crate) fn depthwise(&mut self, x: i32, weights: &[i32], shape: &[i32], options: DepthwiseConv2DOptions) -> i32 {
        let (kernel, bias) = (self.some(weights), self.some(&weights[3..]));
        self.op(BuiltinOperator::DEPTHWISE_CONV_2D, Options::DepthwiseConv2D(options), &[x, kernel, bias], shape)
    }

    pub(crate) fn dense(&mut self, x: i32, weights: &[i32], shape: &[i32], keep_num_dims: bool) -> i32 {
        let (kernel, bias) = (self.some(weights), self.some(&weights[..1]));
        let options =
            Options::FullyConnected(FullyConnectedOptions { keep_num_dims, ..FullyConnectedOptions::default() });
        self.op(BuiltinOperator::FULLY_CONNECTED, options, &[x, kernel, bias], shape)
    }

    pub(crate) fn binary(
        &mut self,
        code: BuiltinOperator,
        inputs: [i32; 2],
        activation: Activation,
        shape: &[i32],
    ) -> i32 {
        let options = match code {
            BuiltinOperator::MUL => Options::Mul(MulOptions { activation }),
            BuiltinOperator::SUB => Options::Sub(SubOptions { activation, ..SubOptions::default() }),
            _ => Options::Add(AddOptions { activation, ..AddOptions::default() }),
        };
        self.op(code, options, &inputs, shape)
    }

    pub(crate) fn pool(
        &mut self,
        code: BuiltinOperator,
        x: i32,
        window: [i32; 2],
        padding: Padding,
        shape: &[i32],
    ) -> i32 {
        let [filter, stride] = window;
        let options = Pool2DOptions {
            padding,
            stride_w: stride,
            stride_h: stride,
            filter_width: filter,
            filter_height: filter,
            ..Pool2DOptions::default()
        };
        self.op(code, Options::Pool2D(options), &[x], shape)
    }

    pub(crate) fn reduce(&mut self, code: BuiltinOperator, x: i32, axes: &[i32], shape: &[i32]) -> i32 {
        let axes = self.ints(&[axes.len() as i32], axes);
        let options = Options::Reducer(ReducerOptions { keep_dims: shape.len() == 4 });
        self.op(code, options, &[x, axes], shape)
    }

    pub(crate) fn resize(&mut self, x: i32, to: [i32; 2], channels: i32) -> i32 {
        let sizes = self.ints(&[2], &to);
        let options = ResizeNearestNeighborOptions { half_pixel_centers: true, ..Default::default() };
        let options = Options::ResizeNearestNeighbor(options);
        self.op(BuiltinOperator::RESIZE_NEAREST_NEIGHBOR, options, &[x, sizes], &[1, to[0], to[1], channels])
    }

    pub(crate) fn pad(&mut self, x: i32, pads: [i32; 8], shape: &[i32]) -> i32 {
        let pads = self.ints(&[4, 2], &pads);
        self.plain(BuiltinOperator::PAD, &[x, pads], shape)
    }

    /// Ends the file with a softmax over `x`.
    pub(crate) fn softmax(mut self, x: i32, classes: i32) -> Model {
        let options = Options::Softmax(SoftmaxOptions { beta: 1.0 });
        let out = self.op(BuiltinOperator::SOFTMAX, options, &[x], &[1, classes]);
        self.end(out)
    }

    /// Ends the file with `x`.
    pub(crate) fn end(mut self, x: i32) -> Model {
        self.model.subgraphs[0].outputs.push(x);
        self.model
    }

    /// The tensor has one scale.
    pub(crate) fn scaled(&mut self, id: i32, dtype: TensorType, scale: f32, zero_point: i64) {
        let quantization = Quantization { scale: vec![scale], zero_point: vec![zero_point], ..Quantization::default() };
        self.at(id).quantization = Some(Box::new(quantization));
        self.at(id).dtype = dtype;
    }
}

pub(crate) fn conv(padding: Padding, stride: i32, activation: Activation) -> Conv2DOptions {
    Conv2DOptions { padding, stride_w: stride, stride_h: stride, activation, ..Conv2DOptions::default() }
}
