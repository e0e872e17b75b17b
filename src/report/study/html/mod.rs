//! A study as one HTML file that needs nothing beside it: no script, no network, no font.

mod curves;
mod labels;
mod scatter;
mod tables;

use std::fmt::Write;

use super::text::{about, front_text, subject};
use super::{NetworkRow, PointRow, StudyReport};
use crate::report::robust::html::STYLE;
use crate::report::robust::junit::escaped;
use crate::report::table::grouped;

const OWN_STYLE: &str = include_str!("style.css");

/// The report as a page.
#[must_use]
pub fn render(report: &StudyReport) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Study {0}</title>\n<style>\n{STYLE}{OWN_STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>Study {0}</h1>\n<p class=\"lead\">{1}.</p>\n",
        escaped(&report.name),
        escaped(&subject(report))
    );
    page += &verdict(report);
    page += &scatter::section(report);
    for network in &report.networks {
        page += &one(report, network);
    }
    page += &fronts(report);
    page += "<h2>What to know</h2>\n<ul class=\"notes\">\n";
    report.notes.iter().for_each(|note| page += &format!("<li>{}</li>\n", escaped(note)));
    page += "</ul>\n";
    page += &curves::histories(report);
    page += &facts(report);
    let _ = write!(
        page,
        "<footer>edgebench {}, schema {}. Every figure is a function of the models and the cells in the ledgers: the same study gives \
         the same page, in one run or many, on one machine or several.</footer>\n</main>\n</body>\n</html>\n",
        report.edgebench, report.schema
    );
    page
}

fn verdict(report: &StudyReport) -> String {
    let Some(bounds) = &report.bounds else { return String::new() };
    let class = if bounds.met_by.is_empty() { "failed" } else { "passed" };
    let text = bounds.to_text(report.points.len());
    let lines: Vec<String> =
        text.lines().map(|line| format!("<li class=\"{class}\">{}</li>\n", escaped(line.trim()))).collect();
    format!("<h2>Bounds</h2>\n<ul class=\"gates\">\n{}</ul>\n", lines.concat())
}

fn points<'a>(report: &'a StudyReport, network: &NetworkRow) -> Vec<&'a PointRow> {
    report.points.iter().filter(|point| point.network == network.network).collect()
}

fn one(report: &StudyReport, network: &NetworkRow) -> String {
    let points = points(report, network);
    let mut html =
        format!("<h2>{}</h2>\n<p class=\"lead\">{}</p>\n", escaped(&network.network), escaped(&about(network)));
    html += &tables::models(&points);
    html += &curves::severities(report, network, &points);
    html += &tables::corruptions(report, network);
    html
}

fn fronts(report: &StudyReport) -> String {
    let mut html = String::from("<h2>Fronts</h2>\n<ul class=\"notes\">\n");
    report.fronts.iter().for_each(|front| html += &format!("<li>{}</li>\n", escaped(&front_text(front))));
    html + "</ul>\n<p class=\"note\">A recipe is on the front if no other of its network is at least as good in accuracy, mCE and zip-6 ratio \
            and better in one. Dominance is decided on figures that are not rounded; differences within the tolerance are named as noise. \
            Hypervolume: points of accuracy × mCE × ratio that the front dominates, from the point that is named; it compares fronts of \
            one study.</p>\n"
}

fn facts(report: &StudyReport) -> String {
    let mut html = String::from("<h2>How it was measured</h2>\n<table class=\"facts\">\n");
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(html, "<tr><th>{name}</th><td>{}</td></tr>", escaped(value));
    };
    let data = &report.data;
    fact(
        "data",
        &format!(
            "{}: {} images trained on, {} chose epochs, {} tested; sha256 of the training part {}, of the test part {}",
            data.name,
            grouped(data.training as u64),
            grouped(data.validation as u64),
            grouped(data.test as u64),
            data.training_sha256,
            data.test_sha256
        ),
    );
    if let Some(text) = &data.attribution {
        fact("", text);
    }
    let images = &report.images;
    if let (Some(constants), Some(seed), Some(rules)) = (&images.constants, images.seed, images.generator) {
        fact("corruptions", &format!("made on the way: {constants} constants, seed {seed}, rules {rules}"));
    }
    if let Some(reference) = &report.reference {
        fact("common mCE", &format!("relative to {} ({})", reference.name, reference.origin));
    }
    fact("seeds", &report.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "));
    for network in &report.networks {
        let from = match (&network.arch, &network.file) {
            (Some(arch), _) => format!("{arch}, trained here"),
            (_, Some(file)) => format!("from {file}"),
            _ => String::new(),
        };
        fact("network", &format!("{}: {from}; pixels as {}", about(network), network.preprocess));
    }
    for model in &report.models {
        fact("model", &format!("{}: sha256 {}", model.file, model.sha256));
    }
    html + "</table>\n"
}
