//! `edgebench parity` with a target on another machine: it leaves a trace there, which is compared here.

use anyhow::Result;

use super::relay;
use crate::cli::parity::ParityArgs;
use crate::commands::talk::Talk;
use crate::parity::target::Setting;
use crate::parity::trace::{self, Trace};
use crate::remote::host::Host;
use crate::remote::job::Job;
use crate::remote::line::Line;
use crate::remote::parcel::Parcel;
use crate::remote::{Address, RemoteError};

/// A target on another machine.
pub(in crate::commands) struct There<'a> {
    host: Host,
    setting: Setting,
    args: &'a ParityArgs,
}

/// Goes to the machine.
pub(in crate::commands) fn there<'a>(address: &Address, setting: Setting, args: &'a ParityArgs) -> Result<There<'a>> {
    Ok(There { host: Host::new(address.clone(), &args.there.manner())?, setting, args })
}

impl There<'_> {
    /// What the model computes there; `values`: of this sample, the values of this layer too.
    pub(in crate::commands) fn trace(
        &self,
        samples: Option<usize>,
        values: Option<(usize, usize)>,
        talk: Talk,
    ) -> Result<Trace> {
        let mut job = Job { args: vec!["parity".into(), self.setting.to_string()], ..Job::default() };
        if let Some(path) = &self.args.model {
            let there = job.add("model", Parcel::of(path)?);
            job.option("--model", there);
        }
        match &self.args.input {
            Some(path) => {
                let there = job.add("input", Parcel::of(path)?);
                job.option("--input", there);
            }
            None => job.option("--seed", self.args.seed),
        }
        if let Some(samples) = samples {
            job.option("--samples", samples);
        }
        if let Some((sample, layer)) = values {
            job.option("--values-of", format!("{sample}:{layer}"));
        }
        job.option("--record", "trace.json");
        super::send(&self.host, &job, talk)?;
        let (name, running) = (self.host.name(), self.host.start(&job)?);
        self.host.follow(&running, |line| -> Result<(), RemoteError> {
            if let Line::Said { line, .. } = line {
                relay(&name, &line, false, talk);
            }
            Ok(())
        })?;
        let text = self.host.fetch(&running, "trace.json")?;
        self.host.remove(&running);
        let problem = |problem| RemoteError::Protocol { host: name.clone(), problem };
        let mut trace = trace::parse(text.as_bytes()).map_err(problem)?;
        trace.target = format!("{name},{}", trace.target);
        Ok(trace)
    }
}
