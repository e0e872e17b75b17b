//! Whole networks: a small one number by number, architectures by what can be told of many numbers.

use edgebench_train::arch::{self, Target};
use edgebench_train::exec::Batch;
use edgebench_train::net::{Activation, Conv, Op, Role, Shape, Window};
use edgebench_train::optim::Optimizer;
use edgebench_train::{Engine, Moves, Net, Params, Trainer};
use edgebench_train_kernels::Kernels;

use crate::archive::{Archive, Case};
use crate::probe::output;

fn small_net() -> Net {
    let mut net = Net::new("small", Shape::new(8, 8, 3)).unwrap();
    let conv = |out_c, window| Conv::new(out_c, window);
    let relu = Some(Activation::Relu);
    let stem = net.conv_norm("stem", 0, conv(8, Window::square(3).stride(2)), relu).unwrap();
    let x = net.depthwise_norm("dw", stem, Window::square(3), Some(Activation::Relu6)).unwrap();
    let x = net.conv_norm("pw", x, conv(8, Window::square(1)), None).unwrap();
    let x = net.add("add", Op::Add, &[x, stem]).unwrap();
    let x = net.add("act", Op::Act(Activation::Relu), &[x]).unwrap();
    let x = net.add("pool", Op::GlobalAveragePool, &[x]).unwrap();
    net.dense("logits", x, 5).unwrap();
    net
}

/// Three steps with a rate of 0.5: errors of float32 grow with every step.
pub(crate) fn small(case: &Case) {
    let net = small_net();
    let listed = case.list("layers").iter().map(|layer| layer["name"].as_str().unwrap());
    assert!(listed.eq(net.layers().iter().map(|layer| layer.name.as_str())), "layers");
    let start = net.tensors().iter().map(|tensor| case.values(&format!("start/{}", tensor.name)).to_vec());
    let start = Params::new(&net, start.collect()).unwrap();
    let images = case.get("images");
    let [steps, count, ..] = images.shape[..] else { panic!("images of each step") };
    let labels: Vec<u32> = case.values("labels").iter().map(|label| *label as u32).collect();
    let len = net.input().len();
    let image = |step: usize, at: usize| &images.values[(step * count + at) * len..][..len];
    let label_smoothing = case.number("label_smoothing");
    let moves = Moves {
        optimizer: Optimizer::Sgd { momentum: case.number("momentum") as f32, nesterov: case.flag("nesterov") },
        weight_decay: case.number("weight_decay") as f32,
        clip: None,
    };

    let mut engine = Engine::new(&net, 1, Kernels::detect()).unwrap();
    engine.load(&start);
    let fill = |at: usize, x: &mut [f32]| x.copy_from_slice(image(0, at));
    let batch = Batch { labels: &labels[..count], fill: &fill, label_smoothing, key: 1 };
    engine.step(&mut start.clone(), &batch);
    for (tensor, gradient) in net.tensors().iter().zip(engine.gradients()) {
        if tensor.role.is_trained() {
            case.compare(&format!("gradient/{}", tensor.name), gradient, 2e-6);
        }
    }

    let mut trainer = Trainer::new(net, start, 1).unwrap();
    let (mut losses, mut logits) = (Vec::new(), Vec::new());
    for step in 0..steps {
        let fill = |at: usize, x: &mut [f32]| x.copy_from_slice(image(step, at));
        logits.extend(output(trainer.net(), &trainer.params, count, &fill));
        let batch = Batch { labels: &labels[step * count..][..count], fill: &fill, label_smoothing, key: 1 };
        let outcome = trainer.step(&batch, &moves, case.number("learning_rate")).unwrap();
        losses.push((outcome.loss / count as f64) as f32);
    }
    case.compare("losses", &losses, 2e-6);
    case.compare("logits", &logits, 1e-5);
    for (at, tensor) in trainer.net().tensors().iter().enumerate() {
        case.compare(&format!("end/{}", tensor.name), trainer.params.get(at), 1e-5);
    }
    let fill = |at: usize, x: &mut [f32]| x.copy_from_slice(image(0, at));
    case.compare("eval_logits", &trainer.infer(count, &fill).unwrap(), 1e-5);
    // Keras' running variances give other logits of the same network.
    let norms = case.keys("end/").into_iter().filter_map(|key| key.strip_suffix("_biased").map(str::to_owned));
    for key in norms {
        let tensor = key.trim_start_matches("end/");
        let at = trainer.net().tensors().iter().position(|info| info.name == tensor).unwrap();
        let biased = case.values(&format!("{key}_biased"));
        trainer.params.tensors_mut()[at].copy_from_slice(biased);
    }
    case.compare("eval_logits_biased", &trainer.infer(count, &fill).unwrap(), 1e-5);
}

/// Numbers in [−1, 1) by the formula of `train.json`.
fn formula(stream: i64, count: usize) -> impl Iterator<Item = f64> {
    let begin = (stream.wrapping_mul(0x9E37_79B9) & 0xFFFF_FFFF) as u32;
    (0..count as u32).map(move |i| {
        let mut h = i.wrapping_add(begin);
        h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
        h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
        h ^= h >> 16;
        f64::from(h >> 8) / f64::from(1 << 23) - 1.0
    })
}

