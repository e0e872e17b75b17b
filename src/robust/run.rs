//! Measures the cells of a grid that are not there yet.
//!
//! Threads take a few images at a time, of whichever cell is next; a corrupted image is made once and shown to every model that
//! takes images of its size. What a cell holds depends on none of this.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use edgebench_models::Plan;

use super::cell::{CellKey, Counts, ModelKey, Scored};
use super::condition::Condition;
use super::confidence::Confidence;
use super::grid::Grid;
use super::ledger::LedgerError;
use super::shard::Shard;
use super::source::{Painter, Source};
use crate::corrupt::CorruptError;
use crate::data::pipeline::Pipeline;
use crate::data::preprocess::PreprocessError;
use crate::data::quantise::Clipping;
use crate::data::{Dataset, Sample, Values};
use crate::eval::accuracy::answer;
use crate::eval::pool::Sessions;

/// Images that a thread takes at once.
const SLICE: u64 = 40;

/// A model, ready to answer.
#[derive(Debug)]
pub struct Subject<'a> {
    /// Its name in cells.
    pub key: ModelKey,
    /// The network.
    pub plan: &'a Arc<Plan>,
    /// The clean images in the size that it takes.
    pub data: &'a Dataset,
    /// From an image to its input.
    pub pipeline: &'a Pipeline,
    /// From its scores to a probability.
    pub confidence: Confidence,
}

impl Subject<'_> {
    /// What the bytes of its scores say about image `image`.
    ///
    /// # Errors
    /// Scores of a type that has no order.
    pub fn scored(&self, scores: &[u8], image: usize) -> Result<Scored, RunError> {
        let label = self.data.labels[image] as usize;
        let found = answer(self.plan.outputs[0].dtype, scores, label).map_err(RunError::Scores)?;
        Ok(Scored {
            // More classes than this are refused before anything runs.
            best: u16::try_from(found.best).unwrap_or(u16::MAX),
            hit: found.best == label,
            in_top5: found.in_top5,
            confidence: self.confidence.at(scores, found.best),
        })
    }
}

/// What is to be measured.
#[derive(Debug)]
pub struct Measurement<'a> {
    /// SHA-256 of the clean data with their labels, in hex.
    pub data_sha256: &'a str,
    /// Where corrupted images come from.
    pub source: &'a Source,
    /// Conditions and blocks.
    pub grid: &'a Grid,
    /// The part of them that is measured here.
    pub shard: Shard,
    /// The models.
    pub subjects: &'a [Subject<'a>],
}

