//! From models and cells to figures.

use std::collections::BTreeSet;

use edgebench_train::recipe::{Export, Recipe};

use super::front::{self, Scope, TOLERANCE};
use super::points::{accuracy, point};
use super::{
    ControlDifference, DataRow, Mean, ModelRow, NetworkRow, PointRow, RecipeRow, SizeRow, StageRow, StudyReport, notes,
};
use crate::metrics::bootstrap::Plan;
use crate::metrics::ce::{ErrorTable, Rounding, compare};
use crate::report::robust::{Baseline, BaselineRow, BuildError, Options, RobustModel, Study, build as build_robust};
use crate::robust::cell::ModelKey;
use crate::robust::ledger::Store;
use crate::robust::ledger::record::GridFact;
use crate::study::control;
use crate::study::facts::ProductFact;

/// Samples of the bootstrap.
const RESAMPLES: usize = 1000;

/// A model that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Number of its network.
    pub network: usize,
    /// Number of its recipe.
    pub recipe: usize,
    /// Its random numbers.
    pub seed: u64,
    /// Name of the file.
    pub file: String,
    /// How it was made.
    pub fact: ProductFact,
    /// Its name in cells.
    pub key: ModelKey,
    /// Bytes of the file.
    pub raw: u64,
    /// Bytes of a zip archive with it alone.
    pub zip6: u64,
    /// Entropy of its constants in bytes.
    pub entropy: u64,
    /// Bytes of the arena.
    pub ram: u64,
    /// What is wrong with the file, by the names of lints.
    pub lints: Vec<&'static str>,
}

/// What the common mCE is relative to.
#[derive(Clone, Debug)]
pub enum Reference {
    /// A network of the study, as it was trained, first seed.
    Network(usize),
    /// Figures from elsewhere.
    Table(BaselineRow, ErrorTable),
}

/// All that a report is made of.
#[derive(Debug)]
pub struct Parts<'a> {
    /// What the study is called.
    pub name: String,
    /// The images.
    pub data: DataRow,
    /// Recipes, `original` first.
    pub recipes: &'a [Recipe],
    /// Seeds.
    pub seeds: &'a [u64],
    /// Networks.
    pub networks: Vec<NetworkRow>,
    /// Models, networks first, then seeds, then recipes.
    pub made: &'a [Made],
    /// Cells.
    pub store: &'a Store,
    /// What was to be measured.
    pub grid: &'a GridFact,
    /// For the common mCE.
    pub reference: Option<Reference>,
    /// Threads of the bootstrap.
    pub threads: usize,
    /// What a reader must know beside what the figures say.
    pub notes: Vec<String>,
}

/// The report.
///
/// # Errors
/// A ledger whose parts do not fit.
pub fn build(parts: Parts<'_>) -> Result<StudyReport, BuildError> {
    let mut notes = Vec::new();
    let groups: Vec<&[Made]> = parts.made.chunk_by(|a, b| (a.network, a.seed) == (b.network, b.seed)).collect();
    let measured = groups.iter().map(|group| measured(&parts, group, &mut notes)).collect::<Result<Vec<_>, _>>()?;
    let reference = reference(&parts, &groups, &measured);
    let mut models = Vec::new();
    for (group, study) in groups.iter().zip(&measured) {
        models.extend(rows(&parts, group, study, reference.as_ref(), &mut notes));
    }
    let points: Vec<PointRow> = parts
        .networks
        .iter()
        .flat_map(|network| parts.recipes.iter().map(move |recipe| (&network.network, &recipe.name)))
        .filter_map(|(network, recipe)| {
            let of: Vec<&ModelRow> = models.iter().filter(|m| m.network == *network && m.recipe == *recipe).collect();
            (!of.is_empty()).then(|| point(&of))
        })
        .collect();
    let stages = stages(&parts);
    let mut report = StudyReport {
        schema: StudyReport::SCHEMA,
        edgebench: env!("CARGO_PKG_VERSION"),
        name: parts.name,
        data: parts.data,
        // A study has one network at least, and a report is made of a whole study.
        images: measured[0].images.clone(),
        corruptions: parts.grid.corruptions.clone(),
        severities: parts.grid.severities.clone(),
        seeds: parts.seeds.to_vec(),
        recipes: parts.recipes.iter().map(recipe_row).collect(),
        reference: reference.map(|(row, _)| row),
        networks: parts.networks,
        points,
        models,
        stages,
        tolerance: TOLERANCE,
        fronts: Vec::new(),
        notes: parts.notes,
        bounds: None,
    };
    fronts(&mut report);
    for note in notes {
        if !report.notes.contains(&note) {
            report.notes.push(note);
        }
    }
    let said = notes::of(&report);
    report.notes.extend(said);
    Ok(report)
}

