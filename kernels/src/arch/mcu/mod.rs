//! Microcontrollers: `dsp` and `mve`. The loops over rows, pixels and channels are here; each instruction set adds a dot product over a
//! few pixels and channels.
//!
//! Memory is scarce, so of the input only the lines under one line of output are in scratch space, and sums are kept for
//! `CHANNELS` channels of two pixels at a time.

pub mod dsp;
mod dsp_dot;
pub mod mve;
mod mve_dot;

use core::mem::MaybeUninit;

use crate::arch::rows::{self, Row};
use crate::arith::{RequantData, Rounding};
use crate::ops::conv::{Conv, ConvData, ConvShape};
use crate::ops::depthwise::{Depthwise, DepthwiseData};
use crate::ops::window::{Form, Window};
use crate::span::{Number, view, view_mut};

/// Channels whose sums are kept at a time; a multiple of every instruction set's tile.
pub(super) const CHANNELS: usize = 64;

/// Sums of two pixels, before they are written.
type Sums = MaybeUninit<[[i32; CHANNELS]; 2]>;

/// Tiles that follow each other: some channels of two pixels, or of one. Loops in assembly read the fields, and write over the last
/// four.
#[repr(C)]
pub(super) struct Tiles {
    /// Where each run of blocks begins: bytes behind the pixel's address.
    starts: *const u32,
    /// Behind the last start.
    end: *const u32,
    /// Bytes from a pixel to the next.
    pitch: usize,
    /// Blocks of each run.
    blocks: usize,
    /// The first pixel.
    pixel: *const u8,
    /// Weights of the first tile; those of the others follow.
    weights: *const u8,
    /// What sums begin with.
    bias: *const i32,
    /// Where sums go; those of the second pixel lie [`CHANNELS`] behind.
    sums: *mut i32,
    /// How many.
    tiles: usize,
}

impl Tiles {
    /// Whether there is one run.
    #[inline(always)]
    fn is_flat(&self) -> bool {
        self.starts.wrapping_add(1) == self.end
    }

    /// Those of a line, before a pixel is chosen.
    fn new(starts: &[u32], pitch: usize, blocks: usize) -> Self {
        let core::ops::Range { start, end } = starts.as_ptr_range();
        let (pixel, weights, bias) = (core::ptr::null(), core::ptr::null(), core::ptr::null());
        Self { starts: start, end, pitch, blocks, pixel, weights, bias, sums: core::ptr::null_mut(), tiles: 0 }
    }
}

/// An instruction set.
pub(super) trait Dots {
    /// Codes in scratch space.
    type Code: Number;
    /// Channels of a tile; [`crate::isa::PackSpec::nr`].
    const NR: usize;
    /// Codes of a block; [`crate::isa::PackSpec::kr`].
    const KR: usize;
    /// Channels that a depthwise tile has side by side.
    const SIDE: usize;

    /// Codes as they lie, if they need not be brought into scratch space.
    fn as_they_lie(codes: &[i8]) -> Option<&[Self::Code]>;

    /// Brings codes into scratch space.
    fn hold(from: &[i8], to: &mut [Self::Code]);

    /// The sums of tiles of two pixels, or of one. `odd`: runs may begin at odd codes.
    ///
    /// # Safety
    /// The runs must be valid for the pixels, with up to a block behind each; weights, bias and sums for `NR` channels a tile.
    unsafe fn dot(two: bool, odd: bool, tiles: &mut Tiles);

    /// The sums of depthwise tiles of two pixels, or of one: a run for each tap. Weights are of [`Dots::weigh`]. Pixel and sums go on by `SIDE`
    /// channels from a tile to the next.
    ///
    /// # Safety
    /// As [`Dots::dot`], of `SIDE` channels a tile.
    unsafe fn depthwise(two: bool, tiles: &mut Tiles);

    /// Taps that a depthwise tile takes together.
    const TOGETHER: usize;

    /// Bytes of the depthwise weights of a tile.
    fn weight_bytes(taps: usize) -> usize;

    /// Writes the depthwise weights of a tile; `weight(tap, channel)` is asked for `taps` and `SIDE` of them.
    fn weigh(taps: usize, weight: impl Fn(usize, usize) -> i8, to: &mut [u8]);

