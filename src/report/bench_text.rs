//! Times for people.

use std::fmt::Write;

use super::bench::{BenchReport, BenchRow};
use super::eval_text::milliseconds;
use super::table::{Align, NARROW, Table, grouped, shorten};

/// The report as text, with the slowest `most` operators of every run.
#[must_use]
pub fn render(report: &BenchReport, most: usize, width: usize) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}", report.machine.cpu);
    if let Some(run) = report.runs.first() {
        let threads = if run.threads == 1 { "1 thread".into() } else { format!("{} threads", run.threads) };
        let images = match run.batch {
            1 if run.threads_per_image > 1 => "1 image that they share".into(),
            1 => "1 image".into(),
            batch => format!("{batch} images"),
        };
        let _ = writeln!(text, "{} arithmetic, {threads}, a run is {images}\n", run.arithmetic);
    }
    text += &runs(report, 22 + width.saturating_sub(NARROW));
    for run in report.runs.iter().filter(|run| !run.operators.is_empty()) {
        let _ = write!(
            text,
            "\n{} on {}, {} on one thread\n{}",
            name(run, 40),
            run.isa,
            title(run, most),
            operators(run, most)
        );
    }
    text
}

fn name(run: &BenchRow, width: usize) -> String {
    let base = run.file.rsplit('/').next().unwrap_or(&run.file);
    shorten(base.strip_suffix(".tflite").unwrap_or(base), width)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn runs(report: &BenchReport, width: usize) -> String {
    let mut table = Table::new(&[
        ("model", Align::Left),
        ("isa", Align::Left),
        ("ms", Align::Right),
        ("p10 – p90", Align::Right),
        ("images/s", Align::Right),
        ("GMAC/s", Align::Right),
        ("of peak", Align::Right),
    ]);
    for run in &report.runs {
        table.row([
            name(run, width),
            run.isa.to_owned(),
            milliseconds(run.ms_median),
            format!("{} – {}", milliseconds(run.ms_p10), milliseconds(run.ms_p90)),
            grouped(run.images_per_s.round() as u64),
            format!("{:.1}", run.gmacs),
            percent(run.peak_share),
        ]);
    }
    table.to_text()
}

fn title(run: &BenchRow, most: usize) -> String {
    let count = run.operators.len();
    if count > most { format!("the slowest {most} of {count} operators") } else { "operators".into() }
}

fn operators(run: &BenchRow, most: usize) -> String {
    let mut order: Vec<usize> = (0..run.operators.len()).collect();
    if order.len() > most {
        order.sort_by(|&a, &b| run.operators[b].ms.total_cmp(&run.operators[a].ms));
        order.truncate(most);
    }
    let mut table = Table::new(&[
        ("#", Align::Right),
        ("operator", Align::Left),
        ("output", Align::Left),
        ("ms", Align::Right),
        ("time", Align::Right),
        ("MMAC", Align::Right),
        ("GMAC/s", Align::Right),
        ("of peak", Align::Right),
    ]);
    for op in order.into_iter().map(|at| &run.operators[at]) {
        let shape = op.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×");
        let mut cells = vec![op.index.to_string(), shorten(op.op, 20), shape, milliseconds(op.ms), percent(op.share)];
        if op.macs > 0 {
            cells.extend([format!("{:.3}", op.macs as f64 / 1e6), format!("{:.1}", op.gmacs), percent(op.peak_share)]);
        }
        table.row(cells);
    }
    table.to_text()
}
