//! Means over seeds.

use super::{Mean, ModelRow, Place, PointRow};
use crate::eval::statistics::wilson95;

impl Mean {
    /// Of one value or more.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        Self { mean, spread: (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt()) }
    }
}

/// The point of the models of one network and recipe; at least one.
pub(super) fn point(models: &[&ModelRow]) -> PointRow {
    let first = models[0];
    let over =
        |figure: &dyn Fn(&ModelRow) -> f64| Mean::of(&models.iter().map(|model| figure(model)).collect::<Vec<_>>());
    // Of some seeds alone would be another figure.
    let all = |figure: &dyn Fn(&ModelRow) -> Option<f64>| {
        let values: Option<Vec<f64>> = models.iter().map(|model| figure(model)).collect();
        values.map(|values| Mean::of(&values))
    };
    let (hits, n) = models.iter().fold((0, 0), |(hits, n), model| (hits + model.clean.hits, n + model.clean.n));
    let (lo, hi) = wilson95(hits, n);
    PointRow {
        network: first.network.clone(),
        recipe: first.recipe.clone(),
        code: first.code,
        seeds: models.len(),
        accuracy: over(&accuracy),
        ci95: [100.0 * lo, 100.0 * hi],
        drop: over(&|model| model.drop),
        mean_error: all(&|model| model.mean_error.map(|figure| 100.0 * figure.value)),
        mce: all(&|model| model.mce.map(|figure| figure.value)),
        relative_mce: all(&|model| model.relative_mce.map(|figure| figure.value)),
        reference_mce: all(&|model| model.reference_mce),
        control_accuracy: all(&|model| model.against_control.map(|difference| difference.accuracy)),
        control_mce: all(&|model| model.against_control.and_then(|difference| difference.mce)),
        ratio: over(&|model| model.size.ratio),
        raw: over(&|model| model.size.raw as f64),
        zip6: over(&|model| model.size.zip6 as f64),
        entropy: over(&|model| model.size.entropy as f64),
        ram: over(&|model| model.size.ram as f64),
        error_by_severity: (0..first.error_by_severity.len())
            .map(|at| over(&|model| 100.0 * model.error_by_severity.get(at).copied().unwrap_or(f64::NAN)).mean)
            .collect(),
        place: Place::default(),
    }
}

/// In per cent.
pub(super) fn accuracy(model: &ModelRow) -> f64 {
    100.0 * model.clean.hits as f64 / model.clean.n.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_that_of_a_sample() {
        assert_eq!(Mean::of(&[2.0]), Mean { mean: 2.0, spread: None });
        assert_eq!(Mean::of(&[1.0, 3.0]), Mean { mean: 2.0, spread: Some(2.0_f64.sqrt()) });
    }
}
