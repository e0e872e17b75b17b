//! Random cases, and the way from a shape to a running step. Each test binary uses its part.
#![allow(dead_code, unreachable_pub)]

use edgebench_kernels::arith::{
    Multiplier, Requant, RequantData, Rounding, mul_away, mul_cut, mul_reduced16, mul_rndnu, mul_up,
    quantize_multiplier, rndnu_multiplier,
};
use edgebench_kernels::ops::conv::{self, Conv, ConvShape};
use edgebench_kernels::ops::conv_f32::{ConvF32, pack_f32, packed_len_f32, scratch_len_f32};
use edgebench_kernels::ops::depthwise::{Depthwise, depthwise_scratch_len, depthwise_tables, depthwise_tables_len};
use edgebench_kernels::ops::depthwise_f32::{DepthwiseF32, depthwise_scratch_len_f32};
use edgebench_kernels::ops::pack::{Sums, arrange, fits_words, is_small_relu, pack, packed_len};
use edgebench_kernels::span::view;
use edgebench_kernels::{Block, Isa, Kernels, Memory, Place, Span, Step, reference, run};

pub mod cases;

/// SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    /// In `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
    pub fn codes(&mut self, n: usize, fill: Fill) -> Vec<i8> {
        (0..n)
            .map(|_| match fill {
                Fill::Random => self.next() as i8,
                Fill::Constant(v) => v,
                Fill::Extremes => self.of(&[-128, 127]),
            })
            .collect()
    }
    /// Between −1 and 1, with zeros of both signs.
    pub fn floats(&mut self, n: usize) -> Vec<f32> {
        (0..n)
            .map(|_| match self.below(16) {
                0 => self.of(&[0.0, -0.0]),
                _ => (self.next() as i32) as f32 / 2_147_483_648.0,
            })
            .collect()
    }
}

#[derive(Clone, Copy, Debug)]
pub enum Fill {
    Random,
    Constant(i8),
    Extremes,
}

/// Memory under construction.
#[derive(Default)]
pub struct Plan {
    pub consts: Vec<Block>,
    pub arena: usize,
}

