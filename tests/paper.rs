//! The published raw results of the study on compressed networks, through this crate's own metrics.
//!
//! Reads `../shared/paper` (or `$EDGEBENCH_PAPER`) where it is, and says so where it is not.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use edgebench::metrics::ce::{Comparison, ErrorRow, ErrorTable, Rounding, compare};
use edgebench::metrics::hypervolume::hypervolume;
use edgebench::metrics::pareto::{Goal, front};
use serde_json::Value;

const SETS: [&str; 2] = ["cifar10", "cifar100"];
const MODELS: [&str; 3] = ["resnet50", "vgg19", "mobilenet_v2"];
/// Accuracy up, mCE down, compression up.
const GOALS: [Goal; 3] = [Goal::Max, Goal::Min, Goal::Max];

fn paper() -> Option<PathBuf> {
    let named = std::env::var_os("EDGEBENCH_PAPER").map(PathBuf::from);
    // Beside the models, wherever those are.
    let models = std::env::var_os("EDGEBENCH_MODELS").map(|models| Path::new(&models).join("../paper"));
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/paper");
    let found = [named, models, Some(beside)].into_iter().flatten().find(|folder| folder.is_dir());
    if found.is_none() {
        let text = "skipped: no raw results of the study; set EDGEBENCH_PAPER to the folder with collected.json";
        static SAID: std::sync::Once = std::sync::Once::new();
        SAID.call_once(|| drop(writeln!(std::io::stderr(), "{text}")));
    }
    found
}

