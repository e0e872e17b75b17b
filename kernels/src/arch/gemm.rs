//! Convolution as implicit GEMM, for every instruction set and number type: what differs is a [`Kernel`].
//!
//! Output pixels of one line times output channels are cut into register tiles of `MR` pixels × `NP` panels, a panel being the
//! `NR` channels of one vector. The panels of a tile stay in a cache while all lines of a band ([`Window`]) go by. A tile walks the
//! taps once:
//!
//! ```text
//! for each run of consecutive input codes (a tap, or a whole row of taps where those are contiguous)
//!     for each KR codes of the run
//!         load NP weight vectors; for each pixel: broadcast its KR codes, NP dot products into NP accumulators
//! ```
//! and leaves its accumulators to the kernel's epilogue, whose constants are prepared once for all tiles of a band. Pixels are `pitch` elements apart, taps at the same place for each.

use crate::arch::rows::{Band, for_each_band};
pub(crate) use crate::arch::tile::{run, step, table, tiles};
use crate::ops::conv::ConvShape;
use crate::ops::window::{Form, Product, Window};
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
    /// The rule for the channels of `NP` panels, ready to use.
    type Finish<'a, const NP: usize>: Copy;
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
    /// What [`Kernel::finish`] needs for the channels of `to`.
    unsafe fn prepare<'a, const NP: usize>(rule: &Self::Rule<'a>, to: &Target<Self::Output>) -> Self::Finish<'a, NP>;
    /// Writes the results of a tile.
    unsafe fn finish<const MR: usize, const NP: usize>(
        finish: &Self::Finish<'_, NP>,
        acc: [[Self::Acc; NP]; MR],
        to: &Target<Self::Output>,
    );
    /// `U` consecutive dot products for each accumulator of a tile, whose pixels are [`Taps::pitch`] apart and panels
    /// [`Taps::panel_len`].
    #[inline(always)]
    unsafe fn steps<const MR: usize, const NP: usize, const U: usize>(
        acc: &mut [[Self::Acc; NP]; MR],
        codes: *const Self::Code,
        weights: *const Self::Weight,
        taps: &Taps,
    ) where
        Self: Sized,
    {
        // SAFETY: as this function's.
        unsafe { step::<Self, MR, NP, U>(acc, codes, weights, taps) }
    }
    /// The dot products of a run of consecutive codes, [`Taps::depth`] of them.
    #[inline(always)]
    unsafe fn run<const MR: usize, const NP: usize, const U: usize>(
        acc: &mut [[Self::Acc; NP]; MR],
        codes: *const Self::Code,
        weights: (*const Self::Weight, usize),
        taps: &Taps,
    ) where
        Self: Sized,
    {
        // SAFETY: as this function's.
        unsafe { run::<Self, MR, NP, U>(acc, codes, weights, taps) }
    }
    /// Asks for weights that will be read soon, if the instruction set can. Any address will do.
    #[inline(always)]
    fn fetch(_: *const Self::Weight) {}
    /// Elements per pixel of a line of the ring.
    #[inline(always)]
    fn held_channels(s: &ConvShape) -> usize {
        s.in_c
    }
    /// Brings input into the ring's form. Of pixels with more elements there ([`Kernel::held_channels`]), what is in those does not
    /// matter.
    fn copy(from: &[Self::Input], to: &mut [Self::Code]);
    /// Panels per tile, and the tiles of 1, 2, … pixels, for so many panels still to do and so many pixels in the line, and whether the
    /// kernel slides.
    fn tiles(panels: usize, pixels: usize, slides: bool) -> (usize, &'static [TileFn<Self>]);
}

/// [`tiles`] compiled for an instruction set.
pub(crate) type TileFn<K> =
    for<'a> unsafe fn(&<K as Kernel>::Rule<'a>, &Taps, Source<K>, Target<<K as Kernel>::Output>);

/// Where a tile writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<T> {
    /// First channel of the first pixel.
    pub at: *mut T,
    /// Elements from pixel to pixel.
    pub pitch: usize,
    /// Elements from line to line.
    pub row_pitch: usize,
    /// Index of the first channel.
    pub channel: usize,
    /// Channels from there to the end of the group; more than the tile has, or fewer.
    pub valid: usize,
}

/// What tiles read.
pub(crate) struct Source<K: Kernel + ?Sized> {
    /// First pixel's place in line 0 of the ring.
    pub codes: *const K::Code,
    /// First panel.
    pub weights: *const K::Weight,
    /// Lines of the band.
    pub rows: usize,
    /// Tiles of a line, one beside the other.
    pub tiles: usize,
    /// Tiles that have seen these panels since they were first read.
    pub done: usize,
}

impl<K: Kernel + ?Sized> Clone for Source<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K: Kernel + ?Sized> Copy for Source<K> {}

/// Columns of a kernel that slides.
pub(crate) const COLUMNS: usize = 3;

