//! `--on`, with a stand-in for `ssh` that runs commands on this machine. `scripts/check_remote.py` has a real one.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use edgebench::data::npy::DType;
use serde_json::Value;

use crate::{Files, Run, ZOO, at, edgebench, json, noise, number};

/// The last argument is the command. Of the first `CUTS` connections that follow a job only the first bytes arrive, and of the first
/// `CUT_FILES` files only the first megabyte.
const SSH: &str = "#!/bin/sh
for last; do :; done
case \"$last\" in
  *'host follow'*)
    n=$(cat \"$DIR/follows\" 2>/dev/null || echo 0)
    echo $((n + 1)) > \"$DIR/follows\"
    if [ $n -lt ${CUTS:-0} ]; then
      sh -c \"$last\" | head -c 3000
      echo 'Connection reset by peer' >&2
      exit 255
    fi;;
  *'cat >> blobs'*)
    n=$(cat \"$DIR/files\" 2>/dev/null || echo 0)
    echo $((n + 1)) > \"$DIR/files\"
    if [ $n -lt ${CUT_FILES:-0} ]; then
      head -c 1000000 | sh -c \"$last\"
      echo 'Connection reset by peer' >&2
      exit 255
    fi;;
esac
exec sh -c \"$last\"
";

struct Elsewhere(Files);

impl Elsewhere {
    fn new() -> Self {
        let files = Files::new();
        let path = files.write("ssh", SSH.as_bytes());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("a file of our own");
        Self(files)
    }

    fn run(&self, args: &[&str], environment: &[(&str, &str)]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgebench"));
        command
            .args(args)
            .args(["--on", "ssh://me@elsewhere"])
            .env_remove("EDGEBENCH_ISA")
            .env_remove("EDGEBENCH_PROGRAMS");
        command.env("EDGEBENCH_SSH", self.0.path("ssh")).env("DIR", self.0.path(""));
        command.env("XDG_CACHE_HOME", self.0.path("cache")).env("XDG_RUNTIME_DIR", self.0.path(""));
        let output = command.envs(environment.iter().copied()).output().expect("the program was built");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

const GRID: [&str; 8] = ["eval", "--corruptions", "fog,contrast", "--severity", "1,5", "--block", "30", "--json"];

#[test]
fn a_cut_connection_changes_nothing() {
    let elsewhere = Elsewhere::new();
    let ledger = elsewhere.0.name("run.ledger");
    let run = elsewhere.run(&[&GRID[..], &["--ledger", &ledger]].concat(), &[("CUTS", "2"), ("CUT_FILES", "3")]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("lost 2 times"), "{}", run.stderr);
    // The program is larger than that: three megabytes in three parts, and the rest in one.
    assert_eq!(std::fs::read_to_string(elsewhere.0.path("files")).expect("a count").trim(), "4");
    let here: Value = json(&GRID);
    assert_eq!(serde_json::from_str::<Value>(&run.stdout).expect("JSON"), here);
    assert_eq!(json(&["report", &ledger, "--json"]), here);
    let text = std::fs::read_to_string(&ledger).expect("a ledger");
    let told: Vec<&str> = text.lines().filter(|line| line.contains("\"device\"")).collect();
    assert!(told.len() == 2 && told[0].contains("\"before\"") && told[1].contains("\"after\""), "{told:?}");
    // For people the machine stands behind the figures, on a page with all that its CPU can do.
    let page = elsewhere.0.name("page.html");
    let said = edgebench(&["report", &ledger, "--html", &page]).stdout;
    let behind = said.split("measured on\n").nth(1).unwrap_or_else(|| panic!("{said}"));
    assert!(behind.contains("hardware threads") && behind.contains(std::env::consts::ARCH), "{behind}");
    let page = std::fs::read_to_string(&page).expect("a page");
    assert!(page.contains("<h2>Where it was measured</h2>") && page.contains("hardware threads"), "{page}");
    // Everything is there now: nobody is asked.
    let again = elsewhere.run(&[&GRID[..], &["--ledger", &ledger]].concat(), &[("EDGEBENCH_SSH", "/nowhere/ssh")]);
    assert_eq!((again.code, again.stdout), (Some(0), run.stdout), "{}", again.stderr);
}

#[test]
fn files_are_sent_once() {
    let elsewhere = Elsewhere::new();
    let model = elsewhere.0.write("m.tflite", &std::fs::read(ZOO).expect("a model"));
    elsewhere.0.write("m.toml", b"[input]\npreprocess = \"unit\"\n");
    let bench = ["bench", &model, "--runs", "3", "--json"];
    let first = elsewhere.run(&bench, &[]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let report: Value = serde_json::from_str(&first.stdout).expect("JSON");
    assert_eq!(at(&report, "schema"), "edgebench.hosts/1");
    assert_eq!(at(&report, "hosts.0.report.schema"), "edgebench.bench/1");
    assert_eq!(at(&report, "hosts.0.before.arch"), std::env::consts::ARCH);
    assert_eq!(number(&report, "hosts.0.cuts"), 0.0);
    let blobs = || {
        let entries = std::fs::read_dir(elsewhere.0.path("cache/edgebench/blobs")).expect("a cache");
        let entries = entries.map(|entry| entry.expect("an entry"));
        let mut blobs: Vec<_> = entries
            .map(|entry| (entry.file_name(), entry.metadata().and_then(|m| m.modified()).expect("a time")))
            .collect();
        blobs.sort();
        blobs
    };
    let before = blobs();
    assert_eq!(before.len(), 3, "the program, the model and its side file: {before:?}");
    assert_eq!(elsewhere.run(&bench, &[]).code, Some(0));
    assert_eq!(blobs(), before);
    let jobs = std::fs::read_dir(elsewhere.0.path("cache/edgebench/jobs")).expect("a cache").count();
    assert_eq!(jobs, 1, "only the directory in which facts are asked for");
}

#[test]
fn what_fails_there_is_told_here() {
    let elsewhere = Elsewhere::new();
    let missed = elsewhere.run(&["eval", "--min-accuracy", "100%"], &[]);
    assert_eq!(missed.code, Some(1), "{}", missed.stderr);
    assert!(missed.stderr.contains("ssh://me@elsewhere: digits_cnn_int8.tflite: top-1"), "{}", missed.stderr);
    let array = elsewhere.0.array("x.npy", DType::U8, &[1, 32, 32, 3], noise(32 * 32 * 3));
    let failed = elsewhere.run(&["eval", "--data", &array], &[]);
    assert_eq!(failed.code, Some(2));
    assert!(failed.stderr.contains("exit code 2") && failed.stderr.contains("--labels"), "{}", failed.stderr);
    let none = elsewhere.run(&["bench"], &[("EDGEBENCH_SSH", "/nowhere/ssh")]);
    assert!(none.code == Some(2) && none.stderr.contains("needs OpenSSH"), "{}", none.stderr);
    let wrong = elsewhere.0.write("program", b"#!/bin/sh\n");
    let wrong = elsewhere.run(&["bench", "--on-program", &wrong], &[]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("it is no ELF file"), "{}", wrong.stderr);
}

#[test]
fn addresses_and_options_are_checked_first() {
    for (args, words) in [
        (&["bench", "--on", "pi"][..], "expected ssh://user@host"),
        (&["bench", "--on", "ssh://-oProxyCommand=x"], "is no host"),
        (&["eval", "--on-with", "nice"], "give --on ssh://"),
        (&["bench", "--on", "ssh://pi", "--on-with", "a;b"], "';' is not passed on"),
        (&["eval", "--corruptions", "fog", "--until-decided", "clean>=50%", "--on", "ssh://pi"], "leave one out"),
    ] {
        let run = crate::edgebench(args);
        assert_eq!(run.code, Some(2), "{args:?}");
        assert!(run.stderr.contains(words), "{args:?}: {}", run.stderr);
    }
}
