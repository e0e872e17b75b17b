//! Every model gives the same bytes whether images run one by one or several at once.

mod common;

use std::path::Path;
use std::sync::Arc;

use edgebench_kernels::Isa;
use edgebench_models::{Graph, LowerOptions, Many, Session, lower, tflite::Model};

/// Larger files take too long here.
const MOST_BYTES: u64 = 6 << 20;

/// What became of a model's plan for several images.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// It was worth it.
    faster: usize,
    /// Steps that do all images in one go.
    at_once: usize,
}

/// Other images in every place, twice, against each of them alone.
fn check(path: &Path) -> Seen {
    let mut seen = Seen::default();
    let Ok(graph) = Model::open(path).and_then(|model| Graph::from_model(&model)) else { return seen };
    for isa in Isa::available() {
        for many in [Many::Always, Many::IfFaster] {
            let Ok(plan) = lower(&graph, &LowerOptions { isa, many, ..LowerOptions::default() }) else { return seen };
            let Some(together) = plan.many.clone() else {
                assert!(many == Many::IfFaster, "{}: no plan for several images", path.display());
                continue;
            };
            match many {
                Many::Always => {
                    seen.at_once += (plan.steps.len() * together.images).saturating_sub(together.steps.len())
                }
                _ => seen.faster += 1,
            }
            let images = together.images;
            let plan = Arc::new(plan);
            let [mut single, mut session] =
                [Arc::clone(&plan), together].map(|plan| Session::new(plan).expect("an instruction set of this CPU"));
            for run in 0..2 {
                let inputs: Vec<_> =
                    (0..images).map(|image| common::inputs(&plan, (run * images + image) as u64)).collect();
                for (image, inputs) in inputs.iter().enumerate() {
                    for (index, bytes) in inputs.iter().enumerate() {
                        session.image(image).set_input(index, bytes).expect("inputs of the plan");
                    }
                }
                session.run();
                for (image, inputs) in inputs.iter().enumerate() {
                    for (index, bytes) in inputs.iter().enumerate() {
                        single.set_input(index, bytes).expect("inputs of the plan");
                    }
                    single.run();
                    for index in 0..plan.outputs.len() {
                        assert!(
                            session.image(image).output(index) == single.output(index),
                            "{}: image {image} of {images} differs on {isa}, run {run}",
                            path.display()
                        );
                    }
                }
            }
        }
    }
    seen
}

#[test]
fn images_at_once_give_the_same_bytes() {
    let mut models = common::models();
    models.retain(|path| path.metadata().is_ok_and(|about| about.len() <= MOST_BYTES));
    let seen = models.iter().map(|path| check(path));
    let all = seen.fold(Seen::default(), |a, b| Seen { faster: a.faster + b.faster, at_once: a.at_once + b.at_once });
    eprintln!("{} models, {} steps saved, {} plans worth it", models.len(), all.at_once, all.faster);
    assert!(models.is_empty() || (all.at_once > 100 && all.faster > 0), "hardly anything ran at once");
}
