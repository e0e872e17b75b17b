//! Models to read.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

use edgebench_models::Plan;
use edgebench_models::graph::DType;

/// The folder of other people's models: `$EDGEBENCH_MODELS`, or the one beside the repository.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("EDGEBENCH_MODELS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/models");
    named.or(Some(beside)).filter(|folder| folder.is_dir())
}

/// All `.tflite` files in it, in order; says so if there are none.
pub(crate) fn models() -> Vec<PathBuf> {
    let mut found = Vec::new();
    match folder() {
        Some(folder) => collect(&folder, &mut found),
        None => notice("skipped: no models; set EDGEBENCH_MODELS to a folder with .tflite files"),
    }
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "tflite") {
            found.push(path);
        }
    }
}

/// Says something that the test harness does not swallow.
pub(crate) fn notice(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Any bytes for integers, numbers from −1 to 1 for floats, zeros for indices; others for another `seed`.
pub(crate) fn inputs(plan: &Plan, seed: u64) -> Vec<Vec<u8>> {
    let mut state = seed;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    };
    let mut of = |dtype: DType, len: usize| -> Vec<u8> {
        match dtype {
            DType::F32 => (0..len / 4).flat_map(|_| (random() as i32 as f32 / 2_f32.powi(31)).to_le_bytes()).collect(),
            DType::I8 | DType::U8 | DType::I16 => (0..len).map(|_| (random() >> 24) as u8).collect(),
            _ => vec![0; len],
        }
    };
    plan.inputs.iter().map(|port| of(port.dtype, port.span.len)).collect()
}
