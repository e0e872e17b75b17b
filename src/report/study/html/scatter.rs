//! The study's figure: accuracy against compression, robustness as colour, a panel for each network.

use std::fmt::Write;

use super::labels::place;
use super::points;
use crate::report::robust::junit::escaped;
use crate::report::study::text::value;
use crate::report::study::{NetworkRow, Place, PointRow, StudyReport};
use crate::study::control;

const SIZE: (f64, f64) = (560.0, 400.0);
/// Left, top, right, bottom of the plot.
const FRAME: (f64, f64, f64, f64) = (58.0, 14.0, 470.0, 350.0);
const RADIUS: f64 = 6.5;
/// Viridis: equal steps look equal, also to colour-blind readers and in grey.
const VIRIDIS: [[f64; 3]; 5] =
    [[68.0, 1.0, 84.0], [59.0, 82.0, 139.0], [33.0, 145.0, 140.0], [94.0, 201.0, 98.0], [253.0, 231.0, 37.0]];

/// What a panel shows over the ratio, and what as colour.
#[derive(Clone, Copy)]
struct View {
    y: (Shown, &'static str),
    colour: (Shown, &'static str),
    /// Of colours, the same for all networks.
    domain: (f64, f64),
}

type Shown = fn(&PointRow) -> Option<f64>;

fn accuracy(point: &PointRow) -> Option<f64> {
    Some(point.accuracy.mean)
}

fn mce(point: &PointRow) -> Option<f64> {
    point.mce.map(|mean| mean.mean)
}

fn mean_error(point: &PointRow) -> Option<f64> {
    point.mean_error.map(|mean| mean.mean)
}

pub(super) fn section(report: &StudyReport) -> String {
    let fragile: (Shown, &str) = match report.points.iter().all(|point| point.mce.is_some()) {
        true => (mce, "mCE"),
        false => (mean_error, "error in %"),
    };
    let accurate: (Shown, &str) = (accuracy, "accuracy in %");
    let mut html = String::from("<h2>Accuracy, size, robustness</h2>\n<div class=\"panels\">\n");
    for network in &report.networks {
        for (y, colour) in [(accurate, fragile), (fragile, accurate)] {
            let values = report.points.iter().filter_map(colour.0);
            let domain = values.fold((f64::MAX, f64::MIN), |(lo, hi), value| (lo.min(value), hi.max(value)));
            html += &panel(report, network, View { y, colour, domain });
        }
    }
    html += "</div>\n<ul class=\"key\">\n";
    for (at, recipe) in report.recipes.iter().enumerate() {
        let name = short(&recipe.recipe, recipe.code, at);
        let _ =
            writeln!(html, "<li title=\"{}\"><b>{name}</b> {}</li>", escaped(&recipe.about), escaped(&recipe.recipe));
    }
    html + "</ul>\n<p class=\"note\">Round: float files, square: int8 files. Ringed: on the front (broken ring: by no more than noise, or as \
           good within noise). Ratio: zip-6 size of the network itself over that of the recipe's file.</p>\n"
}

/// The sign of a recipe in the figure.
fn short(recipe: &str, code: Option<u8>, at: usize) -> String {
    match code {
        Some(code) => code.to_string(),
        None if recipe == control::NAME => "C".into(),
        None => format!("r{}", at + 1),
    }
}

/// From values to places.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>, (from, to): (f64, f64)) -> Axis {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
        let room = ((high - low) * 0.1).max(0.05);
        Axis { low: low - room, high: high + room, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Round numbers, about six of them, and their decimals.
    fn ticks(&self) -> (Vec<f64>, usize) {
        let rough = (self.high - self.low) / 6.0;
        let power = 10.0_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= rough).unwrap_or(power);
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        let decimals = (-step.log10().floor()).clamp(0.0, 4.0) as usize;
        ((first..=last).map(|n| n as f64 * step).collect(), decimals)
    }
}

fn panel(report: &StudyReport, network: &NetworkRow, view: View) -> String {
    let points: Vec<&PointRow> =
        points(report, network).into_iter().filter(|point| (view.y.0)(point).is_some()).collect();
    let (left, top, right, bottom) = FRAME;
    let x = Axis::of(points.iter().map(|point| point.ratio.mean), (left, right));
    let y = Axis::of(points.iter().filter_map(|point| (view.y.0)(point)), (bottom, top));
    let title = format!("{}: {} (colour: {})", network.network, plain(view.y.1), plain(view.colour.1));
    let mut svg = format!(
        "<div class=\"figure\"><h3>{0}</h3>\n<svg viewBox=\"0 0 {1} {2}\" role=\"img\" aria-label=\"{0}\">\n",
        escaped(&title),
        SIZE.0,
        SIZE.1
    );
    axes(&mut svg, &x, &y, view.y.1);
    bar(&mut svg, view.domain, view.colour.1);
    let signs: Vec<(f64, f64, String)> = points
        .iter()
        .filter_map(|point| {
            let at = report.recipes.iter().position(|recipe| recipe.recipe == point.recipe)?;
            Some((x.at(point.ratio.mean), y.at((view.y.0)(point)?), short(&point.recipe, point.code, at)))
        })
        .collect();
    let spots = place(&signs, RADIUS + 4.0, FRAME);
    for ((x, y, _), spot) in signs.iter().zip(&spots).filter(|(_, spot)| spot.far) {
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#9aa4b0\"/>",
            spot.x, spot.y
        );
    }
    for (point, (x, y, _)) in points.iter().zip(&signs) {
        let int8 = report.recipes.iter().any(|recipe| recipe.recipe == point.recipe && recipe.export == "int8");
        let (low, high) = view.domain;
        let share = (view.colour.0)(point).map(|value| (value - low) / (high - low).max(1e-9));
        marker(&mut svg, point, (*x, *y), (int8, share));
    }
    for ((_, _, sign), spot) in signs.iter().zip(&spots) {
        let _ = writeln!(
            svg,
            "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            spot.x,
            spot.y + 4.0,
            escaped(sign)
        );
    }
    svg + "</svg></div>\n"
}

