//! A command line for another machine: the same, with files that are sent.

use std::path::Path;

use anyhow::Result;

use crate::cli::corrupt::Kinds;
use crate::cli::{BenchArgs, EvalArgs, IsaChoice, Profile};
use crate::data::side_file;
use crate::remote::job::Job;
use crate::remote::parcel::Parcel;
use crate::robust::shard::Shard;

/// The whole of `edgebench eval`, with its result as JSON or text.
pub(super) fn eval(args: &EvalArgs) -> Result<Job> {
    let mut job = of_eval(args)?;
    if let Some(share) = args.min_accuracy {
        job.option("--min-accuracy", share);
    }
    flag(&mut job, "--per-class", args.per_class);
    flag(&mut job, "--confusion", args.confusion);
    flag(&mut job, "--json", args.json);
    Ok(job)
}

/// A part of a measurement of robustness: its cells are the result.
pub(super) fn cells(args: &EvalArgs, shard: Shard) -> Result<Job> {
    let mut job = of_eval(args)?;
    let robust = &args.robust;
    if !robust.corruptions.is_empty() {
        let names: Vec<&str> = Kinds::expand(&robust.corruptions).iter().map(|kind| kind.name()).collect();
        job.option("--corruptions", names.join(","));
    }
    let levels: Vec<String> = robust.severity.0.iter().map(|severity| severity.level().to_string()).collect();
    job.option("--severity", levels.join(","));
    for (name, path) in [("--corrupted", &robust.corrupted), ("--frost-dir", &robust.frost_dir)] {
        if let Some(path) = path {
            let there = job.add(name.trim_matches('-'), Parcel::of(path)?);
            job.option(name, there);
        }
    }
    if let Some(constants) = robust.constants {
        job.option("--constants", constants.name());
    }
    job.option("--seed", robust.seed);
    job.option("--block", robust.block());
    job.option("--shard", shard);
    job.option("--ledger", "ledger");
    // The report is made here, of the cells of all machines.
    job.option("--bootstrap", 0);
    Ok(job)
}

fn of_eval(args: &EvalArgs) -> Result<Job> {
    let mut job = Job { args: vec!["eval".into()], ..Job::default() };
    models(&mut job, &args.models)?;
    if args.data == Path::new("digits") {
        job.option("--data", "digits");
    } else {
        let there = job.add("data", Parcel::of(&args.data)?);
        job.option("--data", there);
    }
    job.option("--split", args.split.name());
    if let Some(path) = &args.labels {
        let there = job.add("labels", Parcel::of(path)?);
        job.option("--labels", there);
    } else if args.data.is_file() {
        // Labels that are found beside an array.
        if let Some(beside) = crate::data::labels_of(&args.data) {
            job.add("data", Parcel::of(&beside)?);
        }
    }
    flag(&mut job, "--coarse", args.coarse);
    flag(&mut job, "--resize", args.resize);
    if let Some(limit) = args.limit {
        job.option("--limit", limit);
    }
    if let Some(kind) = args.preprocess {
        job.option("--preprocess", kind.name());
    }
    job.option("--arithmetic", args.lowering.arithmetic);
    if let Some(isa) = args.lowering.isa.filter(|isa| !is_of_this_machine(isa.name())) {
        job.option("--isa", isa);
    }
    if let Some(threads) = args.threads {
        job.option("--threads", threads);
    }
    job.option("--batch", args.batch);
    Ok(job)
}

/// `edgebench bench`.
pub(super) fn bench(args: &BenchArgs) -> Result<Job> {
    let mut job = Job { args: vec!["bench".into()], ..Job::default() };
    models(&mut job, &args.models)?;
    job.option("--threads", args.threads);
    if let Some(batch) = args.batch {
        job.option("--batch", batch);
    }
    job.option("--arithmetic", args.arithmetic);
    let name = |choice: &IsaChoice| match choice {
        IsaChoice::All => "all",
        IsaChoice::One(isa) => isa.name(),
    };
    let isas = args.isa.iter().map(name).collect::<Vec<_>>().join(",");
    if !isas.is_empty() && !is_of_this_machine(&isas) {
        job.option("--isa", isas);
    }
    match args.runs {
        Some(runs) => job.option("--runs", runs),
        None => job.option("--seconds", args.seconds),
    }
    let profile = match args.profile {
        Profile::Top => "top",
        Profile::All => "all",
        Profile::None => "none",
    };
    job.args.push(format!("--profile={profile}"));
    flag(&mut job, "--json", args.json);
    Ok(job)
}

/// Each in a directory of its own, with its side file.
fn models(job: &mut Job, models: &[std::path::PathBuf]) -> Result<()> {
    for (at, path) in models.iter().enumerate() {
        let group = format!("model{at}");
        let there = job.add(&group, Parcel::of(path)?);
        job.args.push(there);
        let beside = side_file::path_for(path);
        if beside.is_file() {
            job.add(&group, Parcel::of(&beside)?);
        }
    }
    Ok(())
}

fn flag(job: &mut Job, name: &str, on: bool) {
    if on {
        job.args.push(name.into());
    }
}

/// `EDGEBENCH_ISA` is about this machine, not about others.
fn is_of_this_machine(isas: &str) -> bool {
    std::env::var("EDGEBENCH_ISA").is_ok_and(|value| value == isas)
}
