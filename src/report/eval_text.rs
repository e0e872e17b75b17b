//! An evaluation for people: two tables that fit 80 columns, details on demand.

use std::fmt::Write;

use super::eval::{EvalReport, FlipsRow, ModelRow};
use super::table::{Align, NARROW, Table, bytes, grouped, shorten, wrap};

/// What to show beside the two tables.
#[derive(Clone, Copy, Debug)]
pub struct Details {
    /// Accuracy of every class.
    pub per_class: bool,
    /// Confusion matrix.
    pub confusion: bool,
    /// Columns of the terminal, at least [`NARROW`].
    pub width: usize,
}

/// Characters of a model's name on [`NARROW`] columns.
const NAME: usize = 24;

/// The report as text.
#[must_use]
pub fn render(report: &EvalReport, details: Details) -> String {
    let mut text = header(report);
    let width = NAME + details.width.saturating_sub(NARROW);
    text += &accuracy(report, width);
    text.push('\n');
    if let Some(flips) = flips(report, width) {
        text += &flips;
        text.push('\n');
    }
    text += &cost(report, width);
    for model in &report.models {
        if details.per_class {
            let _ = write!(text, "\n{}, by class\n{}", name(model, 40), by_class(model));
        }
        if details.confusion {
            let _ = write!(text, "\n{}, labels down, answers across\n{}", name(model, 40), confusion(model));
        }
    }
    if let Some(attribution) = report.data.attribution {
        let _ = write!(text, "\n{}", wrap(&format!("data: {attribution}"), details.width.min(100)));
    }
    text
}

fn header(report: &EvalReport) -> String {
    let data = &report.data;
    let split = data.split.map_or(String::new(), |s| format!(", {s} part"));
    let mut text = format!("{} samples of {}{split}, {} classes\n", grouped(data.n as u64), data.name, data.classes);
    if let Some(model) = report.models.first() {
        let threads = if model.threads == 1 { "1 thread".into() } else { format!("{} threads", model.threads) };
        let _ = writeln!(text, "{} arithmetic, {} on {}, {threads}", model.arithmetic, model.isa, report.machine.cpu);
    }
    text.push('\n');
    text
}

fn name(model: &ModelRow, width: usize) -> String {
    let base = model.file.rsplit('/').next().unwrap_or(&model.file);
    shorten(base.strip_suffix(".tflite").unwrap_or(base), width)
}

fn percent(share: f64) -> String {
    format!("{:.2}", 100.0 * share)
}

fn accuracy(report: &EvalReport, width: usize) -> String {
    let mut table = Table::new(&[
        ("model", Align::Left),
        ("top-1 %", Align::Right),
        ("95 % interval", Align::Right),
        ("top-5 %", Align::Right),
        ("pixels as", Align::Left),
    ]);
    for model in &report.models {
        let [lo, hi] = model.ci95;
        let pixels = model.preprocess.map_or(String::new(), |p| match p.origin {
            "input quantisation" => format!("{} (from input)", p.name),
            other => format!("{} ({other})", p.name),
        });
        table.row([
            name(model, width),
            percent(model.top1),
            format!("{} – {}", percent(lo), percent(hi)),
            model.top5.map_or("–".into(), percent),
            pixels,
        ]);
    }
    table.to_text()
}

/// How the answers of the others differ from those of the first.
fn flips(report: &EvalReport, width: usize) -> Option<String> {
    let first = report.models.first()?;
    report.models.iter().find_map(|model| model.flips)?;
    let mut table = Table::new(&[
        (&format!("against {}", name(first, width)), Align::Left),
        ("same %", Align::Right),
        ("differ", Align::Right),
        ("worse", Align::Right),
        ("better", Align::Right),
        ("McNemar p", Align::Right),
    ]);
    for model in &report.models {
        let Some(FlipsRow { differ, lost, won, p }) = model.flips else { continue };
        let same = percent(1.0 - differ as f64 / model.n as f64);
        table.row([name(model, width), same, grouped(differ), grouped(lost), grouped(won), format!("{p:.2}")]);
    }
    Some(table.to_text())
}

