//! Firmware as far as it goes without a compiler for boards: emission, budgets, and what is said where something is missing.
//! `scripts/check_firmware.py` does the rest.

use std::process::Command;

use crate::{Files, ZOO, at, edgebench, json};

const FIRMWARE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware");

#[test]
fn a_plan_is_written_for_each_core() {
    let files = Files::new();
    for (core, isa) in [("cortex-m4", "dsp"), ("cortex-m7", "dsp"), ("cortex-m33", "dsp"), ("cortex-m55", "mve")] {
        let to = files.name(core);
        let report = json(&["emit", ZOO, "--target", core, "--output", &to, "--json"]);
        assert_eq!(at(&report, "isa"), isa);
        let source = std::fs::read_to_string(format!("{to}/plan.rs")).expect("plan.rs");
        let weights = std::fs::read(format!("{to}/weights.bin")).expect("weights.bin");
        assert!(source.contains(&format!("pub struct Weights(pub [u8; {}]);", weights.len())));
        let steps = at(&report, "steps").as_u64().expect("a number");
        assert!(source.contains(&format!("STEP_{}:", steps - 1)) && !source.contains(&format!("STEP_{steps}:")));
        assert!(!source.contains(&usize::MAX.to_string()), "a number that boards cannot hold");
        assert_eq!(at(&report, "weight_bytes").as_u64(), Some(weights.len() as u64));
    }
}

#[test]
fn budgets_are_checked_before_anything_is_written() {
    let files = Files::new();
    let to = files.name("plan");
    let of = |flash: &str, ram: &str| {
        edgebench(&["emit", ZOO, "--target", "cortex-m4", "-o", &to, "--flash", flash, "--ram", ram])
    };
    let refused = of("1K", "1M");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("bytes of flash") && refused.stderr.contains("has 1024"), "{}", refused.stderr);
    assert!(of("1M", "64").stderr.contains("bytes of RAM"));
    assert!(of("1G", "64").stderr.contains("is no size"));
    assert!(!std::path::Path::new(&to).exists());
    assert_eq!(of("1M", "1M").code, Some(0));
}

/// Runs the program with a directory of firmware that is not this one's.
fn with_firmware(firmware: &str, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_edgebench")).args(args).env("EDGEBENCH_FIRMWARE", firmware).output();
    let output = output.expect("the program was built");
    (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
}

#[test]
fn boards_that_cannot_be_used_are_told() {
    let files = Files::new();
    let own = files.name("firmware");
    let board = |name: &str, ram: &str, run: &str| {
        std::fs::create_dir_all(format!("{own}/boards/{name}")).expect("a directory");
        let text = format!("core = \"cortex-m4\"\nflash = \"1M\"\nram = \"{ram}\"\nstack = \"4K\"\nrun = \"{run}\"\n");
        std::fs::write(format!("{own}/boards/{name}/board.toml"), text).expect("board.toml");
    };
    board("small", "5K", "true");
    board("odd", "many", "true");
    board("unbuilt", "1M", "true");
    std::fs::write(format!("{own}/build.sh"), "#!/bin/sh\necho 'no compiler for this' >&2\nexit 2\n")
        .expect("build.sh");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(format!("{own}/build.sh"), mode).expect("executable");
    }
    let on = |name: &str| with_firmware(&own, &["eval", "--limit", "2", "--on", &format!("qemu:{name}")]);
    let (code, said) = on("small");
    assert!(code == Some(2) && said.contains("bytes of RAM") && said.contains("nothing was built"), "{said}");
    let (code, said) = on("odd");
    assert!(code == Some(2) && said.contains("ram: \"many\" is no size"), "{said}");
    let (code, said) = on("mps9");
    assert!(code == Some(2) && said.contains("mps9 is no board; there are odd small unbuilt (docs"), "{said}");
    #[cfg(unix)]
    {
        let (code, said) = on("unbuilt");
        assert!(code == Some(2) && said.contains("was not built") && said.contains("no compiler for this"), "{said}");
    }
    let (code, said) = on("unbuild");
    assert!(code == Some(2) && said.contains("unbuild is no board (did you mean unbuilt?)"), "{said}");
    board("empty", "1M", "qemu-system-nowhere -M empty -kernel");
    let (code, said) = on("empty");
    assert!(code == Some(2) && said.contains("empty: qemu-system-nowhere was not found"), "{said}");
    assert!(said.contains("apt install qemu-system-arm") && !said.contains("no compiler"), "{said}");
    let (code, said) = with_firmware(&files.name("nowhere"), &["eval", "--on", "qemu:mps2-an386"]);
    assert!(code == Some(2) && said.contains("EDGEBENCH_FIRMWARE"), "{said}");
    let (code, said) = with_firmware(FIRMWARE, &["bench", "--on", "qemu:mps2-an386"]);
    assert!(code == Some(2) && said.contains("says nothing about time"), "{said}");
    let mixed = ["eval", "--on", "qemu:mps2-an386", "--on", "ssh://nobody@localhost"];
    let (code, said) = with_firmware(FIRMWARE, &mixed);
    assert!(code == Some(2) && said.contains("one after the other"), "{said}");
}

/// Programs that end, fall silent or say nonsense; a shell script plays each.
#[cfg(unix)]
#[test]
fn programs_that_break_down_are_told() {
    use std::os::unix::fs::PermissionsExt;

    use edgebench_kernels::digest::digest;

    let files = Files::new();
    let own = files.name("firmware");
    let script = |path: String, text: String| {
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a script");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("executable");
        path
    };
    std::fs::create_dir_all(format!("{own}/boards/b")).expect("a directory");
    script(format!("{own}/build.sh"), format!("echo {own}/build.sh"));
    let frame = |kind: u32, text: &[u8]| {
        let mut frame = [kind.to_le_bytes(), (text.len() as u32).to_le_bytes()].concat();
        frame.extend(text);
        let digest = digest(&frame);
        frame.extend(digest.to_le_bytes());
        frame
    };
    let play = |does: &str, answers: &[u8]| {
        let said = files.name("answers");
        std::fs::write(&said, answers).expect("a file");
        let run = script(format!("{own}/run.sh"), format!("cat {said} > answers.bin\n{does}"));
        let text = format!("core = \"cortex-m4\"\nflash = \"1M\"\nram = \"1M\"\nstack = \"4K\"\nrun = \"{run}\"\n");
        std::fs::write(format!("{own}/boards/b/board.toml"), text).expect("board.toml");
        let (code, said) = with_firmware(&own, &["eval", "--limit", "2", "--on", "qemu:b", "--on-patience", "1"]);
        assert_eq!(code, Some(2), "{said}");
        said
    };
    let crashed = play("echo fault\nexit 101", b"");
    assert!(crashed.contains("ended with exit status: 101 after 0 answers: fault"), "{crashed}");
    let hangs = play("exec sleep 60", b"");
    assert!(hangs.contains("b: nothing came for 1 seconds; --on-patience waits longer"), "{hangs}");
    let mut damaged = frame(31, b"no");
    damaged[8] ^= 1;
    assert!(play("", &damaged).contains("b: a frame of kind 31 arrived damaged"));
    let cut = play("", &frame(31, b"no")[..12]);
    assert!(cut.contains("ended with exit status: 0 after 0 answers"), "{cut}");
    let other = play("", &frame(17, &[b'0'; 72]));
    assert!(other.contains("the program is of another model"), "{other}");
    let refused = play("exit 2", &frame(31, b"inputs of another length, or damaged"));
    assert!(refused.contains("b: the program refuses: inputs of another length, or damaged"), "{refused}");
}
