//! An arena that several threads work on together.
//!
//! The steps of a plan come in *groups*: those of one group may run at the same time, the groups run one after the other. Threads
//! walk the groups side by side ([`SharedArena::work`]); each takes the step of a group that has its number, waits a little for the
//! others to take theirs, then takes what is left. So a thread that comes late, or not at all, holds up nobody, and the last to
//! finish a group goes on at once. Steps that run alone and follow each other are one task, for one thread.
//!
//! What passes between two CPUs at each group is one counter. Flags and counters hold the number of the run, so that nobody has to
//! reset them, and each lies in a cache line of its own, which stays with the thread that writes it.

use core::cell::UnsafeCell;
use core::fmt;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::isa::Kernels;
use crate::span::{Block, Claim, Memory, Place, Span};
use crate::step::{Access, Step};

/// Most steps of a group.
pub const MOST_STEPS: usize = 32;

/// How often a thread looks whether a group is done before it takes what another has not taken.
const PATIENCE: u32 = 64;

/// Why steps cannot share an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// Two steps of a group (by their numbers), one of which writes what the other reads or writes.
    Steps(usize, usize),
    /// A step that names a byte outside the arena, or a buffer without a place.
    Outside(usize),
    /// The groups are not the steps in their order, or one has more than [`MOST_STEPS`].
    Groups,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Overlap::Steps(a, b) => write!(f, "steps {a} and {b} of one group touch the same bytes"),
            Overlap::Outside(step) => write!(f, "step {step} names bytes outside the arena"),
            Overlap::Groups => write!(f, "groups of at most {MOST_STEPS} steps must follow each other without gaps"),
        }
    }
}

impl core::error::Error for Overlap {}

/// A number in a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Lone(AtomicU32);

/// A step with the parts of the arena that it names.
#[derive(Debug)]
struct Part {
    step: Step,
    reads: Box<[Span]>,
    writes: Box<[Span]>,
}

/// What one thread does of a group: a step, or several in a row where the group is one task.
#[derive(Debug)]
struct Task {
    parts: Vec<Part>,
    /// The last run in which some thread has taken it.
    taken: Lone,
}

/// Tasks that may run at the same time, and how many have been done in all runs together.
#[derive(Debug)]
struct Group {
    tasks: Vec<Task>,
    done: Lone,
}

/// An arena, and the steps that threads run on it together.
pub struct SharedArena {
    blocks: Box<[UnsafeCell<Block>]>,
    kernels: &'static Kernels,
    groups: Box<[Group]>,
    /// Number of the run.
    run: u32,
    /// The last run that some thread has seen to its end.
    finished: Lone,
    /// Bit `i`: thread `i` has come to this run.
    present: Lone,
    /// A step has panicked: its group will never be done.
    broken: AtomicBool,
}

// SAFETY: the blocks are touched through `&mut self`, or by `work`, in which every step keeps to its claim (`Memory::claimed`).
// Claims of one group are disjoint where one writes (`SharedArena::new`); steps of different groups never run at the same time:
// a thread goes on only when all tasks of the group are counted as done, and the `Acquire` load that sees it makes all their
// writes visible. Each task is run once between two calls of `begin`, which needs `&mut self`: by the thread that is the first
// to put the number of the run on it.
unsafe impl Sync for SharedArena {}

impl SharedArena {
    /// An arena of `len` bytes of zeros for `steps`, of which each range of `groups` may run at the same time.
    ///
    /// # Errors
    /// If two steps of a group could not.
    pub fn new(
        kernels: &'static Kernels,
        steps: &[Step],
        groups: &[Range<usize>],
        len: usize,
    ) -> Result<SharedArena, Overlap> {
        let parts =
            steps.iter().enumerate().map(|(at, &step)| Part::new(at, step, len)).collect::<Result<Vec<_>, _>>()?;
        let (mut parts, mut from) = (parts.into_iter(), 0);
        let mut made: Vec<Group> = Vec::with_capacity(groups.len());
        for group in groups {
            if group.start != from || group.end < from || group.len() > MOST_STEPS {
                return Err(Overlap::Groups);
            }
            from = group.end;
            let mut parts: Vec<Part> = parts.by_ref().take(group.len()).collect();
            if let Some((a, b)) = clash(&parts) {
                return Err(Overlap::Steps(group.start + a, group.start + b));
            }
            match made.last_mut().map(|last| &mut last.tasks[..]) {
                Some([alone]) if parts.len() == 1 => alone.parts.append(&mut parts),
                _ if parts.is_empty() => {}
                _ => made.push(Group { tasks: parts.into_iter().map(Task::from).collect(), done: Lone::default() }),
            }
        }
        if from != steps.len() {
            return Err(Overlap::Groups);
        }
        // One block more: vector loads may run past the last tensor.
        let blocks = (0..=Block::count(len)).map(|_| UnsafeCell::new(Block::ZERO)).collect();
        Ok(SharedArena {
            blocks,
            kernels,
            groups: made.into(),
            run: 0,
            finished: Lone::default(),
            present: Lone::default(),
            broken: AtomicBool::new(false),
        })
    }

