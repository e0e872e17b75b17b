//! Single-operator models with the outputs of LiteRT 2.3.0, in both of its arithmetics, on every instruction set, `==`.
//!
//! The models are not part of the repository: `made/golden/ops_exact` in the folder of [`common::folder`]. `OPS=substring` picks
//! some of them. An array archive (`.npz`) holds the input (`x`, or `x0`, `x1`, …) and the outputs (`xnnpack`: the default
//! interpreter; `ref`: reference kernels).

mod common;

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use edgebench_kernels::Isa;
use edgebench_models::{Arithmetic, Graph, LowerOptions, Session, lower, tflite::Model};

/// Payloads of the arrays of an `.npz`, without their headers.
fn arrays(path: &Path) -> HashMap<String, Vec<u8>> {
    let file = std::fs::File::open(path).expect("an archive beside the model");
    let mut archive = zip::ZipArchive::new(file).expect("a zip file");
    let mut found = HashMap::new();
    for index in 0..archive.len() {
        let mut bytes = Vec::new();
        let mut entry = archive.by_index(index).expect("an entry");
        entry.read_to_end(&mut bytes).expect("readable");
        let name = entry.name().expect("a name in UTF-8").into_owned();
        let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let text = String::from_utf8_lossy(&bytes[10..10 + header]).into_owned();
        assert!(text.contains("'fortran_order': False"), "{name}: row-major arrays only");
        found.insert(name.trim_end_matches(".npy").to_owned(), bytes.split_off(10 + header));
    }
    found
}

fn run(graph: &Graph, inputs: &[&[u8]], arithmetic: Arithmetic, isa: Isa) -> Result<Vec<u8>, String> {
    let options = LowerOptions { arithmetic, isa, ..LowerOptions::default() };
    let plan = lower(graph, &options).map_err(|e| e.to_string())?;
    let mut session = Session::new(Arc::new(plan)).map_err(|e| e.to_string())?;
    for (i, bytes) in inputs.iter().enumerate() {
        session.set_input(i, bytes).map_err(|e| e.to_string())?;
    }
    session.run();
    Ok(session.output(0))
}

fn compare(expected: &[u8], got: &[u8]) -> Result<(), String> {
    if expected.len() != got.len() {
        return Err(format!("{} bytes instead of {}", got.len(), expected.len()));
    }
    let wrong = expected.iter().zip(got).filter(|(a, b)| a != b).count();
    if wrong == 0 {
        return Ok(());
    }
    let first = expected.iter().zip(got).position(|(a, b)| a != b).unwrap_or(0);
    let (want, have) = (&expected[first / 4 * 4..], &got[first / 4 * 4..]);
    let (want, have) = (&want[..want.len().min(8)], &have[..have.len().min(8)]);
    Err(format!("{wrong} of {} bytes differ, first at {first}: {have:?} instead of {want:?}", got.len()))
}

/// What LiteRT's own output is not to be held against: its reference SUM reads signed codes as unsigned.
fn is_defect(name: &str, arithmetic: Arithmetic) -> bool {
    name.contains("_sum_int8") && arithmetic == Arithmetic::Reference
}

/// Failures of one model.
fn check(path: &Path) -> Vec<String> {
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    let arrays = arrays(&path.with_extension("npz"));
    let graph = match Model::open(path).and_then(|model| Graph::from_model(&model)) {
        Ok(graph) => graph,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let input = |i: usize| arrays.get(&format!("x{i}")).or_else(|| arrays.get("x")).map(Vec::as_slice);
    let inputs: Vec<&[u8]> = (0..graph.inputs.len()).filter_map(input).collect();
    let mut failures = Vec::new();
    for (key, arithmetic) in [("xnnpack", Arithmetic::Litert), ("ref", Arithmetic::Reference)] {
        let Some(expected) = arrays.get(key).filter(|_| !is_defect(&name, arithmetic)) else { continue };
        // The order in which the reference sums floats is another test's matter.
        for isa in Isa::available() {
            let result = run(&graph, &inputs, arithmetic, isa).and_then(|got| compare(expected, &got));
            if let Err(what) = result {
                failures.push(format!("{name} {arithmetic} {isa}: {what}"));
            }
        }
    }
    failures
}

#[test]
fn single_operators_equal_litert() {
    let Some(folder) = common::folder().map(|folder| folder.join("made/golden/ops_exact")) else {
        common::notice("skipped: no models; set EDGEBENCH_MODELS to a folder with made/golden/ops_exact");
        return;
    };
    let wanted = std::env::var("OPS").unwrap_or_default();
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the folder").map(|e| e.expect("entry").path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "tflite") && p.to_string_lossy().contains(&wanted));
    paths.sort();
    let failures: Vec<String> = paths.iter().flat_map(|path| check(path)).collect();
    eprintln!("{} models, {} failures\n{}", paths.len(), failures.len(), failures.join("\n"));
    assert!(failures.is_empty(), "{} failures, listed above", failures.len());
}
