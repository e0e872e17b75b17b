//! The engine: gradients of whole networks against finite differences, and the same bits for any number of threads.

use edgebench_train::arch::{self, Target};
use edgebench_train::exec::Batch;
use edgebench_train::net::{Activation, Conv, Op, Pool, Role, Shape, Window};
use edgebench_train::{Engine, Init, Net, Params};
use edgebench_train_kernels::Kernels;

/// A network with every kind of layer and every way in which layers share a pass.
fn everything() -> Net {
    let mut net = Net::new("everything", Shape::new(7, 6, 3)).unwrap();
    let add = |net: &mut Net, name: &str, op: Op, inputs: &[usize]| net.add(name, op, inputs).unwrap();
    let conv = |out_c, kernel| Conv::new(out_c, Window::square(kernel));
    let x = add(&mut net, "up", Op::Upsample(2), &[0]);
    let x = add(&mut net, "pad", Op::Pad([1, 0, 2, 1]), &[x]);
    let x = add(&mut net, "norm0", Op::BATCH_NORM, &[x]);
    let x = net
        .conv_norm("stem", x, Conv { window: Window::square(3).stride(2), ..conv(6, 3) }, Some(Activation::Relu6))
        .unwrap();
    let trunk = x;
    let x = net.depthwise_norm("dw", x, Window::square(3).dilation(2), Some(Activation::HardSwish)).unwrap();
    let x = add(&mut net, "grouped", Op::Conv(Conv { groups: 2, ..conv(6, 1) }), &[x]);
    let x = add(&mut net, "grouped/norm", Op::BATCH_NORM, &[x]);
    let side = add(&mut net, "side", Op::Conv(conv(6, 1)), &[trunk]);
    let side = add(&mut net, "side/norm", Op::BATCH_NORM, &[side]);
    let x = add(&mut net, "add", Op::Add, &[x, side]);
    let x = add(&mut net, "add/act", Op::Act(Activation::Relu), &[x]);
    // Two uses of one value, one of them as the first operand of an addition.
    let y = add(&mut net, "average", Op::Pool(Pool::Average, Window::square(3)), &[x]);
    let x = add(&mut net, "again", Op::Add, &[x, y]);
    let x = net.max_pool("max", x, Window::square(2).stride(2)).unwrap();
    let x = add(&mut net, "flat", Op::Flatten, &[x]);
    let x = net.dense("hidden", x, 9).unwrap();
    let x = add(&mut net, "hidden/act", Op::Act(Activation::HardSwish), &[x]);
    net.dense("logits", x, 4).unwrap();
    net
}

fn fill(net: &Net) -> impl Fn(usize, &mut [f32]) + Sync + use<> {
    let len = net.input().len();
    move |image, x| {
        for (at, x) in x.iter_mut().enumerate() {
            *x = (((image * len + at) * 7919 % 2003) as f32 / 1001.0) - 1.0;
        }
    }
}

fn labels(images: usize, classes: usize) -> Vec<u32> {
    (0..images).map(|at| (at * at % classes) as u32).collect()
}

/// Numbers at which few activations are near an edge.
fn begin(net: &Net, seed: u64) -> Params {
    let mut params = Params::init(net, Init::HeNormal, seed);
    let tensors = params.tensors_mut().iter_mut().zip(net.tensors());
    for (values, info) in tensors.filter(|(_, info)| matches!(info.role, Role::Bias | Role::Beta | Role::Gamma)) {
        for (at, value) in values.iter_mut().enumerate() {
            *value += ((at * 31 + info.layer * 17) % 13) as f32 * 0.03 - 0.15;
        }
    }
    params
}

fn loss(net: &Net, engine: &mut Engine, params: &Params, images: usize) -> f64 {
    let labels = labels(images, net.classes());
    let batch = Batch { labels: &labels, fill: &fill(net), label_smoothing: 0.1, key: 1 };
    engine.load(params);
    engine.step(&mut params.clone(), &batch).loss / images as f64
}

fn check_gradients(net: &Net, images: usize) {
    let mut engine = Engine::new(net, 1, Kernels::detect()).unwrap();
    let params = begin(net, 5);
    loss(net, &mut engine, &params, images);
    let gradients = engine.gradients().to_vec();
    let mut checked = 0;
    for (tensor, info) in net.tensors().iter().enumerate().filter(|(_, info)| info.role.is_trained()) {
        let largest = gradients[tensor].iter().fold(0f32, |most, g| most.max(g.abs()));
        for at in (0..info.elements()).step_by(1 + info.elements() / 5) {
            let mut nudged = params.clone();
            let mut at_offset = |offset: f32| {
                nudged.tensors_mut()[tensor][at] = params.get(tensor)[at] + offset;
                loss(net, &mut engine, &nudged, images)
            };
            let step = 4e-3;
            let slope = (at_offset(step) - at_offset(-step)) / f64::from(2.0 * step);
            let found = f64::from(gradients[tensor][at]);
            let allowed = 2e-3 + 0.05 * f64::from(largest);
            assert!((slope - found).abs() < allowed, "{} [{at}]: {found}, by differences {slope}", info.name);
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn gradients_are_slopes() {
    check_gradients(&everything(), 20);
    let target = Target { input: Shape::new(12, 12, 3), classes: 5 };
    check_gradients(&arch::build("digits", target).unwrap(), 3);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let target = Target { input: Shape::new(16, 16, 3), classes: 10 };
    for net in [everything(), arch::build("resnet8", target).unwrap()] {
        let run = |threads| {
            let mut engine = Engine::new(&net, threads, Kernels::detect()).unwrap();
            let mut params = begin(&net, 3);
            let labels = labels(53, net.classes());
            let batch = Batch { labels: &labels, fill: &fill(&net), label_smoothing: 0.0, key: 9 };
            engine.load(&params);
            let outcome = engine.step(&mut params, &batch);
            let logits = engine.infer(&params, 40, &fill(&net));
            (outcome.loss.to_bits(), engine.gradients().to_vec(), params, logits)
        };
        let one = run(1);
        for threads in [2, 3, 7] {
            assert!(run(threads) == one, "{} with {threads} threads", net.name());
        }
    }
}

#[test]
fn architectures_are_what_they_say() {
    let target = Target { input: Shape::new(32, 32, 3), classes: 10 };
    let of = |name: &str| {
        let net = arch::build(name, target).unwrap();
        (net.parameters(), net.macs() / 100_000)
    };
    // MLPerf Tiny counts 78,666: with running statistics and biases before each normalisation, three more per channel of 240.
    assert_eq!(of("resnet8"), (78_666 - 3 * 240, 125));
    assert_eq!(of("mobilenetv2_035").1, 156);
    // Keras, with ten classes in place of a thousand (SPEC A.1 with Dense 1024).
    let of = |name| arch::build(name, target).unwrap().parameters();
    assert_eq!(of("paper_vgg19"), 20_559_946);
    for known in arch::ARCHITECTURES {
        arch::build(known.name, target).unwrap();
    }
}

#[test]
fn mistyped_names_are_answered() {
    let target = Target { input: Shape::new(32, 32, 3), classes: 10 };
    let error = arch::build("resnet9", target).unwrap_err().to_string();
    assert!(error.contains("did you mean \"resnet8\"?"), "{error}");
    let error = arch::build("vgg19", Target { input: Shape::new(8, 8, 3), classes: 10 }).unwrap_err().to_string();
    assert!(error.contains("stack4/pool"), "{error}");
}
