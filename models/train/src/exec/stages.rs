//! The order of work: stages, chunks, and where gradients lie.

use super::program::{Conv, Kind, Move, Norm, Program, Stage, Step, Value, Want};

/// Bytes that a chunk of images may touch in one stage: what stays in the second-level cache.
const CHUNK_BYTES: usize = 768 << 10;

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
        planner.moves.push(Move::Forward(at));
    }
    planner.allocate(logits);
    planner.moves.push(Move::Loss);
    let mut shared = Vec::new();
    for (at, step) in steps.iter().enumerate().rev() {
        match step.kind {
            Kind::Statistics { .. } => continue,
            Kind::Norm { norm, .. } if norms[norm].batch_norm.is_some() => {
                planner.moves.push(Move::Sums(at));
                planner.flush();
                planner.stages.extend(shared.drain(..).map(Stage::Weights));
                planner.release();
                planner.stages.push(Stage::Factors(at));
            }
            Kind::Conv(conv) if convs[conv].shared => shared.push(at),
            Kind::Conv(_) => {}
            // Nothing before it wants a gradient.
            _ if step.gradient == [Want::Nothing; 2] => continue,
            _ => {}
        }
        planner.backward(at);
    }
    planner.flush();
    planner.stages.extend(shared.into_iter().map(Stage::Weights));
    let forward: Vec<Move> = (0..steps.len()).map(Move::Forward).collect();
    let chunk = planner.chunk(&forward);
    let infer = Stage::Groups { moves: forward, chunk };
    let Planner { stages: train, slots, slot_len, .. } = planner;
    Program { convs, norms, steps, values, slots, slot_len, train, infer, logits, classes }
}

struct Planner<'a> {
    steps: &'a [Step],
    values: &'a [usize],
    images: usize,
    stages: Vec<Stage>,
    /// Of the stage that is being put together.
    moves: Vec<Move>,
    slots: Vec<Option<usize>>,
    slot_len: Vec<usize>,
    /// Slots that hold nothing.
    free: Vec<usize>,
    /// Slots that will hold nothing after this stage; within it chunks of other images are still in them.
    freed: Vec<usize>,
}

impl Planner<'_> {
    /// Ends the stage.
    fn flush(&mut self) {
        if !self.moves.is_empty() {
            let moves = std::mem::take(&mut self.moves);
            let chunk = self.chunk(&moves);
            self.stages.push(Stage::Groups { moves, chunk });
        }
    }

    /// What the stages so far have freed can be used.
    fn release(&mut self) {
        self.free.append(&mut self.freed);
    }

    fn backward(&mut self, at: usize) {
        let step = self.steps[at];
        self.moves.push(Move::Backward(at));
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

    /// Images that go through `moves` together.
    fn chunk(&self, moves: &[Move]) -> usize {
        let mut touched = vec![[false; 2]; self.values.len()];
        for act in moves {
            let (at, gradients) = match *act {
                Move::Forward(at) => (at, false),
                Move::Sums(at) | Move::Backward(at) => (at, true),
                Move::Loss => continue,
            };
            let step = self.steps[at];
            let residual = match step.kind {
                Kind::Norm { residual, .. } => residual.unwrap_or(step.x),
                _ => step.x,
            };
            for value in [step.x, step.y, residual] {
                touched[value][0] = true;
                touched[value][1] |= gradients;
            }
        }
        let used = touched.iter().zip(self.values);
        let floats: usize = used.map(|(t, len)| t.iter().filter(|&&is| is).count() * len).sum();
        (CHUNK_BYTES / 4 / floats.max(1)).clamp(1, self.images)
    }
}
