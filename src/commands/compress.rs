//! `edgebench compress`: recipes on a trained network.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use edgebench_models::quantise::Io;
use edgebench_train::recipe::{BUILTIN, Export, Recipe, builtin};
use sha2::{Digest, Sha256};

use super::talk::{Talk, width};
use super::train::{place, source};
use super::train_watch::Follower;
use super::{Outcome, print};
use crate::cli::train::CompressArgs;
use crate::data::npy::write_whole;
use crate::data::preprocess::Preprocess;
use crate::data::{Dataset, Split, side_file};
use crate::eval::size::zip6;
use crate::model::ModelFile;
use crate::report::compress::{CompressReport, ProductRow, RecipeRow, RecipesReport, StageRow};
use crate::train::deployed::{Accuracy, accuracy};
use crate::train::product::{Manner, Product, Subject};
use crate::train::{defaults, hex, recipes};

pub(super) fn run(args: &CompressArgs, talk: Talk) -> Result<Outcome> {
    if args.list {
        return list(args.running.json);
    }
    if let Some(name) = &args.show {
        print!("{}", recipes::one(name, Path::new(""))?.write());
        return Ok(Outcome::Done);
    }
    let path = args.model.as_deref().unwrap_or(Path::new(""));
    let file = ModelFile::open(path)?;
    let subject = Subject::of(&file).with_context(|| format!("{}: cannot be compressed", file.file))?;
    let kind = kind(args, path)?;
    let source = source(&args.data, &args.images, kind);
    if args.emulate_paper {
        return super::emulate::run(args, &subject, &source, talk);
    }
    let recipes = recipes::named(&args.recipe, Path::new(""))?;
    let output = output(args, &subject.name, &recipes);
    if recipes.len() == 1 {
        place(&output)?;
    }
    let images = source.learning()?;
    ensure!(
        subject.net.input() == images.train.shape(),
        "{}: takes {}, the images are {}; --size brings them to it",
        file.file,
        subject.net.input(),
        images.train.shape()
    );
    ensure!(
        subject.net.classes() >= images.train.classes(),
        "{}: gives {} scores, the images have {} classes",
        file.file,
        subject.net.classes(),
        images.train.classes()
    );
    let test = source.part(Split::Test)?;
    let workers = args.running.workers();
    let threads = workers.threads;
    let training = args.training.training().map_err(|problem| anyhow!("{problem}"))?.or(&defaults::stage(&images.set));
    let work = args.work.clone().unwrap_or_else(|| default_work(&output, &subject.name, recipes.len()));
    fs::create_dir_all(&work).with_context(|| format!("{}: cannot be made", work.display()))?;
    let manner = Manner { training: &training, seed: args.running.seed, workers, work: Some(&work), io: args.io };

    let mut products = Vec::new();
    for recipe in &recipes {
        let name = format!("{} {}", subject.name, recipe.name);
        let mut watch = Follower::new(talk, &name, (1, images.train.len()));
        let product = subject.follow(recipe, &images, &manner, &mut watch);
        watch.finish();
        let product = product.with_context(|| format!("recipe {:?} on {}", recipe.name, file.file))?;
        let to = if recipes.len() > 1 {
            output.join(format!("{}_{}.tflite", subject.name, recipe.name))
        } else {
            output.clone()
        };
        write(&to, &product.bytes, (recipe, kind, args.io))?;
        products.push(row(recipe, &to, &product, (&test, kind, threads))?);
    }
    let base = accuracy(&file, &test, kind, threads)?;
    let report = CompressReport {
        schema: CompressReport::SCHEMA,
        base: base_row(&file, base),
        data: images.set.name.clone(),
        data_sha256: images.sha256.clone(),
        images: images.train.len(),
        validation: images.valid.as_ref().map_or(0, edgebench_train::Images::len),
        preprocess: kind.name(),
        seed: args.running.seed,
        work: work.display().to_string(),
        products,
    };
    print(&report, args.running.json, || report.to_text(width()))?;
    Ok(Outcome::Done)
}

