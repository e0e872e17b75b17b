//! `docs/json.md` names every field, and its examples are of the version that is printed.

use std::collections::BTreeSet;

use crate::quantise::FLOAT;
use crate::{Files, ZOO, at, json, noise};
use edgebench::data::npy::DType;
use serde_json::Value;

pub(crate) fn keys(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            into.insert(key.clone());
            keys(value, into);
        }),
        Value::Array(items) => items.iter().for_each(|item| keys(item, into)),
        _ => {}
    }
}

#[test]
fn every_field_is_documented() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md")).expect("docs/json.md");
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let files = Files::new();
    let input = files.array("x.npy", DType::I8, &[1, 32, 32, 3], noise(32 * 32 * 3));
    let output = files.name("y.npy");
    let plan = files.name("plan");
    let sheet = files.name("sheet.png");
    let int8 = files.name("int8.tflite");
    let digits = files.name("digits-c");
    assert_eq!(crate::edgebench(&["corrupt", "--corruptions", "fog", "--output", &digits]).code, Some(0));
    let [ledger, merged] = ["a.ledger", "b.ledger"].map(|name| files.name(name));
    assert_eq!(crate::edgebench(&["eval", "--limit", "3", "--corruptions", "fog", "--ledger", &ledger]).code, Some(0));
    for args in [
        &["eval", "--limit", "5", "--json"][..],
        &["eval", "--limit", "5", "--corruptions", "fog,frost", "--bootstrap", "9", "--json"],
        &["eval", "--corruptions", "fog", "--severity", "1", "--until-decided", "clean>=50%", "--json"],
        &["merge", &ledger, "--output", &merged, "--json"],
        &["data", "list", "--json"],
        &["data", "verify", &digits, "--clean", "digits", "--json"],
        &["bench", "--runs", "3", "--json"],
        &["inspect", "--json"],
        &["run", ZOO, "--input", &input, "--output", &output, "--json"],
        &["corrupt", "--limit", "1", "--corruptions", "fog", "--sheet", &sheet, "--json"],
        &["quantise", FLOAT, "-o", &int8, "--calibration", "9", "--equalise", "--bias-correction", "--json"],
        &["emit", ZOO, "--target", "cortex-m4", "--output", &plan, "--json"],
        &["isa", "--json"],
        &["parity", "isa:scalar", "mode:reference", "--json"],
    ] {
        let report = if args[0] == "parity" {
            // Two targets that differ are an answer too, with an exit code of its own.
            serde_json::from_str(&crate::edgebench(args).stdout).expect("JSON")
        } else {
            json(args)
        };
        let schema = at(&report, "schema").as_str().expect("a name");
        assert!(text.contains(schema), "{schema} is not in docs/json.md");
        let mut found = BTreeSet::new();
        keys(&report, &mut found);
        let missing: Vec<_> = found.iter().filter(|key| !words.contains(key.as_str())).collect();
        assert!(missing.is_empty(), "{schema}: {missing:?} are not in docs/json.md");
    }
}

/// The examples are real output: they parse, and have the fields of today.
#[test]
fn examples_have_the_fields_of_today() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md")).expect("docs/json.md");
    let examples = text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut seen = 0;
    for example in examples {
        let example: Value = serde_json::from_str(example).expect("an example is JSON");
        let today = match at(&example, "schema").as_str() {
            Some("edgebench.eval/1") => json(&["eval", "--limit", "5", "--json"]),
            Some("edgebench.bench/1") => json(&["bench", "--runs", "3", "--json"]),
            other => panic!("an example of {other:?}"),
        };
        let (mut documented, mut printed) = (BTreeSet::new(), BTreeSet::new());
        keys(&example, &mut documented);
        keys(&today, &mut printed);
        assert_eq!(documented, printed);
        seen += 1;
    }
    assert_eq!(seen, 2);
}
