//! Curves: error over severity, loss and accuracy over epochs.

use std::fmt::Write;

use edgebench_train::fit::Epoch;
use plotters::prelude::*;

use crate::report::robust::html::plots::{Area, COLOURS, Drawn, FONT, GRID, panel};
use crate::report::robust::junit::escaped;
use crate::report::study::{NetworkRow, PointRow, StudyReport};
use crate::study::control;
use crate::study::facts::EpochRow;
use crate::train::history::plot;

/// Error over severity of the network itself, the control and the front, as far as they can be told apart.
pub(super) fn severities(report: &StudyReport, network: &NetworkRow, points: &[&PointRow]) -> String {
    let base = &report.recipes[0].recipe;
    let first = points.iter().filter(|point| point.recipe == *base || point.recipe == control::NAME);
    let others = points.iter().filter(|point| point.recipe != *base && point.recipe != control::NAME);
    let mut front: Vec<&&PointRow> = others.filter(|point| point.place.on_front()).collect();
    front.sort_by(|a, b| b.ratio.mean.total_cmp(&a.ratio.mean));
    let shown: Vec<&PointRow> = first.chain(front).copied().take(COLOURS.len()).collect();
    let mut xs = vec![0.0];
    xs.extend(report.severities.iter().map(|level| f64::from(*level)));
    let line = |point: &&PointRow| -> (String, Vec<(f64, f64)>) {
        (point.recipe.clone(), xs.iter().copied().zip(point.error_by_severity.iter().copied()).collect())
    };
    let lines: Vec<_> = shown.iter().map(line).collect();
    let mut html = String::from("<div class=\"panels gap\">\n");
    html += &panel("Error over severity: itself, control, front", |area| over(&lines, area));
    let gains: Vec<_> = lines
        .iter()
        .skip(1)
        .map(|(name, points)| {
            let less = points.iter().zip(&lines[0].1).map(|((x, y), (_, base))| (*x, y - base)).collect();
            (name.clone(), less)
        })
        .collect();
    if !gains.is_empty() {
        html += &panel(&format!("The same less that of {} itself, in points", escaped(&network.network)), |area| {
            over(&gains, area)
        });
    }
    html + "</div>\n"
}

fn over(lines: &[(String, Vec<(f64, f64)>)], area: &Area<'_>) -> Drawn {
    let values = || lines.iter().flat_map(|line| &line.1);
    let (low, high) = values().fold((0.0_f64, 0.1_f64), |(lo, hi), point| (lo.min(point.1), hi.max(point.1)));
    let last = values().map(|point| point.0).fold(1.0, f64::max);
    let room = 0.08 * (high - low);
    let offset = if lines.len() < COLOURS.len() && low < 0.0 { 1 } else { 0 };
    let mut chart = ChartBuilder::on(area)
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(46)
        .build_cartesian_2d(0.0..last, low - if low < 0.0 { room } else { 0.0 }..high + (high - low) * 0.5)?;
    chart
        .configure_mesh()
        .x_labels(6)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.1}"))
        .x_desc("severity")
        .y_desc("error in %")
        .label_style((FONT, 13))
        .light_line_style(WHITE)
        .bold_line_style(GRID)
        .draw()?;
    for ((name, points), colour) in lines.iter().zip(COLOURS.into_iter().cycle().skip(offset)) {
        chart
            .draw_series(LineSeries::new(points.clone(), colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2)));
        chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font((FONT, 13))
        .background_style(WHITE.mix(0.85))
        .draw()
}

/// Loss and accuracy of every training, folded away.
pub(super) fn histories(report: &StudyReport) -> String {
    let mut html = String::from("<h2>Trainings</h2>\n");
    for network in &report.networks {
        for &seed in &report.seeds {
            let name = &network.network;
            let mut plots = String::new();
            for training in network.trainings.iter().filter(|training| training.seed == seed) {
                plots += &curve(&format!("{name}, from scratch"), training.best_epoch, &training.epochs);
            }
            for stage in report.stages.iter().filter(|stage| stage.network == *name && stage.seed == seed) {
                plots += &curve(&format!("{name}, {}", stage.name), stage.best_epoch, &stage.epochs);
                let kept: Vec<String> = stage.kept.iter().map(|promise| escaped(promise)).collect();
                if !kept.is_empty() {
                    let _ = writeln!(plots, "<p class=\"note\">kept: {}</p>", kept.join("; "));
                }
            }
            if !plots.is_empty() {
                let _ = write!(
                    html,
                    "<details><summary>{}, seed {seed}</summary>\n<div class=\"panel courses\">\n{plots}</div></details>\n",
                    escaped(name)
                );
            }
        }
    }
    html
}

fn curve(title: &str, best: Option<usize>, epochs: &[EpochRow]) -> String {
    let epoch = |row: &EpochRow| Epoch {
        epoch: row.epoch,
        rate: row.rate,
        loss: row.loss,
        accuracy: row.accuracy,
        valid_loss: row.valid_loss,
        valid_accuracy: row.valid_accuracy,
        seconds: 0.0,
    };
    let history: Vec<Epoch> = epochs.iter().map(epoch).collect();
    let best = best.map_or(String::new(), |best| format!(" (epoch {best} kept)"));
    plot(&format!("{title}{best}"), &history) + "\n"
}