/// What pixels mean to the model.
fn kind(args: &CompressArgs, model: &Path) -> Result<Preprocess> {
    let said = side_file::read_for(model)?.and_then(|file| file.preprocess);
    args.images.preprocess.or(said).ok_or_else(|| {
        let side = side_file::path_for(model);
        anyhow!(
            "{}: nothing says what a pixel means to it: give --preprocess (raw, unit, signed, caffe or imagenet), or write it into {}",
            model.display(),
            side.display()
        )
    })
}

fn output(args: &CompressArgs, name: &str, recipes: &[Recipe]) -> PathBuf {
    let beside = args.model.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    args.output.clone().unwrap_or_else(|| match recipes {
        [one] => beside.join(format!("{name}_{}.tflite", one.name)),
        _ => beside.join(format!("{name}_compressed")),
    })
}

fn default_work(output: &Path, name: &str, recipes: usize) -> PathBuf {
    let folder = if recipes > 1 { Some(output) } else { output.parent() };
    folder.unwrap_or(Path::new("")).join(format!("{name}.stages"))
}

/// The file, and for a float input what its pixels mean.
pub(super) fn write(to: &Path, bytes: &[u8], (recipe, kind, io): (&Recipe, Preprocess, Io)) -> Result<()> {
    place(to)?;
    write_whole(to, |file| file.write_all(bytes))?;
    if recipe.export == Export::Float || io == Io::Float {
        let side = format!("[input]\npreprocess = \"{kind}\"\n");
        write_whole(&side_file::path_for(to), |file| file.write_all(side.as_bytes()))?;
    }
    Ok(())
}

fn row(
    recipe: &Recipe,
    to: &Path,
    product: &Product,
    (test, kind, threads): (&Dataset, Preprocess, usize),
) -> Result<ProductRow> {
    let file = ModelFile::open(to)?;
    let top1 = accuracy(&file, test, kind, threads)?;
    let stages = product.stages.iter().map(|stage| StageRow {
        kind: stage.kind.name(),
        fingerprint: stage.fingerprint.clone(),
        epochs: stage.state.history.len(),
        best_epoch: stage.state.best.as_ref().map(|best| best.epoch),
        valid_accuracy: stage.state.best.as_ref().map(|best| best.score.0),
        steps: stage.steps,
        seconds: stage.state.history.iter().map(|epoch| epoch.seconds).sum(),
        kept: stage.kept.clone(),
    });
    Ok(ProductRow {
        recipe: recipe.name.clone(),
        code: recipe.code,
        about: recipe.about.clone(),
        file: to.display().to_string(),
        sha256: hex(&Sha256::digest(&product.bytes)),
        bytes: product.bytes.len() as u64,
        zip6: zip6(&name_of(to), &product.bytes),
        accuracy: top1,
        stages: stages.collect(),
    })
}

fn base_row(file: &ModelFile, accuracy: Accuracy) -> ProductRow {
    let path = file.path.clone().unwrap_or_default();
    ProductRow {
        recipe: "as given".into(),
        code: None,
        about: String::new(),
        file: file.file.clone(),
        sha256: file.sha256(),
        bytes: file.bytes.len() as u64,
        zip6: zip6(&name_of(&path), &file.bytes),
        accuracy,
        stages: Vec::new(),
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn list(json: bool) -> Result<Outcome> {
    let row = |known: &(&'static str, &'static str, &str)| -> Result<RecipeRow> {
        let recipe = builtin(known.1)?;
        let stages = recipe.stages.iter().map(|stage| stage.kind.name()).collect();
        let export = if recipe.export == Export::Int8 { "int8" } else { "float" };
        Ok(RecipeRow { number: known.0, name: known.1, stages, export, about: recipe.about })
    };
    let report =
        RecipesReport { schema: RecipesReport::SCHEMA, recipes: BUILTIN.iter().map(row).collect::<Result<_>>()? };
    print(&report, json, || report.to_text())?;
    Ok(Outcome::Done)
}