fn formula_params(net: &Net) -> Params {
    let made = net.tensors().iter().enumerate().map(|(at, tensor)| {
        let taps: usize = if tensor.shape.len() == 4 { tensor.shape[1..3].iter().product() } else { 1 };
        let (offset, spread) = match tensor.role {
            Role::Kernel => (0.0, (6.0 / tensor.shape[1..].iter().product::<usize>() as f64).sqrt()),
            Role::DepthwiseKernel => (0.0, (6.0 / taps as f64).sqrt()),
            Role::Bias | Role::Mean => (0.0, 0.1),
            Role::Gamma => (0.5, 0.125),
            Role::Beta | Role::Variance => (1.0, 0.5),
            Role::Range => panic!("nothing is quantised"),
        };
        formula(at as i64 + 1, tensor.elements()).map(|u| (offset + spread * u) as f32).collect()
    });
    Params::new(net, made.collect()).unwrap()
}

fn formula_images(count: usize) -> Vec<f32> {
    let squares: Vec<f64> = formula(0, count * 4 * 4 * 3).collect();
    let noise = formula(-1, count * 32 * 32 * 3);
    let pixel = |(at, noise): (usize, f64)| {
        let [channel, x, y, image] = [at % 3, at / 3 % 32, at / 96 % 32, at / 3072];
        (squares[((image * 4 + y / 8) * 4 + x / 8) * 3 + channel] + 0.25 * noise) as f32
    };
    noise.enumerate().map(pixel).collect()
}

/// How many times PyTorch's own float32 may we be off: sums go in another order. Below the floor all are alike.
const AS_FLOAT32: (f64, f64) = (8.0, 1e-5);

pub(crate) fn architecture(case: &Case) {
    let target = Target { input: Shape::new(32, 32, 3), classes: 10 };
    let net = arch::build(case.text("architecture"), target).unwrap();
    let count = case.integer("images") as usize;
    let images = formula_images(count);
    let labels: Vec<u32> = (0..count as u32).map(|n| 3 * n % 10).collect();
    let fill = |at: usize, x: &mut [f32]| x.copy_from_slice(&images[at * 3072..][..3072]);
    let batch = Batch { labels: &labels, fill: &fill, label_smoothing: 0.0, key: 1 };
    let allowed = |key: &str| AS_FLOAT32.0 * case.number(&format!("float32_{key}")).max(AS_FLOAT32.1);
    let near = |key: &str, at: usize, found: f64, one: f64| {
        let off = (found - f64::from(case.values(key)[at])).abs() / one;
        assert!(off <= allowed(key), "{}: {key}[{at}] is {found}, off by {off:.1e}", case.name);
    };
    let begin = formula_params(&net);

    assert_eq!(case.get("logits").shape, [count, 10], "{}", case.name);
    for (at, logit) in output(&net, &begin, count, &fill).into_iter().enumerate() {
        near("logits", at, f64::from(logit), 1.0);
    }
    let mut engine = Engine::new(&net, 2, Kernels::detect()).unwrap();
    engine.load(&begin);
    engine.step(&mut begin.clone(), &batch);
    let norms = case.values("gradient_norms");
    let floor = 1e-4 * f64::from(norms.iter().fold(0f32, |most, norm| most.max(*norm)));
    let trained = (0..net.tensors().len()).filter(|&at| net.tensors()[at].role.is_trained());
    assert_eq!(trained.clone().count(), norms.len(), "{}", case.name);
    for (row, tensor) in trained.enumerate() {
        let gradient = &engine.gradients()[tensor];
        let one = f64::from(norms[row]) + floor;
        let square: f64 = gradient.iter().map(|g| f64::from(*g) * f64::from(*g)).sum();
        near("gradient_norms", row, square.sqrt(), one);
        let dot = gradient.iter().zip(formula(tensor as i64 + 1, gradient.len())).map(|(g, u)| f64::from(*g) * u);
        near("gradient_dots", row, dot.sum(), one);
    }
    drop(engine);

    let mut trainer = Trainer::new(net, begin, 2).unwrap();
    let optimizer = Optimizer::Sgd { momentum: case.number("momentum") as f32, nesterov: false };
    let moves = Moves { optimizer, weight_decay: 0.0, clip: None };
    for step in 0..case.values("losses").len() {
        let outcome = trainer.step(&batch, &moves, case.number("learning_rate")).unwrap();
        near("losses", step, outcome.loss / count as f64, 1.0);
    }
}

/// Names and shapes of all tensors of all architectures, by a sum; and what else is known of them.
pub(crate) fn listings(archive: &Archive) {
    let known = archive.description["architectures"].as_object().expect("architectures");
    assert_eq!(known.len(), arch::ARCHITECTURES.len());
    let target = Target { input: Shape::new(32, 32, 3), classes: 10 };
    for (name, expected) in known {
        let net = arch::build(name, target).unwrap();
        let lines = net.tensors().iter().map(|tensor| format!("{} {:?}\n", tensor.name, tensor.shape));
        let listing: String = lines.collect();
        let sum = listing
            .bytes()
            .fold(0xCBF2_9CE4_8422_2325, |h: u64, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
        assert_eq!(Some(format!("{sum:016x}").as_str()), expected["listing_fnv1a"].as_str(), "{name}:\n{listing}");
        assert_eq!(Some(net.tensors().len() as u64), expected["tensors"].as_u64(), "{name}");
        assert_eq!(Some(net.parameters() as u64), expected["parameters"].as_u64(), "{name}");
        assert_eq!(Some(net.macs()), expected["macs"].as_u64(), "{name}");
        assert_eq!(Some(net.layers().len() as u64), expected["layers"].as_u64(), "{name}");
    }
}
