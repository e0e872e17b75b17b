//! Every model gives the same bytes whether images run one by one or several at once.

mod common;

use std::path::Path;
use std::sync::Arc;

use edgebench_kernels::Isa;
use edgebench_models::{Graph, LowerOptions, Many, Plan, Session, lower, tflite::Model};

/// Larger files take too long here, or on other instruction sets than the fastest.
const MOST_BYTES: u64 = 6 << 20;
const MOST_BYTES_EVERYWHERE: u64 = 128 << 10;

/// What became of the plans for several images.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// They were worth it.
    faster: usize,
    /// Steps of them that do all images in one go.
    at_once: usize,
}

/// All plans of a model.
fn check(path: &Path, seen: &mut Seen) {
    let Ok(graph) = Model::open(path).and_then(|model| Graph::from_model(&model)) else { return };
    let small = path.metadata().is_ok_and(|about| about.len() <= MOST_BYTES_EVERYWHERE);
    for isa in Isa::available().filter(|&isa| small || isa == Isa::detect()) {
        let options = |many| LowerOptions { isa, many, ..LowerOptions::default() };
        let Ok(plan) = lower(&graph, &options(Many::Always)) else { return };
        let together = plan.many.clone().unwrap_or_else(|| panic!("{}: no plan for several images", path.display()));
        seen.at_once += (plan.steps.len() * together.images).saturating_sub(together.steps.len());
        compare(path, Arc::new(plan), together);
        let plan = lower(&graph, &options(Many::IfFaster)).expect("what can be lowered");
        seen.faster += usize::from(plan.many.is_some());
    }
}

/// Other images in every place, twice, against each of them alone.
fn compare(path: &Path, plan: Arc<Plan>, together: Arc<Plan>) {
    let [mut single, mut session] =
        [Arc::clone(&plan), together].map(|plan| Session::new(plan).expect("an instruction set of this CPU"));
    let images = session.plan().images;
    for run in 0..2 {
        let inputs: Vec<_> = (0..images).map(|image| common::inputs(&plan, (run * images + image) as u64)).collect();
        for (image, inputs) in inputs.iter().enumerate() {
            for (index, bytes) in inputs.iter().enumerate() {
                session.image(image).set_input(index, bytes).expect("inputs of the plan");
            }
        }
        session.run();
        // The first and the last have neighbours on one side only.
        for image in [0, 1 + run, images - 1] {
            for (index, bytes) in inputs[image].iter().enumerate() {
                single.set_input(index, bytes).expect("inputs of the plan");
            }
            single.run();
            let outputs = 0..plan.outputs.len();
            let same = outputs.into_iter().all(|index| session.image(image).output(index) == single.output(index));
            assert!(same, "{}: image {image} of {images} differs on {}, run {run}", path.display(), plan.isa);
        }
    }
}

#[test]
fn images_at_once_give_the_same_bytes() {
    let mut models = common::models();
    models.retain(|path| path.metadata().is_ok_and(|about| about.len() <= MOST_BYTES));
    let mut all = Seen::default();
    models.iter().for_each(|path| check(path, &mut all));
    eprintln!("{} models, {} steps saved, {} plans worth it", models.len(), all.at_once, all.faster);
    assert!(models.is_empty() || (all.at_once > 100 && all.faster > 0), "hardly anything ran at once");
}
