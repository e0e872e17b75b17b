//! Operator by operator, in small files made here.

use edgebench_models::tflite::{
    BuiltinOperator as B, Conv2DOptions, DepthwiseConv2DOptions, Model, Options, TensorType,
};
use edgebench_train::Error;
use edgebench_train::import::{Head, import};
use edgebench_train::net::{Activation, Op, Pool};

use super::compare;
use super::made::{Made, NONE, RELU, RELU6, SAME, VALID, conv};

/// The file becomes a network that computes the same; its layers.
#[track_caller]
fn same(model: Model) -> Vec<Op> {
    let model = Model::read(&model.write().expect("a file")).expect("a model");
    let imported = import(&model, "net").expect("a network");
    let apart = compare(&model, &imported);
    assert!(apart < 1e-5, "{apart}");
    imported.net.layers().iter().skip(1).map(|layer| layer.op.clone()).collect()
}

#[track_caller]
fn refused(model: &Model, words: &[&str]) {
    let error = import(model, "net").expect_err("refused");
    let text = error.to_string();
    words.iter().for_each(|word| assert!(text.contains(word), "{word:?} is not in: {text}"));
    assert!(matches!(error, Error::Operator { .. } | Error::Net { .. }), "{text}");
}

#[test]
fn windows_groups_and_activations() {
    let mut made = Made::new(&[1, 9, 8, 4]);
    let dilated = Conv2DOptions { dilation_w_factor: 2, dilation_h_factor: 2, ..conv(SAME, 1, RELU6) };
    let x = made.conv(0, &[6, 3, 3, 2], &[1, 9, 8, 6], dilated);
    let x = made.conv(x, &[8, 3, 2, 6], &[1, 5, 4, 8], conv(SAME, 2, RELU));
    let options = DepthwiseConv2DOptions {
        padding: VALID,
        stride_w: 1,
        stride_h: 2,
        depth_multiplier: 2,
        activation: RELU,
        ..DepthwiseConv2DOptions::default()
    };
    let x = made.depthwise(x, &[1, 2, 3, 16], &[1, 2, 2, 16], options);
    let x = made.plain(B::HARD_SWISH, &[x], &[1, 2, 2, 16]);
    let x = made.plain(B::RESHAPE, &[x], &[1, 64]);
    let x = made.dense(x, &[5, 64], &[1, 5], false);
    let ops = same(made.softmax(x, 5));
    assert!(matches!(ops[0], Op::Conv(conv) if conv.groups == 2 && conv.window.dilation == [2, 2]));
    assert!(matches!(ops[4], Op::Depthwise { multiplier: 2, bias: true, .. }));
    assert_eq!(ops[6..8], [Op::Act(Activation::HardSwish), Op::Flatten]);
}

#[test]
fn pools_pads_and_growth() {
    let mut made = Made::new(&[1, 3, 4, 2]);
    let x = made.resize(0, [9, 12], 2);
    let x = made.pad(x, [0, 0, 1, 2, 0, 1, 0, 0], &[1, 12, 13, 2]);
    let x = made.pool(B::MAX_POOL_2D, x, [3, 2], SAME, &[1, 6, 7, 2]);
    let x = made.pool(B::AVERAGE_POOL_2D, x, [2, 1], SAME, &[1, 6, 7, 2]);
    let y = made.conv(x, &[2, 1, 1, 2], &[1, 6, 7, 2], conv(VALID, 1, NONE));
    let sum = made.binary(B::ADD, [x, y], RELU, &[1, 6, 7, 2]);
    let x = made.conv(sum, &[7, 6, 7, 2], &[1, 1, 1, 7], conv(VALID, 1, NONE));
    let ops = same(made.end(x));
    assert_eq!(ops[..2], [Op::Upsample(3), Op::Pad([1, 2, 0, 1])]);
    assert!(matches!(ops[3], Op::Pool(Pool::Average, _)));
}

