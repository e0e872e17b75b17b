//! What quantisation-aware training computes is what the int8 file computes.
//!
//! Kernels, biases and inputs have the very codes of the file. What is left: the file's sums of products are exact integers, ours
//! float32; additions and means are scaled in fixed point there. So one code in a million falls on the other side of the middle
//! between two, and a deep network makes more of it from layer to layer: codes of the logits may differ, classes must not.

mod common;

use common::squares;
use edgebench_models::graph::DType;
use edgebench_models::quantise::Io;
use edgebench_models::{Graph, LowerOptions, Session, lower};
use edgebench_train::arch::{self, Target};
use edgebench_train::compress::{Job, follow};
use edgebench_train::export::artifact;
use edgebench_train::fit::{State, best_class, fit};
use edgebench_train::net::{Role, Shape};
use edgebench_train::quant::activation;
use edgebench_train::recipe::{Training, builtin};
use edgebench_train::{Images, Init, Params, Trainer};

const TARGET: Target = Target { input: Shape::new(12, 12, 3), classes: 4 };

/// A network of this architecture, trained with simulated quantisation, and its int8 file.
fn trained(name: &str, recipe: &str, epochs: usize) -> (Trainer, Graph) {
    let net = arch::build(name, TARGET).unwrap();
    let params = Params::init(&net, Init::HeNormal, 1);
    let mut trainer = Trainer::new(net, params, 2).unwrap();
    let (train, valid) = squares(320, 1).split_last(64).unwrap();
    let training =
        |epochs, rate| Training { epochs: Some(epochs), batch: Some(32), rate: Some(rate), ..Training::default() };
    fit(&mut trainer, &training(epochs, 3e-3).plan(3), (&train, Some(&valid)), &mut State::default(), &mut ()).unwrap();
    let job = Job {
        net: trainer.net(),
        params: &trainer.params,
        images: (&train, Some(&valid)),
        data: "squares",
        defaults: &training(1, 5e-4),
        workers: 2.into(),
        seed: 7,
        folder: None,
    };
    let recipe = builtin(recipe).unwrap();
    let (trainer, _) = follow(&job, &recipe, &mut ()).unwrap();
    let model = artifact(&trainer, &recipe, Io::Int8, std::iter::empty::<Vec<f32>>()).unwrap();
    (trainer, Graph::from_model(&model).unwrap())
}

/// Codes of the logits of each image, by the file.
fn by_file(graph: &Graph, images: &Images) -> Vec<Vec<i32>> {
    let options = LowerOptions { keep_all: true, ..LowerOptions::default() };
    let mut session = Session::new(lower(graph, &options).unwrap().into()).unwrap();
    let quant = graph.tensors[graph.inputs[0]].quant.clone().unwrap();
    let (inverse, zero) = (1.0 / quant.scale[0], quant.zero_point[0] as f32);
    let softmax = graph.nodes.iter().find(|node| node.op.name() == "SOFTMAX").unwrap();
    let logits = softmax.inputs[0].unwrap();
    assert_eq!(graph.tensors[logits].dtype, DType::I8);
    let mut input = vec![0f32; TARGET.input.len()];
    let of = |at: usize| {
        images.encode(at, &mut input);
        // As QUANTIZE does it.
        let code = |x: &f32| ((x * inverse).round_ties_even() + zero).clamp(-128.0, 127.0) as i8 as u8;
        session.set_input(0, &input.iter().map(code).collect::<Vec<u8>>()).unwrap();
        session.run();
        let codes = session.tensor(logits, DType::I8).unwrap();
        codes.iter().map(|&code| i32::from(code as i8)).collect()
    };
    (0..images.len()).map(of).collect()
}

/// Images on which both must be of one mind, all but one.
const IMAGES: usize = 1000;

/// Architecture, recipe, epochs in float, and the share of the logits' codes that may differ.
const CASES: [(&str, &str, usize, f64); 4] = [
    ("digits", "qat-int8", 4, 0.01),
    ("digits", "pcqat-int8", 4, 0.01),
    ("resnet8", "qat-int8", 4, 0.01),
    ("mobilenetv2_035", "qat-int8", 24, 0.1),
];

#[test]
fn the_simulation_is_the_file() {
    let test = squares(IMAGES, 77);
    for (name, recipe, epochs, share) in CASES {
        let (mut trainer, graph) = trained(name, recipe, epochs);
        let found = by_file(&graph, &test);
        let logits = trainer.infer(test.len(), &|at, input| test.encode(at, input)).unwrap();
        let range = trainer.net().tensors().iter().rposition(|tensor| tensor.role == Role::Range).unwrap();
        let rule = activation(trainer.params.get(range)).unwrap();
        let (mut codes, mut classes, mut right) = (0, 0, 0);
        for (at, (found, logits)) in found.iter().zip(logits.chunks(TARGET.classes)).enumerate() {
            let simulated = logits.iter().map(|logit| (logit / rule.scale).round() as i32 + rule.zero_point);
            codes += found.iter().zip(simulated).filter(|(found, simulated)| **found != *simulated).count();
            let scores: Vec<f32> = found.iter().map(|&code| code as f32).collect();
            classes += usize::from(best_class(&scores) != best_class(logits));
            right += usize::from(best_class(&scores) == test.label(at) as usize);
        }
        println!("{name} {recipe}: {codes} codes and {classes} classes differ, {right} of {IMAGES} are right");
        assert!(codes as f64 <= share * (IMAGES * TARGET.classes) as f64, "{name} {recipe}: {codes} codes");
        assert!(classes <= IMAGES / 1000, "{name} {recipe}: {classes} classes");
        // Among classes that are guessed there is nothing to agree on.
        assert!(right > IMAGES * 7 / 10, "{name} {recipe}: {right} of {IMAGES} are right");
    }
}
