//! Convolution as implicit GEMM, for every instruction set and number type: what differs is a [`Kernel`].
//!
//! Output pixels of one line times output channels are cut into register tiles of `MR` pixels × `NP` panels, a panel being the
//! `NR` channels of one vector. A tile walks the taps once:
//!
//! ```text
//! for each run of consecutive input codes (a tap, or a whole row of taps where those are contiguous)
//!     for each KR codes of the run
//!         load NP weight vectors; for each pixel: broadcast its KR codes, NP dot products into NP accumulators
//! ```
//! and leaves its accumulators to the kernel's epilogue. Pixels are `pitch` elements apart, taps at the same place for each.

use crate::arch::rows::{Row, for_each_row};
use crate::ops::conv::ConvShape;
use crate::ops::window::Window;
use crate::span::{Number, view_mut};

/// The vector operations of one instruction set and number type.
///
/// Safety of every function: the CPU has the features of the instruction set, and pointers are valid for what is said.
pub(crate) trait Kernel: 'static {
    /// Activations in memory.
    type Input: Number;
    /// Activations in the ring.
    type Code: Number;
    /// Weights.
    type Weight: Number;
    /// Results in memory.
    type Output: Number;
    /// A vector of `NR` accumulators.
    type Acc: Copy;
    /// A vector of `NR · KR` weights.
    type Weights: Copy;
    /// `KR` codes, `NR` times.
    type Codes: Copy;
    /// Bias, rounding, clamp.
    type Rule<'a>: Copy;
    /// Channels per panel.
    const NR: usize;
    /// Codes per dot product.
    const KR: usize;

    /// Reads `NR · KR` weights.
    unsafe fn weights(at: *const Self::Weight) -> Self::Weights;
    /// Reads `KR` codes.
    unsafe fn codes(at: *const Self::Code) -> Self::Codes;
    /// `acc + codes · weights`.
    unsafe fn dot(acc: Self::Acc, codes: Self::Codes, weights: Self::Weights) -> Self::Acc;
    /// Where the accumulators of `valid` channels from `channel` on start.
    unsafe fn init(rule: &Self::Rule<'_>, channel: usize, valid: usize) -> Self::Acc;
    /// Writes the results of a tile.
    unsafe fn finish<const MR: usize, const NP: usize>(
        rule: &Self::Rule<'_>,
        acc: [[Self::Acc; NP]; MR],
        to: &Target<Self::Output>,
    );
    /// Brings input into the ring's form.
    fn copy(from: &[Self::Input], to: &mut [Self::Code]);
    /// Panels per tile, and the tiles of 1, 2, … pixels, for so many panels still to do and so many pixels in the line.
    fn tiles(panels: usize, pixels: usize) -> (usize, &'static [TileFn<Self>]);
}

/// A [`tile`] compiled for an instruction set.
pub(crate) type TileFn<K> =
    for<'a> unsafe fn(&<K as Kernel>::Rule<'a>, &Taps, Source<K>, &Target<<K as Kernel>::Output>);

/// Where a tile writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<T> {
    /// First channel of the first pixel.
    pub at: *mut T,
    /// Elements from pixel to pixel.
    pub pitch: usize,
    /// Index of the first channel.
    pub channel: usize,
    /// Channels from there to the end of the group; more than the tile has, or fewer.
    pub valid: usize,
}

/// What a tile reads.
pub(crate) struct Source<K: Kernel + ?Sized> {
    /// First pixel's place in line 0 of the ring.
    pub codes: *const K::Code,
    /// First panel.
    pub weights: *const K::Weight,
}

impl<K: Kernel + ?Sized> Clone for Source<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K: Kernel + ?Sized> Copy for Source<K> {}

/// The walk over the taps, the same for every tile of a line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taps {
    /// Kernel rows.
    pub rows: usize,
    /// Line of the ring that the first kernel row sees.
    pub slot: usize,
    /// Lines from kernel row to kernel row.
    pub slot_step: usize,
    /// Lines in the ring.
    pub lines: usize,
    /// Elements per line.
    pub line_len: usize,
    /// Runs per kernel row.
    pub runs: usize,
    /// Elements from run to run.
    pub run_step: usize,
    /// Dot products per run.
    pub depth: usize,
    /// Elements from pixel to pixel.
    pub pitch: usize,
    /// Weights per panel.
    pub panel_len: usize,
}

/// One register tile; to be wrapped by each instruction set in a function with its features. `U` is how many dot products of a
/// run are unrolled.
///
/// # Safety
/// As [`Kernel`]; `source` must be valid for all taps of `MR` pixels and `NP` panels, `to` for the results.
#[inline(always)]
pub(crate) unsafe fn tile<K: Kernel, const MR: usize, const NP: usize, const U: usize>(
    rule: &K::Rule<'_>,
    taps: &Taps,
    source: Source<K>,
    to: &Target<K::Output>,
) {
    let mut acc = [[const { core::mem::MaybeUninit::<K::Acc>::uninit() }; NP]; MR];
    for n in 0..NP {
        let first = n * K::NR;
        // SAFETY: the caller vouches for the CPU; `init` checks its own bounds.
        let bias = unsafe { K::init(rule, to.channel + first, to.valid.saturating_sub(first)) };
        for row in &mut acc {
            row[n].write(bias);
        }
    }
    // SAFETY: all written above.
    let mut acc = acc.map(|row| row.map(|a| unsafe { a.assume_init() }));
    let mut weights = source.weights;
    let mut slot = taps.slot;
    for _ in 0..taps.rows {
        let mut run = source.codes.wrapping_add(slot * taps.line_len);
        for _ in 0..taps.runs {
            let mut codes = run;
            for _ in 0..taps.depth / U {
                // SAFETY: `U` dot products of this run remain, and the caller vouches for the run.
                unsafe { step::<K, MR, NP, U>(&mut acc, codes, weights, taps) };
                codes = codes.wrapping_add(U * K::KR);
                weights = weights.wrapping_add(U * K::KR * K::NR);
            }
            for _ in 0..taps.depth % U {
                // SAFETY: as above.
                unsafe { step::<K, MR, NP, 1>(&mut acc, codes, weights, taps) };
                codes = codes.wrapping_add(K::KR);
                weights = weights.wrapping_add(K::KR * K::NR);
            }
            run = run.wrapping_add(taps.run_step);
        }
        slot += taps.slot_step;
        if slot >= taps.lines {
            slot -= taps.lines;
        }
    }
    // SAFETY: the caller vouches for the target.
    unsafe { K::finish(rule, acc, to) };
}