fn read(name: &str) -> Option<Value> {
    let text = std::fs::read_to_string(paper()?.join(name)).expect("a file of the study");
    Some(serde_json::from_str(&text).expect("JSON"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn table(run: &Value) -> ErrorTable {
    let row = |(name, errors): (&String, &Value)| ErrorRow {
        name: name.clone(),
        severities: (1..=5).collect(),
        errors: errors.as_array().expect("five errors").iter().map(number).collect(),
    };
    let rows = run["errors"].as_object().expect("errors by corruption").iter().map(row).collect();
    ErrorTable { clean: number(&run["clean_error"]), rows }
}

/// Every run against the uncompressed network of its kind.
fn comparisons(collected: &Value, rounding: Rounding) -> BTreeMap<(usize, usize, u32), (ErrorTable, Comparison)> {
    let mut all = BTreeMap::new();
    for (set, set_name) in SETS.iter().enumerate() {
        for (model, model_name) in MODELS.iter().enumerate() {
            let of = |code: u32| table(&collected[format!("{set_name}/{model_name}/{code}")]);
            let baseline = of(1);
            for code in 1..=16 {
                let run = of(code);
                let found = compare(&run, &baseline, rounding).expect("comparable");
                all.insert((set, model, code), (run, found));
            }
        }
    }
    all
}

fn one_decimal(value: f64) -> f64 {
    (value * 10.0).round_ties_even() / 10.0
}

#[test]
fn all_96_runs_are_reproduced() {
    let (Some(collected), Some(results)) = (read("collected.json"), read("repo_results.json")) else { return };
    let paper = comparisons(&collected, Rounding::Paper);
    let exact = comparisons(&collected, Rounding::Exact);
    assert_eq!(paper.len(), 96);
    for (&(set, model, code), (run, found)) in &paper {
        let name = format!("{}/{}/{code}", SETS[set], MODELS[model]);
        let expected = &results[SETS[set]][MODELS[model]][code.to_string()];
        for (row, &ce) in run.rows.iter().zip(&found.ce) {
            assert_eq!(ce, number(&expected["CE"][&row.name]), "{name} {}", row.name);
        }
        assert_eq!(found.mce, number(&expected["mCE"]), "{name}: mCE");
        assert_eq!(found.relative_mce, Some(number(&expected["rel_mCE"])), "{name}: relative mCE");
        let unrounded = exact[&(set, model, code)].1.mce;
        assert_eq!((unrounded * 1e3).round() / 1e3, number(&expected["mCE_exact"]), "{name}: unrounded mCE");
        let mean = 100.0 * run.mean();
        assert!((mean - number(&expected["mean_corruption_error_pct"])).abs() < 6e-4, "{name}: {mean}");
        let ratio = number(&results[SETS[set]][MODELS[model]]["1"]["zip_bytes"]) / number(&expected["zip_bytes"]);
        assert_eq!(ratio, number(&expected["CR"]), "{name}: compression");
    }
}

/// `(model, code)` and accuracy in per cent, mCE, compression.
type Point = ((usize, u32), [f64; 3]);

/// All 48 networks of a data set.
fn points(set: usize, rounding: Rounding) -> Option<Vec<Point>> {
    let (collected, results) = (read("collected.json")?, read("repo_results.json")?);
    let all = comparisons(&collected, rounding);
    let of_set = all.into_iter().filter(|((s, ..), _)| *s == set);
    let point = |((_, model, code), (run, found)): ((usize, usize, u32), (ErrorTable, Comparison))| {
        let compression = number(&results[SETS[set]][MODELS[model]][code.to_string()]["CR"]);
        ((model, code), [100.0 * (1.0 - run.clean), found.mce, compression])
    };
    Some(of_set.map(point).collect())
}

fn front_of(set: usize, rounding: Rounding) -> Option<Vec<(usize, u32)>> {
    let points = points(set, rounding)?;
    // Accuracies are shares of 10,000 images: two decimals of a per cent say all of them.
    let clean = |point: [f64; 3]| [(point[0] * 100.0).round() / 100.0, point[1], point[2]];
    let figures: Vec<[f64; 3]> = points.iter().map(|point| clean(point.1)).collect();
    Some(front(&figures, GOALS).into_iter().map(|at| points[at].0).collect())
}

#[test]
fn fronts_are_those_of_the_study() {
    const RESNET: usize = 0;
    const VGG: usize = 1;
    let with = |codes: &[(usize, u32)]| codes.to_vec();
    let cases = [
        (0, Rounding::Paper, with(&[(RESNET, 13), (RESNET, 14), (RESNET, 16), (VGG, 8), (VGG, 16)])),
        (0, Rounding::Exact, with(&[(RESNET, 3), (RESNET, 13), (RESNET, 14), (RESNET, 16), (VGG, 8), (VGG, 16)])),
        (
            1,
            Rounding::Paper,
            with(&[
                (RESNET, 8),
                (RESNET, 11),
                (RESNET, 12),
                (RESNET, 13),
                (RESNET, 16),
                (VGG, 9),
                (VGG, 11),
                (VGG, 12),
                (VGG, 16),
            ]),
        ),
        (
            1,
            Rounding::Exact,
            with(&[
                (RESNET, 8),
                (RESNET, 11),
                (RESNET, 12),
                (RESNET, 13),
                (RESNET, 14),
                (RESNET, 16),
                (VGG, 9),
                (VGG, 11),
                (VGG, 12),
                (VGG, 16),
            ]),
        ),
    ];
    for (set, rounding, expected) in cases {
        let Some(found) = front_of(set, rounding) else { return };
        assert_eq!(found, expected, "{} {}", SETS[set], rounding.name());
    }
}

#[test]
fn hypervolumes_are_those_of_the_study() {
    let far = [0.0, 200.0, 1.0];
    let cases: [(usize, Option<usize>, [f64; 3], f64); 10] = [
        (0, None, far, 92_008.0),
        (0, None, [50.0, 150.0, 1.0], 24_306.0),
        (0, Some(0), far, 81_934.0),
        (0, Some(1), far, 67_828.0),
        (0, Some(2), far, 61_912.0),
        (1, None, far, 68_206.0),
        (1, None, [50.0, 150.0, 1.0], 12_292.0),
        (1, Some(0), far, 61_329.0),
        (1, Some(1), far, 57_005.0),
        (1, Some(2), far, 52_286.0),
    ];
    for (set, model, reference, expected) in cases {
        let Some(points) = points(set, Rounding::Paper) else { return };
        let chosen = points.iter().filter(|((of, _), _)| model.is_none_or(|model| model == *of));
        let figures: Vec<[f64; 3]> = chosen.map(|point| point.1).collect();
        let found = hypervolume(&figures, reference, GOALS);
        assert_eq!(found.round(), expected, "{} {model:?} {reference:?}: {found}", SETS[set]);
    }
}

/// Means and deviations (n - 1) of Table VI are over four networks; of the fourth, MobileNet V1, only accuracy and size are
/// published. The table rounds some figures and cuts others off, so one unit of its last decimal is allowed.
#[test]
fn table_vi_is_over_four_networks() {
    let (Some(results), Some(tables)) = (read("repo_results.json"), read("paper_tables.json")) else { return };
    let mut pairs = 0;
    for set in SETS {
        for code in (1..=16).map(|code: u32| code.to_string()) {
            let expected = &tables["table_VI_mean_std"][set][&code];
            let mut accuracy: Vec<f64> =
                MODELS.iter().map(|model| number(&results[set][model][&code]["acc"])).collect();
            accuracy.push(number(&tables["repo_mobilenet_v1_accuracy"][set][&code]));
            let four = MODELS.iter().chain(&["mobilenet"]);
            let compression: Vec<f64> = four.map(|model| number(&results[set][model][&code]["CR"])).collect();
            for (figures, name) in [(accuracy, "acc"), (compression, "CR")] {
                let [mean, deviation] =
                    [format!("{name}_mean"), format!("{name}_std")].map(|key| number(&expected[key]));
                let found = mean_and_deviation(&figures);
                let fits = (found.0 - mean).abs() < 0.1 && (found.1 - deviation).abs() < 0.1;
                assert!(fits, "{set} {code} {name}: {found:?}, printed {mean} {deviation}");
                pairs += 1;
            }
        }
    }
    assert_eq!(pairs, 64);
    // Over the three that are named in the text the figures are others.
    let mce: Vec<f64> = MODELS.iter().map(|model| number(&results["cifar10"][model]["10"]["mCE"])).collect();
    assert_eq!(one_decimal(mean_and_deviation(&mce).0), 154.9);
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}
