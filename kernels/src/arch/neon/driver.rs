//! int8 convolution as implicit GEMM on tiles of some pixels × 16 channels (or 8). A [`Machine`] is a block of assembly that makes a line's
//! codes: what it does not do costs more here than elsewhere, the tiles being short.
//!
//! A pixel's inputs are *segments* of consecutive codes (a kernel row, or one tap): their addresses for the first pixel of a line are
//! listed once for all tiles of the line. A 1×1 convolution reads its input where it lies.

use core::mem::MaybeUninit;
use core::ops::Range;

use super::plain::plainly;
use super::pointwise::{is_pointwise, pointwise};
use crate::arch::neon::requant::is_f32_even;
use crate::arch::rows::{Band, for_each_band};
use crate::arith::RequantData;
use crate::ops::conv::{Conv, ConvData, ConvShape};
use crate::ops::window::{Form, Product, Window};
use crate::span::{view, view_mut};

/// Channels of a panel.
pub(super) const NR: usize = 8;
/// Segments of the pixels of all lines of a band, as far as they are listed.
const SEGMENTS: usize = 192;
/// Pixels of a band of a strided 1×1 convolution.
const PIXELS: usize = 56;
/// Added to a float of less than 2²², it leaves the nearest integer in the lowest bits.
pub(super) const MAGIC: f32 = 12_582_912.0;

/// How sums become codes: see `finish.rs`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::arch) enum Finish {
    /// [`Conv::fits_words`] holds.
    Quick,
    /// [`crate::arith::Rounding::F32Even`].
    Any,
    /// They stay sums: 4 bytes a channel, `to` and `to_pitch` in bytes.
    Sums,
}

/// What tiles of a line share. The blocks of assembly know where the first eight fields are.
#[repr(C)]
pub(in crate::arch) struct Line {
    /// Where each segment of the line's first pixel begins.
    pub(in crate::arch) segments: *const *const i8,
    /// How many.
    pub(in crate::arch) count: usize,
    /// One panel or two.
    pub(in crate::arch) weights: [*const i8; 2],
    /// Bytes from panels to the next panels.
    pub(in crate::arch) panels_step: usize,
    /// How many tiles there are, how many codes after the line's first they begin, and their output: for the panels after the first.
    pub(in crate::arch) tiles: usize,
    pub(in crate::arch) first: usize,
    pub(in crate::arch) to: *mut i8,
    /// Codes from pixel to pixel.
    pub(in crate::arch) pitch: usize,
    /// Blocks of [`Machine::BLOCK`] codes per segment.
    pub(in crate::arch) blocks: usize,
    /// Codes left over: the number of [`Machine::KR`].
    pub(in crate::arch) rest: usize,
    /// Of 16 channels.
    pub(in crate::arch) bias: *const i32,
    /// The same.
    pub(in crate::arch) scale: *const f32,
    /// Three times 16 bytes: of [`Finish::Quick`] floats with [`MAGIC`]; of [`Finish::Any`] the zero point in 16 bits, then limits.
    pub(in crate::arch) constants: *const u8,
    /// Bytes from pixel to pixel of the output.
    pub(in crate::arch) to_pitch: usize,
    /// The way to codes.
    pub(in crate::arch) finish: Finish,
}

/// How an instruction set sums.
///
/// Safety of its functions: the CPU has its features; the segments of [`Line::tiles`] × `mr` pixels, [`Line::first`] codes after the first
/// of the line, are readable in whole `KR`; so are the weights of all segments in each panel, bias and scales; and the output is there.
pub(in crate::arch) trait Machine {
    /// Codes per dot product; weights are packed in panels of 8 channels × `KR`.
    const KR: usize;
    /// Codes of a [`Line`]'s block.
    const BLOCK: usize;
    /// Most pixels of a tile of 16 channels, and of 8.
    const WIDE: usize;
    const NARROW: usize;
    /// 16 channels, then the next 16, `times` times; what [`Line`] says of weights and output has changed then.
    unsafe fn wide(line: &mut Line, mr: usize, times: usize);
    /// 8 channels.
    unsafe fn narrow(line: &mut Line, mr: usize);
    /// All pixels of a 1×1 convolution, which lie one after the other, for `groups` times 16 channels with the weights in registers. Returns
    /// whether there is code for it; only then is anything done.
    unsafe fn resident(_: &mut Line, _pixels: usize, _groups: usize) -> bool {
        false
    }
    /// One pixel of a 1×1 convolution. Returns how many times 16 channels are done, of `groups`; the line knows then what comes after.
    unsafe fn one(_: &mut Line, _groups: usize) -> usize {
        0
    }
}

