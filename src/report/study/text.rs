//! A study for people at a terminal.

use std::fmt::Write;

use super::{FrontRow, Mean, NetworkRow, PointRow, StudyReport};
use crate::report::table::{Align, NARROW, Table, bytes, grouped, shorten, wrap};

/// The report as text.
#[must_use]
pub fn render(report: &StudyReport, width: usize) -> String {
    let mut text = wrap(&subject(report), NARROW);
    for network in &report.networks {
        let points = of(report, network);
        let _ = write!(text, "\n{}\n{}\n", about(network), table(&points, width));
        text += &details(&points, width);
    }
    text += "\n";
    for front in &report.fronts {
        text += &wrap(&front_text(front), NARROW);
    }
    if let Some(text_of) = &report.data.attribution {
        let _ = write!(text, "\n{}", wrap(&format!("data: {text_of}"), NARROW));
    }
    for note in &report.notes {
        let _ = write!(text, "\n{}", wrap(note, NARROW));
    }
    text
}

/// The first table of each network alone.
#[must_use]
pub fn brief(report: &StudyReport, width: usize) -> String {
    let mut text = wrap(&subject(report), NARROW);
    for network in &report.networks {
        let _ = write!(text, "\n{}", table(&of(report, network), width));
    }
    text
}

/// What was measured, in words.
#[must_use]
pub fn subject(report: &StudyReport) -> String {
    let data = &report.data;
    let levels: Vec<String> = report.severities.iter().map(u8::to_string).collect();
    let several = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    format!(
        "{}: {}, {}, {}; {} test images of {}, clean and under {}, severity {}",
        report.name,
        several(report.networks.len(), "network"),
        several(report.recipes.len(), "recipe"),
        several(report.seeds.len(), "seed"),
        grouped(data.test as u64),
        data.name,
        several(report.corruptions.len(), "corruption"),
        levels.join(", ")
    )
}

fn of<'a>(report: &'a StudyReport, network: &NetworkRow) -> Vec<&'a PointRow> {
    report.points.iter().filter(|point| point.network == network.network).collect()
}

/// A network in words.
#[must_use]
pub fn about(network: &NetworkRow) -> String {
    format!(
        "{}: {}, {} parameters, {:.1} million multiply-accumulates",
        network.network,
        network.input,
        grouped(network.parameters as u64),
        network.macs as f64 / 1e6
    )
}

pub(super) fn code(point: &PointRow) -> String {
    point.code.map_or(String::new(), |code| code.to_string())
}

pub(super) fn value(mean: Option<Mean>, digits: usize) -> String {
    mean.map_or_else(|| "–".into(), |mean| format!("{:.digits$}", mean.mean))
}

fn change(mean: Option<Mean>, digits: usize) -> String {
    mean.map_or_else(|| "–".into(), |mean| format!("{:+.digits$}", mean.mean))
}

fn table(points: &[&PointRow], width: usize) -> String {
    let mut table = Table::new(&[
        ("", Align::Right),
        ("recipe", Align::Left),
        ("top-1 %", Align::Right),
        ("± ctrl", Align::Right),
        ("mCE", Align::Right),
        ("± ctrl", Align::Right),
        ("zip-6", Align::Right),
        ("ratio", Align::Right),
        ("front", Align::Left),
    ]);
    let name = 18 + width.saturating_sub(NARROW);
    for point in points {
        table.row([
            code(point),
            shorten(&point.recipe, name),
            value(Some(point.accuracy), 2),
            change(point.control_accuracy, 2),
            value(point.mce, 1),
            change(point.control_mce, 1),
            bytes(point.zip6.mean.round() as u64),
            value(Some(point.ratio), 2),
            point.place.mark().into(),
        ]);
    }
    table.to_text()
}

fn details(points: &[&PointRow], width: usize) -> String {
    let spread = points.iter().any(|point| point.seeds > 1);
    let mut head = vec![("recipe", Align::Left)];
    head.push(if spread { ("sd top-1, mCE", Align::Right) } else { ("95 % top-1", Align::Right) });
    head.extend([
        ("error %", Align::Right),
        ("rel. mCE", Align::Right),
        ("flash", Align::Right),
        ("entropy", Align::Right),
        ("RAM", Align::Right),
    ]);
    let mut table = Table::new(&head);
    let name = 18 + width.saturating_sub(NARROW);
    let sd = |mean: Option<Mean>, digits: usize| {
        mean.and_then(|mean| mean.spread).map_or_else(|| "–".into(), |spread| format!("{spread:.digits$}"))
    };
    for point in points {
        let [lo, hi] = point.ci95;
        table.row([
            shorten(&point.recipe, name),
            if spread {
                format!("{}, {}", sd(Some(point.accuracy), 2), sd(point.mce, 1))
            } else {
                format!("{lo:.1} – {hi:.1}")
            },
            value(point.mean_error, 2),
            value(point.relative_mce, 1),
            bytes(point.raw.mean.round() as u64),
            bytes(point.entropy.mean.round() as u64),
            bytes(point.ram.mean.round() as u64),
        ]);
    }
    table.to_text()
}

/// A front in a sentence.
pub(super) fn front_text(front: &FrontRow) -> String {
    let strip = |names: &[String]| -> String {
        let own = format!("{}/", front.scope);
        let names: Vec<&str> = names.iter().map(|name| name.strip_prefix(own.as_str()).unwrap_or(name)).collect();
        names.join(", ")
    };
    let relative = match (front.scope.as_str(), front.relative_to) {
        ("pooled", "own") => " (each relative to itself)",
        ("pooled", _) => " (all relative to one network)",
        _ => "",
    };
    let mut text = format!("front of {}{relative}: {}", front.scope, strip(&front.front));
    if !front.by_noise.is_empty() {
        let _ = write!(text, "; by no more than noise: {}", strip(&front.by_noise));
    }
    if !front.near.is_empty() {
        let _ = write!(text, "; as good within noise: {}", strip(&front.near));
    }
    if let Some(volume) = front.hypervolume {
        let [accuracy, mce, ratio] = front.reference_point;
        let _ = write!(text, "; hypervolume {volume:.0} from {accuracy:.0} %, mCE {mce:.0}, ratio {ratio:.0}");
    }
    text
}
