//! `edgebench sweep`: one report however a study is run, mistakes named, bounds met or not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Files, Run, at, edgebench, number};

/// Few images, epochs, recipes and corruptions; everything that a large study has.
const STUDY: &str = r#"
name = "small"
limit = 120
test_limit = 50
recipes = [2, 4, "pcqat-int8"]
seeds = [1, 2]
corruptions = ["fog", "contrast"]
severities = [2, 4]

[training]
epochs = 2
batch = 20

[compression]
epochs = 1

[[network]]
arch = "digits"
"#;

/// What a sweep leaves for people and programs.
const RESULTS: [&str; 4] = ["study.json", "report.html", "report.md", "models.csv"];

fn sweep(study: &str, folder: &str, more: &[&str]) -> Run {
    let args: Vec<&str> = ["sweep", study, "-o", folder].into_iter().chain(more.iter().copied()).collect();
    edgebench(&args)
}

fn done(study: &str, folder: &str, more: &[&str]) -> String {
    let run = sweep(study, folder, more);
    assert_eq!(run.code, Some(0), "{more:?}: {}", run.stderr);
    run.stdout
}

fn results(folder: &str) -> Vec<String> {
    let read = |name: &&str| fs::read_to_string(Path::new(folder).join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    RESULTS.iter().map(read).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

#[test]
fn one_report_however_it_is_run() {
    let files = Files::new();
    let study = files.write("study.toml", STUDY.as_bytes());
    let whole = files.name("whole");
    let begin = Instant::now();
    let text = done(&study, &whole, &["--threads", "1"]);
    let time = begin.elapsed();
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80 && !line.contains(&whole)).collect();
    assert!(wide.is_empty(), "wider than 80 columns: {wide:?}");
    let expected = results(&whole);
    figures(&serde_json::from_str(&expected[0]).expect("JSON"), &text, Path::new(&whole));

    // Again: nothing is left to do.
    let ledger = Path::new(&whole).join("ledgers").join("study.ledger");
    let size = fs::metadata(&ledger).expect("a ledger").len();
    done(&study, &whole, &[]);
    assert_eq!(results(&whole), expected, "threads and another run change nothing");
    assert_eq!(fs::metadata(&ledger).expect("a ledger").len(), size, "nothing is measured twice");

    // Two shards in folders of their own, copied together.
    let merged = files.path("merged");
    for shard in ["1/2", "2/2"] {
        let folder = files.name(&format!("shard-{}", &shard[..1]));
        let said = done(&study, &folder, &["--shard", shard]);
        assert!(said.is_empty() && !Path::new(&folder).join("study.json").exists(), "a part has no report");
        copy(Path::new(&folder), &merged);
    }
    let run = sweep(&study, &files.name("merged"), &["--json"]);
    assert!(!run.stderr.contains("inferences in"), "the shards measured everything: {}", run.stderr);
    assert_eq!(results(&files.name("merged")), expected, "two shards are one run");
    assert_eq!(run.stdout, expected[0]);

    // Killed at several moments.
    let folder = files.name("killed");
    for attempt in 1..=6_u32 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgebench"));
        command.args(["sweep", &study, "-o", &folder]).env_remove("EDGEBENCH_ISA");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program was built");
        let part = f64::from(attempt * 7919 % 100) / 250.0;
        std::thread::sleep(time.mul_f64(part).max(Duration::from_millis(1)));
        let _ = child.kill();
        let _ = child.wait();
    }
    done(&study, &folder, &[]);
    assert_eq!(results(&folder), expected, "a sweep that was killed ends as one that was not");

    bounds(&study, &whole, &files);
}

/// The figures of the small study hang together.
fn figures(report: &Value, text: &str, folder: &Path) {
    let models = report["models"].as_array().expect("models");
    assert_eq!(models.len(), 2 * 5, "original, three recipes and the control, two seeds");
    for model in models {
        let file = folder.join("models").join(model["file"].as_str().expect("a name"));
        assert_eq!(fs::metadata(&file).expect("a model").len(), model["size"]["raw"].as_u64().expect("bytes"));
        let name = model["recipe"].as_str().expect("a name");
        assert!(text.contains(name), "{name} is not in {text}");
        if name == "original" {
            assert_eq!(
                (number(model, "mce.value"), number(model, "drop"), number(model, "size.ratio")),
                (100.0, 0.0, 1.0)
            );
        }
        if name == "control" {
            assert_eq!(number(model, "against_control.mce_of_control"), 100.0);
        }
        let size = ["size.entropy", "size.zip6"].map(|path| number(model, path));
        assert!(size[0] < size[1], "an archive is larger than the entropy: {size:?}");
    }
    // Three stages of one epoch of four steps.
    let control = at(report, "networks.0.control");
    let length = ["epochs", "steps", "longest_steps"].map(|key| number(control, key));
    assert_eq!(length, [3.0, 12.0, 12.0], "108 images in batches of 32");
    assert_eq!(at(report, "data.validation"), 12);
    let points = report["points"].as_array().expect("points");
    assert!(points.iter().all(|point| point["accuracy"]["spread"].is_number()), "two seeds have a spread");
    assert!(!at(report, "fronts.0.front").as_array().expect("a front").is_empty());
    // 4 prunes alone, 16 prunes first: one training.
    let stages = report["stages"].as_array().expect("stages");
    assert_eq!(stages.len(), 2 * 4, "prune, cluster, qat and the control, two seeds");

    let documented = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/json.md")).expect("docs/json.md");
    let words: BTreeSet<&str> = documented.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let mut found = BTreeSet::new();
    crate::docs::keys(report, &mut found);
    let missing: Vec<_> = found.iter().filter(|key| !words.contains(key.as_str())).collect();
    assert!(missing.is_empty() && documented.contains("edgebench/study/1"), "{missing:?} are not in docs/json.md");
}