fn recipe_row(recipe: &Recipe) -> RecipeRow {
    RecipeRow {
        recipe: recipe.name.clone(),
        code: recipe.code,
        about: recipe.about.clone(),
        export: if recipe.export == Export::Int8 { "int8" } else { "float" },
        stages: recipe.stages.iter().map(|stage| stage.kind.name()).collect(),
    }
}

/// What the ledger says of the models of one network and seed, relative to the first.
fn measured(parts: &Parts<'_>, group: &[Made], notes: &mut Vec<String>) -> Result<Study, BuildError> {
    let keys: Vec<ModelKey> = group.iter().map(|made| made.key.clone()).collect();
    let store = parts.store.only(parts.grid, &keys);
    let plan = Plan { resamples: RESAMPLES, seed: 0, threads: parts.threads };
    let own = group.iter().find(|made| made.recipe == 0).map(|made| Baseline::Model(made.key.sha256.clone()));
    let options = |baseline| Options { baseline, rounding: Rounding::Exact, plan };
    let report = match build_robust(&store, &options(own)) {
        Err(BuildError::Compare { source, .. }) => {
            let network = &parts.networks[group[0].network].network;
            notes.push(format!("{network}, seed {}: no mCE: {source}", group[0].seed));
            build_robust(&store, &options(None))
        }
        other => other,
    }?;
    report.studies.into_iter().next().ok_or(BuildError::Empty)
}

fn of<'a>(study: &'a Study, made: &Made) -> Option<&'a RobustModel> {
    study.models.iter().find(|model| model.sha256 == made.key.sha256)
}

fn reference(parts: &Parts<'_>, groups: &[&[Made]], measured: &[Study]) -> Option<(BaselineRow, ErrorTable)> {
    match parts.reference.as_ref()? {
        Reference::Table(row, table) => Some((row.clone(), table.clone())),
        Reference::Network(network) => {
            let (group, study) = groups.iter().zip(measured).find(|(group, _)| group[0].network == *network)?;
            let made = group.iter().find(|made| made.recipe == 0)?;
            let name = format!("{}, as it was trained (seed {})", parts.networks[*network].network, made.seed);
            let row = BaselineRow { name, origin: "model".into() };
            Some((row, of(study, made)?.errors()))
        }
    }
}

/// The models of one network and seed.
fn rows(
    parts: &Parts<'_>,
    group: &[Made],
    study: &Study,
    reference: Option<&(BaselineRow, ErrorTable)>,
    notes: &mut Vec<String>,
) -> Vec<ModelRow> {
    let own = group.iter().find(|made| made.recipe == 0);
    let control = group.iter().find(|made| parts.recipes[made.recipe].name == control::NAME);
    let control = control.and_then(|made| of(study, made));
    let mut rows: Vec<ModelRow> = Vec::new();
    for made in group {
        let Some(found) = of(study, made) else { continue };
        let errors = found.errors();
        let mut common = None;
        if let Some((row, table)) = reference {
            match compare(&errors, table, Rounding::Exact) {
                Ok(comparison) => common = Some(comparison.mce),
                Err(error) => notes.push(format!("no mCE relative to {}: {error}", row.name)),
            }
        }
        let recipe = &parts.recipes[made.recipe];
        rows.push(ModelRow {
            network: parts.networks[made.network].network.clone(),
            recipe: recipe.name.clone(),
            code: recipe.code,
            seed: made.seed,
            file: made.file.clone(),
            sha256: made.key.sha256.clone(),
            clean: found.clean,
            mean_error: found.mean_error,
            mce: found.mce,
            relative_mce: found.relative_mce,
            reference_mce: common,
            against_control: control.map(|control| difference(found, control)),
            drop: 0.0,
            size: SizeRow {
                raw: made.raw,
                zip6: made.zip6,
                entropy: made.entropy,
                ratio: own.map_or(f64::NAN, |own| own.zip6 as f64 / made.zip6.max(1) as f64),
                flash: made.raw,
                ram: made.ram,
            },
            error_by_severity: by_severity(study, found),
            ce: study.corruptions.iter().map(|name| ce(found, name)).collect(),
            stages: made.fact.stages.iter().map(|stage| stage.course.fingerprint.clone()).collect(),
            lints: made.lints.clone(),
        });
    }
    let base = rows.iter().find(|row| row.recipe == parts.recipes[0].name).map(accuracy);
    for row in &mut rows {
        row.drop = base.map_or(f64::NAN, |base| base - accuracy(row));
    }
    rows
}

