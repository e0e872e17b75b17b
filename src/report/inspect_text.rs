//! What model files hold, for people.

use std::fmt::Write;

use super::arena_text;
use super::inspect::{InspectReport, InspectRow, QuantisationRow, TensorRow};
use super::table::{Align, NARROW, Table, bytes, grouped, shorten, wrap};
use crate::inspect::lints::{Finding, count};

/// How much to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Details {
    /// Summary and findings.
    Brief,
    /// And operators, the largest constants, and the arena.
    Usual,
    /// And all constants.
    All,
}

/// Constants that are shown unless all are asked for.
const CONSTANTS: usize = 16;

/// The report as text, for a terminal of `width` columns, at least [`NARROW`].
#[must_use]
pub fn render(report: &InspectReport, details: Details, width: usize) -> String {
    let mut text = String::new();
    for (at, model) in report.models.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        text += &summary(model, width);
        if details != Details::Brief {
            let most = if details == Details::All { usize::MAX } else { CONSTANTS };
            let _ = write!(text, "\n{}\n{}{}", operators(model), constants(model, most, width), arena(model));
        }
        text += &findings(&model.findings, details != Details::Brief, width);
    }
    if !report.findings.is_empty() {
        text += "\nthe files together\n";
        text += &findings(&report.findings, false, width);
    }
    text
}

fn summary(model: &InspectRow, width: usize) -> String {
    let name = model.file.rsplit('/').next().unwrap_or(&model.file);
    let mut text = format!("{}\n", shorten(name, width));
    let (raw, zip) = (bytes(model.size.raw), bytes(model.size.zip6));
    let _ = writeln!(text, "  file      {raw}, zip-6 {zip}, sha256 {}…", &model.sha256[..16]);
    let _ = writeln!(
        text,
        "  network   {}, {:.3} MMAC, {} parameters",
        count(model.operators.len(), "operator"),
        model.macs as f64 / 1e6,
        grouped(model.parameters)
    );
    for (label, ids) in [("input", &model.inputs), ("output", &model.outputs)] {
        for tensor in ids.iter().filter_map(|&id| model.tensors.get(id)) {
            let quantisation = tensor.quantisation.map_or(String::new(), |q| format!(", {}", real_range(tensor, &q)));
            let _ = writeln!(text, "  {label:<8}  {} {}{quantisation}", tensor.dtype, shape(&tensor.shape));
        }
    }
    if !model.metadata.is_empty() {
        let _ = writeln!(text, "  metadata  {}", shorten(&model.metadata.join(", "), width - 14));
    }
    if let Some(problem) = &model.problem {
        text += &indent(&format!("cannot be run: {problem}"), width);
    }
    text
}

/// Scale, zero point, and the real values that the codes span.
fn real_range(tensor: &TensorRow, q: &QuantisationRow) -> String {
    let codes = match tensor.dtype.as_str() {
        "int8" => Some((-128, 127)),
        "uint8" => Some((0, 255)),
        "int16" => Some((-32768, 32767)),
        _ => None,
    };
    let real = |code: i32| f64::from(q.scale_min) * (f64::from(code) - q.zero_point_min as f64);
    let span = codes.map_or(String::new(), |(lo, hi)| format!(" ({} to {})", short(real(lo)), short(real(hi))));
    format!("scale {}, zero point {}{span}", short(f64::from(q.scale_min)), q.zero_point_min)
}

