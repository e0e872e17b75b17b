//! Time of a batch of images spread over threads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use edgebench_models::graph::DType;
use edgebench_models::{Error, Plan, Session};

use super::latency::{Effort, measure};

/// Milliseconds of each run: `batch` images, spread over `threads` threads with a session each.
///
/// # Errors
/// If the plan cannot run on this CPU.
pub fn batches(plan: &Arc<Plan>, threads: usize, batch: usize, effort: &Effort) -> Result<Vec<f64>, Error> {
    let inputs = inputs(plan);
    let threads = threads.clamp(1, batch.max(1));
    let mut sessions = (0..threads).map(|_| Session::new(Arc::clone(plan))).collect::<Result<Vec<_>, _>>()?;
    let mut first = sessions.remove(0);
    once(&mut first, &inputs)?;
    if threads == 1 {
        return Ok(measure(effort, |_| part(&mut first, &inputs, batch)));
    }
    let (gate, stop) = (Barrier::new(threads), AtomicBool::new(false));
    let share = |thread: usize| batch / threads + usize::from(thread < batch % threads);
    Ok(thread::scope(|scope| {
        for (at, session) in sessions.iter_mut().enumerate() {
            let (gate, stop, inputs) = (&gate, &stop, &inputs);
            scope.spawn(move || {
                loop {
                    gate.wait();
                    if stop.load(Ordering::Acquire) {
                        return;
                    }
                    part(session, inputs, share(at + 1));
                    gate.wait();
                }
            });
        }
        let times = measure(effort, |_| {
            gate.wait();
            part(&mut first, &inputs, share(0));
            gate.wait();
        });
        stop.store(true, Ordering::Release);
        gate.wait();
        times
    }))
}

fn part(session: &mut Session, inputs: &[Vec<u8>], images: usize) {
    for _ in 0..images {
        once(session, inputs).expect("inputs were made for this plan");
    }
}

/// One image: inputs in, run.
///
/// # Errors
/// Inputs that are not the plan's.
pub fn once(session: &mut Session, inputs: &[Vec<u8>]) -> Result<(), Error> {
    for (port, bytes) in inputs.iter().enumerate() {
        session.set_input(port, bytes)?;
    }
    session.run();
    Ok(())
}

/// Pseudo-random inputs, the same on every machine: float32 from −1 to 1, integers of all codes.
#[must_use]
pub fn inputs(plan: &Plan) -> Vec<Vec<u8>> {
    let mut state = 1_u64;
    let mut next = || {
        // Knuth's MMIX generator; the upper half is good enough for inputs.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as u32
    };
    let mut input = |dtype: DType, len: usize| -> Vec<u8> {
        match dtype {
            DType::F32 => {
                let value = |n: u32| (f64::from(n) / f64::from(u32::MAX) * 2.0 - 1.0) as f32;
                (0..len / 4).flat_map(|_| value(next()).to_le_bytes()).collect()
            }
            DType::Bool => (0..len).map(|_| (next() >> 31) as u8).collect(),
            // Indices and sizes: small, so that they are in range.
            DType::I32 | DType::I64 | DType::U32 => vec![0; len],
            _ => (0..len).map(|_| (next() >> 24) as u8).collect(),
        }
    };
    plan.inputs.iter().map(|port| input(port.dtype, port.span.len)).collect()
}
