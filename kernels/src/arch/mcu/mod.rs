//! Microcontrollers: `dsp` and `mve`. The loops over rows, pixels and channels are here; each instruction set adds a dot product over a
//! few pixels and channels.
//!
//! Memory is scarce, so of the input only the lines under one line of output are in scratch space, and sums are kept for
//! [`CHANNELS`] channels of two pixels at a time.

pub mod dsp;
mod dsp_dot;
pub mod mve;
mod mve_dot;

use crate::arch::rows::{self, Row};
use crate::arith::RequantData;
use crate::ops::conv::{Conv, ConvData, ConvShape};
use crate::ops::depthwise::{Depthwise, DepthwiseData};
use crate::ops::window::Window;
use crate::span::{Number, view, view_mut};

/// Channels whose sums are kept at a time; a multiple of every instruction set's tile.
pub(super) const CHANNELS: usize = 32;

/// Sums of two pixels.
#[repr(C, align(16))]
struct Sums([[i32; CHANNELS]; 2]);

/// What a dot product goes through: so many runs of so many blocks of codes.
#[repr(C)]
pub(super) struct Taps {
    /// Where each run begins: bytes behind the pixel's address.
    starts: *const u32,
    /// How many runs.
    runs: usize,
    /// Blocks of each.
    blocks: usize,
    /// Bytes from a pixel to the next.
    pitch: usize,
    /// Whether pixels have an odd number of codes, or groups have.
    odd: bool,
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

    /// Brings codes into scratch space.
    fn hold(from: &[i8], to: &mut [Self::Code]);

    /// Adds the sums of a tile of two pixels, or of one, to `sums`; those of the second pixel lie [`CHANNELS`] behind.
    ///
    /// # Safety
    /// The runs must be valid for the pixels, with up to a block behind each; `weights` for a tile; `sums` for `NR` sums each.
    unsafe fn dot(two: bool, taps: &Taps, pixel: *const Self::Code, weights: *const i8, sums: *mut i32);

    /// Adds the sums of a depthwise tile of one pixel: `taps` has a run for each tap. `weights` are of [`Dots::weigh`].
    ///
    /// # Safety
    /// As [`Dots::dot`], of `SIDE` channels.
    unsafe fn depthwise(taps: &Taps, pixel: *const i8, weights: *const u8, sums: *mut i32);

    /// Taps that a depthwise tile takes together.
    const TOGETHER: usize;

    /// Bytes of the depthwise weights of a tile.
    fn weight_bytes(taps: usize) -> usize;

    /// Writes the depthwise weights of a tile; `weight(tap, channel)` is asked for `taps` and `SIDE` of them.
    fn weigh(taps: usize, weight: impl Fn(usize, usize) -> i8, to: &mut [u8]);

    /// The codes of sums, from channel `first` on.
    fn finish(rule: &RequantData<'_>, first: usize, sums: &[i32], codes: &mut [i8]);
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
        requant: &data.requant,
    };
    let odd = (s.in_c | lines.group_in) % 2 == 1;
    let (input, output) = (data.input, data.output);
    rows::for_each_row((s, &window), input, (ring, pad), D::hold, |ring, row: Row| {
        let count = note_starts(s, &window, row.slot, (runs > 1, size), starts);
        let taps = Taps { starts: starts.as_ptr(), runs: count, blocks, pitch: s.stride_w * s.in_c * size, odd };
        lines.line::<D>(s, &taps, ring, &mut output[row.pixel * s.out_c..][..row.count * s.out_c]);
    });
}

/// What all lines of a convolution share.
struct Lines<'a> {
    group_in: usize,
    group_out: usize,
    /// Weights of a tile.
    tile_len: usize,
    weights: &'a [i8],
    requant: &'a RequantData<'a>,
}

