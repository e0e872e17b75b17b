//! A group of images: what it holds, and every step over a chunk of it.

use std::ops::Range;

use edgebench_corrupt::rng::Rng;
use edgebench_train_kernels as k;
use edgebench_train_kernels::{CrossEntropy, Kernels, LossSums, Scratch};

use super::program::{Kind, Move, Plan, Program, Step, Value, Want};
use super::shared::Shared;

/// Images `0..images` of a group belong to the batch from `first` on.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) first: usize,
    pub(super) images: usize,
    pub(super) labels: Vec<u32>,
    pub(super) values: Vec<Vec<f32>>,
    pub(super) slots: Vec<Vec<f32>>,
    /// Gradients of the kernel and the bias of each convolution (of the bias alone where the kernel's is shared).
    pub(super) convs: Vec<[Vec<f32>; 2]>,
    /// For each norm, sums and sums of squares of its input, then sums for its gradient.
    pub(super) sums: Vec<[Vec<f64>; 4]>,
    /// For each norm, the smallest and largest value before a simulated quantisation.
    pub(super) ranges: Vec<(f32, f32)>,
    pub(super) loss: LossSums,
    scratch: Scratch,
    /// A value and its gradient around a simulated quantisation.
    spare: [Vec<f32>; 2],
}

/// What all chunks of a stage share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) kernels: &'a Kernels,
    pub(super) program: &'a Program,
    pub(super) shared: &'a Shared,
    pub(super) loss: CrossEntropy,
    /// While training: dropout drops, ranges are watched.
    pub(super) training: bool,
    /// Names the random numbers of dropout.
    pub(super) key: u64,
}

impl Group {
    pub(super) fn new(program: &Program, images: usize) -> Group {
        let convs = program.convs.iter().map(|conv| {
            let weights = if conv.shared { 0 } else { conv.plan.weights() };
            [vec![0.0; weights], vec![0.0; conv.bias.map_or(0, |_| conv.channels)]]
        });
        let sums = program.norms.iter().map(|norm| {
            let channels = norm.batch_norm.map_or(0, |_| norm.channels);
            [(); 4].map(|()| vec![0.0; channels])
        });
        Group {
            first: 0,
            images: 0,
            labels: Vec::new(),
            values: program.values.iter().map(|len| vec![0.0; len * images]).collect(),
            slots: Vec::new(),
            convs: convs.collect(),
            sums: sums.collect(),
            ranges: vec![(f32::INFINITY, f32::NEG_INFINITY); program.norms.len()],
            loss: LossSums::default(),
            scratch: Scratch::new(),
            spare: [Vec::new(), Vec::new()],
        }
    }

    /// Gets ready for a training step.
    pub(super) fn begin(&mut self, program: &Program, capacity: usize) {
        if self.slots.is_empty() {
            self.slots = program.slot_len.iter().map(|len| vec![0.0; len * capacity]).collect();
        }
        self.convs.iter_mut().flatten().for_each(|gradient| gradient.fill(0.0));
        self.sums.iter_mut().flatten().for_each(|sums| sums.fill(0.0));
        self.ranges.fill((f32::INFINITY, f32::NEG_INFINITY));
        self.loss = LossSums::default();
    }

    /// All of `moves`, `chunk` images at a time.
    pub(super) fn run(&mut self, context: &Context<'_>, moves: &[Move], chunk: usize) {
        let mut start = 0;
        while start < self.images {
            let images = start..self.images.min(start + chunk);
            for act in moves {
                match *act {
                    Move::Forward(at) => self.forward(context, &context.program.steps[at], images.clone()),
                    Move::Loss => self.loss(context, images.clone()),
                    Move::Sums(at) => self.norm_sums(context, &context.program.steps[at], images.clone()),
                    Move::Backward(at) => self.backward(context, &context.program.steps[at], images.clone()),
                }
            }
            start = images.end;
        }
    }

    fn loss(&mut self, context: &Context<'_>, images: Range<usize>) {
        let program = context.program;
        let at = part(program, program.logits, &images);
        let Some(slot) = program.slots[program.logits] else { return };
        let logits = &self.values[program.logits][at.clone()];
        let sums = k::softmax_cross_entropy(&context.loss, logits, &self.labels[images], &mut self.slots[slot][at]);
        self.loss.loss += sums.loss;
        self.loss.correct += sums.correct;
    }

