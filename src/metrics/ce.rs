//! Corruption errors (Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
//! Perturbations", ICLR 2019), as the study on compressed networks takes them (relative to the uncompressed network).

/// Error rates of a model, 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorTable {
    /// On clean images.
    pub clean: f64,
    /// One row for each corruption.
    pub rows: Vec<ErrorRow>,
}

/// Error rates under one corruption.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorRow {
    /// Name of the corruption.
    pub name: String,
    /// Levels, ascending; as many as `errors`.
    pub severities: Vec<u8>,
    /// Error rate at each severity, 0 to 1.
    pub errors: Vec<f64>,
}

/// How figures are rounded on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// Not at all.
    #[default]
    Exact,
    /// As the study on compressed networks does: every CE to an integer (half to even) before the mean is taken, which is then
    /// rounded to one decimal. It moves mCE by up to 0.2.
    Paper,
}

/// A model against a baseline. All figures in per cent of the baseline's.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// CE of every corruption: `100 * sum_s E / sum_s B`.
    pub ce: Vec<f64>,
    /// Their mean.
    pub mce: f64,
    /// Relative CE of every corruption, `100 * sum_s (E - E_clean) / sum_s (B - B_clean)`; none where the baseline loses nothing.
    pub relative: Vec<Option<f64>>,
    /// Their mean; none if one of them is missing.
    pub relative_mce: Option<f64>,
}

/// Why two tables cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CeError {
    /// There is no corruption.
    #[error("there is no corruption to compare")]
    Empty,
    /// The baseline was not measured under a corruption.
    #[error("the baseline was not measured under {0}; measure it with the same --corruptions")]
    Missing(String),
    /// The baseline was measured at other severities.
    #[error("{name}: severities {found:?}, the baseline has {expected:?}; measure both with the same --severity")]
    Severities {
        /// The corruption.
        name: String,
        /// Of the model.
        found: Vec<u8>,
        /// Of the baseline.
        expected: Vec<u8>,
    },
    /// The baseline makes no error, so nothing can be divided by its errors.
    #[error("{0}: the baseline makes no error at all, a corruption error is not defined; take another baseline")]
    Perfect(String),
}

impl ErrorTable {
    /// Mean error rate over all cells with a corruption (uniform mean: no baseline needed); not a number without any.
    #[must_use]
    pub fn mean(&self) -> f64 {
        let all = || self.rows.iter().flat_map(|row| &row.errors);
        all().sum::<f64>() / all().count() as f64
    }

    /// The row of a corruption.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<&ErrorRow> {
        self.rows.iter().find(|row| row.name == name)
    }
}

/// Compares `model` with `baseline`, corruption by corruption in the order of `model`.
///
/// # Errors
/// A baseline without one of the corruptions or severities, or without errors.
pub fn compare(model: &ErrorTable, baseline: &ErrorTable, rounding: Rounding) -> Result<Comparison, CeError> {
    if model.rows.is_empty() {
        return Err(CeError::Empty);
    }
    let (mut ce, mut relative) = (Vec::new(), Vec::new());
    for row in &model.rows {
        let base = baseline.row(&row.name).ok_or_else(|| CeError::Missing(row.name.clone()))?;
        if base.severities != row.severities {
            let (found, expected) = (row.severities.clone(), base.severities.clone());
            return Err(CeError::Severities { name: row.name.clone(), found, expected });
        }
        let (errors, expected) = (sum(&row.errors, 0.0), sum(&base.errors, 0.0));
        if expected <= 0.0 {
            return Err(CeError::Perfect(row.name.clone()));
        }
        ce.push(rounding.each(100.0 * errors / expected));
        let (loss, expected) = (sum(&row.errors, model.clean), sum(&base.errors, baseline.clean));
        relative.push((expected > 0.0).then(|| rounding.each(100.0 * loss / expected)));
    }
    let mce = rounding.mean(&ce);
    let relative_mce = relative.iter().copied().collect::<Option<Vec<f64>>>().map(|all| rounding.mean(&all));
    Ok(Comparison { ce, mce, relative, relative_mce })
}

fn sum(errors: &[f64], clean: f64) -> f64 {
    errors.iter().map(|error| error - clean).sum()
}

impl Rounding {
    /// `"exact"` or `"paper"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Paper => "paper",
        }
    }

    fn each(self, value: f64) -> f64 {
        match self {
            Self::Exact => value,
            Self::Paper => value.round_ties_even(),
        }
    }

    fn mean(self, values: &[f64]) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        match self {
            Self::Exact => mean,
            Self::Paper => (mean * 10.0).round_ties_even() / 10.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(clean: f64, rows: &[(&str, &[f64])]) -> ErrorTable {
        let row = |&(name, errors): &(&str, &[f64])| ErrorRow {
            name: name.into(),
            severities: (1..=errors.len() as u8).collect(),
            errors: errors.to_vec(),
        };
        ErrorTable { clean, rows: rows.iter().map(row).collect() }
    }

    #[test]
    fn a_model_is_its_own_hundred_per_cent() {
        let model = table(0.1, &[("fog", &[0.2, 0.3]), ("snow", &[0.25, 0.5])]);
        let found = compare(&model, &model, Rounding::Exact).expect("comparable");
        assert_eq!((found.ce, found.mce, found.relative_mce), (vec![100.0, 100.0], 100.0, Some(100.0)));
        assert_eq!(model.mean(), 0.3125);
    }

    #[test]
    fn the_study_rounds_before_the_mean() {
        // 41/64 and 43/64 of 5/8 are 102.5 % and 107.5 %, exactly.
        let halves = table(0.0, &[("fog", &[0.640_625]), ("snow", &[0.671_875])]);
        let base = table(0.0, &[("fog", &[0.625]), ("snow", &[0.625])]);
        assert_eq!(compare(&halves, &base, Rounding::Exact).expect("comparable").ce, [102.5, 107.5]);
        assert_eq!(compare(&halves, &base, Rounding::Paper).expect("comparable").ce, [102.0, 108.0]);
    }

    #[test]
    fn what_cannot_be_compared_is_named() {
        let (model, fog) = (table(0.0, &[("fog", &[0.1])]), table(0.0, &[("fog", &[0.0])]));
        let missing = compare(&model, &table(0.0, &[]), Rounding::Exact);
        assert_eq!(missing, Err(CeError::Missing("fog".into())));
        assert_eq!(compare(&model, &fog, Rounding::Exact), Err(CeError::Perfect("fog".into())));
        assert!(matches!(
            compare(&table(0.0, &[("fog", &[0.1, 0.2])]), &model, Rounding::Exact),
            Err(CeError::Severities { .. })
        ));
        assert_eq!(compare(&table(0.0, &[]), &model, Rounding::Exact), Err(CeError::Empty));
    }
}
