//! The command line as its users meet it: the built program, its output, its exit codes.

mod bad_input;
mod bench;
mod boards;
#[cfg(feature = "train")]
mod compress;
mod corrupt;
#[cfg(feature = "train")]
mod demo;
mod determinism;
mod docs;
mod eval;
mod inspect;
mod manners;
mod parity;
mod quantise;
#[cfg(unix)]
mod remote;
mod robust;
#[cfg(feature = "train")]
mod sweep;
#[cfg(feature = "train")]
mod train;

use std::path::PathBuf;
use std::process::Command;

use edgebench::data::npy::{Array, DType, write_npy};
use serde_json::Value;

/// The model that is compiled in.
const ZOO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/zoo/digits_cnn_int8.tflite");

/// The float model that it was made from.
#[cfg(feature = "train")]
const FLOAT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/zoo/digits_cnn_float.tflite");

/// What a run of the program left behind.
struct Run {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the program; nothing of the caller's environment chooses an instruction set.
fn edgebench(args: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgebench"));
    let output = command.args(args).env_remove("EDGEBENCH_ISA").output().expect("the program was built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs the program, which must succeed, and parses its output.
fn json(args: &[&str]) -> Value {
    let run = edgebench(args);
    assert_eq!(run.code, Some(0), "{args:?}: {}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", run.stdout))
}

/// A directory of its own for the files of a test.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Writes a file and gives its name.
    fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).expect("a temporary file");
        self.name(name)
    }

    /// Writes an array and gives its name.
    fn array(&self, name: &str, dtype: DType, shape: &[usize], bytes: Vec<u8>) -> String {
        let array = Array::new(dtype, shape.to_vec(), bytes).expect("a shape that fits");
        write_npy(&self.path(name), &array).expect("a temporary file");
        self.name(name)
    }
}

/// Bytes without a pattern.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// The value at a path of keys such as `models.0.size.raw`.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, key| {
        let next = key.parse::<usize>().map_or_else(|_| value.get(key), |index| value.get(index));
        next.unwrap_or_else(|| panic!("no {key} of {path} in {value:.300}"))
    })
}

/// The number at a path of keys.
fn number(value: &Value, path: &str) -> f64 {
    at(value, path).as_f64().unwrap_or_else(|| panic!("{path} is no number"))
}