    fn forward(&mut self, context: &Context<'_>, step: &Step, images: Range<usize>) {
        let Context { kernels, program, shared, .. } = context;
        let n = images.len();
        let (xs, ys) = (part(program, step.x, &images), part(program, step.y, &images));
        if let Kind::Statistics { norm } = step.kind {
            let [sum, squares, ..] = &mut self.sums[norm];
            return k::channel_sums(kernels, &self.values[step.x][xs], sum, squares);
        }
        let mut out = std::mem::take(&mut self.values[step.y]);
        let (x, y) = (&self.values[step.x][xs], &mut out[ys.clone()]);
        match step.kind {
            Kind::Statistics { .. } => {}
            Kind::Conv(at) => {
                let conv = &program.convs[at];
                let weights = &shared.convs[at];
                let bias = conv.bias.map(|_| &weights.bias[..]);
                match &conv.plan {
                    Plan::Conv(plan) => k::conv_forward(plan, n, x, &weights.packed, bias, y, &mut self.scratch),
                    Plan::Depthwise(plan) => {
                        k::depthwise_forward(plan, n, x, &weights.plain, bias, y, &mut self.scratch);
                    }
                }
                if let (Some(norm), true) = (conv.statistics, context.training) {
                    let [sum, squares, ..] = &mut self.sums[norm];
                    k::channel_sums(kernels, y, sum, squares);
                }
            }
            Kind::Norm { norm, residual } => {
                let rule = shared.norms[norm].rule(residual.map(|r| &self.values[r][part(program, r, &images)]));
                match shared.norms[norm].quant {
                    None if program.norms[norm].range.is_none() => k::scale_shift_act(kernels, &rule, x, y),
                    quant => {
                        let [before, _] = &mut self.spare;
                        let before = sized(before, y.len());
                        k::scale_shift_act(kernels, &rule, x, before);
                        if context.training {
                            let (lo, hi) = k::min_max(kernels, before);
                            let range = &mut self.ranges[norm];
                            *range = (range.0.min(lo), range.1.max(hi));
                        }
                        match quant {
                            Some(quant) => k::fake_quant(kernels, &quant, before, y),
                            None => y.copy_from_slice(before),
                        }
                    }
                }
            }
            Kind::Pool { shape, max: true } => k::max_pool_forward(kernels, &shape, n, x, y),
            Kind::Pool { shape, max: false } => k::average_pool_forward(kernels, &shape, n, x, y),
            Kind::Mean { channels } => k::global_average_forward(kernels, n, channels, x, y),
            Kind::Upsample(shape) => k::upsample_forward(kernels, &shape, n, x, y),
            Kind::Pad(shape) => k::pad_forward(kernels, &shape, n, x, y),
            Kind::Dropout { rate, stream } if context.training => {
                let kept = self.dropout(context, (rate, stream), (&images, y.len() / n));
                y.iter_mut().zip(x).zip(kept).for_each(|((y, x), kept)| *y = x * kept);
            }
            Kind::Dropout { .. } => y.copy_from_slice(x),
        }
        self.values[step.y] = out;
    }

    /// The factor of each of `values` values of each of these images, one after another: 0, or what makes up for those that are 0. The
    /// random numbers are the image's own, wherever it lies.
    fn dropout(
        &self,
        context: &Context<'_>,
        (rate, stream): (f32, u32),
        (images, values): (&Range<usize>, usize),
    ) -> impl Iterator<Item = f32> + use<> {
        let (key, first) = (context.key, self.first);
        let factor = 1.0 / (1.0 - rate);
        images.clone().flat_map(move |image| {
            let mut rng = Rng::new(key, (first + image) as u64, stream);
            (0..values).map(move |_| if rng.unit() < f64::from(rate) { 0.0 } else { factor })
        })
    }

    fn norm_sums(&mut self, context: &Context<'_>, step: &Step, images: Range<usize>) {
        let Context { kernels, program, shared, .. } = context;
        let Kind::Norm { norm, residual } = step.kind else { return };
        let Some(slot) = program.slots[step.y] else { return };
        let (xs, ys) = (part(program, step.x, &images), part(program, step.y, &images));
        let residual = residual.map(|r| &self.values[r][part(program, r, &images)]);
        let rule = shared.norms[norm].rule(residual);
        let x = &self.values[step.x][xs];
        let [.., dy, dyx] = &mut self.sums[norm];
        k::norm_backward_sums(kernels, &rule, x, &self.slots[slot][ys], dy, dyx);
    }

