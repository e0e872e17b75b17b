//! One HTML file that needs nothing beside it: no script, no network, no font.

mod heat;
pub(in crate::report) mod plots;
mod samples;

use std::fmt::Write;

pub use samples::{Picture, Samples};

use super::devices::lines;
use super::gates::{Gate, Verdict};
use super::junit::escaped;
use super::text::{label, percent, probability, subject};
use super::{Figure, RobustModel, RobustReport, Study};
use crate::report::table::{bytes, grouped};

pub(in crate::report) const STYLE: &str = include_str!("style.css");

/// The report as a page. `samples` are shown with the study of their data.
#[must_use]
pub fn render(report: &RobustReport, gates: &[Gate], samples: Option<&Samples>) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Robustness of {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escaped(&title(report))
    );
    for study in &report.studies {
        page += &one(study, gates, samples.filter(|samples| samples.data_sha256 == study.data.sha256));
    }
    page += &measured(report);
    let _ = write!(
        page,
        "<footer>edgebench {}, schema {}. Every figure is a function of the cells in the ledger: the same cells give the same \
         figures on every machine.</footer>\n</main>\n</body>\n</html>\n",
        escaped(&report.edgebench),
        escaped(&report.schema)
    );
    page
}

/// Machines and boards, if others than this one measured.
fn measured(report: &RobustReport) -> String {
    let rows = lines(report, true)
        .into_iter()
        .map(|(name, what)| format!("<tr><th>{}</th><td>{}</td></tr>\n", escaped(&name), escaped(&what)));
    let rows: String = rows.collect();
    if rows.is_empty() {
        return rows;
    }
    format!("<h2>Where it was measured</h2>\n<table class=\"facts\">\n{rows}</table>\n")
}