    /// The codes of sums, from channel `first` on.
    fn finish(rule: &Rule<'_>, first: usize, sums: &[i32], codes: &mut [i8]);
}

/// Bytes of scratch space of an image's convolution whose lines hold codes of `size` bytes: where runs begin, and the lines.
#[must_use]
pub(crate) fn scratch_len(s: &ConvShape, size: usize) -> usize {
    starts_len(s) + Window::small(s, size).bytes()
}

fn starts_len(s: &ConvShape) -> usize {
    (4 * (s.k_h * s.k_w).next_multiple_of(2)).next_multiple_of(64)
}

/// Notes where the runs of a line of output begin; how many there are.
#[inline(always)]
fn note_starts(s: &ConvShape, window: &Window, slot: usize, (each, size): (bool, usize), starts: &mut [u32]) -> usize {
    let columns = if each { s.k_w } else { 1 };
    let mut runs = 0;
    for ky in 0..s.k_h {
        let line = (slot + ky * s.dilation_h) % window.lines * window.line_len();
        for kx in 0..columns {
            starts[runs] = ((line + kx * s.dilation_w * s.in_c) * size) as u32;
            runs += 1;
        }
    }
    runs
}

/// int8 convolution.
pub(super) fn conv<D: Dots>(step: &Conv, data: ConvData<'_>) {
    let (s, size) = (&step.shape, size_of::<D::Code>());
    let window = Window::small(s, size);
    let (starts, ring) = data.scratch.split_at_mut(starts_len(s));
    let (starts, ring): (&mut [u32], &mut [D::Code]) = (view_mut(starts), view_mut(ring));
    D::hold(&[step.pad_value], &mut ring[..1]);
    let pad = ring[0];
    let (runs, run_len) = s.runs();
    let blocks = run_len.div_ceil(D::KR);
    let lines = Lines {
        group_in: s.in_c / s.groups,
        group_out: s.out_c / s.groups,
        tile_len: s.k_h * runs * blocks * D::KR * D::NR,
        weights: data.weights,
        rule: Rule::new(&data.requant),
    };
    let (input, output, pitch) = (data.input, data.output, s.stride_w * s.in_c * size);
    if let Some(pixels) = D::as_they_lie(input).filter(|_| window.form == Form::Flat) {
        // All pixels are one line.
        starts[0] = 0;
        return lines.line::<D>(s, Tiles::new(&starts[..1], pitch, blocks), pixels, output);
    }
    rows::for_each_row((s, &window), input, (ring, pad), D::hold, |ring, row: Row| {
        let count = note_starts(s, &window, row.slot, (runs > 1, size), starts);
        let tiles = Tiles::new(&starts[..count], pitch, blocks);
        lines.line::<D>(s, tiles, ring, &mut output[row.pixel * s.out_c..][..row.count * s.out_c]);
    });
}

/// What all lines of a convolution share.
struct Lines<'a> {
    group_in: usize,
    group_out: usize,
    /// Weights of a tile.
    tile_len: usize,
    weights: &'a [i8],
    rule: Rule<'a>,
}

impl Lines<'_> {
    /// One line of output, two pixels at a time.
    fn line<D: Dots>(&self, s: &ConvShape, mut tiles: Tiles, ring: &[D::Code], out: &mut [i8]) {
        let group_len = self.group_out.div_ceil(D::NR) * self.tile_len;
        let odd = (s.in_c | self.group_in) % 2 == 1;
        let mut pixel = ring.as_ptr();
        for out in out.chunks_mut(2 * s.out_c) {
            for group in 0..s.groups {
                tiles.pixel = pixel.wrapping_add(group * self.group_in).cast();
                let mut weights = &self.weights[group * group_len..][..group_len];
                let first = group * self.group_out;
                for channel in (first..first + self.group_out).step_by(CHANNELS) {
                    let count = CHANNELS.min(first + self.group_out - channel);
                    let some;
                    tiles.tiles = count.div_ceil(D::NR);
                    (some, weights) = weights.split_at(tiles.tiles * self.tile_len);
                    tiles.weights = some.as_ptr().cast();
                    self.channels::<D>(&mut tiles, odd, (channel, count), out);
                }
            }
            pixel = pixel.wrapping_byte_add(2 * tiles.pitch);
        }
    }

    /// Some channels of two pixels, or of the last.
    #[inline(always)]
    fn channels<D: Dots>(&self, tiles: &mut Tiles, odd: bool, (first, count): (usize, usize), out: &mut [i8]) {
        let out_c = self.rule.data.channels;
        let two = out.len() > out_c;
        let mut sums = Sums::uninit();
        (tiles.bias, tiles.sums) = (self.rule.data.bias[first..].as_ptr(), sums.as_mut_ptr().cast());
        // SAFETY: the tiles name the runs of this line in the ring, where the window keeps a block to spare behind the last; weights
        // are theirs, the bias is padded to whole tiles, and tiles of at most `CHANNELS` channels have room in `sums`.
        unsafe { D::dot(two, odd, tiles) };
        for (pixel, out) in out.chunks_exact_mut(out_c).enumerate() {
            let sums = sums.as_ptr().cast::<i32>().wrapping_add(pixel * CHANNELS);
            // SAFETY: the tiles wrote the first `count` sums of each pixel that has a place in `out`.
            let sums = unsafe { core::slice::from_raw_parts(sums, count) };
            D::finish(&self.rule, first, sums, &mut out[first..first + count]);
        }
    }
}

