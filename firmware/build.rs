//! Finds the plan and the board.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let plan = PathBuf::from(given("EDGEBENCH_PLAN", "the directory that `edgebench emit` wrote"));
    let board = given("EDGEBENCH_BOARD", "the name of a directory in firmware/boards, or the path of one");
    let home = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let board = if board.contains('/') { PathBuf::from(board) } else { home.join("boards").join(board) };
    println!("cargo:rerun-if-env-changed=EDGEBENCH_WORKSPACE");
    let source = plan.join("plan.rs");
    assert!(
        source.is_file(),
        "{} is missing; run `edgebench emit MODEL --target … -o {}`",
        source.display(),
        plan.display()
    );
    let map = board.join("memory.x");
    assert!(map.is_file(), "{} is missing; docs/boards.md says what stands in it", map.display());

    let source = source.canonicalize().expect("it is there");
    let out = PathBuf::from(env::var("OUT_DIR").expect("set by cargo"));
    // A path of a file that is included may not depend on where the plan lies.
    fs::write(out.join("plan.rs"), format!("include!({:?});\n", source)).expect("OUT_DIR can be written");
    fs::copy(&map, out.join("memory.x")).expect("OUT_DIR can be written");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg=-T{}", home.join("link.x").display());
    for path in [source.as_path(), &plan.join("weights.bin"), &map, &home.join("link.x"), Path::new("build.rs")] {
        println!("cargo:rerun-if-changed={}", path.display());
    }
}

fn given(name: &str, what: &str) -> String {
    println!("cargo:rerun-if-env-changed={name}");
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set; it is {what} (firmware/build.sh sets it)"))
}
