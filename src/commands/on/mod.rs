//! `--on`: a command on other machines.

mod args;
mod board;
mod boards;
mod measure;
mod parity;
mod whole;

pub(super) use board::board_trace;
pub(super) use boards::{eval as eval_on_boards, measure as measure_on_boards};
pub(super) use measure::measure;
pub(super) use parity::{There, there};
pub(super) use whole::{bench, eval};

use anyhow::Result;

use super::talk::Talk;
use crate::cli::remote::OnArgs;
use crate::remote::facts::Facts;
use crate::remote::host::Host;
use crate::remote::job::Job;
use crate::remote::{Address, RemoteError};

/// A machine before a run.
struct Ready {
    host: Host,
    before: Facts,
}

/// All machines, looked at before anything is sent to any of them but the program.
fn ready(on: &OnArgs, talk: Talk) -> Result<Vec<Ready>> {
    let one = |address: &Address| -> Result<Ready, RemoteError> {
        let host = Host::new(address.clone(), &on.there.manner())?;
        let before = host.facts()?;
        talk.note(&format!("{address}: {}", before.to_text()));
        Ok(Ready { host, before })
    };
    Ok(on.machines().map(one).collect::<Result<Vec<_>, _>>()?)
}

/// A machine after a run.
fn after(ready: &Ready, talk: Talk) -> Result<Facts, RemoteError> {
    let after = ready.host.facts()?;
    if let Some(words) = after.slowed_since(&ready.before) {
        talk.warn(&format!("{}: was slowed down during the run: {words}", ready.host.name()));
    }
    Ok(after)
}

/// A line that the program said there, as this program says it.
fn relay(host: &str, line: &str, notes: bool, talk: Talk) {
    let about = |rest: &str| format!("{host}: {}", rest.trim());
    if let Some(rest) = line.strip_prefix("warning:") {
        talk.warn(&about(rest));
    } else if notes && let Some(rest) = line.strip_prefix("note:") {
        talk.note(&about(rest));
    }
}

/// Sends what a job needs and the machine does not have.
fn send(host: &Host, job: &Job, talk: Talk) -> Result<(), RemoteError> {
    let bytes: u64 = job.parcels.iter().map(|parcel| parcel.len).sum();
    let bar = talk.progress(usize::try_from(bytes).unwrap_or(usize::MAX), "bytes sent");
    let sent = host.send(&job.parcels, &mut |n| bar.advance_by(n));
    bar.finish();
    sent
}

fn tell_cuts(host: &str, cuts: u32, talk: Talk) {
    if cuts > 0 {
        let times = if cuts == 1 { "once".into() } else { format!("{cuts} times") };
        talk.note(&format!("{host}: the connection was lost {times} on the way; the run went on"));
    }
}
