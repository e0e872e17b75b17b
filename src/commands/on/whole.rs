//! Commands that run as a whole on each machine, one after the other so that networks and files here are not shared; their results
//! side by side.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Ready, after, args, ready, relay};
use crate::cli::remote::OnArgs;
use crate::cli::{BenchArgs, EvalArgs};
use crate::commands::talk::Talk;
use crate::commands::{Outcome, print};
use crate::remote::RemoteError;
use crate::remote::facts::Facts;
use crate::remote::host::Ended;
use crate::remote::job::Job;
use crate::remote::line::Line;

/// Results of machines.
#[derive(Debug, Serialize)]
struct HostsReport {
    schema: &'static str,
    hosts: Vec<HostRow>,
}

/// The result of a machine.
#[derive(Debug, Serialize)]
struct HostRow {
    /// Its address.
    host: String,
    /// Hash of the program that ran there.
    program_sha256: String,
    /// How often the connection was lost.
    cuts: u32,
    /// What it was before the run.
    before: Facts,
    /// What it was after it.
    after: Facts,
    /// What the command prints there with `--json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Box<RawValue>>,
    /// What it prints without.
    #[serde(skip)]
    text: String,
}

/// `edgebench eval --on`.
pub(in crate::commands) fn eval(args: &EvalArgs, talk: Talk) -> Result<Outcome> {
    run(&args.on, args::eval(args)?, args.json, talk)
}

/// `edgebench bench --on`.
pub(in crate::commands) fn bench(args: &BenchArgs, talk: Talk) -> Result<Outcome> {
    run(&args.on, args::bench(args)?, args.json, talk)
}

fn run(on: &OnArgs, mut job: Job, json: bool, talk: Talk) -> Result<Outcome> {
    // Times are measured anew whenever they are asked for.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos());
    job.salt = format!("{now} {}", std::process::id());
    let machines = ready(on, talk)?;
    let (mut hosts, mut outcome) = (Vec::new(), Outcome::Done);
    for machine in &machines {
        let ended = one(machine, &job, talk)?;
        if ended.code == 1 {
            outcome = Outcome::Missed;
        }
        hosts.push(HostRow {
            host: machine.host.name(),
            program_sha256: machine.host.program.clone(),
            cuts: ended.cuts,
            before: machine.before.clone(),
            after: after(machine, talk)?,
            report: json.then(|| RawValue::from_string(ended.stdout.clone())).transpose()?,
            text: ended.stdout,
        });
    }
    let report = HostsReport { schema: "edgebench.hosts/1", hosts };
    print(&report, json, || report.to_text())?;
    Ok(outcome)
}

fn one(Ready { host, .. }: &Ready, job: &Job, talk: Talk) -> Result<Ended, RemoteError> {
    super::send(host, job, talk)?;
    let running = host.start(job)?;
    let name = host.name();
    let ended = host.follow(&running, |line| -> Result<(), RemoteError> {
        if let Line::Said { line, .. } = line {
            relay(&name, &line, true, talk);
        }
        Ok(())
    })?;
    host.remove(&running);
    super::tell_cuts(&name, ended.cuts, talk);
    Ok(ended)
}

impl HostsReport {
    fn to_text(&self) -> String {
        let one = |row: &HostRow| format!("{}\n{}\n\n{}", row.host, row.after.to_text(), row.text);
        self.hosts.iter().map(one).collect::<Vec<_>>().join("\n")
    }
}