fn marker(svg: &mut String, point: &PointRow, (x, y): (f64, f64), (int8, share): (bool, Option<f64>)) {
    let fill = share.map_or("#c8ced6".to_owned(), colour);
    let title = format!(
        "{}: {} %, mCE {}, ratio {}, zip-6 {:.0} bytes",
        point.recipe,
        value(Some(point.accuracy), 2),
        value(point.mce, 1),
        value(Some(point.ratio), 2),
        point.zip6.mean
    );
    let _ = write!(svg, "<g><title>{}</title>", escaped(&title));
    let shape = |svg: &mut String, r: f64, style: &str| {
        let _ = match int8 {
            true => write!(
                svg,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" {style}/>",
                x - r * 0.9,
                y - r * 0.9,
                r * 1.8,
                r * 1.8
            ),
            false => write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{r:.1}\" {style}/>"),
        };
    };
    let ring = match point.place {
        Place::Front => Some(""),
        Place::ByNoise | Place::Near => Some(" stroke-dasharray=\"3 2.5\""),
        Place::Dominated => None,
    };
    if let Some(dashes) = ring {
        shape(svg, RADIUS + 4.0, &format!("fill=\"none\" stroke=\"#1c2430\" stroke-width=\"1.6\"{dashes}"));
    }
    shape(svg, RADIUS, &format!("fill=\"{fill}\" stroke=\"#fff\" stroke-width=\"1\""));
    svg.push_str("</g>\n");
}

/// Without its unit.
fn plain(what: &str) -> &str {
    what.strip_suffix(" in %").unwrap_or(what)
}

fn axes(svg: &mut String, x: &Axis, y: &Axis, what: &str) {
    let (left, top, right, bottom) = FRAME;
    let (ticks, decimals) = x.ticks();
    for value in ticks {
        let at = x.at(value);
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"{top}\" x2=\"{at:.1}\" y2=\"{bottom}\" stroke=\"#e6e9ee\"/>\
             <text class=\"axis\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value:.decimals$}</text>",
            bottom + 17.0
        );
    }
    let (ticks, decimals) = y.ticks();
    for value in ticks {
        let at = y.at(value);
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\" stroke=\"#e6e9ee\"/>\
             <text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value:.decimals$}</text>",
            left - 7.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#b9c1cb\"/>\
         <text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">compression ratio (zip-6)</text>\
         <text class=\"axis\" transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">{what}</text>",
        right - left,
        bottom - top,
        (left + right) / 2.0,
        bottom + 38.0,
        (top + bottom) / 2.0
    );
}

/// The scale of colours.
fn bar(svg: &mut String, (low, high): (f64, f64), what: &str) {
    let (_, top, right, bottom) = FRAME;
    let (x, height, steps) = (right + 18.0, bottom - top - 20.0, 40);
    for step in 0..steps {
        let share = (f64::from(step) + 0.5) / f64::from(steps);
        let each = height / f64::from(steps);
        let y = bottom - each * (f64::from(step) + 1.0);
        let _ = write!(
            svg,
            "<rect x=\"{x}\" y=\"{y:.2}\" width=\"14\" height=\"{:.2}\" fill=\"{}\"/>",
            each + 0.4,
            colour(share)
        );
    }
    for part in 0..=4 {
        let share = f64::from(part) / 4.0;
        let _ = write!(
            svg,
            "<text class=\"axis\" x=\"{}\" y=\"{:.1}\">{:.1}</text>",
            x + 19.0,
            bottom - share * height + 4.0,
            low + share * (high - low)
        );
    }
    let _ = writeln!(svg, "<text class=\"axis\" x=\"{x}\" y=\"{}\">{}</text>", top + 8.0, plain(what));
}

fn colour(share: f64) -> String {
    let at = share.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let (from, part) = (at.floor() as usize, at.fract());
    let next = VIRIDIS[(from + 1).min(VIRIDIS.len() - 1)];
    let rgb: [u8; 3] = std::array::from_fn(|c| (VIRIDIS[from][c] + part * (next[c] - VIRIDIS[from][c])).round() as u8);
    format!("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        let axis = |low, high| Axis { low, high, from: 0.0, to: 1.0 }.ticks();
        assert_eq!(axis(0.3, 9.2), (vec![2.0, 4.0, 6.0, 8.0], 0));
        let (ticks, decimals) = axis(97.1, 98.4);
        assert_eq!((ticks.len(), decimals), (2, 1));
        assert_eq!(colour(0.0), "#440154");
        assert_eq!(colour(1.0), "#fde725");
    }
}