    fn backward(&mut self, context: &Context<'_>, step: &Step, images: Range<usize>) {
        let Context { kernels, program, shared, .. } = context;
        let n = images.len();
        let (xs, ys) = (part(program, step.x, &images), part(program, step.y, &images));
        let Some(slot) = program.slots[step.y] else { return };
        let gradient = std::mem::take(&mut self.slots[slot]);
        let dy = &gradient[ys.clone()];
        let x = &self.values[step.x][xs.clone()];
        let [want, want_residual] = step.gradient;
        // Taken out, so that it can be written beside the gradient of a residual.
        let to = program.slots[step.x].filter(|_| want != Want::Nothing);
        let mut out = to.map(|to| std::mem::take(&mut self.slots[to])).unwrap_or_default();
        let add = want == Want::Add;
        match step.kind {
            Kind::Conv(at) => {
                let conv = &program.convs[at];
                let [dw, db] = &mut self.convs[at];
                if conv.bias.is_some() {
                    k::bias_gradient(kernels, dy, db);
                }
                let weights = &shared.convs[at];
                let dx = to.map(|_| &mut out[xs]);
                match &conv.plan {
                    Plan::Conv(plan) => {
                        if !conv.shared {
                            k::conv_weight_gradient(plan, n, x, dy, dw, 0..conv.channels, &mut self.scratch);
                        }
                        if let Some(dx) = dx {
                            k::conv_input_gradient(plan, n, dy, &weights.packed, dx, add, &mut self.scratch);
                        }
                    }
                    Plan::Depthwise(plan) => {
                        k::depthwise_weight_gradient(plan, n, x, dy, dw, &mut self.scratch);
                        if let Some(dx) = dx {
                            k::depthwise_input_gradient(plan, n, dy, &weights.plain, dx, add, &mut self.scratch);
                        }
                    }
                }
            }
            Kind::Norm { norm, residual } => {
                let state = &shared.norms[norm];
                let residual_at = residual.map(|r| part(program, r, &images));
                let rule = state.rule(residual.zip(residual_at.clone()).map(|(r, at)| &self.values[r][at]));
                let [before, inner] = &mut self.spare;
                let dy = match state.quant {
                    Some(quant) => {
                        let (before, inner) = (sized(before, dy.len()), sized(inner, dy.len()));
                        k::scale_shift_act(kernels, &rule, x, before);
                        // Half a step beyond the last code still rounds to it, but is a limit's work.
                        k::fake_quant_backward(kernels, before, dy, quant.range(), inner);
                        &*inner
                    }
                    None => dy,
                };
                let residual_to = residual.and_then(|r| program.slots[r]).filter(|_| want_residual != Want::Nothing);
                let mut residual_out = residual_to.map(|to| std::mem::take(&mut self.slots[to])).unwrap_or_default();
                let d_residual =
                    residual_to.zip(residual_at).map(|(_, at)| (&mut residual_out[at], want_residual == Want::Add));
                let factors = [&state.factors[0][..], &state.factors[1][..], &state.factors[2][..]];
                if to.is_some() && !add {
                    k::norm_backward(kernels, &rule, x, dy, factors, &mut out[xs], d_residual);
                } else {
                    let mut dx = vec![0.0; x.len()];
                    k::norm_backward(kernels, &rule, x, dy, factors, &mut dx, d_residual);
                    if to.is_some() {
                        k::add_assign(kernels, &mut out[xs], &dx);
                    }
                }
                if let Some(to) = residual_to {
                    self.slots[to] = residual_out;
                }
            }
            Kind::Pool { shape, max: true } => {
                let y = &self.values[step.y][ys];
                k::max_pool_backward(kernels, &shape, x, y, dy, &mut out[xs], add);
            }
            Kind::Pool { shape, max: false } => k::average_pool_backward(kernels, &shape, n, dy, &mut out[xs], add),
            Kind::Mean { channels } => k::global_average_backward(kernels, n, channels, dy, &mut out[xs], add),
            Kind::Upsample(shape) => k::upsample_backward(kernels, &shape, n, dy, &mut out[xs], add),
            Kind::Pad(shape) => k::pad_backward(kernels, &shape, n, dy, &mut out[xs], add),
            Kind::Dropout { rate, stream } => {
                let kept = self.dropout(context, (rate, stream), (&images, dy.len() / n));
                for ((dx, dy), kept) in out[xs].iter_mut().zip(dy).zip(kept) {
                    *dx = if add { *dx } else { 0.0 } + dy * kept;
                }
            }
            Kind::Statistics { .. } => {}
        }
        if let Some(to) = to {
            self.slots[to] = out;
        }
        self.slots[slot] = gradient;
    }
}

/// Where `value` of these images lies.
pub(super) fn part(program: &Program, value: Value, images: &Range<usize>) -> Range<usize> {
    let len = program.values[value];
    images.start * len..images.end * len
}

fn sized(spare: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if spare.len() < len {
        spare.resize(len, 0.0);
    }
    &mut spare[..len]
}
