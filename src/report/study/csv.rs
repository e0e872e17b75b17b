//! One line for each model.

use std::fmt::Write;

use super::{ModelRow, StudyReport};
use crate::report::robust::Figure;
use crate::report::robust::csv::quoted;

/// Header, then one line for each model; RFC 4180.
#[must_use]
pub fn render(report: &StudyReport) -> String {
    let mut text = String::from(
        "network,recipe,code,seed,file,sha256,n,hits,accuracy,accuracy_lo95,accuracy_hi95,drop_points,mean_error,mce,mce_lo95,\
         mce_hi95,relative_mce,reference_mce,control_accuracy_points,control_mce_points,mce_of_control,raw_bytes,zip6_bytes,\
         entropy_bytes,ram_bytes,ratio",
    );
    report.corruptions.iter().for_each(|name| text += &format!(",ce_{}", name.replace('-', "_")));
    text += "\r\n";
    report.models.iter().for_each(|model| line(&mut text, model));
    text
}

fn line(text: &mut String, model: &ModelRow) {
    let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let value = |figure: Option<Figure>| number(figure.map(|figure| figure.value));
    let [lo, hi] = model.clean.ci95.map(|error| 1.0 - error);
    let interval = model.mce.and_then(|figure| figure.ci95);
    let control = model.against_control;
    let _ = write!(
        text,
        "{},{},{},{},{},{},{},{},{},{hi},{lo},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
        quoted(&model.network),
        quoted(&model.recipe),
        model.code.map_or(String::new(), |code| code.to_string()),
        model.seed,
        quoted(&model.file),
        model.sha256,
        model.clean.n,
        model.clean.hits,
        1.0 - model.clean.error,
        model.drop,
        value(model.mean_error),
        value(model.mce),
        number(interval.map(|interval| interval[0])),
        number(interval.map(|interval| interval[1])),
        value(model.relative_mce),
        number(model.reference_mce),
        number(control.map(|control| control.accuracy)),
        number(control.and_then(|control| control.mce)),
        number(control.and_then(|control| control.mce_of_control)),
        model.size.raw,
        model.size.zip6,
        model.size.entropy,
        model.size.ram,
        model.size.ratio,
    );
    model.ce.iter().for_each(|ce| text.push_str(&format!(",{}", number(*ce))));
    text.push_str("\r\n");
}