#[test]
fn ends_of_every_kind() {
    // A mean that keeps its dimensions, a 1×1 convolution, and no dense layer.
    let mut made = Made::new(&[1, 4, 4, 3]);
    let x = made.reduce(B::MEAN, 0, &[-2, 1], &[1, 1, 1, 3]);
    let x = made.conv(x, &[5, 1, 1, 3], &[1, 1, 1, 5], conv(SAME, 1, NONE));
    let x = made.plain(B::SQUEEZE, &[x], &[1, 5]);
    let ops = same(made.softmax(x, 5));
    assert_eq!((ops.len(), &ops[0]), (2, &Op::GlobalAveragePool));
    // A pool over all, and a maximum.
    let mut made = Made::new(&[1, 4, 4, 3]);
    let x = made.pool(B::AVERAGE_POOL_2D, 0, [4, 4], VALID, &[1, 1, 1, 3]);
    let x = made.dense(x, &[6, 3], &[1, 6], false);
    assert_eq!(same(made.end(x))[0], Op::GlobalAveragePool);
    let mut made = Made::new(&[1, 4, 4, 3]);
    let x = made.reduce(B::REDUCE_MAX, 0, &[1, 2], &[1, 3]);
    let x = made.dense(x, &[6, 3], &[1, 6], false);
    same(made.end(x));
    // A dense layer for each pixel.
    let mut made = Made::new(&[1, 3, 3, 4]);
    let x = made.dense(0, &[5, 4], &[1, 3, 3, 5], true);
    let x = made.reduce(B::MEAN, x, &[1, 2], &[1, 5]);
    assert!(matches!(same(made.end(x))[0], Op::Conv(_)));
}

#[test]
fn batch_normalisation_that_nobody_folded() {
    let mut made = Made::new(&[1, 5, 5, 2]);
    // Of the image, by single numbers: a layer of its own.
    let (factor, offset) = (made.floats(&[], &[0.25]), made.floats(&[1], &[0.5]));
    let x = made.binary(B::MUL, [factor, 0], NONE, &[1, 5, 5, 2]);
    let x = made.binary(B::SUB, [x, offset], NONE, &[1, 5, 5, 2]);
    let x = made.conv(x, &[4, 3, 3, 2], &[1, 5, 5, 4], conv(SAME, 1, NONE));
    let (factor, offset) = (made.some(&[4]), made.some(&[1, 1, 1, 4]));
    let x = made.binary(B::MUL, [x, factor], NONE, &[1, 5, 5, 4]);
    let x = made.binary(B::ADD, [x, offset], RELU, &[1, 5, 5, 4]);
    // Behind a value that two operators take it cannot go into the convolution.
    let y = made.conv(x, &[4, 1, 1, 4], &[1, 5, 5, 4], conv(SAME, 1, NONE));
    let offset = made.some(&[4]);
    let z = made.binary(B::SUB, [offset, y], NONE, &[1, 5, 5, 4]);
    let x = made.binary(B::ADD, [z, y], RELU, &[1, 5, 5, 4]);
    let x = made.reduce(B::MEAN, x, &[1, 2], &[1, 4]);
    let ops = same(made.end(x));
    let kinds: Vec<&str> = ops.iter().map(Op::kind).collect();
    let depthwise = "depthwise convolution";
    let conv = "convolution";
    assert_eq!(kinds, [depthwise, conv, "ReLU", conv, depthwise, "addition", "ReLU", "global average pooling"]);
}

