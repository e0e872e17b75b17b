//! `edgebench bench`.

use crate::{ZOO, at, edgebench, json, number};

#[test]
fn the_json_has_what_the_contract_says() {
    let report = json(&["bench", ZOO, "--runs", "20", "--isa", "all", "--batch", "3", "--threads", "2", "--json"]);
    assert_eq!(at(&report, "schema"), "edgebench.bench/1");
    assert!(at(&report, "machine.cpu").is_string());
    assert!(number(&report, "peak_gmacs") > 0.0);
    let isas = json(&["isa", "--json"]);
    let here = at(&isas, "isas").as_array().expect("a list").iter().filter(|isa| at(isa, "runs_here") == true);
    let here: Vec<&str> = here.filter_map(|isa| at(isa, "name").as_str()).collect();
    let runs = at(&report, "runs").as_array().expect("a list");
    assert_eq!(runs.iter().filter_map(|run| at(run, "isa").as_str()).collect::<Vec<_>>(), here);
    for run in runs {
        assert_eq!(at(run, "file"), ZOO);
        assert_eq!((number(run, "threads"), number(run, "batch"), number(run, "runs")), (2.0, 3.0, 20.0));
        for field in ["ms_median", "ms_p10", "ms_p90", "images_per_s", "gmacs", "peak_gmacs", "peak_share"] {
            assert!(number(run, field) > 0.0, "{field}");
        }
        assert!(number(run, "ms_p10") <= number(run, "ms_median"));
        let operators = at(run, "operators").as_array().expect("a list");
        assert_eq!(operators.len(), 11);
        let macs: f64 = operators.iter().map(|operator| number(operator, "macs")).sum();
        assert_eq!(macs, number(run, "macs"));
        let share: f64 = operators.iter().map(|operator| number(operator, "share")).sum();
        assert!((share - 1.0).abs() < 1e-9, "{share}");
        for field in ["index", "ms", "gmacs", "peak_share"] {
            assert!(operators.iter().all(|operator| number(operator, field) >= 0.0), "{field}");
        }
    }
}

/// What is split is the same work, and the operators are those of one thread.
#[test]
fn a_single_image_is_shared_by_all_threads() {
    let of = |threads: &str| json(&["bench", "--runs", "5", "--batch", "1", "--threads", threads, "--json"]);
    let (one, three) = (of("1"), of("3"));
    let field = |report: &serde_json::Value, name: &str| number(report, &format!("runs.0.{name}"));
    assert_eq!(
        (field(&one, "threads_per_image"), field(&three, "threads_per_image")),
        (1.0, 2.0),
        "the third has nothing to do"
    );
    assert_eq!(field(&one, "macs"), field(&three, "macs"));
    let operators = |report| at(report, "runs.0.operators").as_array().map(Vec::len);
    assert_eq!(operators(&one), operators(&three));
    assert_eq!(number(&json(&["bench", "--runs", "5", "--threads", "2", "--json"]), "runs.0.threads_per_image"), 1.0);
}

#[test]
fn operators_are_left_out_on_demand() {
    let report = json(&["bench", "--runs", "5", "--profile=none", "--json"]);
    assert_eq!(at(&report, "runs.0.operators").as_array().map(Vec::len), Some(0));
    let count = |args: &[&str]| {
        let run = edgebench(&[&["bench", "--runs", "5"], args].concat());
        run.stdout.lines().filter(|line| line.contains("CONV_2D")).count()
    };
    assert_eq!((count(&["--profile=none"]), count(&["--profile"])), (0, 7));
}