impl Plan {
    pub fn constant<T: Copy, const N: usize>(&mut self, values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Span {
        let raw: Vec<u8> = values.iter().flat_map(|&v| bytes(v)).collect();
        let offset = self.consts.len() * Block::SIZE;
        for chunk in raw.chunks(Block::SIZE) {
            let mut block = Block::ZERO;
            block.0[..chunk.len()].copy_from_slice(chunk);
            self.consts.push(block);
        }
        Span { place: Place::Const, offset, len: raw.len() }
    }
    /// What `look` finds in the constants of `rule`.
    pub fn look_at<T>(&self, rule: Requant, channels: usize, look: impl FnOnce(&RequantData<'_>) -> T) -> T {
        let constants = Block::bytes(&self.consts);
        let of = |span: Span| &constants[span.offset..][..span.len];
        look(&RequantData { rule: &rule, channels, bias: view(of(rule.bias)), multiplier: of(rule.multiplier) })
    }
    pub fn buffer(&mut self, len: usize) -> Span {
        let offset = self.arena;
        self.arena += len.next_multiple_of(64);
        Span { place: Place::Arena, offset, len }
    }
}

/// One step with its memory.
pub struct Prepared {
    plan: Plan,
    step: Step,
    kernels: &'static Kernels,
    input: Vec<u8>,
    /// Input, output, scratch.
    spans: [Span; 3],
}

impl Prepared {
    fn arena(&self) -> Vec<Block> {
        let mut arena = vec![Block([0xA5; 64]); Block::count(self.plan.arena) + 1];
        Block::bytes_mut(&mut arena)[self.spans[0].offset..][..self.input.len()].copy_from_slice(&self.input);
        arena
    }

    /// Runs the step in an arena full of 0xA5 and returns its output; checks that nothing outside output and scratch was written.
    pub fn run(&self) -> Vec<u8> {
        let mut arena = self.arena();
        let before = arena.clone();
        self.times(1, &mut arena);
        let (before, after) = (Block::bytes(&before), Block::bytes(&arena));
        let [_, to, scratch] = self.spans;
        let inside = |i: usize, s: Span| (s.offset..s.offset + s.len).contains(&i);
        for i in 0..after.len() {
            let touched = before[i] != after[i] && !inside(i, to) && !inside(i, scratch);
            assert!(!touched, "byte {i} outside of output {to:?} and scratch {scratch:?} was written");
        }
        after[to.offset..][..to.len].to_vec()
    }

    /// Something to time: runs the step again and again in the same memory.
    pub fn repeat(&self) -> impl FnMut(usize) {
        let mut arena = self.arena();
        move |n| self.times(n, &mut arena)
    }

    fn times(&self, n: usize, arena: &mut [Block]) {
        for _ in 0..n {
            run(&[self.step], self.kernels, &mut Memory::new(&self.plan.consts, arena));
        }
    }
}

fn codes(bytes: Vec<u8>) -> Vec<i8> {
    bytes.into_iter().map(u8::cast_signed).collect()
}

fn bits(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|b| u32::from_ne_bytes(b.try_into().expect("chunks of 4"))).collect()
}

/// An int8 case: the same for `Conv` and `Depthwise` (`groups == in_c`).
#[derive(Debug)]
pub struct Int8 {
    pub shape: ConvShape,
    pub input: Vec<i8>,
    /// OHWI.
    pub weights: Vec<i8>,
    pub bias: Vec<i32>,
    pub real: Vec<f64>,
    pub zero_in: i8,
    pub zero_out: i32,
    pub limits: (i32, i32),
    pub rounding: Rounding,
}

pub const ROUNDINGS: [Rounding; 7] = [
    Rounding::F32Even,
    Rounding::DoubleAway,
    Rounding::DoubleUp,
    Rounding::CutUp,
    Rounding::Mixed8,
    Rounding::F64Away,
    Rounding::Rndnu,
];

impl Int8 {
    pub fn new(rng: &mut Rng, shape: ConvShape, fill: (Fill, Fill), rounding: Rounding) -> Int8 {
        let s = &shape;
        let depth = s.k_h * s.k_w * (s.in_c / s.groups);
        let spread = 60.0 / (5000.0 * (depth as f64).sqrt());
        let lo = rng.of(&[-128, -128, -10, 0]);
        Int8 {
            shape,
            input: rng.codes(s.batch * s.in_h * s.in_w * s.in_c, fill.0),
            weights: rng.codes(s.out_c * depth, fill.1),
            bias: (0..s.out_c).map(|_| rng.below(20_001) as i32 - 10_000).collect(),
            // Some so large or small that everything saturates or vanishes, some exact powers of two (ties).
            real: (0..s.out_c)
                .map(|_| match rng.below(12) {
                    0 => 3.0e5,
                    1 => 2.0_f64.powi(-40),
                    2 => 0.5,
                    3 => 2.0_f64.powi(-9),
                    _ => spread * (0.25 + rng.below(1000) as f64 / 500.0),
                })
                .collect(),
            zero_in: rng.of(&[-128, 127, 0, -3, 77]),
            zero_out: rng.of(&[-128, 127, 0, 5, -60]),
            limits: (lo, rng.of(&[127, 127, 90, lo, 0]).max(lo)),
            rounding,
        }
    }

    /// Codes by the reference.
    pub fn expected(&self) -> Vec<i8> {
        let s = &self.shape;
        let mut acc = vec![0; s.batch * s.out_h * s.out_w * s.out_c];
        reference::conv(s, &self.input, self.zero_in.into(), &self.weights, &self.bias, &mut acc);
        let code = |(i, &acc): (usize, &i32)| {
            let c = i % s.out_c;
            let real = self.real[c];
            let scaled = match self.rounding {
                Rounding::F32Even => f64::from((acc as f32 * real as f32).round_ties_even()),
                Rounding::F64Away => (f64::from(acc) * real).round(),
                Rounding::DoubleUp => f64::from(mul_up(acc, quantize_multiplier(real))),
                Rounding::CutUp => f64::from(mul_cut(acc, quantize_multiplier(real))),
                Rounding::Rndnu => f64::from(mul_rndnu(acc, rndnu_multiplier(real as f32))),
                Rounding::Mixed8 if c < s.out_c / 8 * 8 => f64::from(mul_up(acc, quantize_multiplier(real))),
                Rounding::DoubleAway | Rounding::Mixed8 => f64::from(mul_away(acc, quantize_multiplier(real))),
                Rounding::Reduced16 => f64::from(mul_reduced16(acc.into(), quantize_multiplier(real))),
            };
            let (lo, hi) = self.limits;
            (scaled + f64::from(self.zero_out)).clamp(lo.into(), hi.into()) as i8
        };
        acc.iter().enumerate().map(code).collect()
    }

