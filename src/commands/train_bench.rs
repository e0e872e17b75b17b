//! `edgebench train --benchmark`: how fast steps are.

use std::time::Instant;

use anyhow::{Result, anyhow};
use edgebench_train::arch::{self, Target};
use edgebench_train::exec::{Batch, Workers};
use edgebench_train::net::Shape;
use edgebench_train::technique::WeightPath;
use edgebench_train::{Init, Net, Params, Trainer, fold, quant};

use super::{Outcome, print};
use crate::cli::train::TrainArgs;
use crate::machine::{self, Machine};
use crate::report::train::{SpeedReport, SpeedRow};

/// Steps that warm up and are not counted.
const WARM: u32 = 2;

pub(super) fn run(name: &str, args: &TrainArgs) -> Result<Outcome> {
    let net = arch::build(name, Target { input: Shape::new(32, 32, 3), classes: 10 })?;
    let said = args.training.training().map_err(|problem| anyhow!("{problem}"))?;
    let plan = said.plan(args.running.seed);
    let workers = args.running.workers();
    let params = Params::init(&net, Init::HeNormal, args.running.seed);
    let mut trainer =
        if args.qat { simulating(&net, &params, workers)? } else { Trainer::new(net.clone(), params, workers)? };
    let labels: Vec<u32> = (0..plan.batch as u32).map(|at| at % 10).collect();
    let fill = |image: usize, input: &mut [f32]| {
        for (at, value) in input.iter_mut().enumerate() {
            *value = ((at * 31 + image * 7919) % 255) as f32 / 127.5 - 1.0;
        }
    };
    let batch = Batch { labels: &labels, fill: &fill, label_smoothing: 0.0, key: 1 };
    let mut seconds = Vec::new();
    for step in 0..WARM + args.steps {
        let begin = Instant::now();
        trainer.step(&batch, &plan.moves, 1e-3)?;
        if step >= WARM {
            seconds.push(begin.elapsed().as_secs_f64());
        }
    }
    seconds.sort_by(f64::total_cmp);
    let speed = |seconds: f64| plan.batch as f64 / seconds;
    let report = SpeedReport {
        schema: SpeedReport::SCHEMA,
        machine: Machine::here(),
        arch: name.to_owned(),
        macs: net.macs(),
        batch: plan.batch,
        threads: workers.threads,
        executor: workers.executor.to_string(),
        steps: args.steps,
        qat: args.qat,
        images_per_second: SpeedRow { best: speed(seconds[0]), median: speed(seconds[seconds.len() / 2]) },
        peak_rss_bytes: machine::peak_rss(),
    };
    print(&report, args.running.json, || report.to_text())?;
    Ok(Outcome::Done)
}

/// The network with everything quantised.
fn simulating(net: &Net, params: &Params, workers: Workers) -> Result<Trainer> {
    let (net, params) = fold(net, params)?;
    let (net, params) = quant::insert(&net, &params)?;
    let mut trainer = Trainer::new(net, params, workers)?;
    for at in 0..trainer.net().tensors().len() {
        if trainer.net().tensors()[at].role.is_kernel() {
            trainer.paths[at] = Some(WeightPath { quantised: true, ..WeightPath::default() });
        }
    }
    Ok(trainer)
}
