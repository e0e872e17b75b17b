//! `edgebench data`: published data sets.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::talk::Talk;
use super::{Outcome, print};
use crate::cli::data::{DataArgs, DataCommand};
use crate::fetch::{Archive, Download, FetchError, SETS, Verdict, download, extract, md5_of, verify};
use crate::report::data::{DataList, DataRow, FetchReport, VerifyReport};

pub(super) fn run(args: &DataArgs, talk: Talk) -> Result<Outcome> {
    match &args.command {
        DataCommand::List { json } => list(*json),
        DataCommand::Verify { path, clean, json } => {
            let finding = verify(path, clean.as_deref())?;
            let report = VerifyReport {
                schema: VerifyReport::SCHEMA,
                path: path.display().to_string(),
                what: finding.what,
                verdict: finding.verdict.name(),
                details: finding.details,
            };
            print(&report, *json, || report.to_text())?;
            Ok(if finding.verdict == Verdict::Differs { Outcome::Missed } else { Outcome::Done })
        }
        DataCommand::Fetch { set, dir, url, keep, json } => {
            let report = fetch(set, dir, (url.as_deref().unwrap_or(set.url), *keep), talk)?;
            if *json {
                print(&report, true, String::new)?;
            } else {
                talk.note(&report.to_text());
            }
            Ok(Outcome::Done)
        }
    }
}

fn list(json: bool) -> Result<Outcome> {
    let row = |set: &Archive| DataRow {
        name: set.name,
        about: set.about,
        url: set.url,
        md5: set.md5,
        bytes: set.bytes,
        directory: set.dir,
        citation: set.citation,
    };
    let report = DataList { schema: DataList::SCHEMA, sets: SETS.iter().map(row).collect() };
    print(&report, json, || report.to_text())?;
    Ok(Outcome::Done)
}

fn fetch(set: &Archive, dir: &Path, (url, keep): (&str, bool), talk: Talk) -> Result<FetchReport> {
    fs::create_dir_all(dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
    let target = dir.join(set.dir);
    let report = |downloaded: bool| FetchReport {
        schema: FetchReport::SCHEMA,
        name: set.name,
        directory: target.display().to_string(),
        downloaded,
        citation: set.citation,
    };
    if target.is_dir() {
        talk.note(&format!("{} is there already; nothing was fetched", target.display()));
        return Ok(report(false));
    }
    let file: PathBuf = dir.join(set.file);
    if !file.exists() {
        let bar = talk.progress(usize::try_from(set.bytes).unwrap_or(usize::MAX), set.file);
        let mut last = 0;
        let result = download(Download { url, to: &file }, |there, expected| {
            if let Some(expected) = expected {
                bar.expect(expected);
            }
            bar.advance_by(there.saturating_sub(last));
            last = there.max(last);
        });
        bar.finish();
        result?;
    }
    let found = md5_of(&file)?;
    if found != set.md5 {
        fs::remove_file(&file).with_context(|| file.display().to_string())?;
        return Err(FetchError::Checksum { path: file, expected: set.md5, found }.into());
    }
    extract(&file, dir, set.dir)?;
    if !keep {
        fs::remove_file(&file).with_context(|| file.display().to_string())?;
    }
    Ok(report(true))
}
