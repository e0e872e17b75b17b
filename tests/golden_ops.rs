//! Every golden single-operator model, in every arithmetic whose outputs are known, on every instruction set of this CPU.
//!
//! The models, their inputs and the outputs of LiteRT and TFLite Micro lie in `tests/golden`, made by `scripts/make_golden.py`.
//! `arm64.npz` (`scripts/make_arm64_golden.py`) has those of LiteRT on aarch64 where they are not the same.
//! Outputs are compared with `==`, except those float results that depend on the other runtime's polynomials or vector order
//! (`exact` in the index): these must lie within 1e-5 of the expected, relative to `max(|b|, max|b| / 100)`.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use edgebench::data::npy::{Array, DType};
use edgebench::data::npz::read_npz;
use edgebench_kernels::Isa;
use edgebench_models::{Arithmetic, Graph, LowerOptions, Many, Session, lower, tflite::Model};
use serde_json::Value;

const TOLERANCE: f64 = 1e-5;

/// The names of the arithmetics in the golden files.
const MODES: [(&str, Arithmetic); 4] = [
    ("litert", Arithmetic::Litert),
    ("arm64", Arithmetic::LitertArm64),
    ("ref", Arithmetic::Reference),
    ("tflm", Arithmetic::Tflm),
];

type Arrays = HashMap<String, Array>;

#[derive(Default)]
struct Tally {
    runs: usize,
    elements: usize,
    failures: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// The arrays `<case>/<stem>0`, `<case>/<stem>1`, …
fn numbered<'a>(arrays: &'a Arrays, case: &str, stem: &str) -> Vec<&'a Array> {
    (0..).map_while(|i| arrays.get(&format!("{case}/{stem}{i}"))).collect()
}

/// Runs one model; the text of the refusal or panic otherwise.
fn outputs(file: &[u8], inputs: &[&Array], options: &LowerOptions) -> Result<Vec<Vec<u8>>, String> {
    let run = || {
        let model = Model::read(file).map_err(|e| e.to_string())?;
        let graph = Graph::from_model(&model).map_err(|e| e.to_string())?;
        let plan = lower(&graph, options).map_err(|e| e.to_string())?;
        let count = plan.outputs.len();
        let mut session = Session::new(Arc::new(plan)).map_err(|e| e.to_string())?;
        for (index, input) in inputs.iter().enumerate() {
            session.set_input(index, &input.bytes).map_err(|e| e.to_string())?;
        }
        session.run();
        Ok((0..count).map(|index| session.output(index)).collect())
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("panic".into()))
}

/// Whether images that run at once give what each gives alone: the case's, and others with its elements in another order.
fn same_at_once(file: &[u8], inputs: &[&Array], options: &LowerOptions) -> Result<bool, String> {
    let run = || {
        let graph = Model::read(file).and_then(|model| Graph::from_model(&model)).map_err(|e| e.to_string())?;
        let single =
            Arc::new(lower(&graph, &LowerOptions { many: Many::Always, ..*options }).map_err(|e| e.to_string())?);
        let many = single.many.clone().ok_or("no plan for several images")?;
        let sessions = [single, many].map(Session::new);
        let [Ok(mut single), Ok(mut many)] = sessions else { return Err("no session".into()) };
        let images = many.plan().images;
        let turned = |input: &Array, image: usize| {
            let mut bytes = input.bytes.clone();
            if !bytes.is_empty() {
                let by = image * input.dtype.size() % bytes.len();
                bytes.rotate_left(by);
            }
            bytes
        };
        for image in 0..images {
            for (index, input) in inputs.iter().enumerate() {
                many.image(image).set_input(index, &turned(input, image)).map_err(|e| e.to_string())?;
            }
        }
        many.run();
        let mut same = true;
        for image in 0..images {
            for (index, input) in inputs.iter().enumerate() {
                single.set_input(index, &turned(input, image)).map_err(|e| e.to_string())?;
            }
            single.run();
            let outputs = 0..single.plan().outputs.len();
            same &= outputs.into_iter().all(|index| single.output(index) == many.image(image).output(index));
        }
        Ok(same)
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err("panic".into()))
}

/// What is wrong with an output, if anything.
fn difference(ours: &[u8], expected: &Array, exact: bool) -> Option<String> {
    if ours.len() != expected.bytes.len() {
        return Some(format!("{} bytes, expected {}", ours.len(), expected.bytes.len()));
    }
    if ours == expected.bytes {
        return None;
    }
    let unreadable = || Some(format!("bytes differ, and {:?} is not readable", expected.dtype));
    let Ok(a) = Array::new(expected.dtype, expected.shape.clone(), ours.to_vec()) else { return unreadable() };
    if expected.dtype != DType::F32 {
        let (Some(a), Some(b)) = (a.to_i64(), expected.to_i64()) else { return unreadable() };
        let wrong = a.iter().zip(&b).filter(|(a, b)| a != b).count();
        let at = a.iter().zip(&b).position(|(a, b)| a != b).unwrap_or(0);
        return Some(format!("{wrong} of {} differ, [{at}] = {}, expected {}", a.len(), a[at], b[at]));
    }
    let (Some(a), Some(b)) = (a.to_f32(), expected.to_f32()) else { return unreadable() };
    let largest = b.iter().map(|b| f64::from(b.abs())).filter(|b| b.is_finite()).fold(0.0, f64::max);
    let bad = |a: f32, b: f32| match exact {
        true => a != b && !(a.is_nan() && b.is_nan()),
        false => {
            let (a, b) = (f64::from(a), f64::from(b));
            let error = (a - b).abs() / b.abs().max(largest / 100.0).max(f64::MIN_POSITIVE);
            a != b && (error.is_nan() || error > TOLERANCE)
        }
    };
    let wrong = a.iter().zip(&b).filter(|&(&a, &b)| bad(a, b)).count();
    let at = a.iter().zip(&b).position(|(&a, &b)| bad(a, b))?;
    Some(format!("{wrong} of {} differ, [{at}] = {:e}, expected {:e}", a.len(), a[at], b[at]))
}