fn title(report: &RobustReport) -> String {
    let models: Vec<String> = report.studies.iter().flat_map(|study| &study.models).map(|m| label(m, 40)).collect();
    match &models[..] {
        [] => "nothing".into(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

fn one(study: &Study, gates: &[Gate], samples: Option<&Samples>) -> String {
    let mut html = format!(
        "<h1>Robustness on {}</h1>\n<p class=\"lead\">{}.</p>\n",
        escaped(&study.data.name),
        escaped(&subject(study))
    );
    html += &cards(study);
    html += &verdicts(gates);
    html += "<h2>Models</h2>\n";
    html += &models(study);
    html += &heat::section(study);
    html += &plots::section(study);
    if let Some(samples) = samples {
        html += &samples::section(samples);
    }
    html += &environment(study);
    html
}

fn with_interval(figure: Option<Figure>, scale: f64) -> String {
    let Some(figure) = figure else { return "–".into() };
    let interval = figure.ci95.map(|[lo, hi]| format!("<small>{:.1} – {:.1}</small>", scale * lo, scale * hi));
    format!("{:.2}{}", scale * figure.value, interval.unwrap_or_default())
}

/// The figures that one looks for first, of the model that is not the baseline.
fn cards(study: &Study) -> String {
    let Some(model) = study.models.get(usize::from(study.models.len() == 2 && study.baseline.is_some())) else {
        return String::new();
    };
    if study.models.len() > 2 {
        return String::new();
    }
    let worst = model.corruptions.iter().max_by(|a, b| a.error.total_cmp(&b.error));
    let mut cards = vec![
        ("clean accuracy", format!("{} %", percent(1.0 - model.clean.error))),
        ("mean error, corrupted", model.mean_error.map_or("–".into(), |f| format!("{} %", percent(f.value)))),
        ("mCE", model.mce.map_or("needs --baseline".into(), |f| format!("{:.1}", f.value))),
        ("zip-6", bytes(model.zip6_bytes)),
    ];
    if let Some(worst) = worst {
        cards.push(("worst corruption", format!("{} ({} %)", worst.name, percent(worst.error))));
    }
    let card = |(name, value): &(&str, String)| format!("<div><b>{}</b><span>{name}</span></div>\n", escaped(value));
    format!("<div class=\"cards\">\n{}</div>\n", cards.iter().map(card).collect::<String>())
}

fn verdicts(gates: &[Gate]) -> String {
    if gates.is_empty() {
        return String::new();
    }
    let mut html = String::from("<h2>Gates</h2>\n<ul class=\"gates\">\n");
    for gate in gates {
        let class = if gate.verdict == Verdict::Passed { "passed" } else { "failed" };
        let _ = writeln!(html, "<li class=\"{class}\">{}</li>", escaped(&gate.to_text()));
    }
    html + "</ul>\n"
}

fn models(study: &Study) -> String {
    let mut html = String::from(
        "<div class=\"wide\"><table>\n<tr><th>model</th><th>clean %</th><th>error %</th><th>mCE</th><th>relative mCE</th>\
         <th>ECE %<small>clean / corrupted</small></th><th>zip-6<small>raw</small></th><th>CR</th>\
         <th>agrees %<small>lost / won, clean</small></th><th>front</th></tr>\n",
    );
    for model in &study.models {
        html += &row(study, model);
    }
    html += "</table></div>\n<p class=\"note\">error: mean over all corrupted cells. Intervals hold with 95 % (clean: Wilson; others: \
             bootstrap over images). CR: zip size of the baseline over that of the model. Lost and won: images that only the baseline, \
             only the model gets right; p: McNemar. Front: no other model is as good in accuracy, robustness and size and better in one.\
             </p>\n";
    html
}

fn row(study: &Study, model: &RobustModel) -> String {
    let is_base = study.baseline.as_ref().is_some_and(|row| row.name == model.file && row.origin == "model");
    let [lo, hi] = model.clean.ci95;
    let corrupted = model.calibration_corrupted.as_ref().map_or("–".into(), |row| percent(row.ece));
    let flips = model.flips_clean.map_or("–".into(), |flips| {
        let p = flips.p.map_or(String::new(), |p| format!(", p {}", escaped(&probability(p))));
        format!("{}<small>{} / {}{p}</small>", percent(flips.agreement), grouped(flips.lost), grouped(flips.won))
    });
    format!(
        "<tr><td>{}{}</td><td>{}<small>{:.1} – {:.1}</small></td><td>{}</td><td>{}</td><td>{}</td><td>{}<small>{corrupted}</small></td>\
         <td>{}<small>{}</small></td><td>{}</td><td>{flips}</td><td>{}</td></tr>\n",
        escaped(&label(model, 60)),
        if is_base { "<small>baseline</small>" } else { "" },
        percent(1.0 - model.clean.error),
        100.0 * (1.0 - hi),
        100.0 * (1.0 - lo),
        with_interval(model.mean_error, 100.0),
        with_interval(model.mce, 1.0),
        with_interval(model.relative_mce, 1.0),
        percent(model.calibration_clean.ece),
        bytes(model.zip6_bytes),
        bytes(model.raw_bytes),
        model.compression.map_or("–".into(), |ratio| format!("{ratio:.2}")),
        if model.on_front { "●" } else { "" },
    )
}

fn environment(study: &Study) -> String {
    let mut html = String::from("<h2>How it was measured</h2>\n<table class=\"facts\">\n");
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(html, "<tr><th>{name}</th><td>{}</td></tr>", escaped(value));
    };
    fact("data", &format!("{}, {} images, sha256 {}", study.data.name, grouped(study.data.n), study.data.sha256));
    if let Some(text) = &study.data.attribution {
        fact("", text);
    }
    let images = &study.images;
    match (&images.constants, images.seed, images.generator) {
        (Some(constants), Some(seed), Some(generator)) => {
            fact("corruptions", &format!("made on the way: {constants} constants, seed {seed}, rules {generator}"));
        }
        _ => images.files.iter().for_each(|[name, hash]| fact("corrupted file", &format!("{name}.npy, sha256 {hash}"))),
    }
    fact("rounding of CE", &study.rounding);
    if let Some(row) = &study.baseline {
        fact("baseline", &format!("{} ({})", row.name, row.origin));
    }
    for model in &study.models {
        let image: Vec<String> = model.image.iter().map(u64::to_string).collect();
        let text = format!(
            "{}: {} arithmetic, the same integers on every CPU; pixels as {}; images {}; {} MAC; {} inferences; sha256 {}",
            model.file,
            model.arithmetic,
            model.pixels,
            image.join(" × "),
            grouped(model.macs),
            grouped(model.inferences),
            model.sha256
        );
        fact("model", &text);
    }
    study.notes.iter().for_each(|note| fact("note", note));
    html + "</table>\n"
}
