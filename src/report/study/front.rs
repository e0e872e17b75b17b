//! Fronts with a tolerance: dominance is decided on figures that are not rounded, and it is said where noise decides.

use serde::Serialize;

use super::{FrontRow, Mean, PointRow, ToleranceRow};
use crate::metrics::hypervolume::hypervolume;
use crate::metrics::pareto::{Goal, front};

/// Accuracy, mCE, ratio.
const GOALS: [Goal; 3] = [Goal::Max, Goal::Min, Goal::Max];

/// Where hypervolume begins: no image right, twice the errors of the baseline, no compression.
pub(super) const REFERENCE: [f64; 3] = [0.0, 200.0, 1.0];

/// Less is noise: of accuracy and mCE by the binomial spread of large test sets, of sizes because archives of equal techniques differ
/// by some bytes from training to training.
pub(super) const TOLERANCE: ToleranceRow = ToleranceRow { accuracy: 0.1, mce: 0.2, ratio: 0.01 };

/// Where a point stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On the front.
    Front,
    /// On the front, but only by a difference within the tolerance: another point is better by more than noise in one figure and not
    /// worse by more than noise in any.
    ByNoise,
    /// Dominated, but by no more than the tolerance.
    Near,
    /// Dominated.
    #[default]
    Dominated,
}

impl Place {
    /// A mark for tables.
    #[must_use]
    pub const fn mark(self) -> &'static str {
        match self {
            Place::Front => "●",
            Place::ByNoise => "◐",
            Place::Near => "○",
            Place::Dominated => "",
        }
    }

    /// Whether no other point dominates it on figures that are not rounded.
    #[must_use]
    pub const fn on_front(self) -> bool {
        matches!(self, Place::Front | Place::ByNoise)
    }
}

/// The place of each of `points`: accuracy, fragility, ratio.
pub(super) fn places(points: &[[f64; 3]]) -> Vec<Place> {
    let exact = front(points, GOALS);
    let noise = [TOLERANCE.accuracy, TOLERANCE.mce, TOLERANCE.ratio];
    // How much better the first is, figure by figure; the ratio as a share.
    let gains = |a: &[f64; 3], b: &[f64; 3]| -> [f64; 3] { [a[0] - b[0], b[1] - a[1], (a[2] - b[2]) / b[2]] };
    let clearly = |gains: &[f64; 3]| gains.iter().zip(&noise).any(|(gain, noise)| gain > noise);
    let place = |(at, point): (usize, &[f64; 3])| {
        let others =
            || points.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| gains(other, point));
        if exact.contains(&at) {
            let not_worse = |gains: &[f64; 3]| gains.iter().zip(&noise).all(|(gain, noise)| *gain >= -noise);
            let beaten = others().any(|gains| not_worse(&gains) && clearly(&gains));
            return if beaten { Place::ByNoise } else { Place::Front };
        }
        let dominates = |gains: &[f64; 3]| gains.iter().all(|gain| *gain >= 0.0);
        let beaten =
            point.iter().any(|value| value.is_nan()) || others().any(|gains| dominates(&gains) && clearly(&gains));
        if beaten { Place::Dominated } else { Place::Near }
    };
    points.iter().enumerate().map(place).collect()
}

/// What a front is drawn from.
pub(super) struct Scope<'a> {
    pub(super) name: &'a str,
    pub(super) relative_to: &'static str,
    pub(super) points: Vec<&'a PointRow>,
    /// Ratio of each point.
    pub(super) ratios: Vec<f64>,
    /// mCE of each point.
    pub(super) mce: Vec<Option<f64>>,
}

/// The front of some points, and the place of each.
pub(super) fn of(scope: &Scope<'_>) -> (FrontRow, Vec<Place>) {
    let with_mce = scope.mce.iter().all(Option::is_some);
    let figures: Vec<[f64; 3]> = scope
        .points
        .iter()
        .zip(&scope.mce)
        .zip(&scope.ratios)
        .map(|((point, mce), ratio)| {
            let mean_error = point.mean_error.map_or(f64::NAN, |Mean { mean, .. }| mean);
            [point.accuracy.mean, if with_mce { mce.unwrap_or(f64::NAN) } else { mean_error }, *ratio]
        })
        .collect();
    let places = places(&figures);
    let named = |wanted: &dyn Fn(Place) -> bool| {
        let chosen = scope.points.iter().zip(&places).filter(|(_, place)| wanted(**place));
        chosen.map(|(point, _)| format!("{}/{}", point.network, point.recipe)).collect()
    };
    let row = FrontRow {
        scope: scope.name.to_owned(),
        relative_to: scope.relative_to,
        fragility: if with_mce { "mce" } else { "mean_error" },
        front: named(&Place::on_front),
        by_noise: named(&|place| place == Place::ByNoise),
        near: named(&|place| place == Place::Near),
        hypervolume: with_mce.then(|| hypervolume(&figures, REFERENCE, GOALS)),
        reference_point: REFERENCE,
    };
    (row, places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_told_from_differences() {
        let points = [
            [90.0, 100.0, 1.0],
            // Better by noise in accuracy alone, clearly worse in size than the next.
            [90.05, 100.0, 3.0],
            [90.0, 99.9, 4.0],
            // Dominated by 0.05 points and 0.1 of mCE, same size.
            [89.95, 100.0, 4.0],
            [89.0, 105.0, 4.0],
            [f64::NAN, 90.0, 9.0],
            // There by a few bytes.
            [80.0, 110.0, 4.01],
        ];
        let found = places(&points);
        assert_eq!(found[..5], [Place::Dominated, Place::ByNoise, Place::Front, Place::Near, Place::Dominated]);
        assert_eq!(found[6], Place::ByNoise);
    }

    #[test]
    fn the_studys_own_front() {
        // SPEC F, CIFAR-10, with mCE that is not rounded: a sixth point.
        let points = [
            [93.46, 76.7, 3.125],
            [93.45, 76.7, 5.729],
            [92.67, 76.7, 8.131],
            [75.06, 95.0, 8.992],
            [74.19, 98.4, 9.428],
            [93.26, 76.51, 1.64],
        ];
        let found = places(&points);
        assert!(found.iter().all(|place| place.on_front()));
        assert_eq!(found[0], Place::ByNoise, "0.01 points for nearly twice the size");
        assert_eq!(found[5], Place::ByNoise, "0.19 of mCE for three times the size");
        assert_eq!(found[1], Place::Front);
    }
}
