//! One line for each cell.

use std::fmt::Write;

use super::{CellRow, RobustModel, RobustReport, Study};

/// Header, then one line for each cell; RFC 4180.
#[must_use]
pub fn render(report: &RobustReport) -> String {
    let mut text = String::from(
        "data,split,images,model,sha256,arithmetic,corruption,severity,n,hits,error,error_lo95,error_hi95,top5,ce,raw_bytes,zip6_bytes\r\n",
    );
    for study in &report.studies {
        for model in &study.models {
            line(&mut text, study, model, ("clean", &model.clean, None));
            for row in &model.corruptions {
                for cell in &row.cells {
                    line(&mut text, study, model, (&row.name, cell, row.ce.map(|ce| ce.value)));
                }
            }
        }
    }
    text
}

fn line(text: &mut String, study: &Study, model: &RobustModel, (name, cell, ce): (&str, &CellRow, Option<f64>)) {
    let names = [&study.data.name, study.data.split.as_deref().unwrap_or(""), &study.images.origin, &model.file];
    let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    let [lo, hi] = cell.ci95;
    let _ = write!(
        text,
        "{},{},{},{name},{},{},{},{},{lo},{hi},{},{},{},{}\r\n",
        names.join(","),
        model.sha256,
        model.arithmetic,
        cell.severity,
        cell.n,
        cell.hits,
        cell.error,
        cell.top5,
        ce.map_or(String::new(), |ce| ce.to_string()),
        model.raw_bytes,
        model.zip6_bytes
    );
}

pub(in crate::report) fn quoted(field: &str) -> String {
    // A field that begins like a formula would be one in a spreadsheet.
    let field = if field.starts_with(['=', '+', '-', '@']) { format!("'{field}") } else { field.to_owned() };
    if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

#[cfg(test)]
mod tests {
    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(super::quoted("a"), "a");
        assert_eq!(super::quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(super::quoted("=1+1"), "'=1+1");
    }
}
