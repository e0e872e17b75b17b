//! `edgebench demo`, with few images and epochs.

use std::fs;

use crate::{Files, edgebench};

#[test]
fn two_runs_are_one() {
    let files = Files::new();
    let mut found = Vec::new();
    for (name, threads) in [("a", "1"), ("b", "2")] {
        let folder = files.name(name);
        let run = edgebench(&["demo", "-o", &folder, "--limit", "40", "--threads", threads]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let (table, page) = run.stdout.split_once("report: ").expect("where the page is");
        assert!(table.lines().all(|line| line.chars().count() <= 80), "wider than 80 columns:\n{table}");
        for recipe in ["original", "int8", "prune-cluster-int8", "pcqat-int8", "control"] {
            assert!(table.contains(recipe), "{recipe} is not in {table}");
        }
        let page = fs::read_to_string(page.trim()).expect("a page");
        assert!(page.contains("<svg") && !page.contains("NaN") && !page.contains("<script"));
        found.push((table.to_owned(), page, fs::read(files.path(name).join("study.json")).expect("study.json")));
    }
    assert_eq!(found[0], found[1], "threads change nothing");
    let other = files.name("c");
    let run = edgebench(&["demo", "-o", &other, "--limit", "40", "--seed", "2"]);
    assert_ne!(run.stdout.split_once("report: ").expect("a page").0, found[0].0, "another seed is another study");
}
