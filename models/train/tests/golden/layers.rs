//! Layers with their gradients, and the loss.

use edgebench_train::exec::Batch;
use edgebench_train::net::{Activation, Conv, Op, Padding, Pool, Shape, Window};
use edgebench_train::{Engine, Net, Params};
use edgebench_train_kernels::{self as k, CrossEntropy, Kernels, Norm};

use crate::archive::{Array, Case};
use crate::probe::{Probe, Seen, shape_of};

/// Of layers: few sums are longer than a hundred products. A hidden defect of an index is ten thousand times as large.
const CLOSE: f64 = 1e-6;

/// The layer of a case.
fn op(case: &Case) -> Op {
    let bias = case.find("bias").is_some();
    match case.op.as_str() {
        "conv" => {
            let [out_c, ..] = case.get("weight").shape[..] else { panic!("a kernel of four dimensions") };
            Op::Conv(Conv { out_c, window: window(case), groups: case.integer("groups") as usize, bias })
        }
        "depthwise" => Op::Depthwise { multiplier: case.integer("multiplier") as usize, window: window(case), bias },
        "dense" => Op::Dense { units: case.get("weight").shape[0], bias },
        "batch_norm" => {
            Op::BatchNorm { epsilon: case.number("epsilon") as f32, momentum: case.number("momentum") as f32 }
        }
        "activation" => Op::Act(match case.text("kind") {
            "relu" => Activation::Relu,
            "relu6" => Activation::Relu6,
            "hard_swish" => Activation::HardSwish,
            other => panic!("an activation {other:?}"),
        }),
        "add" => Op::Add,
        "pad" => Op::Pad(case.sizes("pads")),
        "upsample" => Op::Upsample(case.integer("factor") as usize),
        "global_average_pool" => Op::GlobalAveragePool,
        "max_pool" => Op::Pool(Pool::Max, window(case)),
        "average_pool" => Op::Pool(Pool::Average, window(case)),
        "dropout" => Op::Dropout(case.number("rate") as f32),
        other => panic!("a layer {other:?}"),
    }
}

/// The window of a case, which must pad as the case says.
fn window(case: &Case) -> Window {
    let padding = match case.text("padding") {
        "same" => Padding::Same,
        _ => Padding::Valid,
    };
    let dilation = if matches!(case.op.as_str(), "conv" | "depthwise") { case.sizes("dilation") } else { [1; 2] };
    let window = Window { kernel: case.sizes("kernel"), stride: case.sizes("stride"), dilation, padding };
    let [top, _, left, _] = case.sizes::<4>("pads");
    let (_, shape) = shape_of(case.get("x"));
    let before = [(0, shape.h), (1, shape.w)].map(|(axis, size)| window.over(axis, size).unwrap().1);
    assert_eq!(before, [top, left], "{}", case.name);
    window
}

fn probed(case: &Case, inputs: &[&str], tensors: &[&str]) -> Seen {
    let mut probe = Probe::new(case.get(inputs[0]));
    let fronts: Vec<usize> = inputs.iter().map(|input| probe.front(case.get(input))).collect();
    let tensors: Vec<&[f32]> = tensors.iter().map(|tensor| case.values(tensor)).collect();
    probe.run(op(case), &fronts, &tensors, case.values("dy"))
}

/// Output and gradients of a layer.
pub(crate) fn layer(case: &Case) {
    let inputs: &[&str] = if case.op == "add" { &["a", "b"] } else { &["x"] };
    let tensors: Vec<&str> = ["weight", "bias"].into_iter().filter(|tensor| case.find(tensor).is_some()).collect();
    let seen = probed(case, inputs, &tensors);
    case.compare("y", &seen.y, CLOSE);
    for (input, gradient) in inputs.iter().zip(&seen.fronts) {
        case.compare(&format!("d{input}"), gradient, CLOSE);
    }
    for (tensor, gradient) in tensors.iter().zip(&seen.gradients) {
        case.compare(&format!("d{tensor}"), gradient, CLOSE);
    }
}

