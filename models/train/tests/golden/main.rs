//! The engine against PyTorch, element by element: `train.npz` is what `scripts/make_train_golden.py` wrote, computed in float64.
//!
//! Tolerances are shares of the largest magnitude of an array: float32 chains of some hundred fused multiply-adds are off by a few
//! times 2⁻²⁴ of it.

mod archive;
mod layers;
mod networks;
mod optimisers;
mod probe;
mod quantisers;

use archive::{Archive, Case};

/// Compares a case.
type Check = fn(&Case);

/// What each kind of case is compared by.
const KINDS: &[(&str, Check)] = &[
    ("conv", layers::layer),
    ("depthwise", layers::layer),
    ("dense", layers::layer),
    ("activation", layers::layer),
    ("add", layers::layer),
    ("pad", layers::layer),
    ("upsample", layers::layer),
    ("global_average_pool", layers::layer),
    ("max_pool", layers::layer),
    ("average_pool", layers::layer),
    ("batch_norm", layers::batch_norm),
    ("dropout", layers::dropout),
    ("softmax_cross_entropy", layers::cross_entropy),
    ("optimiser", optimisers::trace),
    ("fake_quant", quantisers::per_tensor),
    ("fake_quant_per_channel", quantisers::per_channel),
    ("network", networks::small),
    ("architecture", networks::architecture),
];

/// Compares the cases of these kinds, and holds each to have been compared in all its arrays.
fn compare(kinds: &[&str]) {
    let archive = Archive::open();
    for kind in kinds {
        let (_, check) = KINDS.iter().find(|(known, _)| known == kind).expect("a known kind");
        let cases = archive.cases.iter().filter(|case| case.op == *kind);
        let mut count = 0;
        for case in cases {
            check(case);
            case.assert_read();
            count += 1;
        }
        assert!(count > 0, "no case of kind {kind}");
    }
}

#[test]
fn products() {
    compare(&["conv", "depthwise", "dense"]);
}

#[test]
fn movements() {
    compare(&["activation", "add", "pad", "upsample", "global_average_pool", "max_pool", "average_pool", "dropout"]);
}

#[test]
fn normalisation() {
    compare(&["batch_norm"]);
}

#[test]
fn losses() {
    compare(&["softmax_cross_entropy"]);
}

#[test]
fn optimisers_step_by_step() {
    compare(&["optimiser"]);
}

#[test]
fn quantisation() {
    compare(&["fake_quant", "fake_quant_per_channel"]);
}

#[test]
fn a_small_network_for_three_steps() {
    compare(&["network"]);
}

#[test]
fn whole_architectures() {
    compare(&["architecture"]);
}

#[test]
fn every_case_is_compared() {
    let archive = Archive::open();
    for case in &archive.cases {
        assert!(KINDS.iter().any(|(kind, _)| *kind == case.op), "{}: no test compares a {:?}", case.name, case.op);
    }
    // A kind of this table that no test names would be skipped.
    let source = include_str!("main.rs");
    for (kind, _) in KINDS {
        let named = source.matches(&format!("\"{kind}\"")).count();
        assert_eq!(named, 2, "{kind} is in the table and in one test");
    }
    let arrays: usize = archive.cases.iter().map(Case::arrays).sum();
    assert_eq!(arrays, archive.arrays, "arrays that belong to no case");
    assert!(archive.cases.len() >= 97, "{} cases", archive.cases.len());
}

#[test]
fn architectures_have_the_tensors_of_their_listing() {
    networks::listings(&Archive::open());
}
