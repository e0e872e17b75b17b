//! Corruption × severity as coloured tables: they can be read, searched and copied.

use std::fmt::Write;

use crate::report::robust::junit::escaped;
use crate::report::robust::text::label;
use crate::report::robust::{RobustModel, Study};

/// Models with a heat map of their own; the page stays readable.
const MOST: usize = 24;

pub(super) fn section(study: &Study) -> String {
    let mut html = String::from("<h2>Error by corruption and severity</h2>\n<div class=\"panels\">\n");
    let base = study.baseline.as_ref().filter(|row| row.origin == "model").and_then(|_| study.models.first());
    for model in study.models.iter().take(MOST) {
        html += "<div class=\"pair\">\n";
        html += &errors(study, model);
        if let Some(base) = base.filter(|base| !std::ptr::eq(*base, model)) {
            html += &differences(study, base, model);
        }
        html += "</div>\n";
    }
    html += "</div>\n";
    if study.models.len() > MOST {
        let _ = writeln!(html, "<p class=\"note\">The first {MOST} of {} models.</p>", study.models.len());
    }
    html
}

fn head(study: &Study, title: &str, last: &[&str]) -> String {
    let mut html = format!("<div class=\"panel\"><h3>{}</h3>\n<table class=\"heat\">\n<tr><th></th>", escaped(title));
    study.severities.iter().for_each(|level| html += &format!("<th>{level}</th>"));
    last.iter().for_each(|name| html += &format!("<th>{name}</th>"));
    html + "</tr>\n"
}

fn errors(study: &Study, model: &RobustModel) -> String {
    let with_ce = model.mce.is_some();
    let title = format!("{}: error in % (clean {:.1})", label(model, 40), 100.0 * model.clean.error);
    let mut html = head(study, &title, if with_ce { &["mean", "CE"] } else { &["mean"] });
    for row in &model.corruptions {
        let _ = write!(html, "<tr><td>{}</td>", escaped(&row.name));
        for level in &study.severities {
            match row.cells.iter().find(|cell| cell.severity == *level) {
                Some(cell) => {
                    let [lo, hi] = cell.ci95.map(|share| 100.0 * share);
                    let title =
                        format!("{} of {} wrong, 95 % interval {lo:.1} – {hi:.1} %", cell.n - cell.hits, cell.n);
                    let _ = write!(
                        html,
                        "<td style=\"{}\" title=\"{title}\">{:.1}</td>",
                        heat(cell.error),
                        100.0 * cell.error
                    );
                }
                None => html += "<td>–</td>",
            }
        }
        let _ = write!(html, "<td class=\"sum\" style=\"{}\">{:.1}</td>", heat(row.error), 100.0 * row.error);
        if let Some(ce) = row.ce {
            let _ = write!(html, "<td class=\"sum\">{:.1}</td>", ce.value);
        }
        html += "</tr>\n";
    }
    html + "</table></div>\n"
}

fn differences(study: &Study, base: &RobustModel, model: &RobustModel) -> String {
    let clean = 100.0 * (model.clean.error - base.clean.error);
    let title = format!("{}: difference to {} in points (clean {clean:+.1})", label(model, 30), label(base, 30));
    let mut html = head(study, &title, &["mean"]);
    for row in &model.corruptions {
        let other = base.corruptions.iter().find(|other| other.name == row.name);
        let _ = write!(html, "<tr><td>{}</td>", escaped(&row.name));
        for level in &study.severities {
            let cell = row.cells.iter().find(|cell| cell.severity == *level);
            let other = other.and_then(|other| other.cells.iter().find(|cell| cell.severity == *level));
            html += &difference(cell.zip(other).map(|(a, b)| a.error - b.error));
        }
        html += &difference(other.map(|other| row.error - other.error));
        html += "</tr>\n";
    }
    html + "</table></div>\n"
}

fn difference(points: Option<f64>) -> String {
    points.map_or("<td>–</td>".into(), |d| format!("<td style=\"{}\">{:+.1}</td>", diverging(d), 100.0 * d))
}

/// Cream, orange, dark red at 0, 0.5 and 1; dark grounds have white letters.
fn heat(share: f64) -> String {
    const CREAM: [f64; 3] = [255.0, 250.0, 240.0];
    const ORANGE: [f64; 3] = [238.0, 140.0, 80.0];
    const RED: [f64; 3] = [140.0, 15.0, 35.0];
    if share < 0.5 { colour(CREAM, ORANGE, 2.0 * share) } else { colour(ORANGE, RED, 2.0 * share - 1.0) }
}

/// Blue where the model is better, red where it is worse; full colour at 20 points.
fn diverging(difference: f64) -> String {
    let end = if difference < 0.0 { [40.0, 100.0, 190.0] } else { [200.0, 50.0, 40.0] };
    colour([255.0; 3], end, (difference.abs() / 0.2).min(1.0))
}

fn colour(from: [f64; 3], to: [f64; 3], share: f64) -> String {
    let rgb: [u8; 3] = std::array::from_fn(|at| (from[at] + (to[at] - from[at]) * share.clamp(0.0, 1.0)).round() as u8);
    let light = 0.299 * f64::from(rgb[0]) + 0.587 * f64::from(rgb[1]) + 0.114 * f64::from(rgb[2]);
    let ink = if light < 140.0 { ";color:#fff" } else { "" };
    format!("background:#{:02x}{:02x}{:02x}{ink}", rgb[0], rgb[1], rgb[2])
}
