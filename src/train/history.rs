//! The history of a training as a plot.

use edgebench_train::fit::Epoch;
use plotters::prelude::*;

const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);
const FONT: &str = "sans-serif";

/// Loss on the left, accuracy on the right, over epochs, as SVG.
#[must_use]
pub fn plot(title: &str, history: &[Epoch]) -> String {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (900, 360)).into_drawing_area();
        // A string takes everything; there is nothing to report.
        let _ = draw(&area, title, history);
        let _ = area.present();
    }
    svg
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
/// Name, points, colour.
type Line = (&'static str, Vec<(f64, f64)>, RGBColor);
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

fn draw(area: &Area<'_>, title: &str, history: &[Epoch]) -> Drawn {
    area.fill(&WHITE)?;
    let area = area.titled(title, (FONT, 16))?;
    let (left, right) = area.split_horizontally(450);
    let lines = |train: fn(&Epoch) -> f64, valid: fn(&Epoch) -> Option<f64>| {
        let train = history.iter().map(|epoch| (epoch.epoch as f64, train(epoch))).collect();
        let valid = history.iter().filter_map(|epoch| Some((epoch.epoch as f64, valid(epoch)?))).collect();
        [("training", train, BLUE), ("validation", valid, ORANGE)]
    };
    panel(&left, "loss", lines(|epoch| epoch.loss, |epoch| epoch.valid_loss))?;
    let percent = lines(|epoch| 100.0 * epoch.accuracy, |epoch| epoch.valid_accuracy.map(|share| 100.0 * share));
    panel(&right, "accuracy in %", percent)
}

fn panel(area: &Area<'_>, what: &str, lines: [Line; 2]) -> Drawn {
    let points = || lines.iter().flat_map(|line| &line.1);
    let last = points().map(|point| point.0).fold(1.0, f64::max);
    let (low, high) = points().fold((f64::MAX, f64::MIN), |(low, high), point| (low.min(point.1), high.max(point.1)));
    let (low, high) = if low < high { (low, high) } else { (low.min(0.0), low.max(1.0)) };
    let room = 0.06 * (high - low);
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .build_cartesian_2d(1.0..last.max(2.0), low - room..high + room)?;
    chart
        .configure_mesh()
        // One label for each epoch, as long as there is room.
        .x_labels((last as usize).clamp(2, 10))
        .x_desc("epoch")
        .y_desc(what)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .label_style((FONT, 13))
        .light_line_style(WHITE)
        .bold_line_style(RGBColor(230, 233, 238))
        .draw()?;
    for (name, points, colour) in lines {
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2)));
    }
    let at = if what == "loss" { SeriesLabelPosition::UpperRight } else { SeriesLabelPosition::LowerRight };
    chart.configure_series_labels().position(at).label_font((FONT, 13)).background_style(WHITE.mix(0.85)).draw()
}