/// Four significant digits.
fn short(value: f64) -> String {
    let digits = if value == 0.0 { 0 } else { (3 - value.abs().log10().floor() as i32).clamp(0, 12) as usize };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn shape(sizes: &[usize]) -> String {
    sizes.iter().map(usize::to_string).collect::<Vec<_>>().join("×")
}

fn operators(model: &InspectRow) -> String {
    let mut table = Table::new(&[
        ("#", Align::Right),
        ("operator", Align::Left),
        ("", Align::Left),
        ("output", Align::Left),
        ("", Align::Left),
        ("scale", Align::Right),
        ("zero", Align::Right),
        ("MMAC", Align::Right),
        ("KiB", Align::Right),
    ]);
    for op in &model.operators {
        let output = op.outputs.first().and_then(|&id| model.tensors.get(id));
        let quantisation = output.and_then(|tensor| tensor.quantisation);
        table.row([
            op.index.to_string(),
            shorten(&op.op, 17),
            shorten(&op.details, 13),
            shape(op.shape.strip_prefix(&[1]).filter(|rest| !rest.is_empty()).unwrap_or(&op.shape)),
            output.map_or(String::new(), |tensor| abbreviation(&tensor.dtype)),
            quantisation.map_or(String::new(), |q| scale(q.scale_min)),
            quantisation.map_or(String::new(), |q| q.zero_point_min.to_string()),
            if op.macs > 0 { format!("{:.2}", op.macs as f64 / 1e6) } else { String::new() },
            if op.weight_bytes > 0 { kib(op.weight_bytes) } else { String::new() },
        ]);
    }
    table.to_text()
}

/// The first operator that reads a tensor.
fn reader(model: &InspectRow, tensor: usize) -> Option<usize> {
    model.operators.iter().find(|op| op.inputs.contains(&tensor)).map(|op| op.index)
}

/// `i8` for `int8`, `f32` for `float32`.
fn abbreviation(dtype: &str) -> String {
    dtype.replace("uint", "u").replace("int", "i").replace("float", "f")
}

/// Units of 1024 bytes in at most five characters, up to 10 MiB.
fn kib(bytes: u64) -> String {
    let kib = bytes as f64 / 1024.0;
    if kib >= 100.0 { format!("{kib:.0}") } else { format!("{kib:.1}") }
}

/// Three significant digits in at most seven characters.
fn scale(value: f32) -> String {
    if value >= 1e-3 {
        let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
        format!("{value:.digits$}")
    } else {
        format!("{value:.2e}")
    }
}

fn constants(model: &InspectRow, most: usize, width: usize) -> String {
    let mut rows: Vec<&TensorRow> = model.tensors.iter().filter(|tensor| tensor.constant.is_some()).collect();
    let all = rows.len();
    let size = |tensor: &TensorRow| tensor.constant.map_or(0, |c| c.bytes);
    rows.sort_by_key(|tensor| (std::cmp::Reverse(size(tensor)), tensor.index));
    rows.truncate(most);
    rows.sort_by_key(|tensor| (reader(model, tensor.index), tensor.index));
    let mut table = Table::new(&[
        ("op", Align::Right),
        ("constant", Align::Left),
        ("", Align::Left),
        ("shape", Align::Left),
        ("scales", Align::Right),
        ("zeros", Align::Right),
        ("values", Align::Right),
        ("bits", Align::Right),
        ("KiB", Align::Right),
    ]);
    for tensor in &rows {
        let Some(constant) = tensor.constant else { continue };
        table.row([
            reader(model, tensor.index).map_or("–".into(), |op| op.to_string()),
            shorten(&tensor.name, 20 + width.saturating_sub(NARROW)),
            abbreviation(&tensor.dtype),
            shape(&tensor.shape),
            tensor.quantisation.map_or(String::new(), |q| q.scales.to_string()),
            constant.sparsity.map_or(String::new(), |share| format!("{:.1} %", 100.0 * share)),
            constant.distinct.map_or(String::new(), |n| n.to_string()),
            constant.entropy_bits.map_or(String::new(), |bits| format!("{bits:.1}")),
            format!("{}{}", kib(constant.bytes), if constant.stored_sparse { " sparse" } else { "" }),
        ]);
    }
    let mut text = table.to_text();
    if rows.len() < all {
        let _ = writeln!(text, "(the {} largest of {all} constants; --all shows all)", rows.len());
    }
    text
}

fn arena(model: &InspectRow) -> String {
    let Some(arena) = &model.arena else { return String::new() };
    let map = &arena.map;
    let mut text = format!("\narena {} ({}, {})", bytes(map.bytes as u64), arena.arithmetic, arena.isa);
    if let Some(peak) = map.peak_operator {
        let _ = write!(text, ", at most {} in use (operator {peak})", bytes(map.live_bytes as u64));
    }
    text.push('\n');
    text + &arena_text::render(map)
}

fn findings(all: &[Finding], heading: bool, width: usize) -> String {
    let mut text = String::new();
    if heading {
        let _ = writeln!(text, "\n{}", if all.is_empty() { "no findings".into() } else { count(all.len(), "finding") });
    }
    for finding in all {
        let at = match finding.operators[..] {
            [] => String::new(),
            [one] => format!(" (operator {one})"),
            [ref first @ .., last] if first.len() < 6 => {
                let first: Vec<String> = first.iter().map(usize::to_string).collect();
                format!(" (operators {} and {last})", first.join(", "))
            }
            [first, .., last] => format!(" ({} from {first} to {last})", count(finding.operators.len(), "operator")),
        };
        text += &indent(&format!("{} {}{at}: {}", finding.severity.name(), finding.lint, finding.message), width);
    }
    text
}

/// Wrapped and indented, all lines but the first a little deeper.
fn indent(text: &str, width: usize) -> String {
    let wrapped = wrap(text, width.min(100) - 4);
    let lines = wrapped.lines().enumerate();
    lines.map(|(at, line)| format!("  {}{line}\n", if at > 0 { "  " } else { "" })).collect()
}