    fn requant(&self, plan: &mut Plan, offset: i32) -> Requant {
        let s = &self.shape;
        let depth = self.weights.len() / s.out_c;
        let mut bias = self.bias.clone();
        for (bias, w) in bias.iter_mut().zip(self.weights.chunks(depth)) {
            let sum: i32 = w.iter().map(|&w| i32::from(w)).sum();
            *bias = bias.wrapping_sub(sum.wrapping_mul(i32::from(self.zero_in) + offset));
        }
        let padded = s.out_c.next_multiple_of(64);
        bias.resize(padded, 0);
        let mut real = self.real.clone();
        real.resize(padded, 0.0);
        let multiplier = match self.rounding {
            Rounding::F32Even => plan.constant(&real, |v| (v as f32).to_ne_bytes()),
            Rounding::F64Away => plan.constant(&real, f64::to_ne_bytes),
            rounding => {
                let multiplier = |v: f64| -> Multiplier {
                    if rounding == Rounding::Rndnu { rndnu_multiplier(v as f32) } else { quantize_multiplier(v) }
                };
                let pairs: Vec<i32> = real.iter().map(|&v| multiplier(v)).flat_map(|by| [by.m, by.e]).collect();
                plan.constant(&pairs, i32::to_ne_bytes)
            }
        };
        let (zero_point, (lo, hi)) = (self.zero_out, self.limits);
        let bias = plan.constant(&bias, i32::to_ne_bytes);
        Requant { rounding: self.rounding, bias, multiplier, zero_point, lo, hi }
    }

    /// Codes by a [`Conv`] step.
    pub fn conv(&self, isa: Isa) -> Vec<i8> {
        codes(self.prepare_conv(isa).run())
    }

    /// A [`Conv`] step.
    pub fn prepare_conv(&self, isa: Isa) -> Prepared {
        let kernels = isa.kernels().expect("asked for an available one");
        let (s, spec, mut plan) = (self.shape, kernels.conv_pack, Plan::default());
        let mut packed = vec![0; packed_len(spec, &s)];
        let mut sums = vec![Sums::default(); s.out_c];
        pack(spec, &s, &self.weights, &mut packed, &mut sums);
        arrange(isa, &mut packed);
        let requant = self.requant(&mut plan, spec.offset);
        let small_relu = plan.look_at(requant, s.out_c, |requant| is_small_relu(requant, &sums, spec.offset));
        let fits_words = plan.look_at(requant, s.out_c, |requant| fits_words(requant, &sums, spec.offset));
        let step = Conv {
            input: plan.buffer(self.input.len()),
            output: plan.buffer(s.batch * s.out_h * s.out_w * s.out_c),
            shape: s,
            weights: plan.constant(&packed, i8::to_ne_bytes),
            requant,
            small_relu,
            fits_words,
            no_lowest: !self.weights.contains(&i8::MIN),
            pad_value: self.zero_in,
            scratch: plan.buffer(conv::scratch_len(kernels, &s)),
        };
        let input = self.input.iter().map(|&v| v.cast_unsigned()).collect();
        Prepared { plan, kernels, input, spans: [step.input, step.output, step.scratch], step: step.into() }
    }

    /// Codes by a [`Depthwise`] step.
    pub fn depthwise(&self, isa: Isa) -> Vec<i8> {
        codes(self.prepare_depthwise(isa).run())
    }

