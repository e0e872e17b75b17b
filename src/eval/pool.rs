//! Many samples through one plan, on several threads.
//!
//! Each thread has sessions (arenas) of its own and takes the next few samples when it is done with the last; results are put
//! back in the order of the samples, so that the number of threads and the size of a share change nothing but the time. Of a
//! share, as many samples run at once as [`Plan::many`] takes; what is left over runs one by one.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use edgebench_models::{Error, Image, Plan, Session};

/// How samples are spread.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Threads, at least 1.
    pub threads: usize,
    /// Samples that a thread takes at once, at least 1.
    pub share: usize,
}

impl Pool {
    /// For every `i` below `count`: `set(image, i)` sets all inputs, the image runs, and `get(image, i, what set gave)` makes the
    /// result of its outputs. Gives the results in order.
    ///
    /// # Errors
    /// The error of the first sample (by number) that has one.
    pub fn run<P, T: Send, E: Send + From<Error>>(
        self,
        plan: &Arc<Plan>,
        count: usize,
        set: impl Fn(&mut Image<'_>, usize) -> Result<P, E> + Sync,
        get: impl Fn(&mut Image<'_>, usize, P) -> Result<T, E> + Sync,
    ) -> Result<Vec<T>, E> {
        let share = self.share.max(1);
        let next = AtomicUsize::new(0);
        let worker = || -> Part<T, E> {
            let mut part = Part { done: Vec::new(), failed: None };
            let mut sessions = match Sessions::new(plan, share) {
                Ok(sessions) => sessions,
                Err(error) => return Part { failed: Some((0, error.into())), ..part },
            };
            loop {
                let first = next.fetch_add(share, Ordering::Relaxed);
                if first >= count {
                    return part;
                }
                sessions.run(first..count.min(first + share), &set, &get, &mut part);
                if part.failed.is_some() {
                    // Samples before this share have all been taken, so the first failure is among those that are kept.
                    next.store(count, Ordering::Relaxed);
                    return part;
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

/// The arenas of a thread.
#[derive(Debug)]
pub(crate) struct Sessions {
    single: Session,
    /// For several images at once.
    many: Option<Session>,
}

impl Sessions {
    /// For shares of `share` images.
    pub(crate) fn new(plan: &Arc<Plan>, share: usize) -> Result<Sessions, Error> {
        let many = plan.many.as_ref().filter(|many| many.images <= share);
        let many = many.map(|many| Session::new(Arc::clone(many))).transpose()?;
        Ok(Sessions { single: Session::new(Arc::clone(plan))?, many })
    }

    /// The session for the next of `left` images: the larger one if it can be filled.
    pub(crate) fn of(&mut self, left: usize) -> &mut Session {
        self.many.as_mut().filter(|many| many.plan().images <= left).unwrap_or(&mut self.single)
    }

    /// The samples `at`, in order, up to the first that fails.
    fn run<P, T, E>(
        &mut self,
        at: Range<usize>,
        set: &impl Fn(&mut Image<'_>, usize) -> Result<P, E>,
        get: &impl Fn(&mut Image<'_>, usize, P) -> Result<T, E>,
        part: &mut Part<T, E>,
    ) {
        let mut first = at.start;
        while first < at.end && part.failed.is_none() {
            let session = self.of(at.end - first);
            let images = session.plan().images;
            let mut ready = Vec::with_capacity(images);
            for image in 0..images {
                match set(&mut session.image(image), first + image) {
                    Ok(set) => ready.push(set),
                    Err(error) => {
                        part.failed = Some((first + image, error));
                        break;
                    }
                }
            }
            if !ready.is_empty() {
                // Those before one that failed may fail themselves.
                session.run();
            }
            for (image, set) in ready.into_iter().enumerate() {
                match get(&mut session.image(image), first + image, set) {
                    Ok(result) => part.done.push((first + image, result)),
                    Err(error) => {
                        part.failed = Some((first + image, error));
                        return;
                    }
                }
            }
            first += images;
        }
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
