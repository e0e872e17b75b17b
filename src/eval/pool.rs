//! Many samples through one plan, on several threads.
//!
//! Each thread has a session (arena) of its own and takes the next few samples when it is done with the last; results are put
//! back in the order of the samples, so that the number of threads and the size of a share change nothing but the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use edgebench_models::{Error, Plan, Session};

/// How samples are spread.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Threads, at least 1.
    pub threads: usize,
    /// Samples that a thread takes at once, at least 1.
    pub share: usize,
}

impl Pool {
    /// `work(session, i)` for every `i` below `count`, and the results in that order. `work` must set all inputs.
    ///
    /// # Errors
    /// The error of the first sample (by number) that has one.
    pub fn run<T: Send, E: Send + From<Error>>(
        self,
        plan: &Arc<Plan>,
        count: usize,
        work: impl Fn(&mut Session, usize) -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E> {
        let share = self.share.max(1);
        let next = AtomicUsize::new(0);
        let worker = || -> Part<T, E> {
            let mut part = Part { done: Vec::new(), failed: None };
            let mut session = match Session::new(Arc::clone(plan)) {
                Ok(session) => session,
                Err(error) => return Part { failed: Some((0, error.into())), ..part },
            };
            loop {
                let first = next.fetch_add(share, Ordering::Relaxed);
                if first >= count {
                    return part;
                }
                for at in first..count.min(first + share) {
                    match work(&mut session, at) {
                        Ok(result) => part.done.push((at, result)),
                        Err(error) => {
                            // Samples before this one have all been taken, so the first failure is among those that are kept.
                            next.store(count, Ordering::Relaxed);
                            part.failed = Some((at, error));
                            return part;
                        }
                    }
                }
            }
        };
        let threads = self.threads.clamp(1, count.div_ceil(share).max(1));
        let parts: Vec<Part<T, E>> = if threads == 1 {
            vec![worker()]
        } else {
            thread::scope(|scope| {
                let handles: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
                handles.into_iter().map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
            })
        };
        join(parts, count)
    }
}

struct Part<T, E> {
    done: Vec<(usize, T)>,
    failed: Option<(usize, E)>,
}

fn join<T, E>(parts: Vec<Part<T, E>>, count: usize) -> Result<Vec<T>, E> {
    let mut all = Vec::with_capacity(count);
    let mut first: Option<(usize, E)> = None;
    for part in parts {
        all.extend(part.done);
        if let Some((at, error)) = part.failed
            && first.as_ref().is_none_or(|(earlier, _)| at < *earlier)
        {
            first = Some((at, error));
        }
    }
    if let Some((_, error)) = first {
        return Err(error);
    }
    all.sort_unstable_by_key(|&(at, _)| at);
    Ok(all.into_iter().map(|(_, result)| result).collect())
}
