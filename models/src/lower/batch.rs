//! The steps of a plan for several images at once.
//!
//! Every buffer that holds something of an image gets room for as many images, one after the other. A step then runs once for
//! each image, on that image's part; so the results are those of single images whatever the operators do with their axes. Steps
//! that know images of their own (convolutions, and what is done code by code) do all of them in one go: small layers, whose
//! weights take longer to read than to use, read them once.
//!
//! Large tensors of several images would not stay in the first-level cache. The steps up to the last one that touches a large
//! tensor run image after image, and only what they leave for later has room for all images.

use std::collections::HashMap;

use edgebench_kernels::ops::binary::{AXES, Binary};
use edgebench_kernels::ops::conv::{Conv, scratch_len};
use edgebench_kernels::ops::depthwise::{Depthwise, depthwise_scratch_len};
use edgebench_kernels::ops::lut::Lut;
use edgebench_kernels::{Access, Kernels, Place, Span, Step};

use super::split::cost;
use crate::lower::Many;
use crate::plan::{Origin, Port};

/// Images at once: a tile of pixels where an image has one.
pub(crate) const IMAGES: usize = 8;

/// Bytes that a step reads and writes of an image above which images are better done one by one.
const LARGE: usize = 16 * 1024;
/// Most bytes of arena: they should stay in the second-level cache beside the weights.
pub(crate) const MOST_BYTES: usize = 256 * 1024;
/// Nanoseconds, roughly, that a step takes besides its work.
const STEP: u64 = 60;
/// Bytes of weights that come from the second-level cache in a nanosecond.
const WEIGHTS: u64 = 64;
/// It should save one part in so many.
const WORTH: u64 = 100;

/// A plan's steps and buffers before they are placed.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) steps: Vec<Step>,
    pub(crate) origins: Vec<Origin>,
    /// Bytes of each buffer.
    pub(crate) buffers: Vec<usize>,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
}

/// The draft for [`IMAGES`] images, if it is wanted.
pub(crate) fn for_images(kernels: &Kernels, single: &Draft, many: Many) -> Option<Draft> {
    let first = first_small(single);
    if many != Many::Always && !pays(kernels, single, first) {
        return None;
    }
    Some(Widened::new(single, first).draft(kernels, single))
}

/// Whether the steps from `first` on save enough of the time of all.
fn pays(kernels: &Kernels, single: &Draft, first: usize) -> bool {
    let all: u64 = single.steps.iter().map(|step| cost(step) + overhead(step)).sum();
    let together = single.steps[first..].iter().filter(|step| at_once(kernels, single, step).is_some());
    let saved = together.map(overhead).sum::<u64>() * (IMAGES as u64 - 1) / IMAGES as u64;
    saved * WORTH >= all
}

/// The number of steps up to the last that touches much.
fn first_small(draft: &Draft) -> usize {
    let touched = |step: &Step| {
        let mut bytes = 0;
        spans(step, |span, access| {
            if access != Access::Scratch && buffer(&span).is_some() {
                bytes += span.len;
            }
        });
        bytes
    };
    draft.steps.iter().rposition(|step| touched(step) > LARGE).map_or(0, |last| last + 1)
}

/// What a step takes, in nanoseconds, besides its multiply-accumulates: each image alone pays it.
fn overhead(step: &Step) -> u64 {
    let mut weights = 0;
    spans(step, |span, _| {
        if span.place == Place::Const {
            weights += span.len as u64;
        }
    });
    STEP + weights / WEIGHTS
}

/// Calls `visit` with each span of a step.
fn spans(step: &Step, mut visit: impl FnMut(Span, Access)) {
    let mut step = *step;
    step.spans(&mut |span, access| visit(*span, access));
}

fn buffer(span: &Span) -> Option<usize> {
    match span.place {
        Place::Virtual(id) => Some(id as usize),
        Place::Arena | Place::Const => None,
    }
}

/// Which buffers have room for all images.
struct Widened {
    /// Steps before this one run image after image.
    first: usize,
    wide: Vec<bool>,
}

