//! Tables of a study.

use std::fmt::Write;

use crate::report::robust::junit::escaped;
use crate::report::study::text::{code, value};
use crate::report::study::{Mean, ModelRow, NetworkRow, PointRow, StudyReport};
use crate::report::table::bytes;

/// One row for each recipe.
pub(super) fn models(points: &[&PointRow]) -> String {
    // The first network is its own reference: one column says it.
    let common = points.iter().any(|point| point.reference_mce.is_some() && point.reference_mce != point.mce);
    let relative = points.iter().any(|point| point.relative_mce.is_some());
    let mut html = String::from(
        "<div class=\"wide\"><table>\n<tr><th>recipe</th><th>accuracy %<small>95 % interval</small></th><th>to itself<small>points</small></th>\
         <th>to the control<small>points</small></th><th>error %<small>corrupted</small></th><th>mCE<small>to the control</small></th>",
    );
    if relative {
        html += "<th>relative<br>mCE</th>";
    }
    if common {
        html += "<th>mCE<small>common</small></th>";
    }
    html += "<th>zip-6<small>entropy</small></th><th>ratio</th><th>flash</th><th>RAM</th><th>front</th></tr>\n";
    points.iter().for_each(|point| row(&mut html, point, (common, relative)));
    html + "</table></div>\n<p class=\"note\">To itself, to the control: points of accuracy more than the network as it was trained, than the \
            network trained on without a technique. mCE: relative to the network as it was trained; relative mCE takes the clean error \
            away first. Entropy: what no code without memory goes below. Flash: the file as it is; RAM: the arena of activations. ± is the \
            standard deviation over seeds.</p>\n"
}

fn row(html: &mut String, point: &PointRow, (common, relative): (bool, bool)) {
    let signed = |mean: Option<Mean>, digits: usize| {
        mean.map_or_else(|| "–".to_owned(), |mean| format!("{:+.digits$}", mean.mean + 0.0))
    };
    let spread =
        |mean: Mean, digits: usize| mean.spread.map_or(String::new(), |spread| format!(" ± {spread:.digits$}"));
    let size = |mean: Mean| bytes(mean.mean.round() as u64);
    let [lo, hi] = point.ci95;
    let number = code(point);
    let _ = write!(
        html,
        "<tr{}><td>{}{}</td><td>{}{}<small>{lo:.1} – {hi:.1}</small></td><td>{:+.2}</td><td>{}</td><td>{}</td><td>{}{}<small>{}</small></td>",
        if point.place.on_front() { " class=\"on\"" } else { "" },
        if number.is_empty() { String::new() } else { format!("{number} ") },
        escaped(&point.recipe),
        value(Some(point.accuracy), 2),
        spread(point.accuracy, 2),
        // Nothing lost is no loss of minus nothing.
        0.0 - point.drop.mean,
        signed(point.control_accuracy, 2),
        value(point.mean_error, 2),
        value(point.mce, 1),
        point.mce.map_or(String::new(), |mce| spread(mce, 1)),
        signed(point.control_mce, 1),
    );
    if relative {
        let _ = write!(html, "<td>{}</td>", value(point.relative_mce, 1));
    }
    if common {
        let _ = write!(html, "<td>{}</td>", value(point.reference_mce, 1));
    }
    let _ = writeln!(
        html,
        "<td>{}<small>{}</small></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        size(point.zip6),
        size(point.entropy),
        value(Some(point.ratio), 2),
        size(point.raw),
        size(point.ram),
        point.place.mark()
    );
}

/// CE of each recipe under each corruption.
pub(super) fn corruptions(report: &StudyReport, network: &NetworkRow) -> String {
    let mean = |models: &[&ModelRow], at: usize| -> Option<f64> {
        let values: Option<Vec<f64>> = models.iter().map(|model| model.ce.get(at).copied().flatten()).collect();
        values.filter(|values| !values.is_empty()).map(|values| Mean::of(&values).mean)
    };
    let mut html = String::from(
        "<div class=\"panel gap\"><h3>CE by corruption, per cent of the network as it was trained</h3>\n<table class=\"heat ce\">\n<tr><th></th>",
    );
    report.corruptions.iter().for_each(|name| html += &format!("<th><span>{}</span></th>", escaped(name)));
    html += "</tr>\n";
    let mut known = false;
    for recipe in &report.recipes {
        let of = |model: &&ModelRow| model.network == network.network && model.recipe == recipe.recipe;
        let models: Vec<&ModelRow> = report.models.iter().filter(of).collect();
        let _ = write!(html, "<tr><td>{}</td>", escaped(&recipe.recipe));
        for at in 0..report.corruptions.len() {
            html += &match mean(&models, at) {
                Some(ce) => {
                    known = true;
                    format!("<td style=\"{}\">{ce:.0}</td>", diverging(ce - 100.0))
                }
                None => "<td>–</td>".into(),
            };
        }
        html += "</tr>\n";
    }
    if known { html + "</table></div>\n" } else { String::new() }
}

/// Blue where the model is better than its baseline, red where it is worse; full colour at 30.
fn diverging(difference: f64) -> String {
    let end = if difference < 0.0 { [40.0, 100.0, 190.0] } else { [200.0, 50.0, 40.0] };
    let share = (difference.abs() / 30.0).min(1.0);
    let rgb: [u8; 3] = std::array::from_fn(|at| (255.0 + (end[at] - 255.0) * share).round() as u8);
    let ink = if share > 0.7 { ";color:#fff" } else { "" };
    format!("background:#{:02x}{:02x}{:02x}{ink}", rgb[0], rgb[1], rgb[2])
}
