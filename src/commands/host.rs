//! `edgebench host`: the other end of `--on`.

use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use edgebench_kernels::Isa;

use super::{Outcome, end, print};
use crate::cli::remote::{HostArgs, HostCommand};
use crate::cli::{Cli, Command};
use crate::remote::facts::Facts;
use crate::remote::serve::{self, Claim};

/// A follower holds the lock for a moment to see whether it is free: that is nobody who works.
const ATTEMPTS: usize = 20;

pub(super) fn run(args: &HostArgs) -> Result<Outcome> {
    match &args.command {
        HostCommand::Run { dir } => job(dir),
        HostCommand::Follow { dir, ledger, said } => {
            serve::follow(dir, (*ledger, *said), Duration::from_secs(5), &mut io::stdout().lock())?;
            Ok(Outcome::Done)
        }
        HostCommand::Facts => {
            let facts = Facts::here(Isa::available().map(|isa| isa.name().to_owned()).collect());
            print(&facts, true, String::new)?;
            Ok(Outcome::Done)
        }
    }
}

fn job(dir: &Path) -> Result<Outcome> {
    let Some(_claim) = wait_for(dir)? else { return Ok(Outcome::Done) };
    if dir.join("exit").exists() {
        return Ok(Outcome::Done);
    }
    let description = serve::description(dir).with_context(|| format!("{}: no job", dir.display()))?;
    // What an attempt before this one printed; whoever started this one appends.
    std::fs::OpenOptions::new().write(true).truncate(true).open(dir.join("out"))?;
    std::env::set_current_dir(dir)?;
    let args = std::iter::once("edgebench".to_owned()).chain(description.args);
    let code = match Cli::try_parse_from(args) {
        Ok(Cli { command: Command::Host(_), .. }) => bail!("a job that is a job"),
        Ok(cli) => end(&cli, super::run(&cli)),
        Err(error) => {
            let _ = error.print();
            2
        }
    };
    serve::finish(Path::new("."), code)?;
    Ok(Outcome::Done)
}

fn wait_for(dir: &Path) -> Result<Option<Claim>> {
    for _ in 0..ATTEMPTS {
        if let Some(claim) = serve::claim(dir)? {
            return Ok(Some(claim));
        }
        sleep(Duration::from_millis(50));
    }
    Ok(None)
}
