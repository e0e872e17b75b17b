//! `edgebench demo`: the whole study on the embedded digits.

use crate::cli::train::workers;
use edgebench_train::exec::{Executor, Workers};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;

use super::super::talk::{Talk, width};
use super::super::{Outcome, print};
use super::{Sweep, judged};
use crate::cli::sweep::DemoArgs;
use crate::report::study::{Place, StudyReport, text};
use crate::report::table::{NARROW, wrap};
use crate::robust::shard::Shard;
use crate::study::StudyFile;

const STUDY: &str = include_str!("demo.toml");

pub(in crate::commands) fn run(args: &DemoArgs, talk: Talk) -> Result<Outcome> {
    let begin = Instant::now();
    let mut file = StudyFile::read("demo.toml", STUDY)?;
    file.seeds = vec![args.seed];
    if let Some(limit) = args.limit {
        (file.limit, file.test_limit) = (Some(limit), Some(limit));
        (file.training.epochs, file.compression.all.epochs) = (Some(2), Some(1));
        file.severities = vec![3];
    }
    let Workers { threads, executor } = workers(args.threads, Executor::Cpu);
    let output = args.output.clone();
    let sweep = Sweep { file, beside: PathBuf::new(), output, shard: Shard::ALL, threads, executor, talk, brief: true };
    // A sweep without a part is a whole one, which has a report.
    let Some(mut report) = sweep.run()? else { return Ok(Outcome::Done) };
    let outcome = judged(&mut report, args.bounds.as_ref());
    talk.note(&format!("{:.0} s with {threads} threads", begin.elapsed().as_secs_f64()));
    let page = args.output.join("report.html").display().to_string();
    print(&report, args.json, || shown(&report, &page))?;
    Ok(outcome)
}

fn shown(report: &StudyReport, page: &str) -> String {
    let mut text = text::brief(report, width());
    text += "\n";
    let [front, noise, near] = [Place::Front, Place::ByNoise, Place::Near].map(Place::mark);
    text += &wrap(
        &format!(
            "± ctrl: to the control, the network trained on as long as the longest recipe. mCE: errors under corruption, 100 is the network \
             as it was trained. ratio: of zip-6 sizes. {front} on the front, {noise} there by noise, {near} as good within noise."
        ),
        NARROW,
    );
    if let Some(bounds) = &report.bounds {
        text += "\n";
        text += &bounds.to_text(report.points.len());
    }
    text + &format!("\nreport: {page}\n")
}
