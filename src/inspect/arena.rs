//! Which buffer lies where in the arena, and when.

use edgebench_kernels::Place;
use edgebench_models::{Graph, Plan};
use serde::Serialize;

/// The arena of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct ArenaMap {
    /// Its bytes: the peak RAM of activations and scratch memory.
    pub bytes: usize,
    /// Most bytes that are in use at the same time; the rest is lost between buffers.
    pub live_bytes: usize,
    /// Operator (by its place in the file) at which that is; absent for a plan without steps.
    pub peak_operator: Option<usize>,
    /// Operator of every step, by its place in the file.
    pub steps: Vec<usize>,
    /// The buffers, in the order of their first step.
    pub buffers: Vec<BufferRow>,
}

/// One buffer.
#[derive(Clone, Debug, Serialize)]
pub struct BufferRow {
    /// The tensors that lie in it one after the other, or `scratch`.
    pub tensors: Vec<String>,
    /// First byte.
    pub offset: usize,
    /// Length in bytes.
    pub len: usize,
    /// First step that touches it.
    pub first_step: usize,
    /// Last step that touches it; one past the last for outputs of the network.
    pub last_step: usize,
}

impl BufferRow {
    /// Whether it is in use at `step`.
    #[must_use]
    pub fn lives_at(&self, step: usize) -> bool {
        (self.first_step..=self.last_step).contains(&step)
    }

    /// Whether byte `at` of the arena is its own.
    #[must_use]
    pub fn covers(&self, at: usize) -> bool {
        (self.offset..self.offset + self.len).contains(&at)
    }
}

impl ArenaMap {
    /// Of a plan that was lowered from `graph`.
    #[must_use]
    pub fn of(graph: &Graph, plan: &Plan) -> Self {
        let steps: Vec<usize> = plan.origins.iter().map(|origin| graph.nodes[origin.node].index).collect();
        let row = |b: &edgebench_models::plan::Lifetime| BufferRow {
            tensors: Vec::new(),
            offset: b.offset,
            len: b.len,
            first_step: b.first,
            last_step: b.last,
        };
        let mut buffers: Vec<BufferRow> = plan.lifetimes.iter().map(row).filter(|b| b.len > 0).collect();
        buffers.sort_by_key(|b| (b.first_step, b.offset));
        for (id, step) in births(graph, plan) {
            let Some(span) = plan.tensors[id].filter(|span| span.place == Place::Arena) else { continue };
            if let Some(buffer) = buffers.iter_mut().find(|b| b.lives_at(step) && b.covers(span.offset)) {
                buffer.tensors.push(graph.tensors[id].name.clone());
            }
        }
        for buffer in buffers.iter_mut().filter(|b| b.tensors.is_empty()) {
            buffer.tensors.push("scratch".into());
        }
        let live = |step| buffers.iter().filter(|b| b.lives_at(step)).map(|b| b.len).sum::<usize>();
        let peak =
            (0..steps.len()).map(|step| (live(step), step)).max_by_key(|&(bytes, step)| (bytes, usize::MAX - step));
        Self {
            bytes: plan.arena_len,
            live_bytes: peak.map_or(0, |(bytes, _)| bytes),
            peak_operator: peak.map(|(_, step)| steps[step]),
            steps,
            buffers,
        }
    }
}

/// Every tensor that is an input or computed by a step, with the step at which it is there.
fn births(graph: &Graph, plan: &Plan) -> Vec<(usize, usize)> {
    let mut births: Vec<(usize, usize)> = graph.inputs.iter().map(|&id| (id, 0)).collect();
    for (step, origin) in plan.origins.iter().enumerate() {
        // An operator of several steps has written its outputs at the last of them.
        if plan.origins.get(step + 1).is_none_or(|next| next.node != origin.node) {
            births.extend(graph.nodes[origin.node].outputs.iter().map(|&id| (id, step)));
        }
    }
    births
}