/// Bytes of what [`depthwise_tables`] writes; none where the portable kernel runs.
pub(super) fn depthwise_tables_len<D: Dots>(s: &ConvShape) -> usize {
    if s.in_c != s.out_c { 0 } else { s.out_c.div_ceil(D::SIDE) * D::weight_bytes(s.k_h * s.k_w) }
}

/// Weights of all tiles, one after the other.
pub(super) fn depthwise_tables<D: Dots>(s: &ConvShape, weights: &[i8], to: &mut [u8]) {
    let (taps, row_len) = (s.k_h * s.k_w, s.out_c.next_multiple_of(64));
    for (tile, to) in to.chunks_exact_mut(D::weight_bytes(taps)).enumerate() {
        // Rows are padded with zeros to 64 channels, a multiple of what tiles have.
        D::weigh(taps, |tap, channel| weights[tap * row_len + tile * D::SIDE + channel], to);
    }
}

/// Bytes of scratch space of a depthwise convolution.
pub(super) fn depthwise_scratch(s: &ConvShape) -> usize {
    if s.in_c != s.out_c { 0 } else { scratch_len(s, 1) }
}

/// int8 depthwise convolution.
pub(super) fn depthwise<D: Dots>(step: &Depthwise, data: DepthwiseData<'_>) {
    let s = &step.shape;
    if s.in_c != s.out_c {
        return crate::arch::scalar::depthwise(step, data);
    }
    let window = Window::small(s, 1);
    let (starts, ring) = data.scratch.split_at_mut(starts_len(s));
    let (starts, ring): (&mut [u32], &mut [i8]) = (view_mut(starts), view_mut(ring));
    let (input, output, tables, rule) = (data.input, data.output, data.tables, Rule::new(&data.requant));
    let tile_len = D::weight_bytes(s.k_h * s.k_w);
    let copy = |from: &[i8], to: &mut [i8]| to.copy_from_slice(from);
    rows::for_each_row((s, &window), input, (ring, step.pad_value), copy, |ring, row: Row| {
        let mut runs = note_starts(s, &window, row.slot, (true, 1), starts);
        while !runs.is_multiple_of(D::TOGETHER) {
            // Its weights are zeros.
            starts[runs] = starts[runs - 1];
            runs += 1;
        }
        let mut tiles = Tiles::new(&starts[..runs], s.stride_w * s.in_c, 1);
        let out = &mut output[row.pixel * s.out_c..][..row.count * s.out_c];
        let mut pixel = ring.as_ptr();
        for out in out.chunks_mut(2 * s.out_c) {
            let two = out.len() > s.out_c;
            for first in (0..s.out_c).step_by(CHANNELS) {
                let (count, mut sums) = (CHANNELS.min(s.out_c - first), Sums::uninit());
                tiles.pixel = pixel.wrapping_add(first).cast();
                tiles.weights = tables[first / D::SIDE * tile_len..].as_ptr();
                tiles.bias = rule.data.bias[first..].as_ptr();
                tiles.sums = sums.as_mut_ptr().cast();
                tiles.tiles = count.div_ceil(D::SIDE);
                // SAFETY: the runs are the taps of this line in the ring, where the window keeps more to spare behind the last than
                // a tile has channels; weights are these tiles', the bias is padded to whole tiles, and `sums` has room for them.
                unsafe { D::depthwise(two, &mut tiles) };
                for (at, out) in out.chunks_exact_mut(s.out_c).enumerate() {
                    let sums = sums.as_ptr().cast::<i32>().wrapping_add(at * CHANNELS);
                    // SAFETY: the tiles wrote `count` sums of each pixel that has a place in `out`.
                    let sums = unsafe { core::slice::from_raw_parts(sums, count) };
                    D::finish(&rule, first, sums, &mut out[first..first + count]);
                }
            }
            pixel = pixel.wrapping_add(2 * tiles.pitch);
        }
    });
}

/// How sums become codes.
pub(super) struct Rule<'a> {
    data: RequantData<'a>,
    /// The scales of a rule that is XNNPACK's; the others are rare on microcontrollers and take the portable way.
    scales: Option<&'a [f32]>,
    /// Zero point, smallest code, largest code.
    limits: [i32; 3],
}

impl<'a> Rule<'a> {
    fn new(data: &RequantData<'a>) -> Self {
        let rule = &data.rule;
        let scales = (rule.rounding == Rounding::F32Even).then(|| view(data.multiplier));
        Self { data: *data, scales, limits: [rule.zero_point, rule.lo, rule.hi] }
    }

    /// [`Dots::finish`] in portable Rust.
    #[cold]
    fn finish(&self, first: usize, sums: &[i32], codes: &mut [i8]) {
        for (i, (code, &sum)) in codes.iter_mut().zip(sums).enumerate() {
            *code = self.data.scaled(sum, first + i) as i8;
        }
    }
}
