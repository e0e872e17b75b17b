//! int8 convolution as implicit GEMM on tiles of some pixels × 16 channels, whose sums are one block of assembly each (a [`Machine`]):
//! what an instruction set does not do in the block costs more here than elsewhere, the blocks being short.
//!
//! A pixel's inputs are *segments* of consecutive codes (a kernel row, or one tap): their addresses for the first pixel of a line are
//! listed once for all tiles of the line. A 1×1 convolution reads its input where it lies.

use core::arch::aarch64::*;

use crate::arch::neon::requant::{F32Even, codes_slowly, is_f32_even};
use crate::arch::rows::{Band, for_each_band};
use crate::arith::RequantData;
use crate::ops::conv::{Conv, ConvData, ConvShape};
use crate::ops::window::{Form, Product, Window};
use crate::span::{view, view_mut};

/// Channels of a panel.
const NR: usize = 8;
/// Segments of a pixel that are listed; with more, a plain loop runs.
const SEGMENTS: usize = 128;
/// Pixels of a band of a strided 1×1 convolution.
const PIXELS: usize = 56;

/// Sums of four channels.
pub(in crate::arch) type Four = int32x4_t;

/// What tiles of a line share.
pub(in crate::arch) struct Walk {
    /// Where each segment of the line's first pixel begins.
    pub(in crate::arch) segments: *const *const i8,
    /// How many.
    pub(in crate::arch) count: usize,
    /// Codes from pixel to pixel.
    pub(in crate::arch) pitch: usize,
    /// Blocks of 16 codes per segment.
    pub(in crate::arch) blocks: usize,
    /// Codes left over: the number of [`Machine::KR`].
    pub(in crate::arch) rest: usize,
}

/// How an instruction set sums.
///
/// Safety of every function: the CPU has its features; the segments of `MR` pixels, `first` codes after the first of the line, are
/// readable in whole `KR`; so are the weights of all segments in each panel, and a bias for each channel.
pub(in crate::arch) trait Machine {
    /// Codes per dot product; weights are packed in panels of 8 channels × `KR`.
    const KR: usize;
    /// 16 channels of `MR` ≤ 5 pixels.
    unsafe fn wide<const MR: usize>(walk: &Walk, first: usize, weights: [*const i8; 2], bias: *const i32) -> [[Four; 4]; MR];
    /// 8 channels of `MR` ≤ 8 pixels: 1, 2, 4 or 8.
    unsafe fn narrow<const MR: usize>(walk: &Walk, first: usize, weights: *const i8, bias: *const i32) -> [[Four; 2]; MR];
}

/// The rule of rounding, ready to use.
struct Rule<'a> {
    requant: &'a RequantData<'a>,
    even: F32Even,
    /// Empty unless the rule is [`crate::arith::Rounding::F32Even`].
    scale: &'a [f32],
    /// All codes are allowed.
    full: bool,
}

/// Channels of a tile.
struct Channels<'a> {
    rule: &'a Rule<'a>,
    first: usize,
    /// How many there are, of 8 or 16.
    valid: usize,
    bias: [i32; 16],
    scale: [f32; 16],
}

/// Up to 16 numbers from `at` on, and zeros.
#[inline(always)]
fn sixteen<T: Copy + Default>(from: &[T], at: usize, valid: usize) -> [T; 16] {
    if let Some(all) = from.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        return *all;
    }
    let mut numbers = [T::default(); 16];
    let there = &from[at.min(from.len())..];
    let count = there.len().min(valid);
    numbers[..count].copy_from_slice(&there[..count]);
    numbers
}

impl<'a> Channels<'a> {
    #[inline(always)]
    fn new(rule: &'a Rule<'a>, first: usize, valid: usize) -> Self {
        let (bias, scale) = (sixteen(rule.requant.bias, first, valid), sixteen(rule.scale, first, valid));
        Channels { rule, first, valid, bias, scale }
    }

    /// Four scales from number `i` on.
    #[inline(always)]
    fn four(&self, i: usize) -> float32x4_t {
        // SAFETY: the slice has four numbers.
        unsafe { vld1q_f32(self.scale[i..i + 4].as_ptr()) }
    }

    /// Codes of 16 sums, of channels `at.0..` and `at.1..`.
    #[inline(always)]
    fn codes(&self, sums: [[Four; 2]; 2], at: [usize; 2]) -> int8x16_t {
        let scale = at.map(|at| [self.four(at), self.four(at + 4)]);
        if self.rule.full { self.rule.even.all_codes(sums, scale) } else { self.rule.even.codes(sums, scale) }
    }