fn difference(model: &RobustModel, control: &RobustModel) -> ControlDifference {
    let of_control = compare(&model.errors(), &control.errors(), Rounding::Exact).ok();
    ControlDifference {
        accuracy: 100.0 * (control.clean.error - model.clean.error),
        mce: model.mce.zip(control.mce).map(|(model, control)| model.value - control.value),
        mce_of_control: of_control.map(|comparison| comparison.mce),
    }
}

fn ce(model: &RobustModel, corruption: &str) -> Option<f64> {
    model.corruptions.iter().find(|row| row.name == corruption)?.ce.map(|ce| ce.value)
}

fn by_severity(study: &Study, model: &RobustModel) -> Vec<f64> {
    let at = |&level: &u8| {
        let cells = model.corruptions.iter().flat_map(|row| &row.cells).filter(|cell| cell.severity == level);
        let errors: Vec<f64> = cells.map(|cell| cell.error).collect();
        errors.iter().sum::<f64>() / errors.len() as f64
    };
    std::iter::once(model.clean.error).chain(study.severities.iter().map(at)).collect()
}

/// Every stage once, in the order in which recipes name them.
fn stages(parts: &Parts<'_>) -> Vec<StageRow> {
    let (mut rows, mut seen) = (Vec::new(), BTreeSet::new());
    for made in parts.made {
        let mut kinds: Vec<&str> = Vec::new();
        for stage in &made.fact.stages {
            kinds.push(&stage.kind);
            if seen.insert(&stage.course.fingerprint) {
                rows.push(StageRow {
                    fingerprint: stage.course.fingerprint.clone(),
                    network: parts.networks[made.network].network.clone(),
                    seed: made.seed,
                    name: kinds.join(" + "),
                    best_epoch: stage.course.best_epoch,
                    steps: stage.steps,
                    kept: stage.kept.clone(),
                    epochs: stage.course.epochs.clone(),
                });
            }
        }
    }
    rows
}

/// A front for each network, and of several networks together: once as the study on compressed networks has it (each relative to itself),
/// once with all relative to one.
fn fronts(report: &mut StudyReport) {
    let mut all = Vec::new();
    let mean = |mean: Option<Mean>| mean.map(|mean| mean.mean);
    let own = |name: &str, points: Vec<&PointRow>| {
        let ratios = points.iter().map(|point| point.ratio.mean).collect();
        let mce = points.iter().map(|point| mean(point.mce)).collect();
        let name = name.to_owned();
        front::of(&Scope { name: &name, relative_to: "own", points, ratios, mce })
    };
    let mut found = Vec::new();
    for network in &report.networks {
        let points = report.points.iter().filter(|point| point.network == network.network).collect();
        let (row, places) = own(&network.network, points);
        found.extend(places);
        all.push(row);
    }
    if report.networks.len() > 1 {
        all.push(own("pooled", report.points.iter().collect()).0);
        let points: Vec<&PointRow> = report.points.iter().collect();
        let one = points.first().map_or(f64::NAN, |point| point.zip6.mean);
        let ratios = points.iter().map(|point| one / point.zip6.mean).collect();
        let mce = points.iter().map(|point| mean(point.reference_mce)).collect();
        all.push(front::of(&Scope { name: "pooled", relative_to: "reference", points, ratios, mce }).0);
    }
    // Points stand in the order of the networks.
    report.points.iter_mut().zip(found).for_each(|(point, place)| point.place = place);
    report.fronts = all;
}