impl Widened {
    fn new(single: &Draft, first: usize) -> Widened {
        let mut wide = vec![false; single.buffers.len()];
        for port in single.inputs.iter().chain(&single.outputs) {
            if let Some(id) = buffer(&port.span) {
                wide[id] = true;
            }
        }
        for step in &single.steps[first..] {
            spans(step, |span, access| {
                if let Some(id) = buffer(&span).filter(|_| access != Access::Scratch) {
                    wide[id] = true;
                }
            });
        }
        Widened { first, wide }
    }

    fn draft(&self, kernels: &Kernels, single: &Draft) -> Draft {
        let mut draft = single.clone();
        (draft.steps, draft.origins) = (Vec::new(), Vec::new());
        let steps: Vec<(Step, Origin)> = single.steps.iter().copied().zip(single.origins.iter().copied()).collect();
        let (earlier, later) = steps.split_at(self.first);
        for image in 0..IMAGES {
            for &(step, origin) in earlier {
                draft.push(self.of_image(single, step, image), origin);
            }
        }
        for &(step, origin) in later {
            if let Some(mut all) = at_once(kernels, single, &step) {
                let mut scratch = HashMap::new();
                all.spans(&mut |span, access| {
                    let Some(id) = buffer(span) else { return };
                    if access == Access::Scratch {
                        scratch.insert(id, span.len);
                    } else {
                        span.len *= IMAGES;
                    }
                });
                for (id, len) in scratch {
                    draft.buffers[id] = draft.buffers[id].max(len);
                }
                let macs = origin.macs * IMAGES as u64;
                draft.push(all, Origin { macs, ..origin });
            } else {
                for image in 0..IMAGES {
                    draft.push(self.of_image(single, step, image), origin);
                }
            }
        }
        for (len, _) in draft.buffers.iter_mut().zip(&self.wide).filter(|(_, wide)| **wide) {
            *len *= IMAGES;
        }
        draft
    }

    /// A step, on the parts of one image.
    fn of_image(&self, single: &Draft, mut step: Step, image: usize) -> Step {
        step.spans(&mut |span, _| {
            if let Some(id) = buffer(span).filter(|&id| self.wide[id]) {
                span.offset += image * single.buffers[id];
            }
        });
        step
    }
}

impl Draft {
    fn push(&mut self, step: Step, origin: Origin) {
        self.steps.push(step);
        self.origins.push(origin);
    }
}

/// The step for all images, but for the lengths of what it reads and writes; `None` if it must run for each.
fn at_once(kernels: &Kernels, single: &Draft, step: &Step) -> Option<Step> {
    // Images follow each other without gaps where a step uses the whole of its buffers.
    let mut whole = true;
    spans(step, |span, access| {
        if let Some(id) = buffer(&span).filter(|_| access != Access::Scratch) {
            whole &= span.offset == 0 && span.len == single.buffers[id];
        }
    });
    if !whole {
        return None;
    }
    let computed = |span: &Span| buffer(span).is_some();
    match step {
        Step::Conv(step) if computed(&step.input) && !computed(&step.weights) => {
            let mut step: Conv = *step;
            step.shape.batch *= IMAGES;
            step.scratch.len = scratch_len(kernels, &step.shape);
            Some(step.into())
        }
        Step::Depthwise(step) if computed(&step.input) && !computed(&step.weights) => {
            let mut step: Depthwise = *step;
            step.shape.batch *= IMAGES;
            step.scratch.len = depthwise_scratch_len(kernels, &step.shape);
            Some(step.into())
        }
        Step::Binary(step) => binary(step),
        Step::Lut(step) => lut(step),
        Step::Softmax(step) if computed(&step.input) => Some((*step).into()),
        _ => None,
    }
}

/// One row of codes, each with its own partner or all with the same constant.
fn binary(step: &Binary) -> Option<Step> {
    let (outer, row) = (&step.levels[..AXES - 1], step.levels[AXES - 1]);
    let each = |span: &Span, stride: usize| if stride == 1 { buffer(span).is_some() } else { buffer(span).is_none() };
    let row_of_codes = outer.iter().all(|level| level.count == 1) && each(&step.a, row.a) && each(&step.b, row.b);
    let mut step = *step;
    step.levels[AXES - 1].count *= IMAGES;
    row_of_codes.then(|| step.into())
}

/// A table that does not depend on the place of the code.
fn lut(step: &Lut) -> Option<Step> {
    (step.tail.len == 0 && buffer(&step.input).is_some()).then(|| (*step).into())
}
