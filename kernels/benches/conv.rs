//! Convolutions at the layer shapes of ResNet-8 (CIFAR) and MobileNetV2 (224 × 224), in multiply-accumulates per second.

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::{Fill, Float, Int8, Prepared, Rng};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use edgebench_kernels::arith::Rounding;
use edgebench_kernels::ops::conv::ConvShape;
use edgebench_kernels::{Isa, peak};

/// Name, input side, input channels, kernel side, stride, output channels (0: depthwise).
type Layer = (&'static str, usize, usize, usize, usize, usize);

const LAYERS: [Layer; 30] = [
    ("resnet8_first", 32, 3, 3, 1, 16),
    ("resnet8_32x32x16", 32, 16, 3, 1, 16),
    ("resnet8_down_32", 32, 16, 3, 2, 32),
    ("resnet8_16x16x32", 16, 32, 3, 1, 32),
    ("resnet8_8x8x64", 8, 64, 3, 1, 64),
    ("mobilenet_first", 224, 3, 3, 2, 32),
    ("mobilenet_112_32_16", 112, 32, 1, 1, 16),
    ("mobilenet_56_24_144", 56, 24, 1, 1, 144),
    ("mobilenet_14_64_384", 14, 64, 1, 1, 384),
    ("mobilenet_7_320_1280", 7, 320, 1, 1, 1280),
    ("mobilenet_1_160_960", 1, 160, 1, 1, 960),
    ("mobilenet_2_96_576", 2, 96, 1, 1, 576),
    ("dense_1280_1000", 1, 1280, 1, 1, 1000),
    ("resnet50_56x56x64", 56, 64, 3, 1, 64),
    ("resnet50_56_64_256", 56, 64, 1, 1, 256),
    ("resnet50_56_256_512_s2", 56, 256, 1, 2, 512),
    ("resnet50_14x14x256", 14, 256, 3, 1, 256),
    ("resnet50_14_256_1024", 14, 256, 1, 1, 1024),
    ("resnet50_7x7x512", 7, 512, 3, 1, 512),
    ("resnet50_7_512_2048", 7, 512, 1, 1, 2048),
    ("vgg_28x28x512", 28, 512, 3, 1, 512),
    ("depthwise_112x112x32", 112, 32, 3, 1, 0),
    ("depthwise_112x112x96_s2", 112, 96, 3, 2, 0),
    ("depthwise_56x56x144", 56, 144, 3, 1, 0),
    ("depthwise_56x56x144_s2", 56, 144, 3, 2, 0),
    ("depthwise_14x14x384", 14, 384, 3, 1, 0),
    ("depthwise_7x7x960", 7, 960, 3, 1, 0),
    ("depthwise_1x1x960", 1, 960, 3, 1, 0),
    ("depthwise_8x8x48", 8, 48, 3, 1, 0),
    ("depthwise_28x28x240_k5", 28, 240, 5, 1, 0),
];

fn shape(&(_, side, in_c, k, stride, out_c): &Layer) -> ConvShape {
    let out = side.div_ceil(stride);
    let pad = ((out - 1) * stride + k).saturating_sub(side) / 2;
    ConvShape {
        batch: 1,
        in_h: side,
        in_w: side,
        in_c,
        out_h: out,
        out_w: out,
        out_c: if out_c == 0 { in_c } else { out_c },
        k_h: k,
        k_w: k,
        stride_h: stride,
        stride_w: stride,
        dilation_h: 1,
        dilation_w: 1,
        pad_top: pad,
        pad_left: pad,
        groups: if out_c == 0 { in_c } else { 1 },
    }
}

fn layers(c: &mut Criterion, name: &str, prepare: impl Fn(ConvShape, bool, Isa) -> Prepared) {
    for isa in Isa::available().filter(|&isa| isa != Isa::Scalar) {
        let mut group = c.benchmark_group(format!("{name}/{isa}"));
        group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(400)).sample_size(20);
        for layer in &LAYERS {
            let shape = shape(layer);
            let step = prepare(shape, layer.5 == 0, isa);
            let mut repeat = step.repeat();
            group.throughput(Throughput::Elements(shape.macs()));
            group.bench_function(layer.0, |b| b.iter(|| repeat(1)));
        }
        group.finish();
    }
}

fn int8(c: &mut Criterion) {
    layers(c, "int8", |shape, depthwise, isa| {
        let mut case = Int8::new(&mut Rng(1), shape, (Fill::Random, Fill::Random), Rounding::F32Even);
        case.limits = (-128, 127);
        // As in networks: the cases of the tests have some beyond what any has.
        case.real.iter_mut().for_each(|real| *real = real.min(0.5));
        if depthwise { case.prepare_depthwise(isa) } else { case.prepare_conv(isa) }
    });
}

fn float32(c: &mut Criterion) {
    layers(c, "float32", |shape, depthwise, isa| {
        let case = Float::new(&mut Rng(1), shape);
        if depthwise { case.prepare_depthwise(isa) } else { case.prepare_conv(isa) }
    });
}

fn peaks(c: &mut Criterion) {
    for isa in Isa::available() {
        let kernels = isa.kernels().expect("available");
        let mut group = c.benchmark_group(format!("peak/{isa}"));
        group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(300)).sample_size(20);
        for (name, run) in [("int8", peak::int8 as fn(_, _) -> u64), ("float32", peak::float32)] {
            group.throughput(Throughput::Elements(run(kernels, 1000) / 1000));
            group.bench_function(name, |b| {
                b.iter_custom(|n| {
                    let start = Instant::now();
                    black_box(run(kernels, n));
                    start.elapsed()
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, peaks, int8, float32);
criterion_main!(benches);
