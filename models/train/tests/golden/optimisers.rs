//! Traces of the optimisers, weights after every step.

use edgebench_train::optim::{Moments, Moving, Optimizer};
use edgebench_train_kernels::{AdamStep, Kernels, adam};

use crate::archive::Case;

/// Five steps of some roundings each; one gradient is a thousand times the others, so weights are compared one by one.
const CLOSE: f32 = 2e-6;

pub(crate) fn trace(case: &Case) {
    let kernels = Kernels::detect();
    let (mut weights, gradients) = (case.values("weights").to_vec(), case.values("gradients"));
    let after = case.values("after");
    let decay = case.number("weight_decay");
    let optimizer = match case.text("kind") {
        "sgd" => Optimizer::Sgd { momentum: case.number("momentum") as f32, nesterov: case.flag("nesterov") },
        "adam" => Optimizer::Adam,
        "adamw" => Optimizer::AdamW,
        other => panic!("an optimiser {other:?}"),
    };
    let sgd = matches!(optimizer, Optimizer::Sgd { .. });
    // The optimiser has the usual constants; others are those of the kernel.
    let special = (!sgd)
        .then(|| (case.numbers("betas"), case.number("eps")))
        .filter(|(betas, eps)| (betas[0], betas[1], *eps) != (0.9, 0.999, 1e-8));
    let mut moments = Moments::default();
    let size = weights.len();
    for (step, rate) in case.numbers("learning_rates").into_iter().enumerate() {
        let gradient = &gradients[step * size..(step + 1) * size];
        let t = step as u32 + 1;
        match &special {
            Some((betas, eps)) => {
                assert!(optimizer == Optimizer::AdamW || decay == 0.0, "{}: decay is not part of it", case.name);
                moments.first.resize(size, 0.0);
                moments.second.resize(size, 0.0);
                let rule = AdamStep::new(rate, (betas[0], betas[1]), *eps, decay, t);
                adam(&kernels, &rule, &mut weights, gradient, &mut moments.first, &mut moments.second);
            }
            None => {
                let (values, moments) = (&mut weights[..], &mut moments);
                let moving = Moving { values, gradient, moments, decay: decay as f32 };
                optimizer.step(&kernels, rate, t, vec![moving]);
            }
        }
        let expected = &after[step * size..(step + 1) * size];
        for (at, (found, expected)) in weights.iter().zip(expected).enumerate() {
            let off = (found - expected).abs();
            assert!(
                off <= CLOSE * expected.abs().max(1.0),
                "{}: step {t}, weight {at}: {found}, {expected}",
                case.name
            );
        }
    }
    for (key, found) in
        [("momentum", &moments.first), ("first_moment", &moments.first), ("second_moment", &moments.second)]
    {
        let Some(expected) = case.find(key) else { continue };
        for (at, (found, expected)) in found.iter().zip(&expected.values).enumerate() {
            let off = (found - expected).abs();
            assert!(off <= CLOSE * (expected.abs() + 0.1), "{}: {key}[{at}]: {found}, {expected}", case.name);
        }
    }
}