/// Batch normalisation: while training with the statistics of the batch, else with the running ones.
pub(crate) fn batch_norm(case: &Case) {
    let train = case.flag("train");
    if !train {
        return running_norm(case);
    }
    let seen = probed(case, &["x"], &["gamma", "beta", "mean", "variance"]);
    // Values of small variance around a large mean lose digits in float32 before anything is computed.
    let close = if case.name.ends_with("small_variance") { 20.0 * CLOSE } else { CLOSE };
    case.compare("y", &seen.y, close);
    case.compare("dx", &seen.fronts[0], close);
    case.compare("dgamma", &seen.gradients[0], close);
    case.compare("dbeta", &seen.gradients[1], close);
    case.compare("mean_after", &seen.after[2], CLOSE);
    case.compare("variance_after_unbiased", &seen.after[3], CLOSE);
    // What the batch has added to the running values is its mean, and its variance without bias.
    let share = 1.0 - case.number("momentum");
    let added = |after: &[f32], before: &[f32]| -> Vec<f32> {
        let each = after.iter().zip(before);
        each.map(|(after, before)| ((f64::from(*after) - (1.0 - share) * f64::from(*before)) / share) as f32).collect()
    };
    // Where it is small beside what was there, it has lost digits in the sum.
    let most = |key: &str| case.values(key).iter().fold(0f32, |most, v| most.max(v.abs()));
    let lost = |before, batch| CLOSE * 10.0 * f64::from(most(before) / most(batch)).max(1.0);
    case.compare("batch_mean", &added(&seen.after[2], case.values("mean")), lost("mean", "batch_mean"));
    let pixels = case.values("x").len() / case.values("mean").len();
    let biased = (pixels - 1) as f64 / pixels as f64;
    let variance = added(&seen.after[3], case.values("variance"));
    let variance: Vec<f32> = variance.iter().map(|v| (f64::from(*v) * biased) as f32).collect();
    case.compare("batch_variance", &variance, lost("variance", "batch_variance"));
    // Keras' custom, told apart from ours: both cannot be right.
    let keras = case.values("variance_after_biased");
    let off = seen.after[3].iter().zip(keras).any(|(found, keras)| (found - keras).abs() > 1e-6 * keras);
    assert!(off || case.name.ends_with("small_variance"), "{}: running variances are biased", case.name);
}

/// With running statistics: the output is that of the engine, whose gradients always have the statistics of the batch; those of a
/// norm that rests are the kernels' with one factor.
fn running_norm(case: &Case) {
    let x = case.get("x");
    let (images, shape) = shape_of(x);
    let mut net = Net::new("running", shape).unwrap();
    let layer = net.add("layer", op(case), &[0]).unwrap();
    net.dense("as it is", layer, shape.len()).unwrap();
    let tensors = ["gamma", "beta", "mean", "variance"].map(|key| case.values(key).to_vec());
    let identity = (0..shape.len() * shape.len()).map(|at| if at % (shape.len() + 1) == 0 { 1.0 } else { 0.0 });
    let mut values = tensors.to_vec();
    values.extend([identity.collect(), vec![0.0; shape.len()]]);
    let params = Params::new(&net, values).unwrap();
    let mut engine = Engine::new(&net, 1, Kernels::detect()).unwrap();
    engine.load(&params);
    let y = engine.infer(&params, images, &|image, to| to.copy_from_slice(part(x, image)));
    case.compare("y", &y, CLOSE);

    let [gamma, beta, mean, variance] = &tensors;
    let inverse: Vec<f32> = variance.iter().map(|v| (1.0 / f64::from(v + 1e-3).sqrt()) as f32).collect();
    let scale: Vec<f32> = gamma.iter().zip(&inverse).map(|(gamma, inverse)| gamma * inverse).collect();
    let shift: Vec<f32> = (0..shape.c).map(|c| beta[c] - mean[c] * scale[c]).collect();
    let rule = Norm { scale: &scale, shift: &shift, residual: None, act: k::Act::None };
    let (kernels, dy, zero) = (Kernels::detect(), case.values("dy"), vec![0.0; shape.c]);
    let mut dx = vec![0.0; dy.len()];
    k::norm_backward(&kernels, &rule, &x.values, dy, [&scale, &zero, &zero], &mut dx, None);
    case.compare("dx", &dx, CLOSE);
    let [mut sum, mut products] = [(); 2].map(|()| vec![0f64; shape.c]);
    k::norm_backward_sums(&kernels, &rule, &x.values, dy, &mut sum, &mut products);
    let dgamma = |c: usize| (f64::from(inverse[c]) * (products[c] - f64::from(mean[c]) * sum[c])) as f32;
    case.compare("dgamma", &(0..shape.c).map(dgamma).collect::<Vec<_>>(), 2.0 * CLOSE);
    case.compare("dbeta", &sum.iter().map(|sum| *sum as f32).collect::<Vec<_>>(), CLOSE);
}

