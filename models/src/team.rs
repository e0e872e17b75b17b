//! A team of threads that does one job again and again.
//!
//! Starting a thread takes tens of microseconds, waking one about as long; many networks run in less. So the members of a [`Team`]
//! stay, and between two turns they watch for the next one: first in a loop, then giving way to others, at last asleep. A turn
//! that comes soon costs less than a microsecond (`cargo bench -p edgebench-models --bench team`).

use std::any::Any;
use std::fmt;
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Threads that do one job together, as often as [`Team::run`] is called.
///
/// The job is a function of the thread's number. It must share out its work itself (by a counter, say): nobody waits for a member
/// that has not come by the time the caller's own part is done, so that a thread that sleeps, or whose CPU does something else,
/// holds up no one.
pub struct Team {
    shared: Arc<Shared>,
    members: Vec<JoinHandle<()>>,
}

struct Shared {
    turn: Turn,
    job: Box<dyn Fn(usize) + Send + Sync>,
    /// Whether each member sleeps, or is about to.
    asleep: Vec<AtomicBool>,
    /// How long a member watches for the next turn before it gives way.
    watch: Duration,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// The state that all threads watch: the number of the turn, whether members may still join it, and how many have. It has a pair of
/// cache lines of its own.
#[repr(align(128))]
struct Turn(AtomicU64);

/// Members may join.
const OPEN: u64 = 1 << 31;
/// The team is being dissolved.
const STOP: u64 = 1 << 30;
/// Members at work.
const COUNT: u64 = STOP - 1;

/// The number of the turn.
const fn number(state: u64) -> u64 {
    state >> 32
}

impl Team {
    /// How long a member watches for the next turn: longer than it takes to bring an input in and to fetch an output.
    const WATCH: Duration = Duration::from_micros(100);
    /// How often it gives way after that, before it sleeps.
    const YIELDS: usize = 16;

    /// Starts `threads − 1` members; the caller of [`Team::run`] is the first thread.
    #[must_use]
    pub fn new(threads: usize, job: impl Fn(usize) + Send + Sync + 'static) -> Team {
        let others = threads.saturating_sub(1);
        let crowded = thread::available_parallelism().is_ok_and(|cpus| threads > cpus.get());
        let shared = Arc::new(Shared {
            turn: Turn(AtomicU64::new(0)),
            job: Box::new(job),
            asleep: (0..others).map(|_| AtomicBool::new(false)).collect(),
            watch: if crowded { Duration::ZERO } else { Team::WATCH },
            panic: Mutex::new(None),
        });
        let start = |at: usize| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.serve(at))
        };
        Team { members: (0..others).map(start).collect(), shared }
    }

    /// How many threads there are, the caller included.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.members.len() + 1
    }

    /// One turn: the job on this thread as number 0, and on every other that comes before that is done.
    ///
    /// # Panics
    /// If the job does, on any thread.
    pub fn run(&mut self) {
        let Shared { turn: Turn(turn), job, panic, .. } = &*self.shared;
        if self.members.is_empty() {
            return job(0);
        }
        // Nobody is at work and nobody can join, so only this thread writes.
        turn.store((number(turn.load(Ordering::Relaxed)) + 1) << 32 | OPEN, Ordering::SeqCst);
        self.wake();
        let mine = catch_unwind(AssertUnwindSafe(|| job(0)));
        turn.fetch_and(!OPEN, Ordering::AcqRel);
        let mut wait = Wait::new(self.shared.watch);
        while turn.load(Ordering::Acquire) & COUNT != 0 {
            wait.a_little();
        }
        let theirs = panic.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(cause) = mine.err().or(theirs) {
            resume_unwind(cause);
        }
    }

    /// Wakes the members that sleep. One that is about to has said so before it looks at the turn for the last time.
    fn wake(&self) {
        for (member, asleep) in self.members.iter().zip(&self.shared.asleep) {
            if asleep.load(Ordering::SeqCst) {
                member.thread().unpark();
            }
        }
    }
}

