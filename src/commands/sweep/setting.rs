//! A study with everything that its file names, opened and checked before anything takes its time.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, ensure};
use edgebench_train::recipe::{Kind, Recipe, Training};

use super::Sweep;
use crate::data::preprocess::Preprocess;
use crate::data::{Dataset, Split, side_file};
use crate::metrics::ce::ErrorTable;
use crate::model::ModelFile;
use crate::report::robust::BaselineRow;
use crate::report::study::ControlRow;
use crate::study::control::{self, fair, length, longest};
use crate::study::file::NetworkEntry;
use crate::train::learning::Learning;
use crate::train::product::Subject;
use crate::train::{defaults, recipes};

/// All that a study is about.
pub(super) struct Setting {
    /// `original` first; the control, if there is one, last and not yet with its length.
    pub(super) recipes: Vec<Recipe>,
    pub(super) networks: Vec<Network>,
    /// Images that choose nothing.
    pub(super) test: Dataset,
    pub(super) reference: Common,
}

/// What the common mCE is relative to.
pub(super) enum Common {
    /// A network of the study.
    Network(usize),
    /// A model that is measured beside the others.
    Model(Box<ModelFile>),
    /// A result.
    Table(BaselineRow, ErrorTable),
}

/// A network of the study.
pub(super) struct Network {
    pub(super) name: String,
    pub(super) kind: Preprocess,
    pub(super) images: Learning,
    /// How stages train where recipes say nothing else.
    pub(super) stages: Training,
    pub(super) origin: Origin,
    /// The recipes, the control with its length.
    pub(super) recipes: Vec<Recipe>,
    pub(super) control: Option<ControlRow>,
}

/// Where a network comes from.
pub(super) enum Origin {
    /// It is trained here.
    Arch { arch: String, training: Training },
    /// It was brought: the file, its name in the study, and its network.
    File { said: String, file: Box<ModelFile>, subject: Box<Subject> },
}

impl Setting {
    pub(super) fn read(sweep: &Sweep) -> Result<Setting> {
        let file = &sweep.file;
        let recipes = chosen(sweep)?;
        let networks = file.networks.iter().map(|entry| network(sweep, entry, &recipes)).collect::<Result<Vec<_>>>()?;
        let test = file.source(&sweep.beside, networks[0].kind).part(Split::Test)?;
        for network in &networks {
            let train = &network.images.train;
            ensure!(
                test.shape == [train.shape().h, train.shape().w, train.shape().c] && test.classes() <= train.classes(),
                "{}: the test images are {:?} of {} classes, the training images {} of {}",
                test.name,
                test.shape,
                test.classes(),
                train.shape(),
                train.classes()
            );
        }
        let reference = reference(sweep, &networks, &test)?;
        Ok(Setting { recipes, networks, test, reference })
    }
}

/// `original` and the control are always there, the latter unless it is not wanted.
fn chosen(sweep: &Sweep) -> Result<Vec<Recipe>> {
    let mut names = vec!["original".to_owned()];
    names.extend(sweep.file.recipe_names());
    let mut all = recipes::named(&names, &sweep.beside)?;
    let own = all.iter().position(|recipe| recipe.name == control::NAME).map(|at| all.remove(at));
    if sweep.file.control {
        all.push(match own {
            Some(own) => own,
            None => recipes::one(control::NAME, &sweep.beside)?,
        });
    }
    Ok(all)
}

fn network(sweep: &Sweep, entry: &NetworkEntry, all: &[Recipe]) -> Result<Network> {
    let file = &sweep.file;
    let name = entry.called();
    let (kind, origin) = match (&entry.arch, &entry.file) {
        (None, Some(said)) => brought(sweep, entry, said)?,
        (arch, _) => {
            let arch = arch.clone().unwrap_or_default();
            let training = entry.training.or(&file.training);
            (file.said(entry).unwrap_or(Preprocess::Signed), Origin::Arch { arch, training })
        }
    };
    let images = file.source(&sweep.beside, kind).learning()?;
    if let Origin::File { subject, said, .. } = &origin {
        let (takes, gives) = (subject.net.input(), subject.net.classes());
        let (shape, classes) = (images.train.shape(), images.train.classes());
        ensure!(takes == shape, "{said}: takes {takes}, the images are {shape}; size = \"…\" brings them to it");
        ensure!(gives >= classes, "{said}: gives {gives} scores, the images have {classes} classes");
    }
    let all: Vec<Recipe> = all.iter().map(|recipe| file.compression.fill(&entry.compression.fill(recipe))).collect();
    let all = all.as_slice();
    let stages = defaults::stage(&images.set);
    let count = images.train.len();
    let mut recipes = all.to_vec();
    let mut control = None;
    if let Some(at) = recipes.iter().position(|recipe| recipe.name == control::NAME) {
        let said = entry.compression.of(Kind::FineTune).or(&file.compression.of(Kind::FineTune));
        recipes[at].training = recipes[at].training.or(&said);
        let fair = fair(&recipes[at], all, &stages, count);
        let own = length(&fair, &stages, count);
        let longest = longest(all, &stages, count).filter(|_| own.steps > 0);
        control = longest.map(|longest| {
            let most = length(longest, &stages, count);
            ControlRow {
                epochs: own.epochs,
                steps: own.steps,
                longest: longest.name.clone(),
                longest_epochs: most.epochs,
                longest_steps: most.steps,
            }
        });
        recipes[at] = fair;
    }
    Ok(Network { name, kind, images, stages, origin, recipes, control })
}

fn brought(sweep: &Sweep, entry: &NetworkEntry, said: &str) -> Result<(Preprocess, Origin)> {
    let path = sweep.beside.join(said);
    let model = ModelFile::open(&path)?;
    let subject = Subject::of(&model).with_context(|| format!("{}: cannot be compressed", model.file))?;
    let kind = kind(sweep.file.said(entry), &path)?;
    Ok((kind, Origin::File { said: said.to_owned(), file: Box::new(model), subject: Box::new(subject) }))
}

fn kind(said: Option<Preprocess>, model: &std::path::Path) -> Result<Preprocess> {
    let beside = side_file::read_for(model)?.and_then(|file| file.preprocess);
    said.or(beside).ok_or_else(|| {
        anyhow!(
            "{}: nothing says what a pixel means to it: write preprocess = \"…\" (raw, unit, signed, caffe or imagenet) into its [[network]]",
            model.display()
        )
    })
}

fn reference(sweep: &Sweep, networks: &[Network], test: &Dataset) -> Result<Common> {
    let Some(said) = &sweep.file.reference else { return Ok(Common::Network(0)) };
    if let Some(at) = networks.iter().position(|network| network.name == *said) {
        return Ok(Common::Network(at));
    }
    let path: PathBuf = sweep.beside.join(said);
    let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned()).unwrap_or_default();
    match ending.as_str() {
        "json" => {
            let (name, table) = super::super::rendering::result(
                &path,
                &format!("reference = {said:?}"),
                &[(&test.name, &test.sha256()?)],
            )?;
            Ok(Common::Table(BaselineRow { name, origin: "result".into() }, table))
        }
        "tflite" => Ok(Common::Model(Box::new(ModelFile::open(&path)?))),
        _ => {
            let names: Vec<&str> = networks.iter().map(|network| network.name.as_str()).collect();
            let suggestion = edgebench_train::suggest(said, &names);
            Err(anyhow!(
                "reference = {said:?}{suggestion} is no network of the study ({}), no result (.json) and no model (.tflite)",
                names.join(", ")
            ))
        }
    }
}