/// Image number `image`.
fn part(x: &Array, image: usize) -> &[f32] {
    let len = x.values.len() / x.shape[0];
    &x.values[image * len..(image + 1) * len]
}

/// The engine draws its own mask. Where both keep a value, it is the same; a gradient goes where its value went.
pub(crate) fn dropout(case: &Case) {
    let seen = probed(case, &["x"], &[]);
    let (x, mask) = (case.values("x"), case.values("mask"));
    let kept: Vec<bool> = seen.y.iter().zip(x).map(|(y, x)| *x == 0.0 || *y != 0.0).collect();
    let share = kept.iter().filter(|kept| !**kept).count() as f64 / kept.len() as f64;
    assert!((share - case.number("rate")).abs() < 0.2, "{}: {share} are dropped", case.name);
    let mut compared = 0;
    for (found, key) in [(&seen.y, "y"), (&seen.fronts[0], "dx")] {
        for (at, expected) in case.values(key).iter().enumerate() {
            match (kept[at], mask[at] == 1.0) {
                (false, _) => assert_eq!(found[at], 0.0, "{}: {key}[{at}]", case.name),
                (true, true) => {
                    assert!((found[at] - expected).abs() <= 1e-6 * expected.abs(), "{}: {key}[{at}]", case.name);
                    compared += 1;
                }
                (true, false) => assert_ne!(found[at], 0.0, "{}: {key}[{at}]", case.name),
            }
        }
    }
    assert!(compared > kept.len() / 4, "{}: {compared} compared", case.name);
}

/// The loss through the engine: logits are weights, each image sees its own.
pub(crate) fn cross_entropy(case: &Case) {
    let logits = case.get("logits");
    let [images, classes] = logits.shape[..] else { panic!("logits of each image") };
    let labels: Vec<u32> = case.values("labels").iter().map(|label| *label as u32).collect();
    let smoothing = case.number("label_smoothing");
    let mut net = Net::new("loss", Shape::new(1, 1, images)).unwrap();
    net.add("logits", Op::Dense { units: classes, bias: false }, &[0]).unwrap();
    let by_class = |values: &[f32], rows: usize| -> Vec<f32> {
        (0..rows).flat_map(|row| values.iter().skip(row).step_by(rows)).copied().collect()
    };
    let mut params = Params::new(&net, vec![by_class(&logits.values, classes)]).unwrap();
    let mut engine = Engine::new(&net, 1, Kernels::detect()).unwrap();
    engine.load(&params);
    let fill = |image: usize, x: &mut [f32]| {
        x.fill(0.0);
        x[image] = 1.0;
    };
    let outcome = engine.step(&mut params, &Batch { labels: &labels, fill: &fill, label_smoothing: smoothing, key: 1 });
    case.compare("loss", &[(outcome.loss / images as f64) as f32], CLOSE);
    case.compare("dlogits", &by_class(&engine.gradients()[0], images), CLOSE);

    let rule = CrossEntropy { classes, label_smoothing: smoothing, scale: 1.0 };
    let each = (0..images).map(|image| {
        let mut gradient = vec![0.0; classes];
        k::softmax_cross_entropy(&rule, part(logits, image), &labels[image..=image], &mut gradient).loss as f32
    });
    case.compare("losses", &each.collect::<Vec<_>>(), CLOSE);
}