/// The walk over the taps, the same for every tile of a band.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taps {
    /// Kernel rows.
    pub rows: usize,
    /// Where the line of the ring begins that the first kernel row sees from the first line of the band.
    pub first: usize,
    /// Elements in the ring from line to line of the band.
    pub row_step: usize,
    /// Elements in the ring from kernel row to kernel row.
    pub tap_step: usize,
    /// Elements in the ring.
    pub ring_len: usize,
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

impl Taps {
    /// Whether neighbouring pixels see the same dot products, a column further on.
    fn slides<K: Kernel>(&self, s: &ConvShape) -> bool {
        let channels = K::held_channels(s);
        let touching = (s.k_w, self.runs, self.run_step, self.pitch) == (COLUMNS, 1, channels, channels);
        touching && channels.is_multiple_of(K::KR)
    }

    /// The walk over the taps of a pixel, from the beginning of the ring.
    fn new<K: Kernel>(s: &ConvShape, window: &Window) -> Taps {
        let ((runs, run_len), held) = (s.runs(), K::held_channels(s));
        let depth = run_len.div_ceil(K::KR);
        let panel_len = s.k_h * runs * depth * K::KR * K::NR;
        let all = Taps {
            rows: s.k_h,
            first: 0,
            row_step: s.stride_h % window.lines.max(1) * window.line_len(),
            tap_step: s.dilation_h % window.lines.max(1) * window.line_len(),
            ring_len: window.lines * window.line_len(),
            runs,
            run_step: s.dilation_w * held,
            depth,
            pitch: s.stride_w * held,
            panel_len,
        };
        match window.form {
            // The kernel rows of a pixel are one run.
            Form::Gathered => {
                Taps { rows: 1, row_step: 0, tap_step: 0, depth: s.k_h * depth, pitch: window.channels, ..all }
            }
            Form::Lines | Form::Flat => all,
        }
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

/// The window of a convolution with kernel `K`.
pub(crate) fn window<K: Kernel>(s: &ConvShape) -> Window {
    let (size, weight_size) = (size_of::<K::Code>(), size_of::<K::Weight>());
    Window::of_product(s, Product { size, kr: K::KR, weight_size, held: K::held_channels(s) })
}

/// The whole convolution; to be inlined into a function with the features of the instruction set.
///
/// # Safety
/// The CPU has the features that `K` needs.
#[inline(always)]
pub(crate) unsafe fn conv<K: Kernel>(s: &ConvShape, rule: &K::Rule<'_>, data: Operands<'_, K>) {
    let window = window::<K>(s);
    let (group_in, group_out) = (s.in_c / s.groups, s.out_c / s.groups);
    let panels = group_out.div_ceil(K::NR);
    let taps = Taps::new::<K>(s, &window);
    let (panel_len, slides) = (taps.panel_len, taps.slides::<K>(s));
    assert_eq!(data.weights.len(), s.groups * panels * panel_len, "weights were packed for another shape or set");
    assert_eq!(data.output.len(), window.pixels * s.out_c, "output has another shape");
    assert!(data.scratch.len() >= window.bytes(), "scratch space is too small");
    let output = data.output.as_mut_ptr();
    let ring = (view_mut::<K::Code>(data.scratch), data.pad);
    for_each_band((s, &window), data.input, ring, K::copy, |ring: &[K::Code], band: Band| {
        for group in 0..s.groups {
            let codes = ring[group * group_in..].as_ptr();
            let mut panel = 0;
            while panel < panels {
                let (width, functions) = K::tiles(panels - panel, band.count, slides);
                let weights = data.weights[(group * panels + panel) * panel_len..].as_ptr();
                let channel = group * group_out + panel * K::NR;
                // Nearly equal tiles, the larger ones first: 26 pixels by tiles of at most 12 are 9, 9 and 8.
                let tiles = band.count.div_ceil(functions.len());
                let (small, larger) = (band.count / tiles, band.count % tiles);
                let taps = Taps { first: band.slot * window.line_len(), ..taps };
                // SAFETY: the output has all pixels of the band and all channels (asserted above).
                let at = unsafe { output.add(band.pixel * s.out_c + channel) };
                let (pitch, row_pitch) = (s.out_c, band.count * s.out_c);
                let to = Target { at, pitch, row_pitch, channel, valid: group_out - panel * K::NR };
                let source = Source { codes, weights, rows: band.rows, tiles: larger, done: 0 };
                // SAFETY: the ring holds all taps of the band's pixels (`Window`), with slack; the weights have `width` panels
                // from here on (asserted above); the caller vouches for the CPU.
                unsafe {
                    if larger > 0 {
                        functions[small](rule, &taps, source, to);
                    }
                    let pixels = larger * (small + 1);
                    let codes = codes.wrapping_add(pixels * taps.pitch);
                    let source = Source { codes, tiles: tiles - larger, done: band.rows * larger, ..source };
                    functions[small - 1](rule, &taps, source, Target { at: at.wrapping_add(pixels * pitch), ..to });
                }
                panel += width;
            }
        }
    });
}
