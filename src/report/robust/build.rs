//! From a ledger to figures.

use super::assemble::{Answers, BuildError, Material, Measured, materials};
use super::intervals::{Against, Intervals, intervals, table};
use super::{
    BaselineRow, CalibrationRow, CellRow, CorruptionRow, DataRow, Figure, FlipsRow, ImagesRow, RobustModel,
    RobustReport, Study,
};
use crate::eval::statistics::wilson95;
use crate::metrics::bootstrap::Plan;
use crate::metrics::calibration;
use crate::metrics::ce::{Comparison, ErrorTable, Rounding, compare};
use crate::metrics::paired::Flips;
use crate::metrics::pareto::{Goal, front};
use crate::robust::cell::{Bin, CONFIDENCE_ONE};
use crate::robust::condition::Condition;
use crate::robust::ledger::Store;
use crate::robust::ledger::record::Setting;

/// What CE is relative to.
#[derive(Clone, Debug)]
pub enum Baseline {
    /// The model of the ledger with this file name, with or without `.tflite`, or whose SHA-256 begins so.
    Model(String),
    /// Figures from elsewhere.
    Table {
        /// For people.
        name: String,
        /// `"result"` or `"published"`.
        origin: &'static str,
        /// The error rates.
        table: ErrorTable,
    },
}

/// How figures are made.
#[derive(Clone, Debug)]
pub struct Options {
    /// What CE is relative to; without one there is no CE.
    pub baseline: Option<Baseline>,
    /// Of CE and mCE.
    pub rounding: Rounding,
    /// Bootstrap samples and their seed.
    pub plan: Plan,
}

/// The report of a ledger.
///
/// # Errors
/// A ledger without a measurement or whose parts do not fit, or a baseline that is not there.
pub fn build(store: &Store, options: &Options) -> Result<RobustReport, BuildError> {
    let studies = materials(store)?.iter().map(|material| study(material, options)).collect::<Result<_, _>>()?;
    let edgebench = env!("CARGO_PKG_VERSION").to_owned();
    let (devices, boards) = (store.devices().iter().cloned().collect(), store.boards().iter().cloned().collect());
    Ok(RobustReport { schema: RobustReport::SCHEMA.into(), edgebench, studies, devices, boards })
}

fn study(material: &Material<'_>, options: &Options) -> Result<Study, BuildError> {
    let base = match &options.baseline {
        Some(Baseline::Model(name)) => Some(find(material, name)?),
        _ => None,
    };
    let mut models: Vec<&Measured<'_>> = material.models.iter().collect();
    models.sort_by_key(|model| (base.is_none_or(|base| base.key != model.key), &model.fact.file, model.key));
    let (row, against) = match &options.baseline {
        None => (None, Against::Nothing),
        Some(Baseline::Model(_)) => {
            let name = models.first().map_or_else(String::new, |model| model.fact.file.clone());
            (Some(BaselineRow { name, origin: "model".into() }), Against::Model(0))
        }
        Some(Baseline::Table { name, origin, table }) => {
            (Some(BaselineRow { name: name.clone(), origin: (*origin).into() }), Against::Table(table))
        }
    };
    let intervals = intervals(material, &models, against, options.plan);
    let maker = Maker { material, base: base.map(|_| models[0]), against, rounding: options.rounding };
    let mut rows = models
        .iter()
        .zip(&intervals)
        .map(|(model, intervals)| maker.model(model, intervals))
        .collect::<Result<Vec<_>, _>>()?;
    mark_front(&mut rows);
    Ok(Study {
        data: data_row(material),
        images: images_row(material),
        corruptions: names(material),
        severities: levels(material),
        rounding: options.rounding.name().into(),
        baseline: row,
        notes: notes(&rows, material),
        models: rows,
    })
}

fn find<'a>(material: &'a Material<'_>, name: &str) -> Result<&'a Measured<'a>, BuildError> {
    let bare = |file: &str| file.strip_suffix(".tflite").unwrap_or(file).to_owned();
    let is = |model: &&Measured<'_>| {
        bare(&model.fact.file) == bare(name) || (name.len() >= 8 && model.key.sha256.starts_with(name))
    };
    material.models.iter().find(is).ok_or_else(|| {
        let there: Vec<&str> = material.models.iter().map(|model| model.fact.file.as_str()).collect();
        BuildError::NoBaseline { name: name.into(), there: there.join(", ") }
    })
}

fn names(material: &Material<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for condition in material.conditions.iter().filter(|condition| condition.level() > 0) {
        if names.last().is_none_or(|last| last != condition.name()) {
            names.push(condition.name().into());
        }
    }
    names
}

