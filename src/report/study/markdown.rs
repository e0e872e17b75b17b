//! Tables for a README or a pull request.

use std::fmt::Write;

use super::text::{about, code, front_text, subject, value};
use super::{Mean, PointRow, StudyReport};
use crate::report::robust::markdown::escaped;
use crate::report::table::bytes;

/// The report as Markdown (GitHub's tables).
#[must_use]
pub fn render(report: &StudyReport) -> String {
    let mut text = format!("{}.\n", escaped(&subject(report)));
    for network in &report.networks {
        let _ = write!(
            text,
            "\n{}\n\n|  | recipe | top-1 % | 95 % interval | to control | error % | mCE | to control | relative mCE | flash | zip-6 | ratio | \
             RAM | front |\n|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n",
            escaped(&about(network))
        );
        let points = report.points.iter().filter(|point| point.network == network.network);
        points.for_each(|point| row(&mut text, point));
    }
    text.push('\n');
    for front in &report.fronts {
        let _ = writeln!(text, "* {}", escaped(&front_text(front)));
    }
    for note in report.notes.iter().chain(&report.data.attribution) {
        let _ = writeln!(text, "\n{}", escaped(note));
    }
    text
}

fn row(text: &mut String, point: &PointRow) {
    let change = |mean: Option<Mean>, digits: usize| {
        mean.map_or_else(|| "–".to_owned(), |mean| format!("{:+.digits$}", mean.mean))
    };
    let spread = |mean: Mean, digits: usize| {
        let spread = mean.spread.map_or(String::new(), |spread| format!(" ± {spread:.digits$}"));
        format!("{:.digits$}{spread}", mean.mean)
    };
    let [lo, hi] = point.ci95;
    let _ = writeln!(
        text,
        "| {} | {} | {} | {lo:.2} – {hi:.2} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        code(point),
        escaped(&point.recipe),
        spread(point.accuracy, 2),
        change(point.control_accuracy, 2),
        value(point.mean_error, 2),
        point.mce.map_or_else(|| "–".to_owned(), |mce| spread(mce, 1)),
        change(point.control_mce, 1),
        value(point.relative_mce, 1),
        bytes(point.raw.mean.round() as u64),
        bytes(point.zip6.mean.round() as u64),
        value(Some(point.ratio), 2),
        bytes(point.ram.mean.round() as u64),
        point.place.mark(),
    );
}