/// A table of one tile function for several numbers of pixels: `tiles!(function, NP, U: MR…)`.
macro_rules! tiles {
    ($tile:ident, $np:literal, $u:literal: $($mr:literal)*) => { [$($tile::<$mr, $np, $u>),*] };
}
pub(crate) use tiles;

/// `U` consecutive dot products for each accumulator.
///
/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn step<K: Kernel, const MR: usize, const NP: usize, const U: usize>(
    acc: &mut [[K::Acc; NP]; MR],
    codes: *const K::Code,
    weights: *const K::Weight,
    taps: &Taps,
) {
    let block = K::KR * K::NR;
    let w: [[K::Weights; NP]; U] = core::array::from_fn(|u| {
        core::array::from_fn(|n| {
            // SAFETY: the caller vouches for the panels.
            unsafe { K::weights(weights.add(n * taps.panel_len + u * block)) }
        })
    });
    let mut pixel = codes;
    for row in acc.iter_mut() {
        for (u, w) in w.iter().enumerate() {
            // SAFETY: the caller vouches for the pixels.
            unsafe {
                let x = K::codes(pixel.add(u * K::KR));
                for (a, &w) in row.iter_mut().zip(w) {
                    *a = K::dot(*a, x, w);
                }
            }
        }
        pixel = pixel.wrapping_add(taps.pitch);
    }
}

/// The operands of [`conv`].
pub(crate) struct Operands<'a, K: Kernel> {
    pub input: &'a [K::Input],
    pub output: &'a mut [K::Output],
    pub weights: &'a [K::Weight],
    pub scratch: &'a mut [u8],
    /// What stands outside the image, as it stands in the ring.
    pub pad: K::Code,
}

/// The whole convolution; to be inlined into a function with the features of the instruction set.
///
/// # Safety
/// The CPU has the features that `K` needs.
#[inline(always)]
pub(crate) unsafe fn conv<K: Kernel>(s: &ConvShape, rule: &K::Rule<'_>, data: Operands<'_, K>) {
    let window = Window::new(s, size_of::<K::Code>());
    let (group_in, group_out) = (s.in_c / s.groups, s.out_c / s.groups);
    let (runs, run_len) = s.runs();
    let depth = run_len.div_ceil(K::KR);
    let panels = group_out.div_ceil(K::NR);
    let panel_len = s.k_h * runs * depth * K::KR * K::NR;
    assert_eq!(data.weights.len(), s.groups * panels * panel_len, "weights were packed for another shape or set");
    assert_eq!(data.output.len(), window.pixels * s.out_c, "output has another shape");
    assert!(data.scratch.len() >= window.bytes(), "scratch space is too small");
    let pitch = s.stride_w * s.in_c;
    let output = data.output.as_mut_ptr();
    let ring = (view_mut::<K::Code>(data.scratch), data.pad);
    for_each_row((s, &window, 0..window.rows), data.input, ring, K::copy, |ring: &[K::Code], row: Row| {
        let taps = Taps {
            rows: s.k_h,
            slot: row.slot,
            slot_step: s.dilation_h % window.lines.max(1),
            lines: window.lines,
            line_len: window.line_len(),
            runs,
            run_step: s.dilation_w * s.in_c,
            depth,
            pitch,
            panel_len,
        };
        for group in 0..s.groups {
            let mut panel = 0;
            while panel < panels {
                let (width, tiles) = K::tiles(panels - panel, row.count);
                let weights = data.weights[(group * panels + panel) * panel_len..].as_ptr();
                let channel = group * group_out + panel * K::NR;
                let pieces = row.count.div_ceil(tiles.len());
                for piece in 0..pieces {
                    // Nearly equal pieces: 14 pixels by tiles of at most 12 are 7 and 7.
                    let (first, end) = (piece * row.count / pieces, (piece + 1) * row.count / pieces);
                    let codes = ring[first * pitch + group * group_in..].as_ptr();
                    // SAFETY: the output has all pixels of the row and all channels (asserted above).
                    let at = unsafe { output.add((row.pixel + first) * s.out_c + channel) };
                    let to = Target { at, pitch: s.out_c, channel, valid: group_out - panel * K::NR };
                    // SAFETY: the ring holds all taps of the row's pixels (`Window`), with slack; the weights have
                    // `width` panels from here on (asserted above); the caller vouches for the CPU.
                    unsafe { tiles[end - first - 1](rule, &taps, Source { codes, weights }, &to) };
                }
                panel += width;
            }
        }
    });
}