fn cost(report: &EvalReport, width: usize) -> String {
    let mut table = Table::new(&[
        ("model", Align::Left),
        ("raw", Align::Right),
        ("zip-6", Align::Right),
        ("arena", Align::Right),
        ("p50 ms", Align::Right),
        ("p90 ms", Align::Right),
        ("images/s", Align::Right),
    ]);
    for model in &report.models {
        table.row([
            name(model, width),
            bytes(model.size.raw),
            bytes(model.size.zip6),
            bytes(model.arena_bytes as u64),
            milliseconds(model.latency_ms.p50),
            milliseconds(model.latency_ms.p90),
            grouped(model.images_per_s.round() as u64),
        ]);
    }
    let mut text = table.to_text();
    if let Some(peak) = report.models.iter().filter_map(|m| m.rss_bytes).max() {
        let _ = writeln!(text, "\npeak memory of the process {}", bytes(peak));
    }
    text
}

/// Three significant digits or more.
pub(super) fn milliseconds(ms: f64) -> String {
    match ms {
        _ if ms >= 100.0 => format!("{ms:.0}"),
        _ if ms >= 10.0 => format!("{ms:.1}"),
        _ if ms >= 1.0 => format!("{ms:.2}"),
        _ if ms >= 0.1 => format!("{ms:.3}"),
        _ => format!("{ms:.4}"),
    }
}

fn by_class(model: &ModelRow) -> String {
    let mut table =
        Table::new(&[("class", Align::Right), ("", Align::Left), ("n", Align::Right), ("accuracy %", Align::Right)]);
    for row in &model.per_class {
        let name = shorten(row.name.as_deref().unwrap_or(""), 40);
        let accuracy = row.accuracy.map_or("–".into(), percent);
        table.row([row.class.to_string(), name, grouped(row.n), accuracy]);
    }
    table.to_text()
}

/// Up to this many classes the matrix is shown; beyond, its largest errors.
pub const MATRIX: usize = 12;

fn confusion(model: &ModelRow) -> String {
    let classes = model.confusion.len();
    if classes > MATRIX {
        return errors(model);
    }
    let labels: Vec<String> = (0..classes).map(|c| c.to_string()).collect();
    let mut head = vec![("", Align::Right)];
    head.extend(labels.iter().map(|l| (l.as_str(), Align::Right)));
    head.push(("right %", Align::Right));
    let mut table = Table::new(&head);
    for (label, row) in model.confusion.iter().enumerate() {
        let cell = |&n: &u64| if n == 0 { "·".into() } else { n.to_string() };
        let class = model.per_class.get(label);
        let head = match class.and_then(|class| class.name.as_deref()) {
            Some(name) if *name != labels[label] => format!("{} {label:>2}", shorten(name, 14)),
            _ => labels[label].clone(),
        };
        let right =
            class.and_then(|class| class.accuracy).map_or("–".into(), |share| format!("{:.1}", 100.0 * share));
        table.row(std::iter::once(head).chain(row.iter().map(cell)).chain([right]));
    }
    table.to_text()
}

fn errors(model: &ModelRow) -> String {
    let mut all: Vec<(u64, usize, usize)> = Vec::new();
    for (label, row) in model.confusion.iter().enumerate() {
        all.extend(row.iter().enumerate().filter(|&(to, &n)| to != label && n > 0).map(|(to, &n)| (n, label, to)));
    }
    all.sort_unstable_by_key(|&(n, label, to)| (std::cmp::Reverse(n), label, to));
    let class = |c: usize| match model.per_class.get(c).and_then(|row| row.name.as_deref()) {
        Some(name) => format!("{c} {}", shorten(name, 24)),
        None => c.to_string(),
    };
    let mut table = Table::new(&[("label", Align::Left), ("answer", Align::Left), ("n", Align::Right)]);
    for &(n, label, to) in all.iter().take(20) {
        table.row([class(label), class(to), n.to_string()]);
    }
    table.to_text() + "(the 20 most frequent errors; the whole matrix is in --json)\n"
}
