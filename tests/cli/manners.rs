//! What all commands have in common.

use crate::{ZOO, at, edgebench, json};

#[test]
fn help_and_version_are_answers() {
    assert_eq!(edgebench(&["--version"]).stdout, concat!("edgebench ", env!("CARGO_PKG_VERSION"), "\n"));
    for command in [&["--help"][..], &["eval", "--help"], &["bench", "-h"], &["inspect", "--help"], &["run", "--help"]]
    {
        let run = edgebench(command);
        assert!(run.code == Some(0) && run.stdout.contains("Usage: edgebench"), "{command:?}");
        assert!(run.stderr.is_empty());
    }
    for command in ["eval", "bench", "inspect", "run", "quantise"] {
        assert!(edgebench(&[command, "--help"]).stdout.contains("Examples:"), "{command}");
    }
}

#[test]
fn typing_errors_get_a_hint() {
    for (args, hint) in [
        (&["evla"][..], "'eval'"),
        (&["eval", "--limt", "3"], "'--limit'"),
        (&["eval", "--isa", "scalr"], "'scalar'"),
        (&["eval", "--limit", "0"], "'--limit <N>'"),
        (&["bench", "--seconds", "-1"], "--seconds"),
    ] {
        let run = edgebench(args);
        assert_eq!(run.code, Some(2), "{args:?}");
        assert!(run.stderr.contains(hint) && run.stdout.is_empty(), "{args:?}: {}", run.stderr);
    }
}

#[test]
fn quiet_and_pipes_leave_stderr_empty_and_colourless() {
    for args in [&["eval", "--limit", "9"][..], &["bench", "--runs", "3"], &["inspect", ZOO], &["isa"]] {
        let run = edgebench(&[args, &["--quiet"]].concat());
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{args:?}");
        assert!(!run.stdout.contains('\x1b'), "{args:?}");
    }
    let painted = edgebench(&["eval", "absent.tflite", "--color", "always"]);
    assert!(painted.stderr.starts_with("\x1b[1;31merror:\x1b[0m"), "{:?}", painted.stderr);
}

#[test]
fn one_instruction_set_is_chosen_and_can_be_forced() {
    let report = json(&["isa", "--isa", "scalar", "--json"]);
    assert_eq!(at(&report, "schema"), "edgebench.isa/1");
    for isa in at(&report, "isas").as_array().expect("a list") {
        assert_eq!(at(isa, "chosen") == true, at(isa, "name") == "scalar");
        assert!(at(isa, "built").is_boolean() && at(isa, "runs_here").is_boolean());
    }
    let forced = std::process::Command::new(env!("CARGO_BIN_EXE_edgebench"))
        .args(["eval", "--limit", "2", "--json"])
        .env("EDGEBENCH_ISA", "scalar")
        .output()
        .expect("the program was built");
    let report: serde_json::Value = serde_json::from_slice(&forced.stdout).expect("JSON");
    assert_eq!(at(&report, "models.0.isa"), "scalar");
}

#[test]
fn shells_get_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = edgebench(&["completions", shell]);
        assert!(run.code == Some(0) && run.stdout.contains("inspect"), "{shell}");
    }
}
