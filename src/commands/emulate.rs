//! `edgebench compress --emulate-paper`: the study's technique 10, cause by cause.

use anyhow::{Result, anyhow};
use edgebench_train::fit::validate;
use edgebench_train::paper;

use super::talk::Talk;
use super::train_watch::Follower;
use super::{Outcome, print};
use crate::cli::train::CompressArgs;
use crate::report::emulate::EmulateReport;
use crate::train::defaults;
use crate::train::emulate::rows;
use crate::train::learning::Source;
use crate::train::product::Subject;

pub(super) fn run(args: &CompressArgs, subject: &Subject, source: &Source, talk: Talk) -> Result<Outcome> {
    let images = source.learning()?;
    let test = images.test(source)?;
    let workers = args.running.workers();
    let training = args.training.training().map_err(|problem| anyhow!("{problem}"))?;
    let plan = training.or(&defaults::stage(&images.set)).plan(args.running.seed);
    let mut watch = Follower::new(talk, &format!("{} technique 9", subject.name), (plan.epochs, images.train.len()));
    let learn = (&images.train, images.valid.as_ref());
    let mut emulated = paper::train((&subject.net, &subject.params), &plan, learn, workers, &mut watch)?;
    watch.finish();
    let samples: Vec<Vec<f32>> = images.samples(200).collect();
    let (simulated, _) = validate(emulated.simulation(), &test)?;
    let report = EmulateReport {
        schema: EmulateReport::SCHEMA,
        net: subject.name.clone(),
        data: images.set.name.clone(),
        preprocess: source.kind.name(),
        images: test.len(),
        epochs: plan.epochs,
        steps: emulated.simulation().steps(),
        seed: args.running.seed,
        simulated,
        rows: rows(&emulated, &samples, &test, workers.threads)?,
    };
    print(&report, args.running.json, || report.to_text())?;
    Ok(Outcome::Done)
}
