//! `edgebench eval --corruptions`, `report` and `merge`: what is measured, what survives, what is refused.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use edgebench::data::npy::DType;
use serde_json::Value;

use crate::{Files, ZOO, edgebench, json};

/// Few images and corruptions, several cells each.
const SMALL: [&str; 10] =
    ["eval", ZOO, "--limit", "60", "--corruptions", "fog,contrast,snow", "--block", "25", "--bootstrap", "50"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SMALL.iter().copied().chain(more.iter().copied()).collect()
}

fn done(args: &[&str]) -> String {
    let run = edgebench(args);
    assert_eq!(run.code, Some(0), "{args:?}: {}", run.stderr);
    run.stdout
}

fn refused(args: &[&str], said: &[&str]) {
    let run = edgebench(args);
    assert_eq!(run.code, Some(2), "{args:?}: {}", run.stdout);
    for text in said {
        assert!(run.stderr.contains(text), "{args:?}: expected {text:?} in {}", run.stderr);
    }
}

#[test]
fn threads_batches_and_reruns_change_nothing() {
    let files = Files::new();
    let ledger = files.name("a.ledger");
    let one = done(&with(&["--threads", "1", "--json"]));
    assert_eq!(one, done(&with(&["--threads", "3", "--json"])));
    assert_eq!(one, done(&with(&["--ledger", &ledger, "--json"])));
    let size = fs::metadata(&ledger).expect("a ledger").len();
    assert_eq!(one, done(&with(&["--ledger", &ledger, "--json"])), "everything is known");
    assert_eq!(fs::metadata(&ledger).expect("a ledger").len(), size, "nothing is measured twice");
    assert_eq!(one, done(&["report", &ledger, "--bootstrap", "50", "--json"]));
}

#[test]
fn shards_join_to_the_same_report() {
    let files = Files::new();
    let whole = done(&with(&["--json"]));
    for count in [7, 64] {
        let names: Vec<String> = (1..=count).map(|i| files.name(&format!("{count}-{i}.ledger"))).collect();
        for (at, name) in names.iter().enumerate() {
            done(&with(&["--ledger", name, "--shard", &format!("{}/{count}", at + 1)]));
        }
        let merged = files.name("merged.ledger");
        let mut args = vec!["merge", "--output", &merged];
        args.extend(names.iter().rev().map(String::as_str));
        done(&args);
        assert_eq!(whole, done(&["report", &merged, "--bootstrap", "50", "--json"]), "{count} shards");
    }
}

#[test]
fn a_part_of_the_cells_is_called_a_part() {
    let files = Files::new();
    let ledger = files.name("part.ledger");
    let run = edgebench(&with(&["--ledger", &ledger, "--shard", "1/3", "--fail-if", "clean<1%"]));
    assert_eq!(run.code, Some(1), "an unknown figure passes no gate: {}", run.stderr);
    assert!(run.stderr.contains("still missing") && run.stderr.contains("cannot be decided"), "{}", run.stderr);
}

/// Killed at any moment, a run goes on where it was and ends with the same report.
#[test]
fn killed_runs_go_on() {
    let files = Files::new();
    let args = |ledger: &str| -> Vec<String> {
        let args = [
            "eval",
            ZOO,
            "--corruptions",
            "benchmark",
            "--block",
            "60",
            "--threads",
            "2",
            "--bootstrap",
            "0",
            "--json",
        ];
        args.iter().map(|s| s.to_string()).chain(["--ledger".into(), ledger.into()]).collect()
    };
    let start = |ledger: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgebench"));
        command.args(args(ledger)).env_remove("EDGEBENCH_ISA").stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the program was built")
    };
    let whole = files.name("whole.ledger");
    let begin = Instant::now();
    assert!(start(&whole).wait().expect("a run").success());
    let time = begin.elapsed();
    let refs = |args: &[String]| done(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let expected = refs(&args(&whole));
    let cells = fs::read_to_string(&whole).expect("a ledger").lines().filter(|line| line.contains("\"cell\":")).count();

    let ledger = files.name("killed.ledger");
    let mut lines = 0;
    for attempt in 1..=20_u32 {
        let mut child = start(&ledger);
        // Moments spread over the run, without a pattern.
        std::thread::sleep(time.mul_f64(f64::from(attempt * 7919 % 100) / 300.0).max(Duration::from_millis(1)));
        let _ = child.kill();
        let _ = child.wait();
        let text = fs::read(&ledger).unwrap_or_default();
        let complete = text.iter().filter(|&&byte| byte == b'\n').count();
        assert!(complete >= lines, "attempt {attempt} lost lines: {complete} after {lines}");
        lines = complete;
    }
    assert_eq!(refs(&args(&ledger)), expected);
    let text = fs::read_to_string(&ledger).expect("a ledger");
    let found = text.lines().filter(|line| line.contains("\"cell\":")).count();
    assert_eq!(found, cells, "no cell is there twice, none is missing");
}

