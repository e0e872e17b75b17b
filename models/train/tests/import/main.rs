//! Float files become networks that compute the same.

mod made;
mod operators;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use edgebench_models::tflite::Model;
use edgebench_models::{Graph, LowerOptions, Session, lower};
use edgebench_train::import::{Head, Imported, import};
use edgebench_train::{Engine, Error};
use edgebench_train_kernels::Kernels;

/// Images of every comparison.
const IMAGES: usize = 3;

/// What an input holds: numbers between −1 and 1.
fn image(len: usize, number: usize) -> Vec<f32> {
    (0..len).map(|at| ((number * len + at) * 7919 % 2003) as f32 / 1001.0 - 1.0).collect()
}

/// The file's own values before its last softmax, and its outputs.
fn by_session(model: &Model, head: Head) -> (Vec<f32>, Vec<f32>) {
    let graph = Graph::from_model(model).expect("a graph");
    let plan = lower(&graph, &LowerOptions { keep_all: true, ..LowerOptions::default() }).expect("a plan");
    let mut session = Session::new(Arc::new(plan)).expect("a session");
    let len = graph.tensors[graph.inputs[0]].elements();
    let softmax = graph.nodes.iter().find(|node| node.op.name() == "SOFTMAX");
    let logits = match head {
        Head::Logits => graph.outputs[0],
        Head::Softmax => softmax.and_then(|node| node.inputs[0]).expect("a softmax"),
    };
    let numbers = |bytes: Vec<u8>| bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<_>>();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for number in 0..IMAGES {
        let input: Vec<u8> = image(len, number).iter().flat_map(|value| value.to_le_bytes()).collect();
        session.set_input(0, &input).expect("an input");
        session.run();
        before.extend(numbers(session.tensor(logits, graph.tensors[logits].dtype).expect("logits")));
        after.extend(numbers(session.output(0)));
    }
    (before, after)
}

fn by_engine(imported: &Imported) -> Vec<f32> {
    let Imported { net, params, .. } = imported;
    let mut engine = Engine::new(net, 1, Kernels::detect()).expect("an engine");
    engine.load(params);
    engine.infer(params, IMAGES, &|number, x| x.copy_from_slice(&image(x.len(), number)))
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|logit| f64::from(logit - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| (power / sum) as f32).collect()
}

/// The largest difference, as a share of the largest value.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().chain(b).all(|value| value.is_finite()), "{a:?} and {b:?}");
    let largest = a.iter().fold(0f32, |most, value| most.max(value.abs()));
    let apart = a.iter().zip(b).fold(0f32, |most, (a, b)| most.max((a - b).abs()));
    apart / largest
}

/// Both compute the same: relative difference of the logits.
fn compare(model: &Model, imported: &Imported) -> f32 {
    let (logits, outputs) = by_session(model, imported.head);
    let found = by_engine(imported);
    let apart = difference(&logits, &found);
    if imported.head == Head::Softmax && !imported.simulated {
        for (logits, outputs) in found.chunks(imported.net.classes()).zip(outputs.chunks(imported.net.classes())) {
            let apart = difference(outputs, &softmax(logits));
            assert!(apart < 3e-5, "{apart} after the softmax");
        }
    }
    apart
}

fn notice(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Every `.tflite` file of a folder and those below it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.sort();
    let below = found.iter().filter(|path| path.is_dir() && path.file_name().is_some_and(|name| name != "golden"));
    let below: Vec<PathBuf> = below.flat_map(|path| files(path)).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "tflite"));
    found.extend(below);
    found
}

#[test]
fn the_digits_network_is_imported() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zoo/digits_cnn_float.tflite");
    let model = Model::open(path).expect("a model");
    let imported = import(&model, "digits_cnn").expect("a network");
    assert_eq!((imported.head, imported.simulated), (Head::Softmax, false));
    assert_eq!(imported.net.parameters(), 13_362);
    let names: Vec<&str> = imported.net.layers().iter().map(|layer| &layer.name[..]).collect();
    assert_eq!(names[..4], ["input", "conv2d_1", "conv2d_1/act", "depthwise_conv2d_1"]);
    assert_eq!(names.last(), Some(&"dense_1"));
    let apart = compare(&model, &imported);
    assert!(apart < 1e-5, "{apart}");
}

/// Which of other people's files are imported, how close they come, and that the others are refused by name.
#[test]
fn real_files_are_imported_or_refused_by_name() {
    let named = std::env::var_os("EDGEBENCH_MODELS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models");
    let Some(folder) = [named, Some(beside)].into_iter().flatten().find(|folder| folder.is_dir()) else {
        return notice("skipped: no models; set EDGEBENCH_MODELS to a folder with .tflite files");
    };
    let (mut plain, mut simulated) = (0, 0);
    for path in files(&folder) {
        let name = path.strip_prefix(&folder).expect("below the folder").display().to_string();
        match import(&Model::open(&path).expect("a model"), "net") {
            Ok(imported) => {
                let apart = compare(&Model::open(&path).expect("a model"), &imported);
                notice(&format!("{name}: {apart:.1e}"));
                // A sum that ends beside the middle of two codes falls on another side: a step, and what follows of it.
                let allowed = if imported.simulated { 0.1 } else { 1e-5 };
                assert!(apart < allowed, "{name}: {apart}");
                *(if imported.simulated { &mut simulated } else { &mut plain }) += 1;
            }
            Err(error) => {
                notice(&format!("{name}: {error}"));
                assert!(!is_float(&name), "{name}: {error}");
                assert!(
                    matches!(error, Error::Operator { .. } | Error::Net { .. } | Error::Model(_)),
                    "{name}: {error}"
                );
            }
        }
    }
    assert!(plain > 0, "no float file in {}", folder.display());
    notice(&format!("{plain} plain, {simulated} with simulated quantisation"));
}

/// By its name, a float file.
fn is_float(name: &str) -> bool {
    name.contains("float") && !name.contains("floatio")
}

/// Whatever a byte of a file becomes: an error or a network, and no panic.
#[test]
fn damaged_files_do_no_harm() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zoo/digits_cnn_float.tflite");
    let bytes = std::fs::read(path).expect("a file");
    let (mut errors, mut networks) = (0, 0);
    for number in 0..3000usize {
        let mut bytes = bytes.clone();
        // Most of the file is weights: three of four changes are in the tables before and behind them.
        let at = number * 7919 % bytes.len();
        let at = if number % 4 > 0 {
            if at.is_multiple_of(2) { at % 6000 } else { bytes.len() - 1 - at % 9000 }
        } else {
            at
        };
        bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][number % 5];
        match Model::read(&bytes).map_err(Error::from).and_then(|model| import(&model, "net")) {
            Ok(imported) => networks += usize::from(imported.net.classes() > 0),
            Err(_) => errors += 1,
        }
    }
    assert!(errors > 100 && networks > 100, "{errors} errors, {networks} networks");
}
