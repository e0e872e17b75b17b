//! A plan: steps, constants, and an arena whose size is known before anything runs.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use edgebench_kernels::{Access, Isa, Place, Span, Step};

use crate::graph::{DType, Quant};
use crate::lower::Arithmetic;
use crate::memory::Zeroed;

/// An input or output of a plan.
#[derive(Clone, Debug)]
pub struct Port {
    /// Tensor name in the file.
    pub name: String,
    /// Element type as the user sees it.
    pub dtype: DType,
    /// Sizes, outermost first.
    pub shape: Vec<usize>,
    /// Quantisation of the tensor as the user sees it.
    pub quant: Option<Quant>,
    /// Where it lies (of the first image, if a run has several); 8-bit unsigned codes lie there with the top bit flipped.
    pub span: Span,
}

impl Port {
    /// Where it lies of an image of the run; what is constant is the same for all.
    #[must_use]
    pub fn of_image(&self, image: usize) -> Span {
        let step = if self.span.place == Place::Const { 0 } else { self.span.len };
        Span { offset: self.span.offset + image * step, ..self.span }
    }
}

/// Where a step came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Index of the operator in the graph's nodes.
    pub node: usize,
    /// Multiply-accumulates of the step.
    pub macs: u64,
}

/// One buffer of the arena, for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// First byte in the arena.
    pub offset: usize,
    /// Length in bytes.
    pub len: usize,
    /// First step that touches it.
    pub first: usize,
    /// Last step that touches it.
    pub last: usize,
}

/// Everything that is needed to run a network.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Instruction set that the weights were packed for.
    pub isa: Isa,
    /// Arithmetic that was lowered for.
    pub arithmetic: Arithmetic,
    /// What to do.
    pub steps: Vec<Step>,
    /// Which operator each step belongs to.
    pub origins: Vec<Origin>,
    /// All steps in their order, in groups that may run at the same time; one step each in a plan for one thread.
    pub groups: Vec<Range<usize>>,
    /// How many threads have something to do: the most steps of a group.
    pub threads: usize,
    /// Images of a run: 1, or more in [`Plan::many`].
    pub images: usize,
    /// The same network for several images at once, where [`LowerOptions::many`](crate::LowerOptions::many) asked for it and it is
    /// faster. It gives the bytes that this plan gives.
    pub many: Option<Arc<Plan>>,
    /// Weights and tables, which plans of a network share.
    pub consts: Arc<Zeroed>,
    /// Bytes of arena: the peak RAM of activations and scratch space of a run.
    pub arena_len: usize,
    /// The arena's buffers.
    pub lifetimes: Vec<Lifetime>,
    /// Inputs.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
    /// Place of every tensor of the graph that has one (all that are computed, if the plan was lowered with `keep_all`).
    pub tensors: Vec<Option<Span>>,
    /// What the user should know about the arithmetic, e.g. a place where the runtime itself is not well defined.
    pub warnings: Vec<String>,
}

#[derive(Clone, Copy)]
struct Buffer {
    len: usize,
    first: usize,
    last: usize,
    offset: usize,
}

/// Lays the virtual buffers of `steps` out in one arena and patches their spans. `pinned` buffers live from the start
/// (inputs) or to the end (outputs).
pub(crate) struct Planner<'a> {
    pub(crate) lens: &'a [usize],
    /// Steps that may run at the same time: what one of them touches lives while any of them runs.
    pub(crate) groups: &'a [Range<usize>],
    pub(crate) inputs: &'a [Span],
    pub(crate) outputs: &'a [Span],
    /// Give every buffer its own place, so that all can be read afterwards.
    pub(crate) keep_all: bool,
}

pub(crate) struct Layout {
    root: Vec<usize>,
    buffers: Vec<Option<Buffer>>,
    pub(crate) arena_len: usize,
}

