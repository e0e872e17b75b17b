//! `edgebench train`: a network from images.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use edgebench_train::arch::{self, ARCHITECTURES, Target};
use edgebench_train::export::{Form, float};
use edgebench_train::fit::{fit, validate};
use edgebench_train::{Images, Net, Trainer, checkpoint, weights};
use sha2::{Digest, Sha256};

use super::talk::{Talk, width};
use super::train_watch::Follower;
use super::{Outcome, print};
use crate::cli::train::{ImageArgs, TrainArgs};
use crate::data::npy::write_whole;
use crate::data::preprocess::Preprocess;
use crate::eval::statistics::wilson95;
use crate::report::train::{ArchitectureRow, ArchitecturesReport, TestRow, TrainReport, TrainedNet};
use crate::train::base::Base;
use crate::train::hex;
use crate::train::history::plot;
use crate::train::learning::Source;

pub(super) fn run(args: &TrainArgs, talk: Talk) -> Result<Outcome> {
    if args.list {
        return list(args.running.json);
    }
    if let Some(arch) = &args.benchmark {
        return super::train_bench::run(arch, args);
    }
    let name = args.arch.as_deref().unwrap_or_default();
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.tflite")));
    place(&output)?;
    let kind = args.images.preprocess.unwrap_or(Preprocess::Signed);
    let source = source(&args.data, &args.images, kind);
    let data = source.learning()?;
    let said = args.training.training().map_err(|problem| anyhow!("{problem}"))?;
    let mut base = Base::new(name, &data, &said, args.running.seed)?;
    if let Some(path) = &args.weights {
        base = base.with_weights(path, weights::Options { layout: args.layout, except: &args.except })?;
    }
    let base = base.on(args.running.executor);
    let Base { net, plan, fingerprint, .. } = &base;
    let workers = args.running.workers();
    let mut trainer = base.trainer(workers)?;
    let kept = output.with_extension("training.safetensors");
    let mut state = checkpoint::load(&kept, &mut trainer, fingerprint)?.unwrap_or_default();
    if !state.history.is_empty() {
        talk.note(&format!("{}: goes on after epoch {}", kept.display(), state.history.len()));
    }
    let mut watch = Follower::new(talk, name, (plan.epochs, data.train.len())).keeping(&kept, fingerprint);
    fit(&mut trainer, plan, (&data.train, data.valid.as_ref()), &mut state, &mut watch)?;
    watch.finish();

    let test = match data.test(&source) {
        Ok(test) => Ok(test_row(&mut trainer, &test)?),
        Err(error) => Err(error),
    };
    let model = float(trainer.net(), &trainer.params, Form::Float)?.model;
    let bytes = model.write().with_context(|| format!("{}: cannot be written", output.display()))?;
    write_whole(&output, |file| file.write_all(&bytes))?;
    weights::save(&output.with_extension("safetensors"), net, &trainer.params)?;
    let side = format!("[input]\npreprocess = \"{kind}\"\n");
    write_whole(&output.with_extension("toml"), |file| file.write_all(side.as_bytes()))?;
    let svg = plot(&format!("{name} on {}", data.set.name), &state.history);
    write_whole(&output.with_extension("history.svg"), |file| file.write_all(svg.as_bytes()))?;
    let report = TrainReport {
        schema: TrainReport::SCHEMA,
        file: output.display().to_string(),
        sha256: hex(&Sha256::digest(&bytes)),
        net: trained(net),
        data: data.set.name.clone(),
        data_sha256: data.sha256.clone(),
        images: data.train.len(),
        validation: data.valid.as_ref().map_or(0, Images::len),
        preprocess: kind.name(),
        seed: args.running.seed,
        threads: workers.threads,
        executor: workers.executor.to_string(),
        best_epoch: state.best.as_ref().filter(|_| plan.keep_best).map(|best| best.epoch),
        epochs: state.history.clone(),
        test: match test {
            Ok(row) => Some(row),
            Err(error) => {
                talk.warn(&format!("the test images were not looked at: {error}"));
                None
            }
        },
    };
    let json = serde_json::to_string_pretty(&report)? + "\n";
    write_whole(&output.with_extension("history.json"), |file| file.write_all(json.as_bytes()))?;
    print(&report, args.running.json, || report.to_text(width()))?;
    Ok(Outcome::Done)
}

/// Makes the folder of a file that is going to be written, and refuses at once, not after hours, what can be no file.
pub(super) fn place(output: &Path) -> Result<()> {
    let folder = output.is_dir() || output.as_os_str().as_encoded_bytes().ends_with(b"/");
    ensure!(!folder, "{}: is a folder; give the name of a file", output.display());
    ensure!(!output.exists() || output.is_file(), "{}: is no file, and is not replaced by one", output.display());
    if let Some(parent) = output.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).with_context(|| format!("{}: cannot be made", parent.display()))?;
    }
    Ok(())
}

/// Where the images are, as the command line says it.
pub(super) fn source(path: &Path, args: &ImageArgs, kind: Preprocess) -> Source {
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    Source {
        path: path.to_owned(),
        limit: args.limit.map(number),
        test_limit: None,
        size: args.size,
        validation: args.validation.map(number),
        kind,
    }
}

pub(super) fn test_row(trainer: &mut Trainer, test: &Images) -> Result<TestRow> {
    let (accuracy, loss) = validate(trainer, test)?;
    let n = test.len() as u64;
    let (lo, hi) = wilson95((accuracy * n as f64).round() as u64, n);
    Ok(TestRow { n, accuracy, ci95: [lo, hi], loss })
}

fn trained(net: &Net) -> TrainedNet {
    TrainedNet {
        arch: net.name().to_owned(),
        input: net.input().to_string(),
        classes: net.classes(),
        parameters: net.parameters(),
        macs: net.macs(),
    }
}

fn list(json: bool) -> Result<Outcome> {
    let input = edgebench_train::net::Shape::new(32, 32, 3);
    let row = |arch: &edgebench_train::arch::Architecture| -> Result<ArchitectureRow> {
        let net = arch::build(arch.name, Target { input, classes: 10 })?;
        Ok(ArchitectureRow { name: arch.name, about: arch.about, parameters: net.parameters(), macs: net.macs() })
    };
    let report = ArchitecturesReport {
        schema: ArchitecturesReport::SCHEMA,
        architectures: ARCHITECTURES.iter().map(row).collect::<Result<_>>()?,
    };
    print(&report, json, || report.to_text())?;
    Ok(Outcome::Done)
}