#[test]
fn open_batches_and_dead_ends() {
    let mut made = Made::new(&[1, 2, 2, 3]);
    // SHAPE → STRIDED_SLICE → PACK → RESHAPE.
    let sizes = made.plain(B::SHAPE, &[0], &[4]);
    made.at(sizes).dtype = TensorType::INT32;
    let [begin, end, steps] = [0, 1, 1].map(|value| made.ints(&[1], &[value]));
    let batch = made.plain(B::STRIDED_SLICE, &[sizes, begin, end, steps], &[1]);
    made.at(batch).dtype = TensorType::INT32;
    let twelve = made.ints(&[1], &[12]);
    let shape = made.plain(B::PACK, &[batch, twelve], &[2]);
    made.at(shape).dtype = TensorType::INT32;
    let x = made.plain(B::RESHAPE, &[0, shape], &[1, 12]);
    let x = made.dense(x, &[4, 12], &[1, 4], false);
    // Nobody takes this.
    made.plain(B::RELU, &[x], &[1, 4]);
    let x = made.dense(x, &[3, 4], &[1, 3], false);
    let imported = import(&made.end(x), "net").expect("a network");
    let kinds: Vec<&str> = imported.net.layers().iter().map(|layer| layer.op.kind()).collect();
    assert_eq!(kinds, ["input", "flattening", "dense layer", "dense layer"]);
    assert_eq!(imported.head, Head::Logits);
}

#[test]
fn simulated_quantisation() {
    let mut made = Made::new(&[1, 1, 1, 4]);
    let codes = made.plain(B::QUANTIZE, &[0], &[1, 1, 1, 4]);
    made.scaled(codes, TensorType::INT8, 1.0 / 64.0, 3);
    let x = made.plain(B::DEQUANTIZE, &[codes], &[1, 1, 1, 4]);
    let kernel = made.floats(&[2, 1, 1, 4], &[0.3, -0.9, 1.2, 9.0, -9.0, 0.5, 0.25, 0.75]);
    let codes = made.plain(B::QUANTIZE, &[kernel], &[2, 1, 1, 4]);
    made.scaled(codes, TensorType::UINT8, 0.5, 4);
    let kernel = made.plain(B::DEQUANTIZE, &[codes], &[2, 1, 1, 4]);
    let x = made.op(B::CONV_2D, Options::Conv2D(conv(SAME, 1, NONE)), &[x, kernel, -1], &[1, 1, 1, 2]);
    let imported = import(&made.end(x), "net").expect("a network");
    assert!(imported.simulated);
    let layers = imported.net.layers();
    assert_eq!((&layers[1].name[..], &layers[1].op), ("input/quant", &Op::FakeQuant));
    assert_eq!(imported.params.get(0), [-131.0 / 64.0, 124.0 / 64.0]);
    assert_eq!(imported.params.get(1), [0.5, -1.0, 1.0, 9.0, -2.0, 0.5, 0.5, 1.0]);
    let plain = imported.plain().expect("a network");
    assert!(!plain.simulated && plain.net.layers().len() == 2 && plain.params.get(0) == imported.params.get(1));
}