impl Planner<'_> {
    pub(crate) fn layout(&self, steps: &mut [Step]) -> Layout {
        let mut buffers: Vec<Option<Buffer>> = vec![None; self.lens.len()];
        let mut touch = |id: usize, at: usize| {
            let len = self.lens[id];
            let b = buffers[id].get_or_insert(Buffer { len, first: at, last: at, offset: 0 });
            b.first = b.first.min(at);
            b.last = b.last.max(at);
        };
        let end = self.groups.len();
        for id in self.inputs.iter().filter_map(virtual_id) {
            touch(id, 0);
        }
        for id in self.outputs.iter().filter_map(virtual_id) {
            touch(id, end);
        }
        for (at, group) in self.groups.iter().enumerate() {
            for step in &mut steps[group.clone()] {
                step.spans(&mut |span, _| {
                    if let Some(id) = virtual_id(span) {
                        touch(id, at);
                    }
                });
            }
        }
        let mut root: Vec<usize> = (0..self.lens.len()).collect();
        if self.keep_all {
            for b in buffers.iter_mut().flatten() {
                (b.first, b.last) = (0, end);
            }
        } else {
            for (at, group) in self.groups.iter().enumerate() {
                merge_in_place(at, &mut steps[group.clone()], &mut buffers, &mut root);
            }
        }
        let arena_len = place(&mut buffers);
        // From groups to steps.
        for b in buffers.iter_mut().flatten() {
            b.first = self.groups.get(b.first).map_or(steps.len(), |group| group.start);
            b.last = self.groups.get(b.last).map_or(steps.len(), |group| group.end.saturating_sub(1));
        }
        Layout { root, buffers, arena_len }
    }
}

fn virtual_id(span: &Span) -> Option<usize> {
    match span.place {
        Place::Virtual(id) => Some(id as usize),
        _ => None,
    }
}

/// Of one step: the buffers that it may write over, and those that it writes, each with the part of it.
#[derive(Default)]
struct InPlace {
    candidates: Vec<(usize, Span)>,
    written: Vec<(usize, Span)>,
}

/// Lets the output of an element-wise step take the place of an input that dies there. Of a step in parts, each must read the
/// very part that it writes.
fn merge_in_place(at: usize, group: &mut [Step], buffers: &mut [Option<Buffer>], root: &mut [usize]) {
    let mut uses: HashMap<usize, usize> = HashMap::new();
    let mut parts: Vec<InPlace> = Vec::new();
    for step in &mut *group {
        let mut part = InPlace::default();
        step.spans(&mut |span, access| {
            let Some(id) = virtual_id(span) else { return };
            let id = find(root, id);
            *uses.entry(id).or_default() += 1;
            match access {
                Access::ReadInPlace => part.candidates.push((id, *span)),
                Access::Write => part.written.push((id, *span)),
                _ => {}
            }
        });
        parts.push(part);
    }
    let Some(first) = parts.first() else { return };
    let &[(out, _)] = &first.written[..] else { return };
    for &(input, _) in &first.candidates {
        let same = |a: &Span, b: &Span| (a.offset, a.len) == (b.offset, b.len);
        let in_place = |part: &InPlace| {
            let [(id, to)] = &part.written[..] else { return false };
            *id == out && part.candidates.iter().any(|(id, from)| *id == input && same(from, to))
        };
        let (Some(a), Some(b)) = (buffers[input], buffers[out]) else { continue };
        let sole = uses[&input] == parts.len() && uses[&out] == parts.len() && input != out;
        if sole && parts.iter().all(in_place) && a.last == at && b.first == at && a.len == b.len {
            buffers[input] = Some(Buffer { last: b.last, ..a });
            buffers[out] = None;
            root[out] = input;
            return;
        }
    }
}

fn find(root: &[usize], mut id: usize) -> usize {
    while root[id] != id {
        id = root[id];
    }
    id
}

/// Greedy by size: the largest buffer first, each at the lowest offset that is free during its life.
fn place(buffers: &mut [Option<Buffer>]) -> usize {
    let mut order: Vec<usize> = (0..buffers.len()).filter(|&i| buffers[i].is_some()).collect();
    let key = |b: Option<Buffer>| b.map(|b| (std::cmp::Reverse(b.len), b.first));
    order.sort_by_key(|&i| (key(buffers[i]), i));
    let mut placed: Vec<Buffer> = Vec::new();
    for i in order {
        let Some(b) = buffers[i].as_mut() else { continue };
        let mut offset = 0;
        for other in &placed {
            // `placed` is sorted by offset, so the first gap that is large enough is the lowest.
            if other.first <= b.last && b.first <= other.last {
                if offset + b.len <= other.offset {
                    break;
                }
                offset = offset.max(other.offset + other.len);
            }
        }
        b.offset = offset;
        let at = placed.partition_point(|p| p.offset <= offset);
        placed.insert(at, *b);
    }
    placed.iter().map(|b| b.offset + b.len).max().unwrap_or(0)
}

impl Layout {
    /// Replaces a virtual span by its place in the arena. A buffer that no step touches is placed at 0.
    pub(crate) fn patch(&self, span: &mut Span) {
        if let Some(id) = virtual_id(span) {
            let offset = self.buffers[find(&self.root, id)].map_or(0, |b| b.offset);
            *span = Span { place: Place::Arena, offset: offset + span.offset, len: span.len };
        }
    }