fn bounds(study: &str, whole: &str, files: &Files) {
    let page = files.name("page.html");
    let met = sweep(study, whole, &["--bounds", "flash<=1M,ram<=1M", "--html", &page]);
    assert_eq!(met.code, Some(0), "{}", met.stderr);
    assert!(met.stdout.contains("5 of 5 keep within flash<=1M, ram<=1M"), "{}", met.stdout);
    assert!(fs::read_to_string(&page).expect("a page").contains("5 of 5 keep within"));
    let missed = sweep(study, whole, &["--bounds", "flash<=32K,mce<=+900,zip<=1K", "--json"]);
    assert_eq!(missed.code, Some(1), "{}", missed.stderr);
    let report: Value = serde_json::from_str(&missed.stdout).expect("JSON");
    let rows = report["bounds"]["bounds"].as_array().expect("bounds");
    let met: Vec<&Value> = rows.iter().map(|row| &row["met_by"]).collect();
    assert_eq!(met, [3, 5, 0], "int8 files alone are that small, and no archive is");
    assert_eq!(rows[2]["closest"]["recipe"], "pcqat-int8");
    assert_eq!(rows[2]["only_this_fails"].as_array().map(Vec::len), Some(3));
    let missed = sweep(study, whole, &["--bounds", "zip<=1K"]);
    let said = "zip<=1K: 0 of 5 alone; best is digits pcqat-int8 with";
    assert!(missed.code == Some(1) && missed.stdout.contains(said), "{}", missed.stdout);
    let kept: Value = serde_json::from_str(&results(whole)[0]).expect("JSON");
    assert!(kept.get("bounds").is_none(), "what is asked of a study is no part of it");
}

#[test]
fn mistakes_are_named() {
    let files = Files::new();
    let folder = files.name("never");
    let refused = |text: &str, said: &[&str]| {
        let study = files.write("study.toml", text.as_bytes());
        let run = sweep(&study, &folder, &[]);
        assert_eq!(run.code, Some(2), "{text}: {}", run.stdout);
        for part in said {
            assert!(run.stderr.contains(part), "{text}: expected {part:?} in {}", run.stderr);
        }
    };
    refused("name = ", &["study.toml"]);
    refused(&STUDY.replace("seeds", "seads"), &["study.toml", "did you mean \"seeds\""]);
    refused(&STUDY.replace("\"pcqat-int8\"", "\"pcqat-in8\""), &["did you mean \"pcqat-int8\""]);
    refused(&STUDY.replace("\"pcqat-int8\"", "\"mine.toml\""), &["mine.toml"]);
    refused(&STUDY.replace("\"fog\"", "\"fogg\""), &["did you mean \"fog\""]);
    refused(&STUDY.replace("\"digits\"", "\"digit\""), &["did you mean \"digits\""]);
    refused(&STUDY.replace("arch = \"digits\"", "file = \"none.tflite\""), &["none.tflite"]);
    refused(&format!("reference = \"digts\"\n{STUDY}"), &["did you mean \"digits\"", "no result"]);
    refused(&format!("data = \"nowhere\"\n{STUDY}"), &["nowhere"]);
    assert!(!Path::new(&folder).exists(), "nothing is made before everything is checked");
    let study = files.write("study.toml", STUDY.as_bytes());
    let run = sweep(&study, &folder, &["--bounds", "flsh<=1K"]);
    assert!(run.code == Some(2) && run.stderr.contains("did you mean \"flash\""), "{}", run.stderr);
    assert_eq!(sweep(&study, &folder, &["--shard", "3/2"]).code, Some(2));
    assert_eq!(sweep("nowhere.toml", &folder, &[]).code, Some(2));
}

/// A network that was not trained here, a result as the common reference.
#[test]
fn networks_and_references_may_be_brought() {
    let files = Files::new();
    let result = files.name("result.json");
    let run = edgebench(&[
        "eval",
        crate::ZOO,
        "--limit",
        "50",
        "--corruptions",
        "fog",
        "--severity",
        "3",
        "--bootstrap",
        "0",
        "--result",
        &result,
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let study = |reference: &str| {
        let text = format!(
            "name = \"brought\"\nlimit = 100\ntest_limit = 50\nrecipes = [4]\ncontrol = false\ncorruptions = \"fog\"\nseverities = [3]\n\
             reference = {reference:?}\ncompression = {{ epochs = 1 }}\n[[network]]\nfile = {:?}\n",
            crate::quantise::FLOAT
        );
        files.write("study.toml", text.as_bytes())
    };
    let folder = files.name("brought");
    let mce = |report: &str| {
        let report: Value = serde_json::from_str(report).expect("JSON");
        assert_eq!(report["models"].as_array().map(Vec::len), Some(2));
        assert!(report["notes"].to_string().contains("no control"), "{}", report["notes"]);
        [number(&report, "models.0.reference_mce"), number(&report, "models.1.reference_mce")]
    };
    let by_result = mce(&done(&study("result.json"), &folder, &["--json"]));
    assert_eq!(mce(&done(&study(crate::ZOO), &folder, &["--json"])), by_result, "the same model, measured here");
}
