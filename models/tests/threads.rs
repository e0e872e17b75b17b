//! Every model gives the same bytes whether one thread computes an image or several do, split as finely as it goes.

mod common;

use std::path::Path;
use std::sync::Arc;

use edgebench_kernels::Isa;
use edgebench_models::{Arithmetic, Graph, LowerOptions, Session, lower, tflite::Model};

/// Larger files take too long here; `scripts/check_determinism.py` runs them.
const MOST_BYTES: u64 = 6 << 20;

/// Outputs of two runs, one after the other.
fn outputs(graph: &Graph, options: &LowerOptions) -> Option<(Vec<Vec<u8>>, usize)> {
    let plan = Arc::new(lower(graph, options).ok()?);
    let split = plan.groups.iter().filter(|group| group.len() > 1).count();
    let mut session = Session::new(Arc::clone(&plan)).expect("a plan for an instruction set of this CPU");
    let mut run = |inputs: &[Vec<u8>]| -> Vec<Vec<u8>> {
        for (index, bytes) in inputs.iter().enumerate() {
            session.set_input(index, bytes).expect("inputs of the plan");
        }
        session.run();
        (0..plan.outputs.len()).map(|index| session.output(index)).collect()
    };
    let inputs = common::inputs(&plan, 1);
    let first = run(&inputs);
    assert!(first == run(&inputs), "the second run differs from the first");
    Some((first, split))
}

/// How many steps were split, over all runs of a model.
fn check(path: &Path) -> usize {
    let Ok(graph) = Model::open(path).and_then(|model| Graph::from_model(&model)) else { return 0 };
    let fastest = Isa::detect();
    let mut all = 0;
    for isa in Isa::available() {
        let single = LowerOptions { isa, ..LowerOptions::default() };
        let Some((expected, _)) = outputs(&graph, &single) else { return all };
        let counts: &[usize] = if isa == fastest { &[2, 3, 7] } else { &[3] };
        for &threads in counts {
            let options = LowerOptions { threads, grain: 0, ..single };
            let (found, split) = outputs(&graph, &options).expect("what can be lowered for one thread");
            assert!(found == expected, "{}: {threads} threads on {isa} differ from one", path.display());
            all += split;
        }
    }
    let kept = LowerOptions {
        threads: 2,
        grain: 0,
        keep_all: true,
        arithmetic: Arithmetic::Reference,
        ..LowerOptions::default()
    };
    let single = LowerOptions { threads: 1, ..kept };
    assert!(
        outputs(&graph, &kept).map(|(found, _)| found) == outputs(&graph, &single).map(|(found, _)| found),
        "{}: two threads in a plan that keeps all tensors differ from one",
        path.display()
    );
    all
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let mut models = common::models();
    models.retain(|path| path.metadata().is_ok_and(|about| about.len() <= MOST_BYTES));
    let split: usize = models.iter().map(|path| check(path)).sum();
    eprintln!("{} models, {split} steps in parts", models.len());
    assert!(models.is_empty() || split > 100, "hardly anything was split");
}
