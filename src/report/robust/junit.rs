//! `--fail-if` as tests, in the XML that CI systems read.

use std::fmt::Write;

use super::RobustReport;
use super::gates::{Gate, Verdict};

/// One test case for each condition and model; without conditions, one for each model that all cells are there.
#[must_use]
pub fn render(report: &RobustReport, gates: &[Gate]) -> String {
    let mut cases = Vec::new();
    for gate in gates {
        let name = format!("fail if {}", gate.condition);
        cases.push((gate.model.clone(), name, (gate.verdict != Verdict::Passed).then(|| gate.to_text())));
    }
    for model in report.studies.iter().flat_map(|study| &study.models) {
        let problem = (model.missing > 0).then(|| format!("{} inferences are missing", model.missing));
        cases.push((model.file.clone(), "all cells measured".into(), problem));
    }
    let failures = cases.iter().filter(|case| case.2.is_some()).count();
    let counts = format!("tests=\"{}\" failures=\"{failures}\"", cases.len());
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"edgebench\" {counts}>\n"
    );
    for (model, name, problem) in cases {
        let (model, name) = (escaped(&model), escaped(&name));
        let _ = match problem {
            None => writeln!(text, "    <testcase classname=\"{model}\" name=\"{name}\"/>"),
            Some(problem) => writeln!(
                text,
                "    <testcase classname=\"{model}\" name=\"{name}\"><failure message=\"{}\"/></testcase>",
                escaped(&problem)
            ),
        };
    }
    text + "  </testsuite>\n</testsuites>\n"
}

/// Text in XML or HTML, also between quotes; control characters become U+FFFD.
pub(in crate::report) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
