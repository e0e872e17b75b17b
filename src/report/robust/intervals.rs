//! Bootstrap intervals of everything that is made of many cells.

use super::assemble::{Material, Measured};
use crate::metrics::bootstrap::{Outcomes, Plan, interval95, resample};
use crate::metrics::ce::{Comparison, ErrorRow, ErrorTable, Rounding, compare};

/// 95 % intervals of a model's figures.
#[derive(Clone, Debug, Default)]
pub(super) struct Intervals {
    pub(super) mean_error: Option<[f64; 2]>,
    pub(super) mce: Option<[f64; 2]>,
    pub(super) relative_mce: Option<[f64; 2]>,
    pub(super) mce_difference: Option<[f64; 2]>,
    pub(super) ce: Vec<Option<[f64; 2]>>,
}

/// What a model is compared with while images are drawn again.
#[derive(Clone, Copy, Debug)]
pub(super) enum Against<'a> {
    Nothing,
    /// The model of this index, drawn with the others.
    Model(usize),
    /// Fixed figures.
    Table(&'a ErrorTable),
}

/// Of all `models` of `material` (those with cells missing have none).
pub(super) fn intervals(
    material: &Material<'_>,
    models: &[&Measured<'_>],
    against: Against<'_>,
    plan: Plan,
) -> Vec<Intervals> {
    let whole: Vec<usize> = (0..models.len()).filter(|&at| models[at].missing(material) == 0).collect();
    let outcomes: Vec<Outcomes> = whole.iter().map(|&at| outcomes(material, models[at])).collect();
    let against = match against {
        Against::Model(base) => whole.iter().position(|&at| at == base).map_or(Against::Nothing, Against::Model),
        other => other,
    };
    let figures = |errors: &[Vec<f64>]| -> Vec<Figures> {
        let tables: Vec<ErrorTable> = errors.iter().map(|errors| table(material, errors)).collect();
        let base = match against {
            Against::Nothing => None,
            Against::Model(base) => Some(&tables[base]),
            Against::Table(table) => Some(table),
        };
        tables.iter().map(|table| Figures::of(table, base)).collect()
    };
    let samples = if whole.is_empty() || plan.resamples == 0 { Vec::new() } else { resample(&outcomes, plan, figures) };
    let paired = matches!(against, Against::Model(_));
    let mut all = vec![Intervals::default(); models.len()];
    for (column, &at) in whole.iter().enumerate() {
        let over = |figure: &dyn Fn(&Figures) -> Option<f64>| {
            let values: Option<Vec<f64>> = samples.iter().map(|sample| figure(&sample[column])).collect();
            values.and_then(|values| interval95(&values))
        };
        let kinds = samples.first().and_then(|sample| sample[column].comparison.as_ref()).map_or(0, |c| c.ce.len());
        let of = |c: &Comparison| c.mce;
        all[at] = Intervals {
            mean_error: over(&|f| Some(f.mean_error)),
            mce: over(&|f| f.comparison.as_ref().map(of)),
            relative_mce: over(&|f| f.comparison.as_ref().and_then(|c| c.relative_mce)),
            mce_difference: if paired { over(&|f| f.comparison.as_ref().map(|c| c.mce - 100.0)) } else { None },
            ce: (0..kinds).map(|kind| over(&|f| f.comparison.as_ref().map(|c| c.ce[kind]))).collect(),
        };
    }
    all
}

struct Figures {
    mean_error: f64,
    comparison: Option<Comparison>,
}

impl Figures {
    fn of(table: &ErrorTable, base: Option<&ErrorTable>) -> Self {
        let comparison = base.and_then(|base| compare(table, base, Rounding::Exact).ok());
        Self { mean_error: table.mean(), comparison }
    }
}

fn outcomes(material: &Material<'_>, model: &Measured<'_>) -> Outcomes {
    let n = material.data.n;
    let answers: Vec<Vec<u16>> = material
        .conditions
        .iter()
        .map(|condition| model.by_condition.get(condition).and_then(|answers| answers.whole(n)).unwrap_or_default())
        .collect();
    let labels = &material.data.labels;
    Outcomes::new(labels.len(), answers.len(), |condition, image| answers[condition][image] != labels[image])
}

/// Error rates in the order of the conditions, clean first, as a table.
pub(super) fn table(material: &Material<'_>, errors: &[f64]) -> ErrorTable {
    let mut table = ErrorTable { clean: f64::NAN, rows: Vec::new() };
    for (condition, &error) in material.conditions.iter().zip(errors) {
        match condition.level() {
            0 => table.clean = error,
            level => {
                if table.rows.last().is_none_or(|row: &ErrorRow| row.name != condition.name()) {
                    let name = condition.name().to_owned();
                    table.rows.push(ErrorRow { name, severities: Vec::new(), errors: Vec::new() });
                }
                if let Some(row) = table.rows.last_mut() {
                    row.severities.push(level);
                    row.errors.push(error);
                }
            }
        }
    }
    table
}
