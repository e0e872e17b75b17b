//! Plans as source: what the text promises about itself. Whether it runs is `scripts/check_firmware.py`'s affair, which needs boards.

use edgebench_kernels::Isa;
use edgebench_models::emit::{Emitted, emit};
use edgebench_models::tflite::Model;
use edgebench_models::{Arithmetic, Graph, LowerOptions, Plan, lower};

const DIGITS: &[u8] = include_bytes!("../zoo/digits_cnn_int8.tflite");

fn graph() -> Graph {
    Graph::from_model(&Model::read(DIGITS).expect("the zoo's model")).expect("a graph")
}

fn plan(isa: Isa, arithmetic: Arithmetic, threads: usize) -> Plan {
    let options = LowerOptions { isa, arithmetic, threads, grain: 1, ..LowerOptions::default() };
    lower(&graph(), &options).expect("a plan")
}

fn of(plan: &Plan) -> Emitted {
    emit(&graph(), plan, "digits", "00").expect("source")
}

#[test]
fn the_text_has_a_static_for_each_step_and_the_weights_as_they_are() {
    for isa in [Isa::Scalar, Isa::Dsp, Isa::Mve] {
        for arithmetic in Arithmetic::ALL {
            let plan = plan(isa, arithmetic, 1);
            let Emitted { source, weights, layers } = of(&plan);
            assert_eq!(source.matches("pub static STEP_").count(), plan.steps.len());
            assert_eq!(source.matches("    Some(Layer {").count(), layers.iter().filter(|told| **told).count());
            assert!(source.contains(&format!("Isa::{isa:?};")) && source.contains(arithmetic.name()));
            // Numbers of the host that boards cannot hold.
            assert!(
                !source.contains(&usize::MAX.to_string()) && !source.contains("NaN") && !source.contains("Virtual")
            );
            assert_eq!(weights.len() % 64, 0);
            let held = plan.consts.bytes();
            let same = weights.len().min(held.len());
            assert!(weights[..same] == held[..same] && weights[same..].iter().all(|&byte| byte == 0));
            assert_eq!(of(&plan).source, source, "the same plan gives the same text");
        }
    }
}

#[test]
fn the_last_layers_are_told_where_they_lie_after_the_last_step() {
    let plan = plan(Isa::Dsp, Arithmetic::Litert, 1);
    let Emitted { source, layers, .. } = of(&plan);
    assert_eq!(layers.last(), Some(&true));
    let port = plan.outputs[0].span;
    let last = format!(
        "after: {}, span: Span {{ place: Place::Arena, offset: {}, len: {} }}",
        plan.steps.len(),
        port.offset,
        port.len
    );
    assert!(source.contains(&last), "{last}");
}

#[test]
fn plans_for_several_threads_are_refused() {
    let plan = plan(Isa::Scalar, Arithmetic::Litert, 2);
    assert!(plan.threads > 1, "the plan is not one for several threads");
    let error = emit(&graph(), &plan, "digits", "00").expect_err("several threads");
    assert!(error.to_string().contains("several threads"), "{error}");
}