fn levels(material: &Material<'_>) -> Vec<u8> {
    let mut levels: Vec<u8> = material.conditions.iter().map(|c| c.level()).filter(|&level| level > 0).collect();
    levels.sort_unstable();
    levels.dedup();
    levels
}

fn data_row(material: &Material<'_>) -> DataRow {
    let fact = material.data.clone();
    DataRow {
        name: fact.name,
        split: fact.split,
        n: fact.n,
        classes: fact.classes,
        sha256: fact.sha256,
        attribution: fact.attribution,
    }
}

fn images_row(material: &Material<'_>) -> ImagesRow {
    match material.setting.clone() {
        Setting::Generated { constants, seed, generator, .. } => ImagesRow {
            origin: "generated".into(),
            constants: Some(constants),
            seed: Some(seed),
            generator: Some(generator),
            files: Vec::new(),
        },
        Setting::Files => {
            let files = material.models.first().map(Measured::files).unwrap_or_default();
            let files = files.into_iter().map(|(name, hash)| [name.to_owned(), hash]).collect();
            ImagesRow { origin: "files".into(), constants: None, seed: None, generator: None, files }
        }
    }
}

fn notes(models: &[RobustModel], material: &Material<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for model in models.iter().filter(|model| model.missing > 0) {
        notes.push(format!("{}: {} of its inferences are still missing", model.file, model.missing));
    }
    if names(material).iter().any(|name| name == edgebench_corrupt::SYNTHETIC_FROST) {
        notes.push("frost was drawn (frost-synthetic), not laid over with photographs".into());
    }
    notes
}

fn mark_front(models: &mut [RobustModel]) {
    let point = |model: &RobustModel| {
        let fragile = model.mce.or(model.mean_error).map_or(f64::NAN, |figure| figure.value);
        [1.0 - model.clean.error, fragile, model.zip6_bytes as f64]
    };
    let points: Vec<[f64; 3]> = models.iter().map(point).collect();
    for at in front(&points, [Goal::Max, Goal::Min, Goal::Min]) {
        models[at].on_front = true;
    }
}

/// Makes the rows of models.
struct Maker<'a> {
    material: &'a Material<'a>,
    /// The baseline, if it is a model of the ledger.
    base: Option<&'a Measured<'a>>,
    against: Against<'a>,
    rounding: Rounding,
}

