//! Trainings: they learn, they can be interrupted, and techniques keep what they promise.

mod common;

use common::squares;
use edgebench_train::arch::{self, Target};
use edgebench_train::augment::Augment;
use edgebench_train::fit::{Plan, State, Watch, fit, validate};
use edgebench_train::net::{Role, Shape};
use edgebench_train::optim::Optimizer;
use edgebench_train::schedule::{self, Schedule};
use edgebench_train::technique::cluster::{Clusters, Rule, Scope};
use edgebench_train::technique::prune::{self, Pattern};
use edgebench_train::technique::{Channels, WeightPath};
use edgebench_train::{Error, Init, Moves, Params, Trainer, checkpoint, fold, quant};

fn plan(epochs: usize) -> Plan {
    Plan {
        epochs,
        batch: 32,
        moves: Moves { optimizer: Optimizer::Sgd { momentum: 0.9, nesterov: true }, weight_decay: 1e-4, clip: None },
        schedule: Schedule { rate: 0.05, warmup: 1.0, shape: schedule::Shape::Cosine },
        label_smoothing: 0.0,
        augment: Augment { flip: false, crop: 1, ..Augment::default() },
        patience: None,
        keep_best: true,
        seed: 11,
        prune: None,
    }
}

fn trainer(threads: usize) -> Trainer {
    let net = arch::build("digits", Target { input: Shape::new(12, 12, 3), classes: 4 }).unwrap();
    let params = Params::init(&net, Init::HeNormal, 1);
    Trainer::new(net, params, threads).unwrap()
}

fn trained() -> Trainer {
    let mut trainer = trainer(2);
    let (train, valid) = squares(320, 1).split_last(64).unwrap();
    fit(&mut trainer, &plan(6), (&train, Some(&valid)), &mut State::default(), &mut ()).unwrap();
    let (accuracy, _) = validate(&mut trainer, &squares(200, 77)).unwrap();
    assert!(accuracy > 0.95, "{accuracy}");
    trainer
}

/// Stops after an epoch, as a kill would.
struct Kill<'a>(usize, &'a std::path::Path);

impl Watch for Kill<'_> {
    fn epoch(&mut self, trainer: &Trainer, state: &State) -> Result<(), Error> {
        checkpoint::save(self.1, trainer, state, "a training")?;
        match state.history.len() == self.0 {
            true => Err(Error::Images { problem: "killed".into() }),
            false => Ok(()),
        }
    }
}

/// All that a training promises about numbers, with every technique at work.
fn begin_compressed(base: &Trainer, threads: usize) -> (Trainer, Plan) {
    let (net, params) = fold(base.net(), &base.params).unwrap();
    let (net, params) = quant::insert(&net, &params).unwrap();
    let mut trainer = Trainer::new(net, params, threads).unwrap();
    let kernels: Vec<usize> =
        (0..trainer.net().tensors().len()).filter(|&at| trainer.net().tensors()[at].role == Role::Kernel).collect();
    let schedule = prune::Schedule { target: 0.5, ramp: 0.0, frequency: 100, pattern: Pattern::Unstructured };
    trainer.prune(&kernels, &schedule, 0.5);
    for &tensor in &kernels {
        let channels = Channels::of(&trainer.net().tensors()[tensor]);
        let rule = Rule { k: 16, scope: Scope::Scaled, lloyd: 3, keep_zeros: true, seed: 1 };
        let clusters = Clusters::new(&rule, channels, trainer.params.get(tensor));
        trainer.paths[tensor].get_or_insert_default().clusters = Some(clusters);
    }
    for tensor in 0..trainer.net().tensors().len() {
        if trainer.net().tensors()[tensor].role.is_kernel() {
            trainer.paths[tensor].get_or_insert_default().quantised = true;
        }
    }
    let mut plan = plan(3);
    plan.schedule.rate = 1e-3;
    plan.moves.optimizer = Optimizer::AdamW;
    (trainer, plan)
}

