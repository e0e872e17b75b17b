//! `edgebench eval`.

use serde_json::{Value, json as literal};

use crate::{Files, ZOO, at, edgebench, json, noise, number};
use edgebench::data::npy::DType;

/// JSON is parsed to the last bit but one.
#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-14, "{found} {expected}");
}

#[test]
fn without_arguments_the_embedded_model_meets_the_embedded_digits() {
    let report = json(&["eval", "--json"]);
    assert_eq!(at(&report, "schema"), "edgebench.eval/1");
    assert_eq!(number(&report, "models.0.n"), 359.0);
    // The share that LiteRT gives, recorded with the model in models/zoo/MODELS.toml.
    assert_close(number(&report, "models.0.top1"), 354.0 / 359.0);
    let confusion: Vec<Vec<u64>> = serde_json::from_value(at(&report, "models.0.confusion").clone()).expect("counts");
    assert_eq!(confusion.iter().flatten().sum::<u64>(), 359);
    assert_eq!((0..10).map(|class| confusion[class][class]).sum::<u64>(), 354);
    for (class, row) in confusion.iter().enumerate() {
        let per_class = at(&report, &format!("models.0.per_class.{class}"));
        assert_eq!(number(per_class, "n"), row.iter().sum::<u64>() as f64);
        assert_eq!(number(per_class, "hits"), row[class] as f64);
    }
    let (lo, hi) = edgebench::eval::statistics::wilson95(354, 359);
    assert_close(number(&report, "models.0.ci95.0"), lo);
    assert_close(number(&report, "models.0.ci95.1"), hi);
}

#[test]
fn the_json_has_what_the_contract_says() {
    let report = json(&["eval", ZOO, "--limit", "20", "--json", "--quiet"]);
    let model = at(&report, "models.0");
    let zoo = std::fs::read(ZOO).expect("the zoo's model");
    assert_eq!(at(model, "file"), ZOO);
    assert_eq!(at(model, "sha256").as_str().map(str::len), Some(64));
    assert_eq!(at(model, "arithmetic"), "litert");
    assert!(at(model, "isa").is_string());
    assert_eq!(number(model, "size.raw"), zoo.len() as f64);
    assert!(number(model, "size.zip6") < number(model, "size.raw"));
    assert_eq!(at(model, "preprocess"), &literal!({"name": "unit", "origin": "input quantisation"}));
    for field in ["top1", "top5", "ci95.0", "ci95.1", "n", "clipped"] {
        assert!(number(model, field) >= 0.0, "{field}");
    }
    for field in ["arena_bytes", "latency_ms.p50", "latency_ms.p90", "images_per_s", "threads", "macs"] {
        assert!(number(model, field) > 0.0, "{field}");
    }
    assert!(at(model, "latency_ms.p50").as_f64() <= at(model, "latency_ms.p90").as_f64());
    if cfg!(target_os = "linux") {
        assert!(number(model, "rss_bytes") > number(model, "arena_bytes"));
    }
    for field in ["name", "source", "sha256"] {
        assert!(at(&report, &format!("data.{field}")).is_string(), "{field}");
    }
    assert_eq!(number(&report, "data.n"), 20.0);
}

/// Answers depend neither on threads, nor on the size of a share, nor on the instruction set.
#[test]
fn answers_do_not_depend_on_the_machine() {
    let answers = |args: &[&str]| -> Value {
        let args = [&["eval", "--limit", "120", "--json", "--quiet"], args].concat();
        at(&json(&args), "models.0.confusion").clone()
    };
    let expected = answers(&[]);
    for args in [&["--threads", "1"][..], &["--threads", "7", "--batch", "3"], &["--isa", "scalar", "--batch", "64"]] {
        assert_eq!(answers(args), expected, "{args:?}");
    }
}

#[test]
fn several_models_stand_side_by_side() {
    let float = ZOO.replace("int8", "float");
    let run = edgebench(&["eval", ZOO, &float, "--limit", "50"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for (name, tables) in [("digits_cnn_int8", 2), ("digits_cnn_float", 3)] {
        assert_eq!(run.stdout.lines().filter(|line| line.starts_with(name)).count(), tables, "{}", run.stdout);
    }
    let flips = |model: usize| {
        let report = json(&["eval", ZOO, &float, "--limit", "50", "--json"]);
        at(&report, &format!("models.{model}.flips")).clone()
    };
    assert_eq!(flips(0), Value::Null);
    assert!(run.stdout.contains("against digits_cnn_int8"), "{}", run.stdout);
    let counts = ["differ", "lost", "won"].map(|key| number(&flips(1), key));
    assert!(counts[1] + counts[2] <= counts[0] && counts[0] <= 50.0, "{counts:?}");
    assert!(run.stdout.lines().all(|line| line.chars().count() <= 80), "{}", run.stdout);
}

#[test]
fn a_missed_threshold_is_exit_code_1() {
    assert_eq!(edgebench(&["eval", "--limit", "50", "--min-accuracy", "50%"]).code, Some(0));
    let run = edgebench(&["eval", "--min-accuracy", "99.9%"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("98.61 % is below 99.90 %"), "{}", run.stderr);
}

#[test]
fn clamped_values_are_a_warning() {
    let files = Files::new();
    let images = files.array("images.npy", DType::U8, &[4, 32, 32, 3], noise(4 * 32 * 32 * 3));
    files.array("labels.npy", DType::U8, &[4], vec![0, 1, 2, 9]);
    let run = edgebench(&["eval", "--data", &images, "--preprocess", "raw"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("outside the range of the quantised input and were clamped"), "{}", run.stderr);
}
