//! libtorch computes what the engine of this crate computes. Run with
//! `cargo test -p edgebench-train --features torch --test torch` (docs/torch.md says how to build with libtorch); without the feature there
//! is nothing to test.
#![cfg(feature = "torch")]

use edgebench_corrupt::rng::Rng;
use edgebench_train::arch::{self, Target};
use edgebench_train::exec::torch::TorchEngine;
use edgebench_train::exec::{Batch, Engine, Executor, Workers};
use edgebench_train::net::{Activation, Conv, Net, Op, Padding, Pool, Role, Shape, Window};
use edgebench_train::optim::Optimizer;
use edgebench_train::{Init, Moves, Params, Trainer, fold, quant};
use edgebench_train_kernels::Kernels;

const IMAGES: usize = 24;

/// Noise with a shade of its own for each image: means of many values must differ, or batch normalisation divides by next to nothing.
fn fill(_: &Net) -> impl Fn(usize, &mut [f32]) + Sync + use<> {
    |image, x| {
        let mut rng = Rng::new(7, image as u64, 0);
        let (shade, width) = (rng.unit() - 0.5, rng.unit());
        x.iter_mut().for_each(|x| *x = (shade + width * (rng.unit() - 0.5)) as f32);
    }
}

fn labels(classes: usize) -> Vec<u32> {
    (0..IMAGES).map(|image| (image * 7 % classes) as u32).collect()
}

/// Largest difference in parts of the largest value, or of 0.01 where all are smaller: a shift that the next batch normalisation takes away
/// has no gradient but rounding, nor a mean.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let most = a.iter().fold(1e-2f32, |most, a| most.max(a.abs()));
    a.iter().zip(b).fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs())) / most
}

/// The same steps on both; `tolerance` in parts of a tensor's largest value.
fn same(net: &Net, params: &Params, tolerance: f32) {
    let (mut ours, mut theirs) = (params.clone(), params.clone());
    let mut engine = Engine::new(net, 2, Kernels::detect()).unwrap();
    let mut torch = TorchEngine::new(net, 2, None, Kernels::detect()).unwrap();
    let labels = labels(net.classes());
    for key in 1..3 {
        let batch = Batch { labels: &labels, fill: &fill(net), label_smoothing: 0.1, key };
        engine.load(&ours);
        torch.load(&theirs).unwrap();
        let (a, b) = (engine.step(&mut ours, &batch), torch.step(&mut theirs, &batch).unwrap());
        assert!((a.loss - b.loss).abs() < 1e-4 * a.loss, "{}: loss {} and {}", net.name(), a.loss, b.loss);
        assert!(a.correct.abs_diff(b.correct) <= 1, "{}: {} and {} right", net.name(), a.correct, b.correct);
        for (at, tensor) in net.tensors().iter().enumerate() {
            let apart = difference(&engine.gradients()[at], &torch.gradients()[at]);
            assert!(apart < tolerance, "{}: gradient of {} differs by {apart}", net.name(), tensor.name);
            let apart = difference(ours.get(at), theirs.get(at));
            assert!(apart < 1e-4, "{}: {} differs by {apart}", net.name(), tensor.name);
        }
    }
    let (a, b) = (engine.infer(&ours, IMAGES, &fill(net)), torch.infer(&ours, IMAGES, &fill(net)).unwrap());
    assert!(difference(&a, &b) < tolerance, "{}: logits differ by {}", net.name(), difference(&a, &b));
}

fn built(name: &str) -> (Net, Params) {
    let net = arch::build(name, Target { input: Shape::new(32, 32, 3), classes: 10 }).unwrap();
    let params = Params::init(&net, Init::HeNormal, 3);
    (net, params)
}

/// In MobileNets a change of 2e-7 of the weights moves gradients by 2 to 4 %, rounding by more: a batch of 24 is little for images that end as one pixel.
/// [`other_layers`] has each of their layers.
#[test]
fn architectures() {
    for (name, tolerance) in [("resnet8", 1e-3), ("vgg11", 1e-3), ("mobilenetv2_035", 0.3), ("mobilenetv1_025", 0.3)] {
        let (net, params) = built(name);
        same(&net, &params, tolerance);
    }
}

/// Everything that architectures do not have.
#[test]
fn other_layers() {
    let mut net = Net::new("others", Shape::new(9, 8, 4)).unwrap();
    let window = Window { kernel: [3, 2], stride: [2, 1], dilation: [1, 1], padding: Padding::Same };
    let x = net.add("pad", Op::Pad([1, 0, 2, 1]), &[0]).unwrap();
    let x = net.add("conv", Op::Conv(Conv { out_c: 8, window, groups: 2, bias: true }), &[x]).unwrap();
    let x = net.add("swish", Op::Act(Activation::HardSwish), &[x]).unwrap();
    let dilated = Window::square(3).dilation(2);
    let y = net.add("dilated", Op::Conv(Conv { out_c: 8, window: dilated, groups: 1, bias: false }), &[x]).unwrap();
    let x = net.add("add", Op::Add, &[x, y]).unwrap();
    let x = net.add("up", Op::Upsample(2), &[x]).unwrap();
    let x = net
        .add("depthwise", Op::Depthwise { multiplier: 2, window: Window::square(3).stride(2), bias: true }, &[x])
        .unwrap();
    let x = net.add("six", Op::Act(Activation::Relu6), &[x]).unwrap();
    let x = net.add("average", Op::Pool(Pool::Average, Window::square(3).stride(2)), &[x]).unwrap();
    let x = net.add("max", Op::Pool(Pool::Max, Window::square(2)), &[x]).unwrap();
    let x = net.add("drop", Op::Dropout(0.3), &[x]).unwrap();
    let x = net.add("flat", Op::Flatten, &[x]).unwrap();
    net.add("logits", Op::Dense { units: 5, bias: true }, &[x]).unwrap();
    let params = Params::init(&net, Init::GlorotUniform, 5);
    same(&net, &params, 1e-4);
}

#[test]
fn simulated_quantisation() {
    let (net, params) = built("resnet8");
    let (net, params) = fold(&net, &params).unwrap();
    let (net, params) = quant::insert(&net, &params).unwrap();
    // A value in the middle of two codes may become either, and moves what follows.
    same(&net, &params, 5e-2);
    let inputs = net.tensors().iter().position(|tensor| tensor.role == Role::Range).unwrap();
    assert!(net.tensors()[inputs].name.starts_with("input"));
}

/// A training of some steps falls to the same loss.
#[test]
fn training() {
    let (net, params) = built("resnet8");
    let labels = labels(10);
    let moves = Moves { optimizer: Optimizer::Sgd { momentum: 0.9, nesterov: true }, weight_decay: 1e-4, clip: None };
    let last = |executor| {
        let mut trainer = Trainer::new(net.clone(), params.clone(), Workers { threads: 2, executor }).unwrap();
        let batch = Batch { labels: &labels, fill: &fill(&net), label_smoothing: 0.0, key: 1 };
        (0..8).map(|_| trainer.step(&batch, &moves, 0.02).unwrap().loss).collect::<Vec<_>>()
    };
    let (ours, theirs) = (last(Executor::Cpu), last(Executor::Torch(None)));
    assert!(ours[7] < 0.9 * ours[0], "{ours:?}");
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a - b).abs() < 2e-2 * a, "{ours:?} and {theirs:?}");
    }
}

#[test]
fn a_device_that_is_not_there_is_named() {
    let (net, _) = built("resnet8");
    let error = TorchEngine::new(&net, 1, Some(77), Kernels::detect()).unwrap_err().to_string();
    assert!(error.contains("no CUDA device 77"), "{error}");
}