impl Shared {
    fn serve(&self, at: usize) {
        let mut last = 0;
        loop {
            let state = self.next(at, last);
            if state & STOP != 0 {
                return;
            }
            last = number(state);
            if self.join(state) {
                if let Err(cause) = catch_unwind(AssertUnwindSafe(|| (self.job)(at + 1))) {
                    *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
                }
                self.turn.0.fetch_sub(1, Ordering::Release);
            }
        }
    }

    /// Waits for a turn after number `last`, or the end.
    fn next(&self, at: usize, last: u64) -> u64 {
        let fresh = |state: u64| number(state) != last || state & STOP != 0;
        let mut wait = Wait::new(self.watch);
        while wait.yields < Team::YIELDS {
            let state = self.turn.0.load(Ordering::Acquire);
            if fresh(state) {
                return state;
            }
            wait.a_little();
        }
        self.asleep[at].store(true, Ordering::SeqCst);
        loop {
            let state = self.turn.0.load(Ordering::SeqCst);
            if fresh(state) {
                self.asleep[at].store(false, Ordering::Relaxed);
                return state;
            }
            thread::park();
        }
    }

    /// Counts this member in, unless the turn that `state` speaks of is over.
    fn join(&self, mut state: u64) -> bool {
        let wanted = number(state);
        while number(state) == wanted && state & OPEN != 0 {
            match self.turn.0.compare_exchange_weak(state, state + 1, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }
}

/// Waiting that begins with a loop and goes on by giving way to other threads.
struct Wait {
    begin: Option<Instant>,
    watch: Duration,
    looks: u32,
    yields: usize,
}

impl Wait {
    fn new(watch: Duration) -> Wait {
        Wait { begin: None, watch, looks: 0, yields: 0 }
    }

    fn a_little(&mut self) {
        /// Looks between two looks at the clock.
        const ROUND: u32 = 64;
        self.looks += 1;
        if self.watch.is_zero() || (self.looks.is_multiple_of(ROUND) && self.is_over()) {
            // From here on every look gives way.
            self.watch = Duration::ZERO;
            self.yields += 1;
            thread::yield_now();
        } else {
            spin_loop();
        }
    }

    fn is_over(&mut self) -> bool {
        self.begin.get_or_insert_with(Instant::now).elapsed() >= self.watch
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.turn.0.fetch_or(STOP, Ordering::SeqCst);
        self.wake();
        for member in self.members.drain(..) {
            // A panic of the job was passed on by `run`.
            let _ = member.join();
        }
    }
}

impl fmt::Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Team").field("threads", &self.threads()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// A team that counts up to `count` together, every number once.
    fn counters(threads: usize, count: usize) -> (Team, Arc<(AtomicUsize, Vec<AtomicUsize>)>) {
        let work = Arc::new((AtomicUsize::new(0), (0..count).map(|_| AtomicUsize::new(0)).collect::<Vec<_>>()));
        let theirs = Arc::clone(&work);
        let team = Team::new(threads, move |_| {
            while let Some(number) = theirs.1.get(theirs.0.fetch_add(1, Ordering::Relaxed)) {
                number.fetch_add(1, Ordering::Relaxed);
            }
        });
        (team, work)
    }

    #[test]
    fn all_work_is_done_once_in_every_turn() {
        for threads in [1, 2, 3, 9] {
            let (mut team, work) = counters(threads, 50);
            assert_eq!(team.threads(), threads);
            for turn in 1..=500 {
                work.0.store(0, Ordering::Relaxed);
                team.run();
                assert!(work.1.iter().all(|done| done.load(Ordering::Relaxed) == turn), "{threads} threads");
                if turn % 100 == 0 {
                    // Long enough for all to fall asleep.
                    thread::sleep(Duration::from_millis(2));
                }
            }
        }
    }

    #[test]
    fn a_panic_is_passed_on_and_the_team_goes_on() {
        let turns = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&turns);
        let mut team = Team::new(3, move |thread| {
            if thread == 0 {
                assert!(seen.fetch_add(1, Ordering::Relaxed) != 1, "the second turn");
            }
        });
        team.run();
        let second = catch_unwind(AssertUnwindSafe(|| team.run()));
        let cause = second.expect_err("the panic of the second turn");
        assert_eq!(cause.downcast_ref::<&str>(), Some(&"the second turn"));
        team.run();
        assert_eq!(turns.load(Ordering::Relaxed), 3);
    }
}