    /// The arena, to bring inputs in and outputs out.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let (at, len) = (self.blocks.as_mut_ptr(), self.blocks.len());
        // SAFETY: `UnsafeCell<Block>` has the layout of `Block`, and `self` is borrowed exclusively.
        Block::bytes_mut(unsafe { core::slice::from_raw_parts_mut(at.cast(), len) })
    }

    /// Before each run: no step is taken, none is done.
    pub fn begin(&mut self) {
        if *self.finished.0.get_mut() != self.run {
            // A run was broken off, or nobody came: the counters do not say what they should.
            for group in &mut self.groups {
                *group.done.0.get_mut() = group.after(self.run);
            }
        }
        *self.present.0.get_mut() = 0;
        *self.broken.get_mut() = false;
        self.run = self.run.wrapping_add(1);
    }

    /// The part of one thread in a run (nothing, if none has begun); it returns when all steps are done. `wait` is called, with a
    /// count from 0 on, as often as the thread looks in vain whether a group is done.
    pub fn work(&self, thread: usize, consts: &[u8], wait: impl Fn(u32)) {
        let bit = |thread: usize| 1_u32.checked_shl(thread as u32).unwrap_or(0);
        self.present.0.fetch_or(bit(thread), Ordering::Relaxed);
        for group in &self.groups {
            let count = group.tasks.len();
            let end = group.after(self.run);
            self.take(group, thread % count, consts);
            let mut looks = 0;
            while group.done.0.load(Ordering::Acquire) != end {
                if self.broken.load(Ordering::Relaxed) {
                    return;
                }
                // Threads that have come take their own; for others nobody waits.
                let present = self.present.0.load(Ordering::Relaxed);
                for at in (0..count).filter(|&at| looks == PATIENCE || (looks == 0 && present & bit(at) == 0)) {
                    self.take(group, at, consts);
                }
                wait(looks);
                looks = looks.saturating_add(1);
            }
        }
        if self.finished.0.load(Ordering::Relaxed) != self.run {
            self.finished.0.store(self.run, Ordering::Relaxed);
        }
    }

    /// Does a task that nobody has taken.
    fn take(&self, group: &Group, at: usize, consts: &[u8]) {
        let Task { parts, taken } = &group.tasks[at];
        if taken.0.load(Ordering::Relaxed) != self.run && taken.0.swap(self.run, Ordering::Relaxed) != self.run {
            let panics = Panics(&self.broken);
            parts.iter().for_each(|part| self.step(part, consts));
            core::mem::forget(panics);
            group.done.0.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn step(&self, part: &Part, consts: &[u8]) {
        let claim = Claim { reads: &part.reads, writes: &part.writes };
        let (arena, len) = (UnsafeCell::raw_get(self.blocks.as_ptr()), self.blocks.len() * Block::SIZE);
        // SAFETY: the blocks are `len` bytes in cells, so that a shared borrow may write them; that nobody else writes what
        // `part` reads or touches what it writes is said at `Sync` above.
        let mut memory = unsafe { Memory::claimed(consts, arena.cast(), len, claim) };
        part.step.run(self.kernels, &mut memory);
    }
}

impl Group {
    /// What `done` is after run number `run`.
    fn after(&self, run: u32) -> u32 {
        run.wrapping_mul(self.tasks.len() as u32)
    }
}

impl From<Part> for Task {
    fn from(part: Part) -> Task {
        Task { parts: vec![part], taken: Lone::default() }
    }
}

/// Tells the other threads when it is dropped: they would wait for ever.
struct Panics<'a>(&'a AtomicBool);

impl Drop for Panics<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Part {
    fn new(at: usize, mut step: Step, len: usize) -> Result<Part, Overlap> {
        let (mut reads, mut writes, mut inside) = (Vec::new(), Vec::new(), true);
        step.spans(&mut |span, access| match span.place {
            Place::Const => {}
            Place::Virtual(_) => inside = false,
            Place::Arena => {
                inside &= span.offset.checked_add(span.len).is_some_and(|end| end <= len);
                let to = if matches!(access, Access::Read | Access::ReadInPlace) { &mut reads } else { &mut writes };
                to.push(*span);
            }
        });
        if inside { Ok(Part { step, reads: reads.into(), writes: writes.into() }) } else { Err(Overlap::Outside(at)) }
    }