    /// Writes the codes of `N` channels of a pixel by any rule.
    #[cold]
    #[inline(never)]
    unsafe fn slowly(&self, sums: &[Four], to: *mut i8) {
        for (i, pair) in sums.chunks_exact(2).enumerate() {
            let valid = self.valid.saturating_sub(8 * i).min(8);
            let mut codes = [0; 8];
            codes_slowly(self.rule.requant, self.first + 8 * i, [pair[0], pair[1]], &mut codes[..valid]);
            // SAFETY: the caller vouches for the valid channels of the pixel.
            unsafe { to.add(8 * i).copy_from_nonoverlapping(codes.as_ptr(), valid) };
        }
    }

    /// Writes `valid` of the codes.
    #[inline(always)]
    unsafe fn store(&self, codes: int8x16_t, to: *mut i8) {
        // SAFETY: the caller vouches for the valid channels of the pixel.
        unsafe {
            if self.valid >= 16 {
                return vst1q_s8(to, codes);
            }
            let mut bytes = [0_i8; 16];
            vst1q_s8(bytes.as_mut_ptr(), codes);
            to.copy_from_nonoverlapping(bytes.as_ptr(), self.valid);
        }
    }

    /// Writes a tile of 16 channels; pixels are `pitch` apart.
    #[inline(always)]
    unsafe fn finish_wide<const MR: usize>(&self, sums: [[Four; 4]; MR], to: *mut i8, pitch: usize) {
        let mut at = to;
        for sums in sums {
            // SAFETY: as this function's.
            unsafe {
                if self.rule.scale.is_empty() {
                    self.slowly(&sums, at);
                } else {
                    self.store(self.codes([[sums[0], sums[1]], [sums[2], sums[3]]], [0, 8]), at);
                }
            }
            at = at.wrapping_add(pitch);
        }
    }

    /// The same of 8 channels.
    #[inline(always)]
    unsafe fn finish_narrow<const MR: usize>(&self, sums: [[Four; 2]; MR], to: *mut i8, pitch: usize) {
        let mut m = 0;
        while m < MR {
            let next = (m + 1).min(MR - 1);
            let at = [m, next].map(|m| to.wrapping_add(m * pitch));
            // SAFETY: as this function's.
            unsafe {
                if self.rule.scale.is_empty() {
                    self.slowly(&sums[m], at[0]);
                    self.slowly(&sums[next], at[1]);
                } else {
                    let codes = self.codes([sums[m], sums[next]], [0, 0]);
                    if self.valid >= 8 {
                        vst1_s8(at[0], vget_low_s8(codes));
                        vst1_s8(at[1], vget_high_s8(codes));
                    } else {
                        self.store(codes, at[0]);
                        self.store(vextq_s8::<8>(codes, codes), at[1]);
                    }
                }
            }
            m += 2;
        }
    }

    /// A line of `count` pixels for one panel or two.
    #[inline(always)]
    unsafe fn line<M: Machine>(&self, walk: &Walk, mut count: usize, panels: (*const i8, usize), to: (*mut i8, usize)) {
        let ((weights, panel_len), (mut at, pitch)) = (panels, to);
        let bias = self.bias.as_ptr();
        let (pair, mut first) = ([weights, weights.wrapping_add(panel_len)], 0);
        // SAFETY: as this function's: all pixels of the line, all channels of the panels.
        unsafe {
            macro_rules! tile {
                ($finish:ident $sums:ident $mr:literal $weights:ident) => {
                    self.$finish::<$mr>(M::$sums::<$mr>(walk, first, $weights, bias), at, pitch)
                };
            }
            while count > 0 {
                let pixels = if self.valid > NR {
                    // Nearly equal tiles: 6 pixels are 3 and 3.
                    let pixels = count.div_ceil(count.div_ceil(5));
                    match pixels {
                        5 => tile!(finish_wide wide 5 pair),
                        4 => tile!(finish_wide wide 4 pair),
                        3 => tile!(finish_wide wide 3 pair),
                        2 => tile!(finish_wide wide 2 pair),
                        _ => tile!(finish_wide wide 1 pair),
                    }
                    pixels
                } else {
                    let pixels = 1 << count.min(8).ilog2();
                    match pixels {
                        8 => tile!(finish_narrow narrow 8 weights),
                        4 => tile!(finish_narrow narrow 4 weights),
                        2 => tile!(finish_narrow narrow 2 weights),
                        _ => tile!(finish_narrow narrow 1 weights),
                    }
                    pixels
                };
                at = at.wrapping_add(pixels * pitch);
                first += pixels * walk.pitch;
                count -= pixels;
            }
        }
    }
}

