//! What a reader must know: what would have shown the mistakes of earlier studies (SPEC H.13).

use std::collections::BTreeMap;

use super::StudyReport;
use crate::study::control;

/// Files whose sizes differ by less than this are of the same size, their archives by more than twice that are not.
const SAME: f64 = 0.05;

pub(super) fn of(report: &StudyReport) -> Vec<String> {
    let mut notes = vec![images(report)];
    notes.extend(trained_longer(report));
    notes.extend(one_seed(report));
    notes.extend(deflate_only(report));
    notes.extend(lints(report));
    notes.push(
        "All models, float and int8 alike, were run by one engine (litert arithmetic), and every figure is of the file that is in \
         the folder, not of the network as it was trained."
            .into(),
    );
    if report.corruptions.iter().any(|name| name == edgebench_corrupt::SYNTHETIC_FROST) {
        notes.push("Frost was drawn (frost-synthetic), not laid over with photographs.".into());
    }
    notes
}

fn images(report: &StudyReport) -> String {
    let data = &report.data;
    let one = 100.0 / data.test.max(1) as f64;
    let choice = match data.validation {
        0 => "There were no validation images, so the last epochs were kept".to_owned(),
        n => format!("{n} images of the training part chose the best epochs and were not trained on"),
    };
    format!(
        "{choice}; the {} test images chose nothing. One test image is {one:.2} points of accuracy; differences below {} points, {} of mCE \
         or 1 % of size are taken for noise, and the intervals say how much more may be chance.",
        data.test, report.tolerance.accuracy, report.tolerance.mce
    )
}

fn trained_longer(report: &StudyReport) -> Option<String> {
    if report.stages.is_empty() {
        return None;
    }
    let lengths: Vec<String> = report
        .networks
        .iter()
        .filter_map(|network| {
            let row = network.control.as_ref()?;
            Some(format!(
                "{}: {} epochs, {} steps, for the {} steps of {}",
                network.network, row.epochs, row.steps, row.longest_steps, row.longest
            ))
        })
        .collect();
    if lengths.is_empty() {
        let text = "There is no control: a compressed network has also been trained longer than the network itself, so what a technique \
                does and what longer training does cannot be told apart here.";
        return Some(text.into());
    }
    Some(format!(
        "A compressed network has also been trained longer. The {} is the network trained on without any technique for as many steps as \
         the longest recipe takes, stages added up ({}); shorter recipes had fewer. It has one schedule where recipes have one for each \
         stage. What a technique does is the difference to it.",
        control::NAME,
        lengths.join("; ")
    ))
}

fn one_seed(report: &StudyReport) -> Option<String> {
    (report.seeds.len() == 1).then(|| {
        "One seed: another one gives other figures by more than the differences of some recipes; several seeds (seeds = [1, 2, 3]) tell \
         how much."
            .into()
    })
}

/// What `edgebench inspect` objects to.
fn lints(report: &StudyReport) -> Option<String> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for model in &report.models {
        // This one has a note of its own.
        for lint in model.lints.iter().filter(|lint| **lint != "deflate-only-gain") {
            let recipes = found.entry(lint).or_default();
            if !recipes.contains(&model.recipe.as_str()) {
                recipes.push(&model.recipe);
            }
        }
    }
    let found: Vec<String> = found.iter().map(|(lint, recipes)| format!("{lint}: {}", recipes.join(", "))).collect();
    (!found.is_empty()).then(|| {
        format!("edgebench inspect has objections to some files ({}); it says which operators.", found.join("; "))
    })
}

/// Recipes whose gain exists in an archive only.
fn deflate_only(report: &StudyReport) -> Option<String> {
    let of_originals = |network: &str| {
        report.points.iter().find(|point| point.network == network && point.recipe == report.recipes[0].recipe)
    };
    let mut names: Vec<&str> = Vec::new();
    for point in &report.points {
        let Some(base) = of_originals(&point.network) else { continue };
        let raw = base.raw.mean / point.raw.mean;
        if (raw - 1.0).abs() < SAME && point.ratio.mean > raw + 2.0 * SAME && !names.contains(&point.recipe.as_str()) {
            names.push(&point.recipe);
        }
    }
    (!names.is_empty()).then(|| {
        format!(
            "As large as the network itself in flash memory, smaller in an archive only: {}. A device that does not unpack gains nothing \
             from them.",
            names.join(", ")
        )
    })
}