    fn writes_what(&self, other: &Part) -> bool {
        let theirs = || other.reads.iter().chain(&other.writes);
        self.writes.iter().any(|w| theirs().any(|span| w.overlaps(span)))
    }
}

/// Two steps that must not run at the same time.
fn clash(parts: &[Part]) -> Option<(usize, usize)> {
    let pairs = (0..parts.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
    pairs.into_iter().find(|&(a, b)| parts[a].writes_what(&parts[b]) || parts[b].writes_what(&parts[a]))
}

impl fmt::Debug for SharedArena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (blocks, groups) = (self.blocks.len(), self.groups.len());
        f.debug_struct("SharedArena").field("blocks", &blocks).field("groups", &groups).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::ops::lut::Lut;

    fn arena(offset: usize, len: usize) -> Span {
        Span { place: Place::Arena, offset, len }
    }

    /// A step that adds 1 to each code.
    fn plus_one(input: Span, output: Span) -> Step {
        let table = Span { place: Place::Const, offset: 0, len: 256 };
        Lut { input, output, table, tail: Span::EMPTY, tail_start: usize::MAX, size: 1 }.into()
    }

    fn consts() -> Vec<Block> {
        let codes = (0..256_usize).map(|i| (i as u8 ^ 0x80).wrapping_add(1)).collect::<Vec<u8>>();
        codes.as_chunks::<64>().0.iter().map(|block| Block(*block)).collect()
    }

    fn new(steps: &[Step], groups: &[Range<usize>]) -> Result<SharedArena, Overlap> {
        SharedArena::new(Isa::Scalar.kernels().expect("portable kernels"), steps, groups, 640)
    }

    #[test]
    fn steps_that_touch_the_same_bytes_are_refused() {
        let steps = |a: Span, b: Span, c: Span| [plus_one(a, b), plus_one(a, c)];
        let both = |steps: &[Step]| new(steps, core::slice::from_ref(&(0..2))).err();
        assert_eq!(both(&steps(arena(0, 64), arena(64, 64), arena(128, 64))), None);
        assert_eq!(both(&steps(arena(0, 64), arena(64, 64), arena(127, 64))), Some(Overlap::Steps(0, 1)));
        assert_eq!(both(&steps(arena(0, 64), arena(64, 64), arena(63, 64))), Some(Overlap::Steps(0, 1)));
        assert_eq!(both(&steps(arena(0, 64), arena(64, 64), arena(640, 64))), Some(Overlap::Outside(1)));
        // In place is well where each keeps to its own part.
        let parts = [plus_one(arena(0, 10), arena(0, 10)), plus_one(arena(10, 54), arena(10, 54))];
        assert_eq!(both(&parts), None);
        let one_by_one = steps(arena(0, 64), arena(64, 64), arena(64, 64));
        assert_eq!(new(&one_by_one, &[0..1, 1..2]).err(), None);
        assert_eq!(new(&one_by_one, core::slice::from_ref(&(0..1))).err(), Some(Overlap::Groups));
        assert_eq!(new(&one_by_one, &[1..2, 0..1]).err(), Some(Overlap::Groups));
    }

    #[test]
    fn threads_give_what_one_gives() {
        // Ten rounds of parts of unlike sizes, from one half of the arena to the other and back.
        let cuts = [0, 7, 64, 65, 200, 320];
        let half = |round: usize| round % 2 * 320;
        let part = |round: usize, i: usize| arena(half(round) + cuts[i], cuts[i + 1] - cuts[i]);
        let steps: Vec<Step> =
            (0..10).flat_map(|round| (0..5).map(move |i| plus_one(part(round, i), part(round + 1, i)))).collect();
        let groups: Vec<Range<usize>> = (0..10).map(|round| 5 * round..5 * round + 5).collect();
        let consts = consts();
        let consts = Block::bytes(&consts);
        for threads in [1, 2, 3, 7] {
            let mut shared = new(&steps, &groups).expect("disjoint parts");
            for turn in 0..20 {
                shared.bytes_mut()[..320].fill(turn);
                // Every third run is one that nobody came to the time before.
                (0..=turn % 3 / 2).for_each(|_| shared.begin());
                std::thread::scope(|scope| {
                    for thread in 0..threads {
                        let shared = &shared;
                        scope.spawn(move || shared.work(thread, consts, |_| std::thread::yield_now()));
                    }
                });
                assert!(shared.bytes_mut()[..320].iter().all(|&code| code == turn + 10), "{threads} threads");
            }
        }
    }
}