/// Why a measurement stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// An image could not be read or made.
    #[error(transparent)]
    Image(#[from] CorruptError),
    /// The ledger could not be written, or contradicts what was measured.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An image did not become an input.
    #[error(transparent)]
    Input(#[from] PreprocessError),
    /// A model could not be run.
    #[error(transparent)]
    Model(#[from] edgebench_models::Error),
    /// Scores of a type that has no order.
    #[error("scores of type {0}")]
    Scores(&'static str),
}

/// Cells of one condition and block that are measured together.
#[derive(Debug)]
struct Task {
    condition: Condition,
    range: Range<u64>,
    /// Indices of models that take images of one size.
    subjects: Vec<usize>,
    /// Slices that are not done.
    open: AtomicUsize,
    counts: Mutex<Vec<Counts>>,
}

/// The cells that are still to be measured.
#[derive(Debug)]
pub struct Agenda<'a> {
    measurement: &'a Measurement<'a>,
    tasks: Vec<Task>,
    slices: Vec<(usize, Range<u64>)>,
    /// Cells that were there.
    pub known: usize,
}

impl<'a> Agenda<'a> {
    /// All cells of the shard but those that `has`.
    #[must_use]
    pub fn new(measurement: &'a Measurement<'a>, has: impl Fn(&CellKey) -> bool) -> Self {
        Self::of(measurement, has, |_| true)
    }

    /// The same, of some blocks of images only.
    #[must_use]
    pub fn of(
        measurement: &'a Measurement<'a>,
        has: impl Fn(&CellKey) -> bool,
        wanted: impl Fn(&Range<u64>) -> bool,
    ) -> Self {
        let mut agenda = Self { measurement, tasks: Vec::new(), slices: Vec::new(), known: 0 };
        let sizes = by_size(measurement.subjects);
        for (at, (condition, range)) in measurement.grid.units().enumerate() {
            if !measurement.shard.takes(at) || !wanted(&range) {
                continue;
            }
            for group in &sizes {
                let open = |&subject: &usize| !has(&agenda.measurement.key(subject, condition, &range));
                let subjects: Vec<usize> = group.iter().copied().filter(open).collect();
                agenda.known += group.len() - subjects.len();
                if !subjects.is_empty() {
                    agenda.push(condition, range.clone(), subjects);
                }
            }
        }
        agenda
    }

    fn push(&mut self, condition: Condition, range: Range<u64>, subjects: Vec<usize>) {
        let n = (range.end - range.start) as usize;
        let before = self.slices.len();
        let task = self.tasks.len();
        let starts = (range.start..range.end).step_by(SLICE as usize);
        self.slices.extend(starts.map(|first| (task, first..range.end.min(first + SLICE))));
        let counts = Mutex::new(vec![Counts::new(n); subjects.len()]);
        let open = AtomicUsize::new(self.slices.len() - before);
        self.tasks.push(Task { condition, range, subjects, open, counts });
    }

    /// Cells to measure.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.tasks.iter().map(|task| task.subjects.len()).sum()
    }

    /// Inferences to do.
    #[must_use]
    pub fn inferences(&self) -> u64 {
        self.tasks.iter().map(|task| (task.range.end - task.range.start) * task.subjects.len() as u64).sum()
    }

    /// Measures them on `threads` threads and hands each cell to `sink` as soon as it is complete. `done` is told of inferences
    /// from any thread. Gives what was clamped, by model.
    ///
    /// # Errors
    /// The first error that is met; cells that went to `sink` before are complete.
    pub fn run(
        &self,
        threads: usize,
        sink: impl FnMut(CellKey, Counts) -> Result<(), LedgerError> + Send,
        done: impl Fn(u64) + Sync,
    ) -> Result<Vec<Clipping>, RunError> {
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let sink = Mutex::new(sink);
        let put = |key: CellKey, counts: Counts| {
            let mut sink = sink.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            // Nothing follows an error: it may be that the disk is full, and a later line would hide it.
            if failed.load(Ordering::Relaxed) { Ok(()) } else { sink(key, counts) }
        };
        let worker = || -> Result<Vec<Clipping>, RunError> {
            let mut bench = Bench::new(self.measurement);
            while !failed.load(Ordering::Relaxed) {
                let Some((task, range)) = self.slices.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                let task = &self.tasks[*task];
                let result = bench.slice(task, range.clone()).and_then(|()| {
                    done((range.end - range.start) * task.subjects.len() as u64);
                    if task.open.fetch_sub(1, Ordering::AcqRel) > 1 { Ok(()) } else { self.close(task, &put) }
                });
                if let Err(error) = result {
                    failed.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
            Ok(bench.clipping)
        };
        let results: Vec<_> = thread::scope(|scope| {
            let handles: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(worker)).collect();
            handles.into_iter().map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        let mut all = vec![Clipping::default(); self.measurement.subjects.len()];
        for result in results {
            all.iter_mut().zip(result?).for_each(|(all, part)| all.add(part));
        }
        Ok(all)
    }

    fn close(
        &self,
        task: &Task,
        put: &(impl Fn(CellKey, Counts) -> Result<(), LedgerError> + Sync),
    ) -> Result<(), RunError> {
        let counts = std::mem::take(&mut *task.counts.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        for (&subject, counts) in task.subjects.iter().zip(counts) {
            put(self.measurement.key(subject, task.condition, &task.range), counts)?;
        }
        Ok(())
    }
}

/// Models whose images have the same size, together.
fn by_size(subjects: &[Subject<'_>]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (at, subject) in subjects.iter().enumerate() {
        match groups.iter_mut().find(|group| subjects[group[0]].data.shape == subject.data.shape) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

impl Measurement<'_> {
    /// The names of all cells, whoever measures them.
    pub fn keys(&self) -> impl Iterator<Item = CellKey> + '_ {
        let of = move |(condition, range): (Condition, Range<u64>)| {
            (0..self.subjects.len()).map(move |subject| self.key(subject, condition, &range))
        };
        self.grid.units().flat_map(of)
    }

    /// The name of a cell of model `subject`.
    #[must_use]
    pub fn key(&self, subject: usize, condition: Condition, range: &Range<u64>) -> CellKey {
        CellKey {
            data: self.data_sha256.into(),
            model: self.subjects[subject].key.clone(),
            condition,
            origin: self.source.origin(condition),
            first: range.start,
            end: range.end,
        }
    }
}

/// What a thread has of its own: arenas, and buffers for images.
struct Bench<'a> {
    measurement: &'a Measurement<'a>,
    sessions: Vec<Option<Sessions>>,
    /// One for each size of images, by the first model that takes it.
    painters: Vec<Option<Painter<'a>>>,
    pixels: Vec<u8>,
    input: Vec<u8>,
    clipping: Vec<Clipping>,
}

impl<'a> Bench<'a> {
    fn new(measurement: &'a Measurement<'a>) -> Self {
        let n = measurement.subjects.len();
        let (sessions, painters) = ((0..n).map(|_| None).collect(), (0..n).map(|_| None).collect());
        let clipping = vec![Clipping::default(); n];
        Self { measurement, sessions, painters, pixels: Vec::new(), input: Vec::new(), clipping }
    }

    fn slice(&mut self, task: &Task, range: Range<u64>) -> Result<(), RunError> {
        let data = self.measurement.subjects[task.subjects[0]].data;
        let size: usize = data.shape.iter().product();
        let (first, n) = (range.start as usize, (range.end - range.start) as usize);
        let painter = &mut self.painters[task.subjects[0]];
        let painter = match painter {
            Some(painter) => painter,
            none => none.insert(self.measurement.source.painter(data)?),
        };
        self.pixels.resize(n * size, 0);
        painter.paint(task.condition, first, &mut self.pixels)?;
        for (at, &subject) in task.subjects.iter().enumerate() {
            let part = self.answers(subject, first)?;
            let mut counts = task.counts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            counts[at].merge(first - task.range.start as usize, &part);
        }
        Ok(())
    }

    /// What model `subject` says to the images in `pixels`, the first of which has number `first`.
    fn answers(&mut self, subject: usize, first: usize) -> Result<Counts, RunError> {
        let this = &self.measurement.subjects[subject];
        let scored = |scores: &[u8], image: usize| this.scored(scores, image);
        let Subject { plan, data, pipeline, .. } = this;
        let sessions = match &mut self.sessions[subject] {
            Some(sessions) => sessions,
            none => none.insert(Sessions::new(plan, SLICE as usize)?),
        };
        let size: usize = data.shape.iter().product();
        let mut left = self.pixels.len() / size;
        let (mut counts, mut at) = (Counts::new(left), 0);
        let mut images = self.pixels.chunks_exact(size);
        while left > 0 {
            let session = sessions.of(left);
            let together = session.plan().images;
            for (image, pixels) in images.by_ref().take(together).enumerate() {
                self.input.clear();
                let sample = Sample { shape: &data.shape, values: Values::U8(pixels.into()) };
                self.clipping[subject].add(pipeline.append(&sample, &mut self.input)?);
                session.image(image).set_input(0, &self.input)?;
            }
            session.run();
            for image in 0..together {
                counts.add(at, &scored(&session.image(image).output(0), first + at)?);
                at += 1;
            }
            left -= together;
        }
        Ok(counts)
    }
}
