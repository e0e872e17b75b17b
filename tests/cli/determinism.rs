//! The same bytes, whatever the machine and however the work is spread.

use std::path::Path;

use crate::{Files, ZOO, at, edgebench, json, noise};
use edgebench::data::Samples;
use edgebench::data::npy::DType;
use edgebench::data::{self, OpenOptions};

/// Digits as the model takes them, then noise: 70 samples.
fn codes() -> Vec<u8> {
    let digits = data::open(Path::new("digits"), &OpenOptions { limit: Some(60), ..OpenOptions::default() });
    let digits = digits.expect("the embedded digits");
    let Samples::U8 { data, .. } = digits.samples() else { panic!("the digits are pixels") };
    // Scale 1/255 and zero point -128 turn pixels into codes by their top bit.
    data.iter().map(|pixel| pixel ^ 0x80).chain(noise(10 * 32 * 32 * 3)).collect()
}

#[test]
fn outputs_do_not_depend_on_threads_batch_or_instruction_set() {
    let files = Files::new();
    let input = files.array("x.npy", DType::I8, &[70, 32, 32, 3], codes());
    let output = files.name("y.npy");
    let isas = json(&["isa", "--json"]);
    let isas = at(&isas, "isas").as_array().expect("a list").iter().filter(|isa| at(isa, "runs_here") == true);
    let mut expected = None;
    for isa in isas.filter_map(|isa| at(isa, "name").as_str()) {
        for threads in ["1", "2", "3", "7"] {
            for spread in
                [&["--batch", "1"][..], &["--batch", "3"], &["--batch", "8"], &["--batch", "64"], &["--split"]]
            {
                let how = [&["--isa", isa, "--threads", threads], spread].concat();
                let run = edgebench(&[&["run", ZOO, "--input", &input, "--output", &output], &how[..]].concat());
                assert_eq!(run.code, Some(0), "{}", run.stderr);
                let bytes = std::fs::read(&output).expect("an output");
                assert_eq!(bytes, *expected.get_or_insert_with(|| bytes.clone()), "{how:?}");
            }
        }
    }
    // 70 samples of 10 scores behind a header of 128 bytes; the scores of the first digits differ.
    let bytes = expected.expect("at least one instruction set");
    assert_eq!(bytes.len(), 128 + 700);
    assert_ne!(bytes[128..138], bytes[138..148]);
}
