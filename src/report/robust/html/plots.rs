//! Plots as SVG: error over severity, size against robustness, confidence against accuracy.

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::report::robust::text::label;
use crate::report::robust::{CalibrationRow, RobustModel, Study};

/// Colours that colour-blind readers can tell apart (Okabe and Ito, 2008).
pub(in crate::report) const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];
pub(in crate::report) const FONT: &str = "sans-serif";
pub(in crate::report) const GRID: RGBColor = RGBColor(230, 233, 238);
const SIZE: (u32, u32) = (520, 380);

pub(in crate::report) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(in crate::report) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

pub(super) fn section(study: &Study) -> String {
    let mut html = String::from("<h2>Plots</h2>\n<div class=\"panels\">\n");
    html += &panel("Mean error over severity (0: clean images)", |area| over_severity(study, area));
    if study.models.len() > 1 {
        html += &panel("Size against robustness (clean accuracy; ringed: on the front)", |area| pareto(study, area));
    }
    html += &panel("Reliability: accuracy by confidence, clean images", |area| {
        reliability(study, |model| Some(&model.calibration_clean), area)
    });
    html += &panel("Reliability, corrupted images", |area| {
        reliability(study, |model| model.calibration_corrupted.as_ref(), area)
    });
    html + "</div>\n"
}

pub(in crate::report) fn panel(title: &str, draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&area).and_then(|()| area.present())
    };
    match drawn {
        Ok(()) => format!("<div class=\"panel\"><h3>{title}</h3>\n{svg}</div>\n"),
        // A string takes everything; a plot without anything to show has no scale.
        Err(_) => format!("<div class=\"panel\"><h3>{title}</h3><p class=\"note\">nothing to show</p></div>\n"),
    }
}

fn shown(study: &Study) -> impl Iterator<Item = (&RobustModel, RGBColor)> {
    study.models.iter().zip(COLOURS.into_iter().cycle()).take(COLOURS.len())
}

fn over_severity(study: &Study, area: &Area<'_>) -> Drawn {
    let lines: Vec<_> =
        shown(study).map(|(model, colour)| (label(model, 26), by_severity(study, model), colour)).collect();
    let top = lines.iter().flat_map(|line| &line.1).map(|point| point.1).fold(1.0, f64::max);
    let last = f64::from(study.severities.last().copied().unwrap_or(5));
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(46)
        .build_cartesian_2d(0.0..last, 0.0..top * 1.08)?;
    chart
        .configure_mesh()
        .x_labels(6)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .x_desc("severity")
        .y_desc("error in %")
        .label_style((FONT, 13))
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .draw()?;
    for (name, points, colour) in lines {
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2)));
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font((FONT, 13))
        .background_style(WHITE.mix(0.85))
        .draw()
}

/// Per cent, clean images first.
fn by_severity(study: &Study, model: &RobustModel) -> Vec<(f64, f64)> {
    let mut points = vec![(0.0, 100.0 * model.clean.error)];
    for &level in &study.severities {
        let cells = model.corruptions.iter().flat_map(|row| &row.cells).filter(|cell| cell.severity == level);
        let errors: Vec<f64> = cells.map(|cell| cell.error).collect();
        if !errors.is_empty() {
            points.push((f64::from(level), 100.0 * errors.iter().sum::<f64>() / errors.len() as f64));
        }
    }
    points
}

fn pareto(study: &Study, area: &Area<'_>) -> Drawn {
    let with_mce = study.models.iter().all(|model| model.mce.is_some());
    let fragile = |model: &RobustModel| match with_mce {
        true => model.mce.map_or(0.0, |figure| figure.value),
        false => model.mean_error.map_or(0.0, |figure| 100.0 * figure.value),
    };
    let points: Vec<(f64, f64, &RobustModel)> =
        study.models.iter().map(|model| (model.zip6_bytes as f64 / 1e3, fragile(model), model)).collect();
    let right = points.iter().map(|point| point.0).fold(0.0, f64::max);
    let (low, high) = points.iter().fold((f64::MAX, f64::MIN), |(lo, hi), point| (lo.min(point.1), hi.max(point.1)));
    let slack = ((high - low) * 0.15).max(0.5);
    let mut chart = ChartBuilder::on(area).margin(8).x_label_area_size(36).y_label_area_size(52).build_cartesian_2d(
        0.0..right * 1.25,
        low - slack..high + slack + (high - low) * 0.06 * study.models.len() as f64,
    )?;
    chart
        .configure_mesh()
        .x_labels(6)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.1}"))
        .x_desc("zip-6 in kB")
        .y_desc(if with_mce { "mCE" } else { "mean error in %" })
        .label_style((FONT, 13))
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .draw()?;
    for ((x, y, model), colour) in points.into_iter().zip(COLOURS.into_iter().cycle()) {
        chart
            .draw_series([Circle::new((x, y), 5, colour.filled())])?
            .label(format!("{} ({:.1} %)", label(model, 26), 100.0 * (1.0 - model.clean.error)))
            .legend(move |(x, y)| Circle::new((x + 7, y), 4, colour.filled()));
        if model.on_front {
            chart.draw_series([Circle::new((x, y), 9, colour.stroke_width(2))])?;
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .label_font((FONT, 13))
        .background_style(WHITE.mix(0.85))
        .draw()?;
    Ok(())
}

fn reliability<'a>(
    study: &'a Study,
    of: impl Fn(&'a RobustModel) -> Option<&'a CalibrationRow>,
    area: &Area<'_>,
) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(46)
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    chart
        .configure_mesh()
        .x_desc("confidence")
        .y_desc("accuracy")
        .x_labels(6)
        .y_labels(6)
        .label_style((FONT, 13))
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .draw()?;
    chart.draw_series(LineSeries::new([(0.0, 0.0), (1.0, 1.0)], RGBColor(170, 176, 186).stroke_width(1)))?;
    for (model, colour) in shown(study) {
        let Some(row) = of(model) else { continue };
        let bins = row.bins.iter().filter(|bin| bin.0 > 0);
        let points: Vec<(f64, f64)> = bins.map(|&(n, hits, confidence)| (confidence, hits as f64 / n as f64)).collect();
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(format!("{} (ECE {:.1} %)", label(model, 26), 100.0 * row.ece))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2)));
        chart.draw_series(points.into_iter().map(|point| Circle::new(point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font((FONT, 13))
        .background_style(WHITE.mix(0.85))
        .draw()
}
