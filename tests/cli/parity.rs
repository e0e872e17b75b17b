//! `edgebench parity`.

use edgebench::data::npy::{DType, read_npy};
use edgebench_kernels::Isa;
use serde_json::Value;

use crate::{Files, ZOO, at, edgebench, json, noise, number};

/// The report, and the exit code that goes with it.
fn parity(args: &[&str]) -> (Option<i32>, Value) {
    let run = edgebench(&[&["parity"], args, &["--json"]].concat());
    let report = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", run.stderr));
    (run.code, report)
}

#[test]
fn every_instruction_set_and_thread_count_gives_the_same_integers() {
    let others = Isa::available().filter(|isa| *isa != Isa::Scalar).map(|isa| format!("isa:{isa}"));
    for other in others.chain(["threads:3".into(), "mode:reference,threads:2".into()]) {
        let this = if other.contains("reference") { "isa:scalar,mode:reference" } else { "isa:scalar" };
        let (code, report) = parity(&[this, &other, "--samples", "2"]);
        assert_eq!((code, at(&report, "same")), (Some(0), &Value::Bool(true)), "{other}");
        assert_eq!(at(&report, "schema"), "edgebench.parity/1");
        let layers = at(&report, "layers").as_array().expect("a list");
        assert_eq!(layers.len(), 12, "eleven operators and the output");
        assert!(layers.iter().all(|layer| number(layer, "compared") == 2.0 && number(layer, "differ") == 0.0));
    }
}

/// What is named is what the tensors hold that `edgebench run --trace` writes.
#[test]
fn the_first_difference_is_where_it_is_said_to_be() {
    let files = Files::new();
    let input = files.array("x.npy", DType::I8, &[1, 32, 32, 3], noise(32 * 32 * 3));
    let (code, report) = parity(&["mode:litert", "mode:reference", "--model", ZOO, "--input", &input]);
    assert_eq!(code, Some(1));
    let first = at(&report, "first");
    assert_eq!((number(first, "operator"), number(first, "sample"), at(first, "op")), (0.0, 0.0, &"CONV_2D".into()));
    let layer = |mode: &str| {
        let (dir, output) = (files.name(mode), files.name("y.npy"));
        let args = ["run", ZOO, "-i", &input, "-o", &output, "--arithmetic", mode, "--trace", &dir];
        assert_eq!(edgebench(&args).code, Some(0));
        let entry = std::fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path());
        let path = entry.into_iter().find(|path| path.to_string_lossy().contains("/000_")).expect("operator 0");
        read_npy(&path).expect("an array")
    };
    let (a, b) = (layer("litert"), layer("reference"));
    let differ: Vec<usize> = (0..a.bytes.len()).filter(|&at| a.bytes[at] != b.bytes[at]).collect();
    assert_eq!(number(first, "element.flat"), differ[0] as f64);
    assert_eq!(number(first, "element.differ"), differ.len() as f64);
    let value = |bytes: &[u8]| f64::from(bytes[differ[0]] as i8);
    assert_eq!((number(first, "element.a"), number(first, "element.b")), (value(&a.bytes), value(&b.bytes)));
    let index: Vec<usize> = (0..4).map(|side| number(first, &format!("element.index.{side}")) as usize).collect();
    let flat = index.iter().zip(&a.shape).fold(0, |flat, (at, side)| flat * side + at);
    assert_eq!(flat, differ[0]);
}

