//! `edgebench sweep` and `edgebench demo`: a study from networks to report.

mod bases;
mod demo;
mod finish;
mod measure;
mod models;
mod setting;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::talk::{Talk, width};
use super::train::place;
use super::{Outcome, print};
use crate::cli::sweep::SweepArgs;
use crate::cli::train::workers;
use crate::report::study::{StudyReport, judge, text};
use crate::robust::shard::Shard;
use crate::study::{Bounds, Folder, StudyFile, units};
pub(super) use demo::run as demo;
use edgebench_train::exec::{Executor, Workers};
use setting::Setting;

pub(super) fn run(args: &SweepArgs, talk: Talk) -> Result<Outcome> {
    let name = args.study.display().to_string();
    let said = fs::read_to_string(&args.study).with_context(|| format!("{name}: cannot be read"))?;
    let file = StudyFile::read(&name, &said)?;
    let beside = args.study.parent().unwrap_or(Path::new("")).to_owned();
    let shard = match args.shard {
        Some(choice) => choice.resolve(|name| std::env::var(name).ok())?,
        None => Shard::ALL,
    };
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from(&file.name));
    if let Some(page) = &args.html {
        place(page)?;
    }
    let Workers { threads, executor } = workers(args.threads, args.executor);
    let sweep = Sweep { file, beside, output, shard, threads, executor, talk, brief: false };
    let Some(mut report) = sweep.run()? else {
        talk.note(&format!(
            "part {shard} is done; when all are, the same command without --shard writes the report (folders of several machines are \
             copied together first)"
        ));
        return Ok(Outcome::Done);
    };
    let outcome = judged(&mut report, args.bounds.as_ref());
    if let Some(path) = &args.html {
        finish::write(path, &crate::report::study::html::render(&report))?;
    }
    print(&report, args.json, || {
        let verdict = report
            .bounds
            .as_ref()
            .map_or(String::new(), |bounds| "\n".to_owned() + &bounds.to_text(report.points.len()));
        format!(
            "{}{verdict}\n{} holds everything\n",
            text::render(&report, width()),
            sweep.output.join("report.html").display()
        )
    })?;
    Ok(outcome)
}

/// Adds the verdict on bounds, if there are any.
fn judged(report: &mut StudyReport, bounds: Option<&Bounds>) -> Outcome {
    let Some(bounds) = bounds else { return Outcome::Done };
    let row = judge(report, bounds);
    let outcome = if row.met_by.is_empty() { Outcome::Missed } else { Outcome::Done };
    report.bounds = Some(row);
    outcome
}

/// A study that is to be made.
struct Sweep {
    file: StudyFile,
    /// The folder of its file.
    beside: PathBuf,
    output: PathBuf,
    shard: Shard,
    threads: usize,
    /// What trains.
    executor: Executor,
    talk: Talk,
    /// Whether stages are told of in a line each, not epochs.
    brief: bool,
}

impl Sweep {
    fn workers(&self) -> Workers {
        Workers { threads: self.threads, executor: self.executor }
    }

    /// Makes and measures what is not there yet; the report, if this is the whole.
    fn run(&self) -> Result<Option<StudyReport>> {
        let setting = Setting::read(self)?;
        let folder = Folder::make(&self.output)?;
        let all = units::all(setting.networks.len(), &self.file.seeds, setting.recipes.len());
        let mine = units::of(self.shard, &all, &setting.recipes);
        let made = models::make(self, &setting, &folder, &mine)?;
        let measured = measure::measure(self, &setting, &folder, &made)?;
        if self.shard != Shard::ALL {
            return Ok(None);
        }
        finish::finish(self, &setting, &folder, (&made, measured)).map(Some)
    }
}