/// The rule of rounding, ready to use.
pub(in crate::arch) struct Rule<'a> {
    requant: &'a RequantData<'a>,
    pub(in crate::arch) finish: Finish,
    /// Empty if [`Finish::Sums`].
    pub(in crate::arch) scale: &'a [f32],
    pub(in crate::arch) constants: [[u32; 4]; 3],
}

impl<'a> Rule<'a> {
    #[inline(always)]
    pub(in crate::arch) fn new(requant: &'a RequantData<'a>, quick: bool) -> Rule<'a> {
        let rule = requant.rule;
        let constants = if quick {
            [[(MAGIC + rule.zero_point as f32).to_bits(); 4]; 3]
        } else {
            let zero = u32::from(rule.zero_point as i16 as u16) * 0x0001_0001;
            let [lo, hi] = [rule.lo, rule.hi].map(|limit| u32::from(limit as i8 as u8) * 0x0101_0101);
            [[zero; 4], [lo; 4], [hi; 4]]
        };
        let (finish, scale): (Finish, &[f32]) = match (is_f32_even(requant), quick) {
            (true, true) => (Finish::Quick, view(requant.multiplier)),
            (true, false) => (Finish::Any, view(requant.multiplier)),
            _ => (Finish::Sums, &[]),
        };
        Rule { requant, finish, scale, constants }
    }

    /// The code of a sum of a channel, by any rule.
    pub(in crate::arch) fn scaled(&self, sum: i32, channel: usize) -> i32 {
        self.requant.scaled(sum, channel)
    }
}

/// Up to 16 numbers from `at` on, and zeros.
#[cold]
fn sixteen<T: Copy + Default>(from: &[T], at: usize) -> [T; 16] {
    let mut numbers = [T::default(); 16];
    let there = &from[at.min(from.len())..];
    let count = there.len().min(16);
    numbers[..count].copy_from_slice(&there[..count]);
    numbers
}

/// How a line is cut into tiles: some of a pixel more come first.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub(super) mr: usize,
    pub(super) tiles: usize,
    pub(super) more: usize,
}

impl Cut {
    /// Nearly equal tiles of at most `most` pixels: 6 are 3 and 3.
    #[inline(always)]
    pub(super) fn new(count: usize, most: usize) -> Cut {
        let tiles = count.div_ceil(most);
        Cut { mr: count / tiles, tiles, more: count % tiles }
    }
}

/// Channels of a tile.
struct Channels<'a> {
    rule: &'a Rule<'a>,
    first: usize,
    /// How many there are, of 8 or 16.
    valid: usize,
    /// How many times 16, if they are more.
    times: usize,
}

