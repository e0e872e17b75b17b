//! All recipes of the study, from a trained network to the file, which runs as it was trained.

mod common;

use std::collections::BTreeSet;

use common::squares;
use edgebench_models::quantise::Io;
use edgebench_models::tflite::Model;
use edgebench_models::{Graph, LowerOptions, Session, lower};
use edgebench_train::arch::{self, Target};
use edgebench_train::compress::{Job, follow};
use edgebench_train::export::artifact;
use edgebench_train::fit::{State, best_class, fit};
use edgebench_train::net::Shape;
use edgebench_train::recipe::{BUILTIN, Recipe, Training, builtin};
use edgebench_train::{Error, Images, Init, Params, Trainer};

const SHAPE: Shape = Shape::new(12, 12, 3);

fn trained() -> (Trainer, Images, Images) {
    let net = arch::build("digits", Target { input: SHAPE, classes: 4 }).unwrap();
    let params = Params::init(&net, Init::HeNormal, 1);
    let mut trainer = Trainer::new(net, params, 2).unwrap();
    let (train, valid) = squares(320, 1).split_last(64).unwrap();
    let training =
        Training { epochs: Some(6), batch: Some(32), rate: Some(3e-3), crop: Some(1), ..Training::default() };
    fit(&mut trainer, &training.plan(3), (&train, Some(&valid)), &mut State::default(), &mut ()).unwrap();
    (trainer, train, valid)
}

fn training() -> Training {
    Training { epochs: Some(2), batch: Some(32), rate: Some(5e-4), ..Training::default() }
}

/// The class that a file answers for each image.
fn answers(model: &Model, images: &Images, io: Io) -> Vec<usize> {
    let graph = Graph::from_model(model).unwrap();
    let mut session = Session::new(lower(&graph, &LowerOptions::default()).unwrap().into()).unwrap();
    let mut input = vec![0f32; SHAPE.len()];
    let quant = graph.tensors[graph.inputs[0]].quant.clone();
    let answer = |at: usize| {
        images.encode(at, &mut input);
        let bytes: Vec<u8> = match (io, &quant) {
            (Io::Int8, Some(quant)) => {
                let code = |x: &f32| ((x / quant.scale[0]).round() as i64 + quant.zero_point[0]).clamp(-128, 127) as u8;
                input.iter().map(code).collect()
            }
            _ => input.iter().flat_map(|x| x.to_le_bytes()).collect(),
        };
        session.set_input(0, &bytes).unwrap();
        session.run();
        let out = session.output(0);
        let scores: Vec<f32> = match io {
            Io::Int8 => out.iter().map(|&code| f32::from(code as i8)).collect(),
            _ => out.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        };
        best_class(&scores)
    };
    (0..images.len()).map(answer).collect()
}

#[test]
fn every_recipe_gives_a_file_that_answers_as_it_was_trained() {
    let (base, train, valid) = trained();
    let defaults = training();
    let folder = tempfile::tempdir().unwrap();
    let job = Job {
        net: base.net(),
        params: &base.params,
        images: (&train, Some(&valid)),
        data: "squares",
        defaults: &defaults,
        workers: 2.into(),
        seed: 7,
        folder: Some(folder.path()),
    };
    let test = squares(200, 77);
    for (code, name, _) in BUILTIN {
        let recipe = builtin(name).unwrap();
        let (mut trainer, reports) = follow(&job, &recipe, &mut ()).unwrap();
        assert_eq!(reports.len(), recipe.stages.len());
        let io = if recipe.export == edgebench_train::recipe::Export::Int8 { Io::Int8 } else { Io::Float };
        let samples = (0..100).map(|at| {
            let mut input = vec![0f32; SHAPE.len()];
            train.encode(at, &mut input);
            input
        });
        let model = artifact(&trainer, &recipe, io, samples).unwrap();
        let model = Model::read(&model.write().unwrap()).unwrap();
        let found = answers(&model, &test, io);
        let logits = trainer.infer(test.len(), &|at, input| test.encode(at, input)).unwrap();
        let simulated: Vec<usize> = logits.chunks(4).map(best_class).collect();
        let same = found.iter().zip(&simulated).filter(|(a, b)| a == b).count();
        let right = (0..test.len()).filter(|&at| found[at] == test.label(at) as usize).count();
        println!("recipe {code} {name}: {right} of 200 right, {same} as in training");
        assert!(right >= 180, "{name}: {right}");
        assert!(same >= if recipe.has_qat() || io == Io::Float { 199 } else { 190 }, "{name}: {same}");
        kept_in_the_file(&recipe, &model, io);
    }
    // Eight trainings and the control; recipes share their first stages.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 8);
}

/// The zeros and the few codes of an int8 file.
fn kept_in_the_file(recipe: &Recipe, model: &Model, io: Io) {
    if io != Io::Int8 {
        return;
    }
    let has = |kind| recipe.stages.iter().any(|stage| stage.kind == kind);
    let graph = &model.subgraphs[0];
    for operator in &graph.operators {
        let name = model.code_of(operator).name();
        if !["CONV_2D", "FULLY_CONNECTED"].contains(&name) {
            continue;
        }
        let weights = &graph.tensors[operator.inputs[1] as usize];
        let codes = &model.buffers[weights.buffer as usize][..];
        let zeros = codes.iter().filter(|&&code| code == 0).count();
        if has(edgebench_train::recipe::Kind::Prune) {
            assert!(zeros * 2 >= codes.len() - 1, "{}: {zeros} zeros of {}", weights.name, codes.len());
        }
        if has(edgebench_train::recipe::Kind::Cluster) {
            let values: BTreeSet<u8> = codes.iter().copied().collect();
            assert!(values.len() <= 16, "{}: {} values", weights.name, values.len());
        }
    }
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let (base, train, valid) = trained();
    let defaults = training();
    let job = Job {
        net: base.net(),
        params: &base.params,
        images: (&train, Some(&valid)),
        data: "squares",
        defaults: &defaults,
        workers: 1.into(),
        seed: 7,
        folder: Some(std::path::Path::new("/does/not/exist")),
    };
    let error = follow(&job, &builtin("3").unwrap(), &mut ()).unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error}");
    let text =
        "name = \"x\"\n[[stage]]\nkind = \"fine-tune\"\nrate = 1000.0\nschedule = \"constant\"\noptimizer = \"sgd\"\n";
    let job = Job { folder: None, ..job };
    let error = follow(&job, &Recipe::read("x", text).unwrap(), &mut ()).unwrap_err();
    assert!(matches!(error, Error::Diverged { .. }), "{error}");
}
