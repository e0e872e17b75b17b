//! Tables for a README or a pull request.

use std::fmt::Write;

use super::devices::lines;
use super::gates::{Gate, Verdict};
use super::text::{label, percent, subject};
use super::{Figure, RobustReport, Study};
use crate::report::table::bytes;

/// The report as Markdown (GitHub's tables).
#[must_use]
pub fn render(report: &RobustReport, gates: &[Gate]) -> String {
    let mut text: String = report.studies.iter().map(one).collect::<Vec<_>>().join("\n");
    for (at, (name, what)) in lines(report, false).into_iter().enumerate() {
        let _ = writeln!(
            text,
            "{}- {}: {}",
            if at == 0 { "\nMeasured on\n\n" } else { "" },
            escaped(&name),
            escaped(&what)
        );
    }
    if !gates.is_empty() {
        text += "\n| condition | model | |\n|---|---|---|\n";
        for gate in gates {
            let mark = match gate.verdict {
                Verdict::Passed => "passed",
                Verdict::Failed => "**failed**",
                Verdict::Unknown => "**unknown**",
            };
            let _ = writeln!(text, "| fail if {} | {} | {mark} |", escaped(&gate.condition), escaped(&gate.model));
        }
    }
    text
}

fn one(study: &Study) -> String {
    let mut text = format!("{}.\n", escaped(&subject(study)));
    if let Some(row) = &study.baseline {
        let _ = writeln!(text, "CE relative to {} ({}), {} rounding.", escaped(&row.name), row.origin, study.rounding);
    }
    text += "\n| model | clean % | error % | mCE | 95 % interval | relative mCE | zip-6 | CR |\n|---|--:|--:|--:|--:|--:|--:|--:|\n";
    for model in &study.models {
        let value =
            |figure: Option<Figure>, scale: f64| figure.map_or("–".into(), |f| format!("{:.2}", scale * f.value));
        let interval = model.mce.and_then(|figure| figure.ci95);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            escaped(&label(model, 60)),
            percent(1.0 - model.clean.error),
            value(model.mean_error, 100.0),
            value(model.mce, 1.0),
            interval.map_or("–".into(), |[lo, hi]| format!("{lo:.1} – {hi:.1}")),
            value(model.relative_mce, 1.0),
            bytes(model.zip6_bytes),
            model.compression.map_or("–".into(), |ratio| format!("{ratio:.2}")),
        );
    }
    text += "\n| corruption |";
    study.models.iter().for_each(|model| text += &format!(" {} |", escaped(&label(model, 24))));
    text += "\n|---|";
    text += &"--:|".repeat(study.models.len());
    for name in &study.corruptions {
        let _ = write!(text, "\n| {name} |");
        for model in &study.models {
            let row = model.corruptions.iter().find(|row| row.name == *name);
            let shown = row.map_or("–".into(), |row| match row.ce {
                Some(ce) => format!("{:.1} (CE {:.1})", 100.0 * row.error, ce.value),
                None => format!("{:.1}", 100.0 * row.error),
            });
            let _ = write!(text, " {shown} |");
        }
    }
    text.push('\n');
    for note in study.notes.iter().chain(&study.data.attribution) {
        let _ = writeln!(text, "\n{}", escaped(note));
    }
    text
}

pub(in crate::report) fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| "\\|*_`<>[]".contains(c).then_some('\\').into_iter().chain([c])).collect()
}