impl Lines<'_> {
    /// One line of output, two pixels at a time.
    fn line<D: Dots>(&self, s: &ConvShape, taps: &Taps, ring: &[D::Code], out: &mut [i8]) {
        let group_len = self.group_out.div_ceil(D::NR) * self.tile_len;
        for (at, out) in out.chunks_mut(2 * s.out_c).enumerate() {
            let pixel = &ring[2 * at * s.stride_w * s.in_c..];
            for group in 0..s.groups {
                let pixel = pixel[group * self.group_in..].as_ptr();
                let mut weights = &self.weights[group * group_len..][..group_len];
                let first = group * self.group_out;
                for channel in (first..first + self.group_out).step_by(CHANNELS) {
                    let count = CHANNELS.min(first + self.group_out - channel);
                    let some;
                    (some, weights) = weights.split_at(count.div_ceil(D::NR) * self.tile_len);
                    self.channels::<D>(taps, pixel, some, (channel, count), out);
                }
            }
        }
    }

    /// Some channels of two pixels, or of the last.
    #[inline(always)]
    fn channels<D: Dots>(
        &self,
        taps: &Taps,
        pixel: *const D::Code,
        weights: &[i8],
        (first, count): (usize, usize),
        out: &mut [i8],
    ) {
        let out_c = self.requant.channels;
        let two = out.len() > out_c;
        let mut sums = Sums([[0; CHANNELS]; 2]);
        let bias = &self.requant.bias[first..first + count];
        sums.0[0][..count].copy_from_slice(bias);
        if two {
            sums.0[1][..count].copy_from_slice(bias);
        }
        for (tile, weights) in weights.chunks_exact(self.tile_len).enumerate() {
            let to = sums.0.as_mut_ptr().cast::<i32>().wrapping_add(tile * D::NR);
            // SAFETY: `taps` names the runs of this line in the ring, where the window keeps a block to spare behind the last; the
            // weights are a tile's, and tiles of at most `CHANNELS` channels have room in `sums`, in the lines of both pixels.
            unsafe { D::dot(two, taps, pixel, weights.as_ptr(), to) };
        }
        for (sums, out) in sums.0.iter().zip(out.chunks_exact_mut(out_c)) {
            D::finish(self.requant, first, &sums[..count], &mut out[first..first + count]);
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
    let (input, output, tables, requant) = (data.input, data.output, data.tables, &data.requant);
    let tile_len = D::weight_bytes(s.k_h * s.k_w);
    let copy = |from: &[i8], to: &mut [i8]| to.copy_from_slice(from);
    rows::for_each_row((s, &window), input, (ring, step.pad_value), copy, |ring, row: Row| {
        let mut runs = note_starts(s, &window, row.slot, (true, 1), starts);
        while !runs.is_multiple_of(D::TOGETHER) {
            // Its weights are zeros.
            starts[runs] = starts[runs - 1];
            runs += 1;
        }
        let taps = Taps { starts: starts.as_ptr(), runs, blocks: 1, pitch: s.stride_w * s.in_c, odd: false };
        let out = &mut output[row.pixel * s.out_c..][..row.count * s.out_c];
        for (at, out) in out.chunks_exact_mut(s.out_c).enumerate() {
            let pixel = &ring[at * s.stride_w * s.in_c..];
            for (part, out) in out.chunks_mut(CHANNELS).enumerate() {
                let (first, mut sums) = (part * CHANNELS, Sums([[0; CHANNELS]; 2]));
                let sums = &mut sums.0[0];
                sums[..out.len()].copy_from_slice(&requant.bias[first..first + out.len()]);
                let tables = &tables[first / D::SIDE * tile_len..];
                for (tile, weights) in tables.chunks_exact(tile_len).take(out.len().div_ceil(D::SIDE)).enumerate() {
                    let (pixel, to) = (pixel[first + tile * D::SIDE..].as_ptr(), &mut sums[tile * D::SIDE..]);
                    // SAFETY: `taps` names the taps of this line in the ring, where the window keeps more to spare behind the last
                    // than a tile has channels; the weights are a tile's, and `sums` has room for whole tiles.
                    unsafe { D::depthwise(&taps, pixel, weights.as_ptr(), to.as_mut_ptr()) };
                }
                D::finish(requant, first, &sums[..out.len()], out);
            }
        }
    });
}

/// The scales of a rule that is XNNPACK's; the others are rare on microcontrollers and take the portable way.
pub(super) fn scales<'a>(rule: &RequantData<'a>) -> Option<&'a [f32]> {
    (rule.rule.rounding == crate::arith::Rounding::F32Even).then(|| view(rule.multiplier))
}

/// [`Dots::finish`] in portable Rust.
pub(super) fn finish(rule: &RequantData<'_>, first: usize, sums: &[i32], codes: &mut [i8]) {
    for (i, (code, &sum)) in codes.iter_mut().zip(sums).enumerate() {
        *code = rule.scaled(sum, first + i) as i8;
    }
}