/// Where the segments of the lines of a band lie.
struct Lines<'a> {
    codes: &'a [i8],
    /// First line of the band, lines from line to line and from kernel row to kernel row, all lines, codes of a line.
    slot: usize,
    step: usize,
    tap_step: usize,
    lines: usize,
    line_len: usize,
}

impl Lines<'_> {
    /// The segments of line `row` of the band, for a group whose first channel is `channel`.
    #[inline(always)]
    fn list(&self, row: usize, channel: usize, (runs, run_step): (usize, usize), to: &mut [*const i8]) {
        for (tap_row, to) in to.chunks_exact_mut(runs).enumerate() {
            let line = (self.slot + row * self.step + tap_row * self.tap_step) % self.lines;
            let from = self.codes[line * self.line_len + channel..].as_ptr();
            for (run, to) in to.iter_mut().enumerate() {
                *to = from.wrapping_add(run * run_step);
            }
        }
    }
}

/// The window of a convolution.
fn window<M: Machine>(s: &ConvShape) -> Window {
    Window::of_product(s, Product { size: 1, kr: M::KR, weight_size: 1, held: s.in_c })
}

/// Whether pixels see one input pixel each, whose codes are whole dot products: it is read where it lies.
fn is_direct<M: Machine>(s: &ConvShape) -> bool {
    s.k_h * s.k_w * s.groups == 1
        && s.pad_top + s.pad_left == 0
        && s.in_c.is_multiple_of(M::KR)
        && (s.out_h - 1) * s.stride_h < s.in_h
        && (s.out_w - 1) * s.stride_w < s.in_w
}

/// The whole convolution.
///
/// # Safety
/// The CPU has the features of `M`.
#[inline(always)]
pub(in crate::arch) unsafe fn conv<M: Machine>(step: &Conv, data: ConvData<'_>) {
    let s = &step.shape;
    let window = window::<M>(s);
    let ConvData { input, output, weights, requant, scratch } = data;
    let ((runs, run_len), gathered) = (s.runs(), window.form == Form::Gathered);
    let depth = run_len.div_ceil(M::KR);
    let panel_len = s.k_h * runs * depth * M::KR * NR;
    let (segments, depth) = if gathered { (1, s.k_h * depth) } else { (s.k_h * runs, depth) };
    let (group_in, group_out) = (s.in_c / s.groups, s.out_c / s.groups);
    let panels = group_out.div_ceil(NR);
    assert_eq!(weights.len(), s.groups * panels * panel_len, "weights were packed for another shape or set");
    assert_eq!(output.len(), s.batch * s.out_h * s.out_w * s.out_c, "output has another shape");
    assert_eq!(input.len(), s.batch * s.in_h * s.in_w * s.in_c, "input has another shape");
    let scale = if is_f32_even(&requant) { view(requant.multiplier) } else { &[] };
    let full = requant.rule.lo <= i32::from(i8::MIN) && requant.rule.hi >= i32::from(i8::MAX);
    let rule = Rule { requant: &requant, even: F32Even::new(&requant.rule), scale, full };
    let per_block = 16 / M::KR;
    let mut list = [core::ptr::null(); SEGMENTS];
    if segments > SEGMENTS {
        return plainly::<M>(step, input, output, weights, &rule);
    }
    let walk = Walk {
        segments: list.as_ptr(),
        count: segments,
        pitch: if gathered { window.channels } else { s.stride_w * s.in_c },
        blocks: depth / per_block,
        rest: depth % per_block,
    };
    let run_step = (runs, s.dilation_w * s.in_c);
    let output = output.as_mut_ptr();
    let mut band = |lines: &Lines<'_>, band: Band| {
        for group in 0..s.groups {
            for panel in (0..panels).step_by(2) {
                let first = group * group_out + panel * NR;
                let channels = Channels::new(&rule, first, (group_out - panel * NR).min(2 * NR));
                let weights = weights[(group * panels + panel) * panel_len..].as_ptr();
                for row in 0..band.rows {
                    let list = &mut list[..segments];
                    lines.list(row, group * group_in, if gathered { (1, 0) } else { run_step }, list);
                    // SAFETY: the output has all pixels of the band and all channels (asserted above); what is read has all segments
                    // of the band's pixels (`Window`, with slack; or `is_direct`), the weights those of two panels or the last (asserted
                    // above); the caller vouches for the CPU.
                    unsafe {
                        let at = output.add((band.pixel + row * band.count) * s.out_c + first);
                        let walk = Walk { segments: list.as_ptr(), ..walk };
                        channels.line::<M>(&walk, band.count, (weights, panel_len), (at, s.out_c));
                    }
                }
            }
        }
    };
    if is_direct::<M>(s) {
        let flat = window.form == Form::Flat;
        let line_len = if flat { window.width * s.in_c } else { s.in_w * s.in_c };
        if flat {
            for row in 0..window.rows {
                let pixel = row * window.width;
                let count = window.width.min(window.pixels - pixel);
                let codes = &input[pixel * s.in_c..];
                let lines = Lines { codes, slot: 0, step: 0, tap_step: 0, lines: 1, line_len };
                band(&lines, Band { slot: 0, pixel, count, rows: 1 });
            }
            return;
        }
        let most = PIXELS.div_ceil(s.out_w);
        for (image, codes) in input.chunks_exact(s.in_h * line_len).enumerate() {
            for y in (0..s.out_h).step_by(most) {
                let lines = Lines { codes, slot: y * s.stride_h, step: s.stride_h, tap_step: 0, lines: s.in_h, line_len };
                let pixel = (image * s.out_h + y) * s.out_w;
                band(&lines, Band { slot: 0, pixel, count: s.out_w, rows: most.min(s.out_h - y) });
            }
        }
        return;
    }
    assert!(scratch.len() >= window.bytes(), "scratch space is too small");
    let ring = (view_mut::<i8>(scratch), step.pad_value);
    let copy = |from: &[i8], to: &mut [i8]| to.copy_from_slice(from);
    let (count, line_len) = (window.lines.max(1), window.line_len());
    for_each_band((s, &window), input, ring, copy, |ring: &[i8], one: Band| {
        let lines =
            Lines { codes: ring, slot: one.slot, step: s.stride_h, tap_step: s.dilation_h, lines: count, line_len };
        band(&lines, one);
    });
}

