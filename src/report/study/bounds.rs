//! Which recipes keep within bounds, and what stands in the way of the others.

use super::{BoundRow, BoundValue, BoundValues, BoundsRow, Mean, PointRow, StudyReport};
use crate::study::bounds::{Bound, Bounds, Figure};

/// The verdict on every recipe of `report`.
#[must_use]
pub fn judge(report: &StudyReport, bounds: &Bounds) -> BoundsRow {
    let Bounds(bounds) = bounds;
    let allows = |bound: &Bound, point: &PointRow| bound.allows(value(bound.figure, point));
    let mut met: Vec<&PointRow> =
        report.points.iter().filter(|point| bounds.iter().all(|bound| allows(bound, point))).collect();
    met.sort_by(|a, b| a.zip6.mean.total_cmp(&b.zip6.mean));
    let row = |bound: &Bound| {
        let found = |point: &PointRow| {
            let (network, recipe) = (point.network.clone(), point.recipe.clone());
            Some(BoundValue { network, recipe, value: value(bound.figure, point)? })
        };
        let closest_first = |mut values: Vec<BoundValue>| {
            values.sort_by(|a, b| bound.excess(a.value).total_cmp(&bound.excess(b.value)));
            values
        };
        let others = |point: &&PointRow| {
            !allows(bound, point) && bounds.iter().filter(|other| *other != bound).all(|other| allows(other, point))
        };
        BoundRow {
            bound: bound.to_string(),
            figure: bound.figure.name(),
            limit: bound.limit,
            met_by: report.points.iter().filter(|point| allows(bound, point)).count(),
            closest: closest_first(report.points.iter().filter_map(found).collect()).into_iter().next(),
            only_this_fails: closest_first(report.points.iter().filter(others).filter_map(found).collect()),
        }
    };
    let values = |point: &&PointRow| BoundValues {
        network: point.network.clone(),
        recipe: point.recipe.clone(),
        values: bounds.iter().filter_map(|bound| value(bound.figure, point)).collect(),
        zip6: point.zip6.mean,
    };
    BoundsRow { bounds: bounds.iter().map(row).collect(), met_by: met.iter().map(values).collect() }
}

fn value(figure: Figure, point: &PointRow) -> Option<f64> {
    let mean = |mean: Mean| Some(mean.mean);
    match figure {
        Figure::Drop => mean(point.drop),
        Figure::Mce => point.mce.and_then(mean),
        Figure::Accuracy => mean(point.accuracy),
        Figure::Flash => mean(point.raw),
        Figure::Ram => mean(point.ram),
        Figure::Zip => mean(point.zip6),
    }
}

impl BoundsRow {
    /// For people.
    #[must_use]
    pub fn to_text(&self, points: usize) -> String {
        let show = |row: &BoundRow, value: f64| {
            let figure = Figure::ALL.into_iter().find(|figure| figure.name() == row.figure);
            figure.map_or_else(|| value.to_string(), |figure| figure.show(value))
        };
        let mut text = String::new();
        if !self.met_by.is_empty() {
            let bounds: Vec<&str> = self.bounds.iter().map(|row| row.bound.as_str()).collect();
            text += &format!("{} of {points} keep within {}:\n", self.met_by.len(), bounds.join(", "));
            for met in &self.met_by {
                let values = self.bounds.iter().zip(&met.values);
                let values: Vec<String> =
                    values.map(|(row, value)| format!("{} {}", row.figure, show(row, *value))).collect();
                text += &format!("  {} {}: {}\n", met.network, met.recipe, values.join(", "));
            }
            return text;
        }
        text += &format!("none of {points} keeps within all bounds:\n");
        for row in &self.bounds {
            text += &format!("  {}: {} of {points} alone", row.bound, row.met_by);
            if let Some(best) = &row.closest {
                text += &format!("; best is {} {} with {}", best.network, best.recipe, show(row, best.value));
            } else {
                text += "; it was not measured";
            }
            if let Some(next) = row.only_this_fails.first() {
                text += &format!(
                    "; without this bound {} {} would do ({}{})",
                    next.network,
                    next.recipe,
                    show(row, next.value),
                    match row.only_this_fails.len() {
                        1 => String::new(),
                        more => format!(", and {} more", more - 1),
                    }
                );
            }
            text.push('\n');
        }
        text
    }
}