#[test]
fn files_of_corrupted_images_give_what_generated_ones_give() {
    let files = Files::new();
    let dir = files.name("digits-c");
    done(&["corrupt", "--limit", "60", "--output", &dir, "--corruptions", "fog,contrast,snow"]);
    let cells = |report: Value| report["studies"][0]["models"][0]["corruptions"].clone();
    let generated = cells(json(&with(&["--json"])));
    let read = ["eval", ZOO, "--limit", "60", "--corrupted", &dir, "--bootstrap", "50", "--json"];
    assert_eq!(cells(json(&read)), generated);
    refused(&["eval", ZOO, "--limit", "60", "--corrupted", &dir, "--corruptions", "frost"], &["frost.npy", "fog"]);
    refused(&["eval", ZOO, "--limit", "61", "--corrupted", &dir], &["labels.npy", "61"]);

    let fog = files.path("digits-c").join("fog.npy");
    let bytes = fs::read(&fog).expect("an array");
    for (name, damaged) in [("short", bytes[..bytes.len() - 100].to_vec()), ("long", [&bytes[..], &[0; 100]].concat())]
    {
        fs::write(&fog, damaged).expect("a file");
        refused(&["eval", ZOO, "--limit", "60", "--corrupted", &dir], &["fog.npy", "the header declares"]);
        assert!(!name.is_empty());
    }
    files.array("digits-c/fog.npy", DType::F32, &[300, 32, 32, 3], vec![0; 300 * 32 * 32 * 3 * 4]);
    refused(&["eval", ZOO, "--limit", "60", "--corrupted", &dir], &["fog.npy", "expected uint8"]);
    files.array("digits-c/fog.npy", DType::U8, &[10, 32, 32, 3], vec![0; 10 * 32 * 32 * 3]);
    refused(&["eval", ZOO, "--limit", "60", "--corrupted", &dir], &["fog.npy", "[300, 32, 32, 3]"]);
    fs::write(&fog, &bytes).expect("a file");
    files.array("digits-c/labels.npy", DType::U8, &[300], vec![9; 300]);
    refused(
        &["eval", ZOO, "--limit", "60", "--corrupted", &dir],
        &["labels.npy", "is --data the set that was corrupted"],
    );
}

#[test]
fn baselines_are_models_results_or_published() {
    let files = Files::new();
    let result = files.name("base.json");
    let report = json(&with(&["--baseline", "digits_cnn_int8", "--result", &result, "--json"]));
    let model = &report["studies"][0]["models"][0];
    assert_eq!(model["mce"]["value"], 100.0);
    let again = json(&with(&["--baseline", &result, "--paper-rounding", "--json"]));
    let model = &again["studies"][0]["models"][0];
    assert_eq!((&model["mce"]["value"], &again["studies"][0]["rounding"]), (&100.0.into(), &"paper".into()));
    assert_eq!(again["studies"][0]["baseline"]["origin"], "result");
    refused(&with(&["--baseline", "other.tflite"]), &["other.tflite", "digits_cnn_int8.tflite"]);
    refused(&with(&["--baseline", "alexnet"]), &["ImageNet", "10"]);
    refused(&with(&["--baseline", &files.write("x.json", b"{}")]), &["x.json", "no result of edgebench"]);
    let other = ["eval", ZOO, "--limit", "50", "--corruptions", "fog", "--baseline", &result];
    refused(&other, &["other images"]);
    let wider = ["eval", ZOO, "--limit", "60", "--corruptions", "frost", "--baseline", &result];
    refused(&wider, &["not measured under frost-synthetic"]);
}