#[test]
fn what_has_no_layer_is_refused_by_name() {
    let with = |build: &dyn Fn(&mut Made) -> i32| {
        let mut made = Made::new(&[1, 4, 4, 2]);
        let x = made.plain(B::RELU, &[0], &[1, 4, 4, 2]);
        let _ = x;
        let x = build(&mut made);
        made.end(x)
    };
    let x = 1;
    let image = [1, 4, 4, 2];
    let logistic = with(&|made| made.plain(B::LOGISTIC, &[x], &image));
    refused(&logistic, &["operator 1 (LOGISTIC, output \"net/layer1/LOGISTIC\")", "not among the layers that train"]);
    refused(&with(&|made| made.binary(B::MUL, [x, 0], NONE, &image)), &["operator 1 (MUL", "of two values"]);
    refused(&with(&|made| made.pad(x, [0, 0, 0, 0, 0, 0, 0, 2], &[1, 4, 4, 4])), &["only height and width"]);
    refused(&with(&|made| made.reduce(B::MEAN, x, &[3], &[1, 4, 4])), &["axes [3] of 4"]);
    refused(&with(&|made| made.resize(x, [8, 12], 2)), &["from 4×4×2 to [8, 12]", "one whole factor"]);
    refused(&with(&|made| made.plain(B::RESHAPE, &[x], &[1, 2, 8, 2])), &["from 4×4×2 to [1, 2, 8, 2]"]);
    let row = with(&|made| {
        let x = made.pool(B::MAX_POOL_2D, x, [2, 1], VALID, &[1, 3, 3, 2]);
        let x = made.reduce(B::MEAN, x, &[1, 2], &[1, 1, 1, 2]);
        made.plain(B::RESHAPE, &[x], &[1, 2, 1, 1])
    });
    refused(&row, &["operator 3 (RESHAPE", "from 1×1×2 to [1, 2, 1, 1]"]);
    refused(&with(&|made| made.conv(x, &[4, 1, 1, 3], &[1, 4, 4, 4], conv(SAME, 1, NONE))), &["3 channels", "of 2"]);
    refused(&with(&|made| made.dense(x, &[4, 7], &[1, 4], false)), &["7 values over 4×4×2"]);
    let three = with(&|made| {
        let constant = made.some(&[3]);
        made.binary(B::ADD, [x, constant], NONE, &image)
    });
    refused(&three, &["shape [3]", "one for each of 2 channels"]);
    let early = with(&|made| {
        let x = made.dense(x, &[4, 32], &[1, 4], false);
        let options = Options::Softmax(edgebench_models::tflite::SoftmaxOptions { beta: 1.0 });
        let x = made.op(B::SOFTMAX, options, &[x], &[1, 4]);
        made.dense(x, &[4, 4], &[1, 4], false)
    });
    refused(&early, &["operator 3 (FULLY_CONNECTED", "after a softmax"]);
    refused(&with(&|made| made.conv(x, &[4, 9, 9, 2], &[1, 1, 1, 4], conv(VALID, 1, NONE))), &["does not fit 4×4×2"]);
    let said = with(&|made| made.conv(x, &[4, 1, 1, 2], &[1, 4, 4, 9], conv(SAME, 1, NONE)));
    refused(&said, &["the file says [1, 4, 4, 9]", "4×4×4"]);
}

#[test]
fn what_is_no_float_classifier_is_refused() {
    let mut made = Made::new(&[1, 4, 4, 2]);
    made.scaled(0, TensorType::INT8, 0.5, 0);
    let x = made.plain(B::RELU, &[0], &[1, 4, 4, 2]);
    refused(&made.end(x), &["\"input\"", "int8, expected float32"]);
    let mut made = Made::new(&[3, 4, 4, 2]);
    let x = made.plain(B::RELU, &[0], &[3, 4, 4, 2]);
    refused(&made.end(x), &["expected [1, height, width, channels]"]);
    let mut made = Made::new(&[1, 4, 4, 2]);
    let constant = made.some(&[1, 5]);
    made.plain(B::RELU, &[0], &[1, 4, 4, 2]);
    refused(&made.end(constant), &["does not depend on its input"]);
    // Weights of 8 bits under float activations: a dynamic-range file.
    let mut made = Made::new(&[1, 1, 1, 2]);
    let kernel = made.bytes(TensorType::INT8, &[3, 2], vec![1; 6]);
    made.scaled(kernel, TensorType::INT8, 0.5, 0);
    let x = made.plain(B::FULLY_CONNECTED, &[0, kernel, -1], &[1, 3]);
    refused(&made.end(x), &["is int8, expected float32: give the float file"]);
    // Weights that are no numbers.
    let mut made = Made::new(&[1, 1, 1, 2]);
    let kernel = made.floats(&[1, 2], &[f32::NAN, 1.0]);
    let x = made.plain(B::FULLY_CONNECTED, &[0, kernel, -1], &[1, 1]);
    let error = import(&made.end(x), "net").expect_err("refused").to_string();
    assert!(error.contains("weight") && error.contains("NaN"), "{error}");
}
