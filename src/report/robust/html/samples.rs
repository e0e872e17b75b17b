//! One image under every condition, with a model's answers.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::report::robust::junit::escaped;

/// Pictures of one image, and what a model says to them.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// Which data they are from.
    pub data_sha256: String,
    /// File of the model.
    pub model: String,
    /// Number of the image and its class.
    pub image: String,
    /// Levels, ascending.
    pub severities: Vec<u8>,
    /// The clean image.
    pub clean: Option<Picture>,
    /// By corruption, then severity.
    pub rows: Vec<(String, Vec<Picture>)>,
}

/// A picture with an answer.
#[derive(Clone, Debug)]
pub struct Picture {
    /// PNG file.
    pub png: Vec<u8>,
    /// The model's answer.
    pub answer: String,
    /// Whether it is the label.
    pub right: bool,
}

pub(super) fn section(samples: &Samples) -> String {
    let mut html = format!(
        "<h2>What it looks like</h2>\n<p class=\"note\">{}, and the answers of {}.</p>\n<div class=\"wide\"><table class=\"samples\">\n<tr><th></th>",
        escaped(&samples.image),
        escaped(&samples.model)
    );
    samples.severities.iter().for_each(|level| html += &format!("<th>{level}</th>"));
    html += "</tr>\n";
    if let Some(clean) = &samples.clean {
        let _ = writeln!(html, "<tr><td>clean</td>{}</tr>", picture("clean", clean));
    }
    for (name, pictures) in &samples.rows {
        let pictures: String = pictures.iter().map(|of| picture(name, of)).collect();
        let _ = writeln!(html, "<tr><td>{}</td>{pictures}</tr>", escaped(name));
    }
    html + "</table></div>\n"
}

fn picture(name: &str, picture: &Picture) -> String {
    let class = if picture.right { "right" } else { "wrong" };
    let mark = if picture.right { "✓" } else { "✗" };
    format!(
        "<td class=\"{class}\"><img alt=\"{}\" src=\"data:image/png;base64,{}\">{mark} {}</td>",
        escaped(name),
        STANDARD.encode(&picture.png),
        escaped(&picture.answer)
    )
}
