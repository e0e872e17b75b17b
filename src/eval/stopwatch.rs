//! Time of a batch of images spread over threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use edgebench_models::graph::DType;
use edgebench_models::{Error, Plan, Session, Team};

use super::latency::{Effort, measure};
use super::pool::Sessions;

/// Milliseconds of each run: `batch` images, spread over `threads` threads with sessions of their own.
///
/// # Errors
/// If the plan cannot run on this CPU.
pub fn batches(plan: &Arc<Plan>, threads: usize, batch: usize, effort: &Effort) -> Result<Vec<f64>, Error> {
    let inputs = inputs(plan, 1);
    let threads = threads.clamp(1, batch.max(1));
    let block = turn(plan, threads, batch).images;
    let mut sessions = (0..threads).map(|_| Sessions::new(plan, block)).collect::<Result<Vec<_>, _>>()?;
    once(sessions[0].of(block), &inputs)?;
    let sessions = sessions.into_iter().map(Mutex::new).collect();
    let work = Arc::new(Batch { sessions, inputs, images: batch, block, next: AtomicUsize::new(0) });
    let theirs = Arc::clone(&work);
    let mut team = Team::new(threads, move |thread| theirs.work(thread));
    Ok(measure(effort, |_| {
        work.next.store(0, Ordering::Relaxed);
        team.run();
    }))
}

/// The plan that a thread runs at a time.
#[must_use]
pub fn turn(plan: &Arc<Plan>, threads: usize, batch: usize) -> &Arc<Plan> {
    plan.many.as_ref().filter(|many| many.images <= batch / threads.clamp(1, batch.max(1))).unwrap_or(plan)
}

/// Images that threads take one by one, or a few at a time: whoever is slowed down takes fewer.
struct Batch {
    /// Those of each thread.
    sessions: Vec<Mutex<Sessions>>,
    inputs: Vec<Vec<u8>>,
    images: usize,
    /// Images that a thread takes at a time.
    block: usize,
    /// The image to be taken next.
    next: AtomicUsize,
}

impl Batch {
    fn work(&self, thread: usize) {
        let mut sessions = self.sessions[thread].lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let first = self.next.fetch_add(self.block, Ordering::Relaxed);
            let mut left = self.block.min(self.images.saturating_sub(first));
            if left == 0 {
                return;
            }
            while left > 0 {
                let session = sessions.of(left);
                left -= session.plan().images;
                once(session, &self.inputs).expect("inputs were made for this plan");
            }
        }
    }
}

/// One run: inputs in (the same for all of its images), run.
///
/// # Errors
/// Inputs that are not the plan's.
pub fn once(session: &mut Session, inputs: &[Vec<u8>]) -> Result<(), Error> {
    for image in 0..session.plan().images {
        for (port, bytes) in inputs.iter().enumerate() {
            session.image(image).set_input(port, bytes)?;
        }
    }
    session.run();
    Ok(())
}

/// Pseudo-random inputs, the same on every machine for one `seed`: float32 from −1 to 1, integers of all codes.
#[must_use]
pub fn inputs(plan: &Plan, seed: u64) -> Vec<Vec<u8>> {
    let mut state = seed;
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