/// Runs one case in all its modes on all instruction sets.
fn check(case: &str, about: &Value, arrays: &Arrays, tally: &mut Tally) {
    let has = |key: &str, mode: &str| about[key].as_array().is_some_and(|l| l.iter().any(|m| m == mode));
    let integers = has("exact", "litert") && !has("dtypes", "float32");
    let listed = |key: &str, mode: &str| match mode {
        "arm64" => integers && !arrays.contains_key(&format!("{case}/left_out")),
        _ => has(key, mode),
    };
    let (file, inputs) = (&arrays[&format!("{case}/model")].bytes, numbered(arrays, case, "x"));
    for (mode, arithmetic) in MODES.into_iter().filter(|(mode, _)| listed("modes", mode)) {
        let mut expected = numbered(arrays, case, mode);
        if expected.is_empty() {
            expected = match mode {
                "tflm" => numbered(arrays, case, "ref"),
                "arm64" => numbered(arrays, case, "litert"),
                _ => expected,
            };
        }
        assert!(!expected.is_empty(), "{case}: the golden file lacks the outputs of {mode}");
        for isa in Isa::available() {
            tally.runs += 1;
            let options = LowerOptions { arithmetic, isa, ..LowerOptions::default() };
            let split = LowerOptions { threads: 3, grain: 0, ..options };
            let problem = match outputs(file, &inputs, &options) {
                Err(text) => Some(text),
                Ok(found) if outputs(file, &inputs, &split).as_ref() != Ok(&found) => {
                    Some("three threads differ".into())
                }
                Ok(_) if same_at_once(file, &inputs, &options) != Ok(true) => Some("images at once differ".into()),
                Ok(found) if found.len() != expected.len() => Some(format!("{} outputs", found.len())),
                Ok(found) => {
                    let exact = listed("exact", mode);
                    found.iter().zip(&expected).find_map(|(a, b)| difference(a, b, exact))
                }
            };
            tally.elements += expected.iter().map(|e| e.bytes.len() / e.dtype.size()).sum::<usize>();
            tally.failures.extend(problem.map(|text| format!("{case} {mode} {isa}: {text}")));
        }
    }
}

/// Runs a family of cases and prints a line per operator.
fn family(name: &str) {
    let index: Value = serde_json::from_str(&std::fs::read_to_string(folder().join("index.json")).unwrap()).unwrap();
    let read = |file: &str| read_npz(&folder().join(file)).unwrap().into_iter();
    let arm = read("arm64.npz").map(|(key, array)| (key.replace("/y", "/arm64"), array));
    let arrays: Arrays = read(&format!("{name}.npz")).chain(arm).collect();
    let cases = index["families"][name].as_object().expect("a family of the index");
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for (case, about) in cases {
        check(case, about, &arrays, tallies.entry(about["op"].as_str().unwrap()).or_default());
    }
    for (op, tally) in &tallies {
        println!("{op:24} {:4} runs, {:7} elements, {} failed", tally.runs, tally.elements, tally.failures.len());
    }
    let failures: Vec<&String> = tallies.values().flat_map(|t| &t.failures).collect();
    for failure in &failures {
        println!("  {failure}");
    }
    assert!(
        failures.is_empty(),
        "{} of {} runs failed",
        failures.len(),
        tallies.values().map(|t| t.runs).sum::<usize>()
    );
}

#[test]
fn operators_that_multiply_and_accumulate() {
    family("linear");
}

#[test]
fn elementwise_operators_of_two_tensors() {
    family("elementwise");
}

#[test]
fn activations_of_one_tensor() {
    family("activations");
}

#[test]
fn pooling_reductions_resizing_and_conversions() {
    family("reduce");
}

/// What aarch64 rounds otherwise: the codes of LiteRT there, and for each operator some that are not those of x86-64.
#[test]
fn what_is_rounded_otherwise_on_aarch64() {
    let arrays: Arrays = read_npz(&folder().join("arm64.npz")).unwrap().into_iter().collect();
    let mut otherwise: BTreeMap<&str, bool> = BTreeMap::new();
    for case in arrays.keys().filter_map(|key| key.strip_suffix("/model")) {
        let (file, inputs) = (&arrays[&format!("{case}/model")].bytes, numbered(&arrays, case, "x"));
        let expected: Vec<_> = numbered(&arrays, case, "y").into_iter().map(|y| y.bytes.clone()).collect();
        for isa in Isa::available() {
            let run = |arithmetic| {
                outputs(file, &inputs, &LowerOptions { arithmetic, isa, ..LowerOptions::default() }).unwrap()
            };
            assert!(run(Arithmetic::LitertArm64) == expected, "{case} on {isa}: not the codes of LiteRT on aarch64");
            let (operator, _type) = case.rsplit_once('_').unwrap();
            *otherwise.entry(operator).or_default() |= run(Arithmetic::Litert) != expected;
        }
    }
    assert!(otherwise.len() == 7 && otherwise.values().all(|differs| *differs), "{otherwise:?}");
}

#[test]
fn data_movement() {
    family("movement");
}