    pub(crate) fn lifetimes(&self) -> Vec<Lifetime> {
        let all = self.buffers.iter().flatten();
        all.map(|b| Lifetime { offset: b.offset, len: b.len, first: b.first, last: b.last }).collect()
    }
}

#[cfg(test)]
mod tests {
    use edgebench_kernels::ops::lut::Lut;

    use super::*;

    fn buffer(id: u32, len: usize) -> Span {
        Span { place: Place::Virtual(id), offset: 0, len }
    }

    /// A step that reads one buffer and writes another, element by element.
    fn lut(input: Span, output: Span) -> Step {
        let (table, tail) = (Span::EMPTY, Span::EMPTY);
        Lut { input, output, table, tail, tail_start: usize::MAX, size: 1 }.into()
    }

    fn layout(lens: &[usize], steps: &mut [Step], inputs: &[Span], outputs: &[Span], keep_all: bool) -> Layout {
        let groups: Vec<Range<usize>> = (0..steps.len()).map(|at| at..at + 1).collect();
        Planner { lens, groups: &groups, inputs, outputs, keep_all }.layout(steps)
    }

    #[test]
    fn an_element_wise_chain_needs_one_buffer() {
        let b = [buffer(0, 64), buffer(1, 64), buffer(2, 64)];
        let mut steps = [lut(b[0], b[1]), lut(b[1], b[2])];
        assert_eq!(layout(&[64; 3], &mut steps, &b[..1], &b[2..], false).arena_len, 64);
        assert_eq!(layout(&[64; 3], &mut steps, &b[..1], &b[2..], true).arena_len, 192);
    }

    #[test]
    fn parts_of_a_step_work_in_place_or_apart_but_never_across() {
        let [a, b] = [buffer(0, 128), buffer(1, 128)];
        let group = |steps: &mut [Step]| {
            let all = 0..steps.len();
            Planner {
                lens: &[128, 128],
                groups: std::slice::from_ref(&all),
                inputs: &[a],
                outputs: &[b],
                keep_all: false,
            }
            .layout(steps)
            .arena_len
        };
        let [low, high] = [|span: Span| span.part(0, 64), |span: Span| span.part(64, 64)];
        assert_eq!(group(&mut [lut(low(a), low(b)), lut(high(a), high(b))]), 128);
        assert_eq!(group(&mut [lut(high(a), low(b)), lut(low(a), high(b))]), 256);
    }

    #[test]
    fn a_buffer_that_is_read_again_is_not_overwritten() {
        let b = [buffer(0, 64), buffer(1, 64), buffer(2, 64)];
        let mut steps = [lut(b[0], b[1]), lut(b[0], b[2])];
        let plan = layout(&[64; 3], &mut steps, &b[..1], &b[1..], false);
        let mut spans = b;
        spans.iter_mut().for_each(|s| plan.patch(s));
        assert_ne!(spans[0].offset, spans[1].offset);
        assert_ne!(spans[1].offset, spans[2].offset);
    }

    /// Random graphs: no two buffers that live at the same time share a byte, and every byte a step reads is the one that was
    /// written for it.
    #[test]
    fn random_plans_never_overlap() {
        let mut state = 1_u64;
        let mut random = move |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        for _ in 0..300 {
            let count = 2 + random(20);
            let lens: Vec<usize> = (0..count).map(|_| 64 * (1 + random(8))).collect();
            let b: Vec<Span> = lens.iter().enumerate().map(|(i, &len)| buffer(i as u32, len)).collect();
            // Buffer i is computed by step i − 1 from an earlier buffer.
            let sources: Vec<usize> = (1..count).map(&mut random).collect();
            let mut steps: Vec<Step> = sources.iter().enumerate().map(|(i, &s)| lut(b[s], b[i + 1])).collect();
            let outputs = [b[count - 1], b[random(count)]];
            let plan = layout(&lens, &mut steps, &b[..1], &outputs, false);
            let mut owner = vec![None; plan.arena_len / 64];
            let fill = |id: usize, owner: &mut Vec<Option<usize>>| {
                let mut span = b[id];
                plan.patch(&mut span);
                owner[span.offset / 64..(span.offset + span.len) / 64].fill(Some(id));
            };
            let check = |id: usize, owner: &[Option<usize>]| {
                let mut span = b[id];
                plan.patch(&mut span);
                assert!(owner[span.offset / 64..(span.offset + span.len) / 64].iter().all(|&o| o == Some(id)));
            };
            fill(0, &mut owner);
            for (i, &source) in sources.iter().enumerate() {
                check(source, &owner);
                fill(i + 1, &mut owner);
            }
            for output in outputs {
                check(virtual_id(&output).unwrap_or(0), &owner);
            }
        }
    }
}