impl Channels<'_> {
    /// A line of pixels, `to` being the output of the first and `pitch` codes before that of the next.
    ///
    /// # Safety
    /// As [`Machine::wide`].
    #[inline(always)]
    unsafe fn line<M: Machine>(&self, line: &mut Line, cut: Cut, to: *mut i8, pitch: usize) {
        (line.first, line.to, line.to_pitch) = (0, to, pitch);
        for (mr, tiles) in [(cut.mr + 1, cut.more), (cut.mr, cut.tiles - cut.more)] {
            if tiles == 0 {
                continue;
            }
            line.tiles = tiles;
            // SAFETY: as this function's.
            unsafe {
                if self.valid > NR {
                    M::wide(line, mr, self.times);
                } else {
                    M::narrow(line, mr);
                }
            }
            line.first += tiles * mr * line.pitch;
            line.to = line.to.wrapping_add(tiles * mr * pitch);
        }
    }

    /// The same by way of a buffer, pixel by pixel: other rules, and numbers of channels that are no multiple of 8.
    ///
    /// # Safety
    /// As [`Machine::wide`].
    #[inline(never)]
    unsafe fn line_by_pixels<M: Machine>(&self, line: &mut Line, count: usize, to: *mut i8, pitch: usize) {
        let mut buffer = [0_i32; 16];
        for pixel in 0..count {
            (line.tiles, line.first) = (1, pixel * line.pitch);
            line.to = buffer.as_mut_ptr().cast();
            // SAFETY: as this function's; the buffer has room for the sums of a pixel.
            unsafe {
                if self.valid > NR {
                    M::wide(line, 1, 1);
                } else {
                    M::narrow(line, 1);
                }
            }
            let to = to.wrapping_add(pixel * pitch);
            for c in 0..self.valid {
                let code = match self.rule.finish {
                    Finish::Sums => self.rule.scaled(buffer[c], self.first + c) as i8,
                    _ => buffer[c / 4].to_ne_bytes()[c % 4] as i8,
                };
                // SAFETY: the pixel's channels are there.
                unsafe { to.add(c).write(code) };
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
    /// Kernel rows that are segments of their own.
    tap_rows: usize,
}

impl Lines<'_> {
    /// The segments of some lines of the band, for a group whose first channel is `channel`; `runs` of them in a kernel row.
    #[inline(always)]
    fn list(
        &self,
        rows: Range<usize>,
        channel: usize,
        (runs, run_step): (usize, usize),
        to: &mut [MaybeUninit<*const i8>],
    ) {
        let mut to = to.chunks_exact_mut(runs);
        for row in rows {
            for tap_row in 0..self.tap_rows {
                let line = (self.slot + row * self.step + tap_row * self.tap_step) % self.lines;
                let from = self.codes[line * self.line_len + channel..].as_ptr();
                for (run, to) in to.next().into_iter().flatten().enumerate() {
                    to.write(from.wrapping_add(run * run_step));
                }
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
    // SAFETY: as this function's.
    unsafe {
        if is_pointwise::<M>(&step.shape) && is_f32_even(&data.requant) {
            pointwise::<M>(step, data);
        } else {
            by_segments::<M>(step, data);
        }
    }
}

/// Any convolution.
///
/// # Safety
/// As [`conv`].
#[inline(never)]
unsafe fn by_segments<M: Machine>(step: &Conv, data: ConvData<'_>) {
    let s = &step.shape;
    let (window, direct) = (window::<M>(s), is_direct::<M>(s));
    let ConvData { input, output, weights, requant, scratch } = data;
    let ((runs, run_len), gathered) = (s.runs(), !direct && window.form == Form::Gathered);
    let depth = run_len.div_ceil(M::KR);
    let panel_len = s.k_h * runs * depth * M::KR * NR;
    let (segments, depth) = if gathered { (1, s.k_h * depth) } else { (s.k_h * runs, depth) };
    let (group_in, group_out) = (s.in_c / s.groups, s.out_c / s.groups);
    let panels = group_out.div_ceil(NR);
    assert_eq!(weights.len(), s.groups * panels * panel_len, "weights were packed for another shape or set");
    assert_eq!(output.len(), s.batch * s.out_h * s.out_w * s.out_c, "output has another shape");
    assert_eq!(input.len(), s.batch * s.in_h * s.in_w * s.in_c, "input has another shape");
    if segments > SEGMENTS {
        return plainly::<M>(step, input, output, weights, &requant);
    }
    let rule = Rule::new(&requant, step.fits_words);
    let per_block = M::BLOCK / M::KR;
    let mut list = [const { MaybeUninit::uninit() }; SEGMENTS];
    let mut line = Line {
        segments: list.as_ptr().cast(),
        count: segments,
        weights: [weights.as_ptr(); 2],
        panels_step: 2 * panel_len,
        tiles: 0,
        first: 0,
        to: output.as_mut_ptr(),
        pitch: if gathered { window.channels } else { s.stride_w * s.in_c },
        blocks: depth / per_block,
        rest: depth % per_block,
        bias: requant.bias.as_ptr(),
        scale: rule.scale.as_ptr(),
        constants: rule.constants.as_ptr().cast(),
        to_pitch: s.out_c,
        finish: rule.finish,
    };
    let run_step = if gathered { (1, 0) } else { (runs, s.dilation_w * s.in_c) };
    let at_once = SEGMENTS / segments.max(1);
    let output = output.as_mut_ptr();
    let mut band = |lines: &Lines<'_>, band: Band| {
        for (group, top) in (0..s.groups).flat_map(|group| (0..band.rows).step_by(at_once).map(move |top| (group, top)))
        {
            let rows = at_once.min(band.rows - top);
            lines.list(top..top + rows, group * group_in, run_step, &mut list);
            let (wide, narrow) = (Cut::new(band.count, M::WIDE), Cut::new(band.count, M::NARROW));
            // A single line that is cut evenly is done for all channels at once.
            let even = s.groups * rows == 1 && wide.more == 0 && rule.finish != Finish::Sums;
            let (mut panel, mut done) = ((group * panels) * panel_len, 0);
            while done < group_out {
                let (first, left) = (group * group_out + done, group_out - done);
                let (valid, times) = (left.min(2 * NR), if even { (left / 16).max(1) } else { 1 });
                let channels = Channels { rule: &rule, first, valid, times };
                let (bias, scale);
                if first + 16 <= requant.bias.len() {
                    line.bias = requant.bias[first..].as_ptr();
                    line.scale = rule.scale.as_ptr().wrapping_add(first);
                } else {
                    // The last of several groups.
                    (bias, scale) = (sixteen(requant.bias, first), sixteen(rule.scale, first));
                    (line.bias, line.scale) = (bias.as_ptr(), scale.as_ptr());
                }
                let weights = weights[panel..].as_ptr();
                line.segments = list.as_ptr().cast();
                let mut at = output.wrapping_add((band.pixel + top * band.count) * s.out_c + first);
                for _ in 0..rows {
                    line.weights = [weights, weights.wrapping_add(panel_len)];
                    // SAFETY: the output has all pixels of the band and all channels (asserted above); what is read has all segments
                    // of the band's pixels (`Window`, with slack; or `is_direct`), the weights those of two panels or the last (asserted
                    // above); the caller vouches for the CPU.
                    unsafe {
                        if rule.finish == Finish::Sums || !valid.is_multiple_of(NR) {
                            line.to_pitch = 0;
                            channels.line_by_pixels::<M>(&mut line, band.count, at, s.out_c);
                        } else {
                            let cut = if valid > NR { wide } else { narrow };
                            channels.line::<M>(&mut line, cut, at, s.out_c);
                        }
                    }
                    line.segments = line.segments.wrapping_add(segments);
                    at = at.wrapping_add(band.count * s.out_c);
                }
                done += 16 * times;
                panel += 2 * times * panel_len;
            }
        }
    };
    if direct {
        let flat = window.form == Form::Flat;
        let line_len = if flat { window.width * s.in_c } else { s.in_w * s.in_c };
        if flat {
            for row in 0..window.rows {
                let pixel = row * window.width;
                let count = window.width.min(window.pixels - pixel);
                let codes = &input[pixel * s.in_c..];
                let lines = Lines { codes, slot: 0, step: 0, tap_step: 0, lines: 1, line_len, tap_rows: 1 };
                band(&lines, Band { slot: 0, pixel, count, rows: 1 });
            }
            return;
        }
        let most = PIXELS.div_ceil(s.out_w);
        for (image, codes) in input.chunks_exact(s.in_h * line_len).enumerate() {
            for y in (0..s.out_h).step_by(most) {
                let lines = Lines {
                    codes,
                    slot: y * s.stride_h,
                    step: s.stride_h,
                    tap_step: 0,
                    lines: s.in_h,
                    line_len,
                    tap_rows: 1,
                };
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
        let (step, tap_step, tap_rows) = (s.stride_h, s.dilation_h, if gathered { 1 } else { s.k_h });
        let lines = Lines { codes: ring, slot: one.slot, step, tap_step, lines: count, line_len, tap_rows };
        band(&lines, one);
    });
}
