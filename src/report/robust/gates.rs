//! `--fail-if`: which models meet a condition that they must not meet.

use super::{RobustModel, RobustReport, Study};
use crate::metrics::criterion::{Criterion, Limit, Quantity};
use crate::report::table::grouped;

/// What became of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not met.
    Passed,
    /// It is met.
    Failed,
    /// The figure is not known: no baseline, or cells missing.
    Unknown,
}

/// One condition and one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// The condition, as the user wrote it.
    pub condition: String,
    /// File of the model.
    pub model: String,
    /// Name of the figure.
    pub quantity: Quantity,
    /// The model's figure.
    pub value: Option<f64>,
    /// The baseline's figure, where the condition asks for it.
    pub base: Option<f64>,
    /// What became of it.
    pub verdict: Verdict,
}

/// Every condition for every model; the baseline is only held to those that do not refer to itself.
///
/// # Errors
/// A condition about `BASE` where the baseline is no model of the report.
pub fn gates(report: &RobustReport, conditions: &[Criterion]) -> anyhow::Result<Vec<Gate>> {
    let mut gates = Vec::new();
    for study in &report.studies {
        for condition in conditions {
            let relative = matches!(condition.limit, Limit::Base(_));
            let base = base(study);
            if relative && base.is_none() && !matches!(condition.quantity, Quantity::Mce | Quantity::RelativeMce) {
                anyhow::bail!("--fail-if {condition}: BASE needs --baseline with a model that is evaluated too");
            }
            for model in &study.models {
                if relative && base.is_some_and(|base| std::ptr::eq(base, model)) {
                    continue;
                }
                let of_base = if relative { base_figure(base, condition.quantity) } else { None };
                gates.push(gate(condition, model, of_base));
            }
        }
    }
    Ok(gates)
}

fn base(study: &Study) -> Option<&RobustModel> {
    study.baseline.as_ref().filter(|row| row.origin == "model").and_then(|_| study.models.first())
}

fn base_figure(base: Option<&RobustModel>, quantity: Quantity) -> Option<f64> {
    match quantity {
        // A baseline is 100 % of itself, measured here or not.
        Quantity::Mce | Quantity::RelativeMce => Some(100.0),
        _ => base.and_then(|base| figure(base, quantity)),
    }
}

fn gate(condition: &Criterion, model: &RobustModel, base: Option<f64>) -> Gate {
    let value = figure(model, condition.quantity);
    let verdict = match value.and_then(|value| condition.holds(value, base)) {
        Some(true) => Verdict::Failed,
        Some(false) => Verdict::Passed,
        None => Verdict::Unknown,
    };
    let (condition, quantity) = (condition.to_string(), condition.quantity);
    Gate { condition, model: model.file.clone(), quantity, value, base, verdict }
}

fn figure(model: &RobustModel, quantity: Quantity) -> Option<f64> {
    // Figures of a part of the cells are not those that a threshold is about.
    let whole = model.missing == 0;
    match quantity {
        Quantity::Clean => Some(1.0 - model.clean.error).filter(|_| whole),
        Quantity::MeanError => model.mean_error.filter(|_| whole).map(|figure| figure.value),
        Quantity::Mce => model.mce.filter(|_| whole).map(|figure| figure.value),
        Quantity::RelativeMce => model.relative_mce.filter(|_| whole).map(|figure| figure.value),
        Quantity::Ece => Some(model.calibration_clean.ece).filter(|_| whole),
        Quantity::Raw => Some(model.raw_bytes as f64),
        Quantity::Zip => Some(model.zip6_bytes as f64),
    }
}

fn shown(quantity: Quantity, value: f64) -> String {
    match quantity {
        Quantity::Raw | Quantity::Zip => format!("{} bytes", grouped(value as u64)),
        Quantity::Mce | Quantity::RelativeMce => format!("{value:.2}"),
        _ => format!("{:.2} %", 100.0 * value),
    }
}

impl Gate {
    /// One line.
    #[must_use]
    pub fn to_text(&self) -> String {
        let name = self.quantity.name();
        let value = match (self.value, self.quantity) {
            (None, Quantity::Mce | Quantity::RelativeMce) => {
                return format!(
                    "{}: {} cannot be decided, {name} is not known (give --baseline, measure all cells)",
                    self.model, self.condition
                );
            }
            (None, _) => {
                return format!(
                    "{}: {} cannot be decided, {name} is not known (cells are missing)",
                    self.model, self.condition
                );
            }
            (Some(value), quantity) => shown(quantity, value),
        };
        let base = self.base.map_or(String::new(), |base| format!(", BASE is {}", shown(self.quantity, base)));
        let verdict = if self.verdict == Verdict::Failed { "failed" } else { "passed" };
        format!("{}: {name} is {value}{base}: {verdict} (--fail-if {})", self.model, self.condition)
    }
}