#[test]
fn a_trace_stands_for_the_machine_that_wrote_it() {
    let files = Files::new();
    let trace = files.name("trace.json");
    let recorded = format!("trace:{trace}");
    let args = ["parity", "isa:scalar", "--record", &trace, "--values", "--samples", "3", "--seed", "9"];
    assert_eq!(edgebench(&args).code, Some(0));
    let (code, report) = parity(&[&recorded, "threads:2", "--seed", "9"]);
    assert_eq!((code, number(&report, "samples")), (Some(0), 3.0), "as many samples as were recorded");
    assert_eq!(parity(&[&recorded, &recorded]).0, Some(0));
    // Elements are named although one of the two is not here.
    let (code, report) = parity(&[&recorded, "mode:reference", "--seed", "9"]);
    assert_eq!(code, Some(1));
    assert!(number(&report, "first.element.differ") >= 1.0);
    // Other inputs are not a difference of arithmetic.
    let run = edgebench(&["parity", &recorded, "isa:scalar", "--seed", "8"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("different inputs"), "{}", run.stderr);
    let run = edgebench(&["parity", &recorded, "isa:scalar", "--seed", "9", "--samples", "4"]);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("3 are"), "{}", run.stderr);
}

/// A digest that is not that of the layer is a difference of this layer, and of no other.
#[test]
fn one_wrong_digest_is_found() {
    let files = Files::new();
    let path = files.name("trace.json");
    assert_eq!(edgebench(&["parity", "isa:scalar", "--record", &path]).code, Some(0));
    let mut trace: Value = serde_json::from_slice(&std::fs::read(&path).expect("a trace")).expect("JSON");
    trace["samples"][2]["digests"][7] = "0123456789abcdef".into();
    let changed = format!("trace:{}", files.write("changed.json", trace.to_string().as_bytes()));
    let (code, report) = parity(&[&changed, "isa:scalar"]);
    assert_eq!(code, Some(1));
    assert_eq!((number(&report, "first.layer"), number(&report, "first.sample")), (7.0, 2.0));
    assert_eq!(at(&report, "first.digest_a"), "0123456789abcdef");
    assert!(at(&report, "first.element").is_null());
    let differ: f64 = at(&report, "layers").as_array().expect("a list").iter().map(|row| number(row, "differ")).sum();
    assert_eq!(differ, 1.0);
}

#[test]
fn damaged_traces_are_refused() {
    let files = Files::new();
    let path = files.name("trace.json");
    assert_eq!(edgebench(&["parity", "isa:scalar", "--record", &path, "--values", "--samples", "1"]).code, Some(0));
    let whole = std::fs::read_to_string(&path).expect("a trace");
    let trace: Value = serde_json::from_str(&whole).expect("JSON");
    let with = |change: fn(&mut Value)| {
        let mut trace = trace.clone();
        change(&mut trace);
        trace.to_string()
    };
    for (text, words) in [
        (whole[..whole.len() / 2].to_owned(), "EOF"),
        ("{}".into(), "schema"),
        (with(|trace| trace["schema"] = "edgebench.trace/9".into()), "expected \"edgebench.trace/1\""),
        (with(|trace| trace["samples"][0]["digests"] = Value::Array(vec![])), "0 digests"),
        (with(|trace| trace["samples"][0]["digests"][3] = "xyz".into()), "16 hexadecimal digits"),
        (with(|trace| trace["samples"][0]["values"][3] = "AAAA".into()), "3 bytes, expected"),
        (with(|trace| trace["layers"][3]["shape"][0] = u64::MAX.into()), "impossible"),
        (with(|trace| trace["layers"][3]["name"] = "other".into()), "of another network"),
        (with(|trace| trace["sha256"] = "0".into()), "give its model"),
    ] {
        let path = format!("trace:{}", files.write("damaged.json", text.as_bytes()));
        let run = edgebench(&["parity", &path, "isa:scalar"]);
        assert_eq!(run.code, Some(2), "{words}: {}", run.stderr);
        assert!(run.stderr.contains(words), "{words}: {}", run.stderr);
    }
}

#[test]
fn the_text_names_layer_and_element() {
    let text = edgebench(&["parity", "isa:scalar", "mode:tflm"]).stdout;
    assert!(text.contains("First difference: operator 0 CONV_2D") && text.contains("elements differ"), "{text}");
    assert!(edgebench(&["parity", "isa:scalar", "threads:2"]).stdout.contains("Same: all 12 tensors"));
    let _ = json(&["parity", "isa:scalar", "threads:2", "--json"]);
}
