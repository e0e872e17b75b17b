//! The order of work: stages, chunks, and where gradients lie.

use super::program::{Conv, Kind, Move, Norm, Program, Stage, Step, Value, Want};

/// Bytes that a chunk of images may touch in one step: with what the step before and the one after touch, it stays in the second-level
/// cache.
const CHUNK_BYTES: usize = 384 << 10;

/// Puts steps into stages. `images` is the size of a group, `logits` the last value and its number of classes.
pub(super) fn arrange(
    convs: Vec<Conv>,
    norms: Vec<Norm>,
    steps: Vec<Step>,
    values: Vec<usize>,
    (logits, classes): (Value, usize),
    images: usize,
) -> Program {
    let mut planner = Planner {
        steps: &steps,
        values: &values,
        images,
        stages: Vec::new(),
        moves: Vec::new(),
        chunks: [usize::MAX, 0],
        shared: Vec::new(),
        slots: vec![None; values.len()],
        slot_len: Vec::new(),
        free: Vec::new(),
        freed: Vec::new(),
    };
    let mut pending = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        match step.kind {
            Kind::Norm { norm, .. } if pending.contains(&norm) => {
                planner.flush();
                planner.stages.push(Stage::Statistics(std::mem::take(&mut pending)));
            }
            Kind::Conv(conv) => pending.extend(convs[conv].statistics),
            Kind::Statistics { norm } => pending.push(norm),
            _ => {}
        }
        planner.push(Move::Forward(at));
    }
    planner.allocate(logits);
    planner.push(Move::Loss);
    for (at, step) in steps.iter().enumerate().rev() {
        match step.kind {
            Kind::Statistics { .. } => continue,
            Kind::Norm { norm, .. } if norms[norm].batch_norm.is_some() => {
                planner.push(Move::Sums(at));
                planner.cut();
                planner.stages.push(Stage::Factors(at));
            }
            Kind::Conv(_) => {}
            // Nothing before it wants a gradient.
            _ if step.gradient == [Want::Nothing; 2] => continue,
            _ => {}
        }
        planner.backward(at);
        if matches!(step.kind, Kind::Conv(conv) if convs[conv].shared) {
            planner.shared.push(at);
        }
    }
    planner.cut();
    let train = std::mem::take(&mut planner.stages);
    (0..steps.len()).for_each(|at| planner.push(Move::Forward(at)));
    planner.cut();
    let Planner { stages: infer, slots, slot_len, .. } = planner;
    Program { convs, norms, steps, values, slots, slot_len, train, infer, logits, classes }
}

struct Planner<'a> {
    steps: &'a [Step],
    values: &'a [usize],
    images: usize,
    stages: Vec<Stage>,
    /// Of the stage that is being put together.
    moves: Vec<Move>,
    /// The smallest and the largest chunk that its steps would have alone.
    chunks: [usize; 2],
    /// Steps of it whose weight gradients come after it.
    shared: Vec<usize>,
    slots: Vec<Option<usize>>,
    slot_len: Vec<usize>,
    /// Slots that hold nothing.
    free: Vec<usize>,
    /// Slots that will hold nothing after this stage; within it chunks of other images are still in them.
    freed: Vec<usize>,
}

impl Planner<'_> {
    /// Adds to the stage. One that would go through in chunks of quite another size begins a stage of its own: small images want to go
    /// together, so that weights are read less often, and large ones one by one.
    fn push(&mut self, next: Move) {
        let alone = self.chunk(next);
        let together = alone.map(|alone| [self.chunks[0].min(alone), self.chunks[1].max(alone)]);
        if together.is_some_and(|[small, large]| large > 2 * small && !self.moves.is_empty()) {
            self.cut();
        }
        if let Some(alone) = alone {
            self.chunks = [self.chunks[0].min(alone), self.chunks[1].max(alone)];
        }
        self.moves.push(next);
    }

    /// Ends the stage, takes the weight gradients that were put off, and lets go of what nobody needs any more.
    fn cut(&mut self) {
        self.flush();
        self.stages.extend(self.shared.drain(..).map(Stage::Weights));
        self.free.append(&mut self.freed);
    }

    /// Ends the stage.
    fn flush(&mut self) {
        let chunk = std::mem::replace(&mut self.chunks, [usize::MAX, 0])[0].min(self.images);
        if !self.moves.is_empty() {
            self.stages.push(Stage::Groups { moves: std::mem::take(&mut self.moves), chunk });
        }
    }

    fn backward(&mut self, at: usize) {
        let step = self.steps[at];
        self.push(Move::Backward(at));
        let residual = match step.kind {
            Kind::Norm { residual, .. } => residual,
            _ => None,
        };
        for (value, want) in [(Some(step.x), step.gradient[0]), (residual, step.gradient[1])] {
            if let (Some(value), Want::Write) = (value, want) {
                self.allocate(value);
            }
        }
        self.freed.extend(self.slots[step.y]);
    }

    /// A slot for the gradient of `value`: the free one that fits best, else the largest, which grows.
    fn allocate(&mut self, value: Value) {
        let len = self.values[value];
        let waste = |&slot: &usize| {
            let has = self.slot_len[slot];
            (has < len, has.abs_diff(len))
        };
        let best = (0..self.free.len()).min_by_key(|&at| waste(&self.free[at]));
        let slot = match best {
            Some(at) => self.free.swap_remove(at),
            None => {
                self.slot_len.push(0);
                self.slot_len.len() - 1
            }
        };
        self.slot_len[slot] = self.slot_len[slot].max(len);
        self.slots[value] = Some(slot);
    }

    /// Images that should go through a step together; `None` where it does not matter.
    fn chunk(&self, what: Move) -> Option<usize> {
        let (at, copies) = match what {
            Move::Forward(at) => (at, 1),
            // Values and their gradients.
            Move::Sums(at) | Move::Backward(at) => (at, 2),
            Move::Loss => return None,
        };
        let step = self.steps[at];
        let residual = match step.kind {
            Kind::Norm { residual, .. } => residual,
            _ => None,
        };
        let values = [Some(step.x), Some(step.y).filter(|y| *y != step.x), residual];
        let floats: usize = values.into_iter().flatten().map(|value| copies * self.values[value]).sum();
        Some((CHUNK_BYTES / 4 / floats.max(1)).clamp(1, self.images))
    }
}
