//! Robustness for people at a terminal.

use std::fmt::Write;

use super::devices::lines;
use super::{Figure, RobustModel, RobustReport, Study};
use crate::report::table::{Align, NARROW, Table, bytes, grouped, shorten, wrap};

/// Models of which every cell is shown.
const DETAILED: usize = 2;

/// The report as text.
#[must_use]
pub fn render(report: &RobustReport, width: usize) -> String {
    let mut text = report.studies.iter().map(|study| one(study, width)).collect::<Vec<_>>().join("\n");
    for (at, (name, what)) in lines(report, false).into_iter().enumerate() {
        text += if at == 0 { "\nmeasured on\n" } else { "" };
        text += &wrap(&format!("{name}: {what}"), width.min(100));
    }
    text
}

fn one(study: &Study, width: usize) -> String {
    let mut text = header(study);
    let more = width.saturating_sub(NARROW);
    text += &figures(study, 30 + more);
    text.push('\n');
    text += &cost(study, 24 + more);
    if study.models.iter().any(|model| model.flips_clean.is_some()) {
        text.push('\n');
        text += &against(study, 30 + more);
    }
    for model in study.models.iter().take(DETAILED) {
        let _ = write!(text, "\n{}, error in % by severity\n{}", label(model, 60), cells(study, model));
    }
    if study.models.len() > DETAILED {
        let _ = writeln!(text, "\n(the cells of all {} models are in --html, --csv and --json)", study.models.len());
    }
    if let Some(attribution) = &study.data.attribution {
        let _ = write!(text, "\n{}", wrap(&format!("data: {attribution}"), width.min(100)));
    }
    text
}

/// What was measured, in words.
pub(super) fn subject(study: &Study) -> String {
    let (data, images) = (&study.data, &study.images);
    let split = data.split.as_ref().map_or(String::new(), |split| format!(", {split} part"));
    let levels: Vec<String> = study.severities.iter().map(u8::to_string).collect();
    let origin = match (&images.constants, images.seed) {
        (Some(constants), Some(seed)) => format!("corrupted on the way ({constants} constants, seed {seed})"),
        _ => "corrupted images from files".into(),
    };
    format!(
        "{} images of {}{split}, {} classes; {} corruptions, severity {}, {origin}",
        grouped(data.n),
        data.name,
        data.classes,
        study.corruptions.len(),
        levels.join(", ")
    )
}

fn header(study: &Study) -> String {
    let arithmetic = study.models.first().map_or("", |model| model.arithmetic.as_str());
    let baseline = match &study.baseline {
        Some(row) => format!("CE relative to {} ({})", row.name, row.origin),
        None => "no --baseline, so no CE".into(),
    };
    let rounding = if study.rounding == "paper" { ", CE rounded as the study does" } else { "" };
    wrap(&subject(study), NARROW) + &format!("{arithmetic} arithmetic; {baseline}{rounding}\n\n")
}

pub(super) fn label(model: &RobustModel, width: usize) -> String {
    shorten(model.file.strip_suffix(".tflite").unwrap_or(&model.file), width)
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.2}", 100.0 * share)
}

/// `76.5 (75.9–77.1)`
fn with_interval(figure: Option<Figure>, scale: f64) -> String {
    let Some(figure) = figure else { return "–".into() };
    match figure.ci95 {
        Some([lo, hi]) => format!("{:.1} ({:.1}–{:.1})", scale * figure.value, scale * lo, scale * hi),
        None => format!("{:.1}", scale * figure.value),
    }
}

fn figures(study: &Study, name: usize) -> String {
    let columns = [("model", Align::Left), ("clean %", Align::Right), ("error %", Align::Right), ("mCE", Align::Right)];
    let mut table = Table::new(&columns);
    for model in &study.models {
        table.row([
            label(model, name),
            percent(1.0 - model.clean.error),
            with_interval(model.mean_error, 100.0),
            with_interval(model.mce, 1.0),
        ]);
    }
    table.to_text()
}

fn cost(study: &Study, name: usize) -> String {
    let mut table = Table::new(&[
        ("model", Align::Left),
        ("rel. mCE", Align::Right),
        ("ECE %", Align::Right),
        ("raw", Align::Right),
        ("zip-6", Align::Right),
        ("CR", Align::Right),
        ("front", Align::Left),
    ]);
    for model in &study.models {
        table.row([
            label(model, name),
            model.relative_mce.map_or("–".into(), |figure| format!("{:.1}", figure.value)),
            percent(model.calibration_clean.ece),
            bytes(model.raw_bytes),
            bytes(model.zip6_bytes),
            model.compression.map_or("–".into(), |ratio| format!("{ratio:.2}")),
            (if model.on_front { "yes" } else { "" }).into(),
        ]);
    }
    table.to_text()
}

/// Answers to clean images, one by one.
fn against(study: &Study, name: usize) -> String {
    let mut table = Table::new(&[
        ("against the baseline, clean", Align::Left),
        ("agrees %", Align::Right),
        ("lost", Align::Right),
        ("won", Align::Right),
        ("p", Align::Right),
        ("mCE - 100", Align::Right),
    ]);
    for model in &study.models {
        let Some(flips) = model.flips_clean else { continue };
        let p = flips.p.map_or("–".into(), probability);
        let difference = model.mce_difference.and_then(|figure| figure.ci95);
        let difference = difference.map_or("–".into(), |[lo, hi]| format!("{lo:+.1} to {hi:+.1}"));
        let [lost, won] = [flips.lost, flips.won].map(grouped);
        table.row([label(model, name), percent(flips.agreement), lost, won, p, difference]);
    }
    table.to_text()
}

pub(super) fn probability(p: f64) -> String {
    if p < 0.001 { "< .001".into() } else { format!("{p:.3}") }
}

fn cells(study: &Study, model: &RobustModel) -> String {
    let levels: Vec<String> = study.severities.iter().map(u8::to_string).collect();
    let mut head = vec![("corruption", Align::Left)];
    head.extend(levels.iter().map(|level| (level.as_str(), Align::Right)));
    head.extend([("mean", Align::Right), ("CE", Align::Right), ("rel. CE", Align::Right)]);
    let mut table = Table::new(&head);
    for row in &model.corruptions {
        let cell = |level: &u8| {
            let cell = row.cells.iter().find(|cell| cell.severity == *level);
            cell.map_or("–".into(), |cell| format!("{:.1}", 100.0 * cell.error))
        };
        let mut line = vec![row.name.clone()];
        line.extend(study.severities.iter().map(cell));
        line.push(format!("{:.1}", 100.0 * row.error));
        line.push(row.ce.map_or("–".into(), |ce| format!("{:.1}", ce.value)));
        line.push(row.relative_ce.map_or("–".into(), |ce| format!("{ce:.1}")));
        table.row(line);
    }
    table.to_text()
}