/// Pixel by pixel, channel by channel, tap by tap: for kernels of very many segments.
#[cold]
#[inline(never)]
fn plainly<M: Machine>(step: &Conv, input: &[i8], output: &mut [i8], weights: &[i8], rule: &Rule<'_>) {
    let s = &step.shape;
    let ((runs, run_len), group_in, group_out) = (s.runs(), s.in_c / s.groups, s.out_c / s.groups);
    let depth = run_len.next_multiple_of(M::KR);
    let (panel_len, panels) = (s.k_h * runs * depth * NR, group_out.div_ceil(NR));
    for (pixel, out) in output.chunks_exact_mut(s.out_c).enumerate() {
        let (x, y) = (pixel % s.out_w, pixel / s.out_w % s.out_h);
        let image = &input[pixel / (s.out_w * s.out_h) * s.in_h * s.in_w * s.in_c..];
        for (o, out) in out.iter_mut().enumerate() {
            let (group, o_in) = (o / group_out, o % group_out);
            let panel = &weights[(group * panels + o_in / NR) * panel_len..][..panel_len];
            let mut acc = 0_i32;
            for (ky, kx) in (0..s.k_h).flat_map(|ky| (0..s.k_w).map(move |kx| (ky, kx))) {
                let row = ConvShape::source(y, s.stride_h, ky, s.dilation_h, s.pad_top, s.in_h);
                let column = ConvShape::source(x, s.stride_w, kx, s.dilation_w, s.pad_left, s.in_w);
                for c in 0..group_in {
                    let code = match (row, column) {
                        (Some(r), Some(q)) => image[(r * s.in_w + q) * s.in_c + group * group_in + c],
                        _ => step.pad_value,
                    };
                    let (run, k) = if runs == 1 { (ky, kx * group_in + c) } else { (ky * runs + kx, c) };
                    let at = (run * depth + k / M::KR * M::KR) * NR + o_in % NR * M::KR + k % M::KR;
                    acc = acc.wrapping_add(i32::from(code) * i32::from(panel[at]));
                }
            }
            *out = rule.requant.code(acc, o) as i8;
        }
    }
}