impl Maker<'_> {
    fn model(&self, model: &Measured<'_>, intervals: &Intervals) -> Result<RobustModel, BuildError> {
        let errors = error_table(self.material, model);
        let comparison = self.comparison(model, &errors)?;
        let is_base = self.base.is_some_and(|base| base.key == model.key);
        let figure = |value: Option<f64>, ci95| value.filter(|v| v.is_finite()).map(|value| Figure { value, ci95 });
        let fact = model.fact;
        let other = self.base.filter(|_| !is_base);
        let mce = comparison.as_ref().map(|c| c.mce);
        Ok(RobustModel {
            file: fact.file.clone(),
            sha256: fact.sha256.clone(),
            arithmetic: fact.arithmetic.clone(),
            pixels: fact.pixels.clone(),
            image: fact.image.clone(),
            raw_bytes: fact.raw_bytes,
            zip6_bytes: fact.zip6_bytes,
            compression: self.base.map(|base| base.fact.zip6_bytes as f64 / fact.zip6_bytes.max(1) as f64),
            macs: fact.macs,
            inferences: model.by_condition.values().map(|answers| answers.n).sum(),
            missing: model.missing(self.material),
            clean: cell(0, model.by_condition.get(&Condition::Clean)),
            corruptions: self.corruptions(model, comparison.as_ref(), intervals),
            mean_error: figure(Some(errors.mean()), intervals.mean_error),
            mce: figure(mce, intervals.mce),
            relative_mce: figure(comparison.as_ref().and_then(|c| c.relative_mce), intervals.relative_mce),
            mce_difference: other.and_then(|_| figure(mce.map(|mce| mce - 100.0), intervals.mce_difference)),
            calibration_clean: calibration(model.by_condition.get(&Condition::Clean)),
            calibration_corrupted: Some(calibration(corrupted(model).map(|(_, answers)| answers)))
                .filter(|row| row.bins.iter().any(|bin| bin.0 > 0)),
            flips_clean: other.and_then(|base| self.flips(base, model, &|condition| condition == Condition::Clean)),
            flips_corrupted: other.and_then(|base| self.flips(base, model, &|condition| condition != Condition::Clean)),
            on_front: false,
        })
    }

    /// Against the baseline, as soon as both have been measured under all conditions.
    fn comparison(&self, model: &Measured<'_>, errors: &ErrorTable) -> Result<Option<Comparison>, BuildError> {
        let has_cells =
            |model: &Measured<'_>| self.material.conditions.iter().all(|c| model.by_condition.contains_key(c));
        let own;
        let base = match (self.against, self.base) {
            (Against::Table(table), _) => table,
            (Against::Model(_), Some(base)) if has_cells(base) => {
                own = error_table(self.material, base);
                &own
            }
            _ => return Ok(None),
        };
        if !has_cells(model) || errors.rows.is_empty() {
            return Ok(None);
        }
        let wrong = |source| BuildError::Compare { model: model.fact.file.clone(), source };
        compare(errors, base, self.rounding).map(Some).map_err(wrong)
    }

    fn corruptions(
        &self,
        model: &Measured<'_>,
        comparison: Option<&Comparison>,
        intervals: &Intervals,
    ) -> Vec<CorruptionRow> {
        let row = |(at, name): (usize, String)| {
            let cells: Vec<CellRow> = corrupted(model)
                .filter(|(condition, _)| condition.name() == name)
                .map(|(condition, answers)| cell(condition.level(), Some(answers)))
                .collect();
            let error = cells.iter().map(|cell| cell.error).sum::<f64>() / cells.len() as f64;
            let ce = comparison.map(|c| Figure { value: c.ce[at], ci95: intervals.ce.get(at).copied().flatten() });
            CorruptionRow { name, cells, error, ce, relative_ce: comparison.and_then(|c| c.relative[at]) }
        };
        let rows = names(self.material).into_iter().enumerate().map(row);
        rows.filter(|row| !row.cells.is_empty()).collect()
    }

    fn flips(&self, base: &Measured<'_>, model: &Measured<'_>, of: &dyn Fn(Condition) -> bool) -> Option<FlipsRow> {
        let (data, mut all) = (self.material.data, Flips::default());
        for &condition in self.material.conditions.iter().filter(|&&condition| of(condition)) {
            let whole = |measured: &Measured<'_>| measured.by_condition.get(&condition)?.whole(data.n);
            if let (Some(a), Some(b)) = (whole(base), whole(model)) {
                all.add(Flips::of(&data.labels, &a, &b));
            }
        }
        let clean = of(Condition::Clean);
        (all.n > 0).then(|| FlipsRow {
            n: all.n,
            agreement: 1.0 - all.differ as f64 / all.n as f64,
            lost: all.lost,
            won: all.won,
            p: clean.then(|| all.mcnemar()),
        })
    }
}

fn corrupted<'m>(model: &'m Measured<'_>) -> impl Iterator<Item = (Condition, &'m Answers<'m>)> {
    model
        .by_condition
        .iter()
        .filter(|(condition, _)| condition.level() > 0)
        .map(|(&condition, answers)| (condition, answers))
}

fn error_table(material: &Material<'_>, model: &Measured<'_>) -> ErrorTable {
    let error = |condition| model.by_condition.get(condition).map_or(f64::NAN, |a| (a.n - a.hits) as f64 / a.n as f64);
    let errors: Vec<f64> = material.conditions.iter().map(error).collect();
    table(material, &errors)
}

fn cell(severity: u8, answers: Option<&Answers<'_>>) -> CellRow {
    let (n, hits, top5) = answers.map_or((0, 0, 0), |answers| (answers.n, answers.hits, answers.top5));
    let (lo, hi) = wilson95(n - hits, n);
    let share = |count: u64| if n == 0 { 0.0 } else { count as f64 / n as f64 };
    CellRow { severity, n, hits, error: share(n - hits), ci95: [lo, hi], top5: share(top5) }
}

fn calibration<'a>(answers: impl IntoIterator<Item = &'a Answers<'a>>) -> CalibrationRow {
    let mut sums = [Bin::default(); crate::robust::cell::BINS];
    for answers in answers {
        for (sum, bin) in sums.iter_mut().zip(&answers.bins) {
            sum.n += bin.n;
            sum.hits += bin.hits;
            sum.confidence += bin.confidence;
        }
    }
    let mean = |bin: &Bin| if bin.n == 0 { 0.0 } else { bin.confidence as f64 / CONFIDENCE_ONE as f64 / bin.n as f64 };
    let bins = sums.map(|bin| calibration::Bin { n: bin.n, hits: bin.hits, confidence: mean(&bin) });
    let known = sums.iter().any(|bin| bin.n > 0);
    CalibrationRow {
        ece: if known { calibration::expected(&bins) } else { 0.0 },
        maximum: calibration::maximum(&bins),
        bins: bins.iter().map(|bin| (bin.n, bin.hits, bin.confidence)).collect(),
    }
}
