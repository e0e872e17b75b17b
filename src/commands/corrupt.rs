//! `edgebench corrupt`: corrupted sets as files.

use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::talk::Talk;
use super::{Outcome, print};
use crate::cli::corrupt::{CorruptArgs, Format, Kinds};
use crate::corrupt::{self, Generator, default_constants};
use crate::data::{self, Dataset, OpenOptions};
use crate::machine;
use crate::report::corrupt::CorruptReport;

pub(super) fn run(args: &CorruptArgs, talk: Talk) -> Result<Outcome> {
    let (kinds, severities) = (Kinds::expand(&args.corruptions), &args.severity.0[..]);
    ensure!(
        args.output.is_none() || args.format == Format::Png || severities.len() == 5,
        "--format npy holds all five severities in one file; leave --severity out, or take --format png"
    );
    let data = open(args)?;
    data.notes.iter().for_each(|note| talk.note(note));
    let sides = [data.shape.first(), data.shape.get(1)].map(|side| side.copied().unwrap_or(0));
    let set = args.constants.unwrap_or_else(|| default_constants(sides[0], sides[1]));
    let photographs = match &args.frost_dir {
        Some(dir) => corrupt::read_photographs(dir, set)?,
        None => Vec::new(),
    };
    let threads = args.threads.map_or_else(machine::cpus, usize::from);
    let mut generator = Generator::new(&data, set, args.seed, threads)?;
    if args.frost_dir.is_some() {
        generator = generator.with_frost(&photographs)?;
    }

    let begin = Instant::now();
    let mut written = Vec::new();
    if let Some(path) = &args.sheet {
        let sheet = corrupt::contact_sheet(&mut generator, &kinds, severities, args.sheet_image)?;
        corrupt::write_sheet(&sheet, path)?;
        written.push(path.clone());
    }
    if let Some(dir) = &args.output {
        std::fs::create_dir_all(dir).with_context(|| format!("{}: cannot be made", dir.display()))?;
        if args.format == Format::Npy {
            written.push(corrupt::write_labels(&data, dir)?);
        }
        for &kind in &kinds {
            let bar = talk.progress(data.len() * severities.len(), generator.name(kind));
            let done = || bar.advance();
            written.push(match args.format {
                Format::Npy => corrupt::write_npy(&mut generator, kind, dir, done)?,
                Format::Png => corrupt::write_png_folder(&mut generator, kind, severities, dir, done)?,
            });
            bar.finish();
        }
    }
    let report = CorruptReport {
        schema: CorruptReport::SCHEMA,
        data: data.name.clone(),
        source: data.source.clone(),
        data_sha256: data.sha256()?,
        images: data.len(),
        shape: generator.shape(),
        constants: set.name(),
        seed: args.seed,
        corruptions: kinds.iter().map(|&kind| generator.name(kind)).collect(),
        severities: severities.iter().map(|severity| severity.level()).collect(),
        written: written.iter().map(|path| path.display().to_string()).collect(),
        threads,
        seconds: begin.elapsed().as_secs_f64(),
    };
    if args.json {
        print(&report, true, String::new)?;
    } else {
        talk.note(&report.to_text());
    }
    Ok(Outcome::Done)
}

fn open(args: &CorruptArgs) -> Result<Dataset> {
    let options = OpenOptions {
        split: args.split,
        limit: args.limit.map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
        resize: args.resize,
        labels: args.labels.clone(),
        coarse: args.coarse,
    };
    let data = data::open(&args.data, &options)?;
    match args.resize {
        Some([height, width]) => Ok(data.resized(height, width)?),
        None => Ok(data),
    }
}