    /// A [`Depthwise`] step.
    pub fn prepare_depthwise(&self, isa: Isa) -> Prepared {
        let kernels = isa.kernels().expect("asked for an available one");
        let (s, mut plan) = (self.shape, Plan::default());
        let weights = by_tap(&s, &self.weights, 0);
        let requant = self.requant(&mut plan, 0);
        let mut tables = vec![Block::ZERO; Block::count(depthwise_tables_len(kernels, &s))];
        let tables = &mut Block::bytes_mut(&mut tables)[..depthwise_tables_len(kernels, &s)];
        plan.look_at(requant, s.out_c, |data| {
            depthwise_tables(kernels, &s, &weights, (data, self.zero_in), tables);
        });
        let tables = plan.constant(tables, |byte| [byte]);
        let step = Depthwise {
            tables,
            input: plan.buffer(self.input.len()),
            output: plan.buffer(s.batch * s.out_h * s.out_w * s.out_c),
            shape: s,
            weights: plan.constant(&weights, i8::to_ne_bytes),
            requant,
            pad_value: self.zero_in,
            scratch: plan.buffer(depthwise_scratch_len(kernels, &s)),
        };
        let input = self.input.iter().map(|&v| v.cast_unsigned()).collect();
        Prepared { plan, kernels, input, spans: [step.input, step.output, step.scratch], step: step.into() }
    }
}

/// `[out_c, k_h, k_w, 1]` → `[k_h, k_w, out_c padded to 64]`.
pub fn by_tap<T: Copy>(s: &ConvShape, ohw: &[T], zero: T) -> Vec<T> {
    let (taps, row) = (s.k_h * s.k_w, s.out_c.next_multiple_of(64));
    let mut out = vec![zero; taps * row];
    for (i, &w) in ohw.iter().enumerate() {
        out[i % taps * row + i / taps] = w;
    }
    out
}

/// A float32 case.
#[derive(Debug)]
pub struct Float {
    pub shape: ConvShape,
    pub input: Vec<f32>,
    /// OHWI.
    pub weights: Vec<f32>,
    pub bias: Vec<f32>,
    pub limits: (f32, f32),
}

impl Float {
    pub fn new(rng: &mut Rng, shape: ConvShape) -> Float {
        let s = &shape;
        Float {
            shape,
            input: rng.floats(s.batch * s.in_h * s.in_w * s.in_c),
            weights: rng.floats(s.out_c * s.k_h * s.k_w * (s.in_c / s.groups)),
            bias: rng.floats(s.out_c),
            limits: rng.of(&[(f32::NEG_INFINITY, f32::INFINITY), (0.0, f32::INFINITY), (0.0, 0.5), (-0.25, 0.25)]),
        }
    }

    /// Bits by the reference.
    pub fn expected(&self, columns_first: bool) -> Vec<u32> {
        let s = &self.shape;
        let mut out = vec![0.0; s.batch * s.out_h * s.out_w * s.out_c];
        let rule = (self.limits.0, self.limits.1, columns_first);
        reference::conv_f32(s, &self.input, &self.weights, &self.bias, rule, &mut out);
        out.into_iter().map(f32::to_bits).collect()
    }

    /// Bits by a [`ConvF32`] step.
    pub fn conv(&self, isa: Isa) -> Vec<u32> {
        bits(&self.prepare_conv(isa).run())
    }

    /// A [`ConvF32`] step.
    pub fn prepare_conv(&self, isa: Isa) -> Prepared {
        let kernels = isa.kernels().expect("asked for an available one");
        let (s, nr, mut plan) = (self.shape, kernels.conv_f32_nr, Plan::default());
        let mut packed = vec![0.0; packed_len_f32(nr, &s)];
        pack_f32(nr, &s, &self.weights, &mut packed);
        let step = ConvF32 {
            input: plan.buffer(4 * self.input.len()),
            output: plan.buffer(4 * s.batch * s.out_h * s.out_w * s.out_c),
            shape: s,
            weights: plan.constant(&packed, f32::to_ne_bytes),
            bias: self.padded_bias(&mut plan),
            lo: self.limits.0,
            hi: self.limits.1,
            scratch: plan.buffer(scratch_len_f32(kernels, &s)),
        };
        let input = self.input.iter().flat_map(|v| v.to_ne_bytes()).collect();
        Prepared { plan, kernels, input, spans: [step.input, step.output, step.scratch], step: step.into() }
    }

    /// Bits by a [`DepthwiseF32`] step.
    pub fn depthwise(&self, isa: Isa) -> Vec<u32> {
        bits(&self.prepare_depthwise(isa).run())
    }

    /// A [`DepthwiseF32`] step.
    pub fn prepare_depthwise(&self, isa: Isa) -> Prepared {
        let kernels = isa.kernels().expect("asked for an available one");
        let (s, mut plan) = (self.shape, Plan::default());
        let weights = by_tap(&s, &self.weights, 0.0);
        let step = DepthwiseF32 {
            input: plan.buffer(4 * self.input.len()),
            output: plan.buffer(4 * s.batch * s.out_h * s.out_w * s.out_c),
            shape: s,
            weights: plan.constant(&weights, f32::to_ne_bytes),
            bias: self.padded_bias(&mut plan),
            lo: self.limits.0,
            hi: self.limits.1,
            scratch: plan.buffer(depthwise_scratch_len_f32(kernels, &s)),
        };
        let input = self.input.iter().flat_map(|v| v.to_ne_bytes()).collect();
        Prepared { plan, kernels, input, spans: [step.input, step.output, step.scratch], step: step.into() }
    }

    fn padded_bias(&self, plan: &mut Plan) -> Span {
        let mut bias = self.bias.clone();
        bias.resize(bias.len().next_multiple_of(64), 0.0);
        plan.constant(&bias, f32::to_ne_bytes)
    }
}