#[test]
fn conditions_decide_the_exit_code() {
    let run = edgebench(&with(&["--baseline", "digits_cnn_int8", "--fail-if", "mce>105", "--fail-if", "clean<50%"]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let files = Files::new();
    let junit = files.name("junit.xml");
    let run = edgebench(&with(&["--fail-if", "mean_error>1%", "--junit", &junit]));
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("failed (--fail-if mean_error>1%)"), "{}", run.stderr);
    let xml = fs::read_to_string(junit).expect("a file");
    assert!(xml.contains("failures=\"1\"") && xml.contains("mean_error&gt;1%"), "{xml}");
    refused(&with(&["--fail-if", "speed>3"]), &["speed", "expected one of"]);
}

#[test]
fn ledgers_that_are_damaged_or_contradict_are_refused_and_kept() {
    let files = Files::new();
    let ledger = files.name("a.ledger");
    done(&with(&["--ledger", &ledger]));
    let text = fs::read_to_string(&ledger).expect("a ledger");

    let damaged = files.write("damaged.ledger", text.replacen("\"hits\":", "\"hits\": ", 1).as_bytes());
    refused(&["report", &damaged], &["damaged.ledger, line", "checksum"]);
    refused(&with(&["--ledger", &damaged]), &["damaged.ledger, line"]);
    assert_eq!(fs::read_to_string(&damaged).expect("a ledger").len(), text.len() + 1, "it is left as it was");

    let stranger = files.write("notes.txt", b"my notes\n");
    refused(&with(&["--ledger", &stranger]), &["notes.txt", "not a ledger"]);
    assert_eq!(fs::read(&stranger).expect("notes"), b"my notes\n");

    // The checksum is right, but one hit more is said than the answers have.
    let liar = files.write("alone.ledger", with_record(&text, &more_hits).as_bytes());
    refused(&["report", &liar], &["labels, it says", "on images"]);

    let torn = files.write("torn.ledger", &text.as_bytes()[..text.len() - 30]);
    assert!(edgebench(&["report", &torn]).stderr.contains("unfinished"), "a torn line is said");

    let blocks = files.name("blocks.ledger");
    done(&["eval", ZOO, "--limit", "60", "--corruptions", "fog", "--block", "30", "--ledger", &blocks]);
    refused(&["merge", &ledger, &blocks, "--output", &files.name("m.ledger")], &["overlap", "--block"]);
    assert!(!files.path("m.ledger").exists());
    let liar = files.write("liar.ledger", with_another_answer(&text).as_bytes());
    refused(
        &["merge", &ledger, &liar, "--output", &same(&files)],
        &["contradict each other", "liar.ledger, line", "1 answers differ"],
    );
    assert!(!files.path("same.ledger").exists());
    let same = same(&files);
    done(&["merge", &ledger, &ledger, "--output", &same]);
    refused(&["merge", "--output", &same], &["LEDGER"]);
}

fn same(files: &Files) -> String {
    files.name("same.ledger")
}

/// The last cell with another answer to its first image.
fn with_another_answer(ledger: &str) -> String {
    with_record(ledger, &|json| {
        let (head, answers) = json.split_once("\"answers\":\"").expect("answers");
        let other = if answers.starts_with("00") { "01" } else { "00" };
        format!("{head}\"answers\":\"{other}{}", &answers[2..])
    })
}

/// One wrong answer more counted as a hit, in the sum and in the bins, which must agree.
fn more_hits(json: &str) -> String {
    let mut record: Value = serde_json::from_str(json).expect("a record");
    let cell = &mut record["cell"];
    cell["hits"] = (cell["hits"].as_u64().expect("a count") + 1).into();
    let bins = cell["bins"].as_array_mut().expect("bins");
    let bin = bins.iter_mut().find(|bin| bin[0].as_u64() > bin[1].as_u64()).expect("a wrong answer");
    bin[1] = (bin[1].as_u64().expect("a count") + 1).into();
    record.to_string()
}

/// The ledger with another last record, and the checksum that belongs to it.
fn with_record(ledger: &str, change: &dyn Fn(&str) -> String) -> String {
    let (before, last) = ledger.trim_end().rsplit_once('\n').expect("several lines");
    let json = last.split_once("\"record\":").and_then(|(_, rest)| rest.strip_suffix('}')).expect("a record");
    let json = change(json);
    let mut crc = flate2::Crc::new();
    crc.update(json.as_bytes());
    format!("{before}\n{{\"crc\":\"{:08x}\",\"record\":{json}}}\n", crc.sum())
}

#[test]
fn every_form_is_written() {
    let files = Files::new();
    let [html, csv, markdown] = ["r.html", "r.csv", "r.md"].map(|name| files.name(name));
    done(&with(&["--baseline", "digits_cnn_int8", "--html", &html, "--csv", &csv, "--markdown", &markdown]));
    let read = |name: &str| fs::read_to_string(name).expect("a file");
    // A header, the clean cell, three corruptions at five severities.
    assert_eq!(read(&csv).lines().count(), 2 + 15);
    assert!(read(&markdown).contains("| fog |"));
    let page = read(&html);
    assert!(page.contains("<svg") && page.contains("data:image/png;base64") && page.ends_with("</html>\n"));
    assert!(!page.contains("http://") || !page.contains("src=\"http"), "nothing is fetched");
}

#[test]
fn a_condition_is_decided_with_few_images() {
    let few = ["eval", ZOO, "--corruptions", "brightness", "--severity", "1", "--block", "4", "--json"];
    let with = |more: &[&'static str]| few.iter().copied().chain(more.iter().copied()).collect::<Vec<_>>();
    let report = json(&with(&["--until-decided", "clean>=60%"]));
    assert_eq!((&report["schema"], &report["models"][0]["holds"]), (&"edgebench.decision/1".into(), &true.into()));
    let (used, all) = (report["inferences"].as_u64().expect("a count"), report["of"].as_u64().expect("a count"));
    assert!(used * 3 < all && all == 2 * 359, "{used} of {all}");
    assert_eq!(edgebench(&with(&["--until-decided", "clean<60%"])).code, Some(1), "it does not hold");
    refused(&with(&["--until-decided", "mce<=100"]), &["needs --baseline"]);
    refused(&with(&["--until-decided", "zip<3"]), &["expected clean, mean_error or mce"]);
    refused(&with(&["--until-decided", "clean>1%", "--error-rate", "90%"]), &["expected 0.0001% to 50%"]);
    refused(&["eval", ZOO, "--until-decided", "clean>1%"], &["--corruptions"]);
}