#[test]
fn a_network_learns_and_survives_being_folded() {
    let mut trainer = trained();
    let test = squares(200, 77);
    let (accuracy, _) = validate(&mut trainer, &test).unwrap();
    let fill = |image: usize, input: &mut [f32]| test.encode(image, input);
    let before = trainer.infer(40, &fill).unwrap();
    let (net, params) = fold(trainer.net(), &trainer.params).unwrap();
    let mut folded = Trainer::new(net, params, 1).unwrap();
    assert!(
        folded
            .net()
            .tensors()
            .iter()
            .all(|tensor| matches!(tensor.role, Role::Kernel | Role::DepthwiseKernel | Role::Bias))
    );
    let after = folded.infer(40, &fill).unwrap();
    let most = before.iter().zip(&after).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
    assert!(most < 1e-3, "{most}");
    assert_eq!(validate(&mut folded, &test).unwrap().0, accuracy);
}

#[test]
fn a_killed_training_goes_on_as_if_nothing_had_happened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.safetensors");
    let (train, valid) = squares(320, 1).split_last(64).unwrap();
    let data = (&train, Some(&valid));
    let base = trained();
    for compressed in [false, true] {
        let begin = |threads| if compressed { begin_compressed(&base, threads) } else { (trainer(threads), plan(4)) };
        let (mut whole, plan) = begin(1);
        let mut whole_state = State::default();
        fit(&mut whole, &plan, data, &mut whole_state, &mut ()).unwrap();

        let (mut first, _) = begin(2);
        assert!(checkpoint::load(&path, &mut first, "a training").unwrap().is_none());
        fit(&mut first, &plan, data, &mut State::default(), &mut Kill(2, &path)).unwrap_err();
        let (mut second, _) = begin(3);
        let error = checkpoint::load(&path, &mut second, "another").unwrap_err().to_string();
        assert!(error.contains("another training"), "{error}");
        let mut state = checkpoint::load(&path, &mut second, "a training").unwrap().unwrap();
        assert_eq!(state.history.len(), 2);
        fit(&mut second, &plan, data, &mut state, &mut ()).unwrap();
        assert!(second.params == whole.params && second.paths == whole.paths);
        let numbers =
            |state: &State| -> Vec<_> { state.history.iter().map(|e| (e.loss, e.accuracy, e.valid_loss)).collect() };
        assert_eq!(numbers(&state), numbers(&whole_state));

        let bytes = std::fs::read(&path).unwrap();
        for cut in [0, 7, 100, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            checkpoint::load(&path, &mut begin(1).0, "a training").unwrap_err();
        }
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn techniques_keep_what_they_promise() {
    let (mut trainer, plan) = begin_compressed(&trained(), 2);
    let (train, valid) = squares(320, 1).split_last(64).unwrap();
    let before: Vec<Option<WeightPath>> = trainer.paths.clone();
    fit(&mut trainer, &plan, (&train, Some(&valid)), &mut State::default(), &mut ()).unwrap();
    assert!(validate(&mut trainer, &squares(200, 77)).unwrap().0 > 0.9);
    let stripped = trainer.stripped();
    for (tensor, info) in trainer.net().tensors().iter().enumerate().filter(|(_, info)| info.role == Role::Kernel) {
        let channels = Channels::of(info);
        let path = trainer.paths[tensor].as_ref().unwrap();
        assert_ne!(before[tensor].as_ref().unwrap().clusters, path.clusters, "centroids move");
        let weights = stripped.get(tensor);
        let zeros = weights.iter().filter(|weight| **weight == 0.0).count();
        assert!(zeros * 2 >= weights.len(), "{}: {zeros} zeros of {}", info.name, weights.len());
        let scales = path.scales(channels, weights);
        let all = channels.codes(weights, &scales);
        let mut codes = all.clone();
        codes.sort_unstable();
        codes.dedup();
        assert!(codes.len() <= 16, "{}: {codes:?}", info.name);
        // What the layer sees are these codes.
        let (seen, _) = path.effective(channels, trainer.params.get(tensor));
        let same =
            seen.iter().enumerate().all(|(at, value)| *value == f32::from(all[at]) * scales[channels.channel(at)]);
        assert!(same, "{}", info.name);
    }
}

#[test]
fn a_loss_that_is_not_a_number_is_named() {
    let mut trainer = trainer(1);
    let mut plan = plan(3);
    plan.schedule = Schedule { rate: 1e30, warmup: 0.0, shape: schedule::Shape::Constant };
    let error = fit(&mut trainer, &plan, (&squares(64, 1), None), &mut State::default(), &mut ()).unwrap_err();
    assert!(matches!(error, Error::Diverged { .. }), "{error}");
    assert!(error.to_string().contains("lower the learning rate"), "{error}");
}
