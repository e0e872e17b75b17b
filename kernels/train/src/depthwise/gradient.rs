//! Weight gradient of depthwise layers of multiplier 1: a vector of channels, a block of taps in registers, all pixels.
//!
//! A band of the input is copied with zeros around it, so that every tap is inside.

use crate::arch::{Op, Vector};
use crate::{ConvShape, Scratch};

/// Bytes of a copied band.
const BAND: usize = 24 * 1024;

/// The gradient over all images of the slices.
///
/// Safety: slices have the lengths that the shape says.
pub(super) struct Gradient<'a> {
    pub shape: &'a ConvShape,
    pub x: &'a [f32],
    pub dy: &'a [f32],
    pub dw: &'a mut [f32],
    pub scratch: &'a mut Scratch,
}

/// Sums over the pixels of a band, for a block of taps and a vector of channels.
///
/// Safety: `x` is valid for whole vectors of each pixel and tap, `dy` and `dw` for `valid` channels.
#[derive(Clone, Copy)]
struct Sums {
    x: *const f32,
    /// Elements from row to row and from column to column: of outputs, of taps.
    x_pitch: [usize; 2],
    tap_pitch: [usize; 2],
    dy: *const f32,
    dy_pitch: [usize; 2],
    /// Rows and columns.
    pixels: [usize; 2],
    dw: *mut f32,
    dw_pitch: [usize; 2],
    valid: usize,
}

struct Taps<const H: usize, const W: usize>(Sums);

impl<const H: usize, const W: usize> Op for Taps<H, W> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let a = self.0;
        // SAFETY: as `Sums` says.
        unsafe {
            let mut acc = [[V::splat(0.0); W]; H];
            for (ky, acc) in acc.iter_mut().enumerate() {
                for (kx, acc) in acc.iter_mut().enumerate() {
                    *acc = V::load_first(a.dw.add(ky * a.dw_pitch[0] + kx * a.dw_pitch[1]), a.valid);
                }
            }
            if a.valid >= V::LANES {
                sum::<V, H, W, true>(&mut acc, &a);
            } else {
                sum::<V, H, W, false>(&mut acc, &a);
            }
            for (ky, acc) in acc.into_iter().enumerate() {
                for (kx, acc) in acc.into_iter().enumerate() {
                    V::store_first(a.dw.add(ky * a.dw_pitch[0] + kx * a.dw_pitch[1]), acc, a.valid);
                }
            }
        }
    }
}

/// Goes over the pixels.
///
/// # Safety
/// As [`Sums`].
#[inline(always)]
unsafe fn sum<V: Vector, const H: usize, const W: usize, const WHOLE: bool>(acc: &mut [[V; W]; H], a: &Sums) {
    for row in 0..a.pixels[0] {
        let (mut x, mut dy) = (a.x.wrapping_add(row * a.x_pitch[0]), a.dy.wrapping_add(row * a.dy_pitch[0]));
        for _ in 0..a.pixels[1] {
            // SAFETY: as this function's.
            unsafe {
                let d = if WHOLE { V::load(dy) } else { V::load_first(dy, a.valid) };
                for (ky, acc) in acc.iter_mut().enumerate() {
                    for (kx, acc) in acc.iter_mut().enumerate() {
                        let x = V::load(x.add(ky * a.tap_pitch[0] + kx * a.tap_pitch[1]));
                        *acc = V::fma(x, d, *acc);
                    }
                }
            }
            x = x.wrapping_add(a.x_pitch[1]);
            dy = dy.wrapping_add(a.dy_pitch[1]);
        }
    }
}

/// [`Taps::run`] for `h × w` taps.
///
/// # Safety
/// As [`Sums`]; the CPU has the features that `V` needs.
#[inline(always)]
unsafe fn add_sums<V: Vector>(args: Sums, h: usize, w: usize) {
    macro_rules! sizes {
        ($($h:literal: $($w:literal)*),*) => {
            match (h, w) {
                $($(($h, $w) if $h * $w <= V::ACCUMULATORS => V::call(Taps::<$h, $w>(args)),)*)*
                other => unreachable!("no block of {other:?} taps"),
            }
        };
    }
    // SAFETY: as this function's.
    unsafe { sizes!(1: 1 2 3 4 5, 2: 1 2 3 4 5, 3: 1 2 3 4 5, 4: 1 2 3 4 5, 5: 1 2 3 4 5) }
}

impl Op for Gradient<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Gradient { shape: s, x, dy, dw, scratch } = self;
        let c = s.in_c;
        // Rows and columns that a band of outputs sees.
        let seen = |d: usize, outputs: usize| (outputs - 1) * s.stride[d] + (s.kernel[d] - 1) * s.dilation[d] + 1;
        let columns = seen(1, s.out_w);
        let line = columns * V::LANES;
        let lines = (BAND / 4 / line).saturating_sub(seen(0, 1)) / s.stride[0] + 1;
        let band = lines.min(s.out_h);
        let copy = scratch.floats(seen(0, band) * line);
        for (x, dy) in x.chunks_exact(s.x_len()).zip(dy.chunks_exact(s.y_len())) {
            for top in (0..s.out_h).step_by(band) {
                let rows = band.min(s.out_h - top);
                for channel in (0..c).step_by(V::LANES) {
                    let first = (top * s.stride[0]).wrapping_sub(s.pad[0]);
                    for (row, to) in copy.chunks_exact_mut(line).enumerate().take(seen(0, rows)) {
                        let row = first.wrapping_add(row);
                        let from = if row < s.in_h { &x[row * s.in_w * c..][..s.in_w * c] } else { &[] };
                        copy_line::<V>(from, (c, channel, s.pad[1]), to);
                    }
                    let sums = Sums {
                        x: copy.as_ptr(),
                        x_pitch: [s.stride[0] * line, s.stride[1] * V::LANES],
                        tap_pitch: [s.dilation[0] * line, s.dilation[1] * V::LANES],
                        dy: dy[top * s.out_w * c + channel..].as_ptr(),
                        dy_pitch: [s.out_w * c, c],
                        pixels: [rows, s.out_w],
                        dw: dw[channel..].as_mut_ptr(),
                        dw_pitch: [s.kernel[1] * c, c],
                        valid: c - channel,
                    };
                    // SAFETY: the copy holds all that the rows see; the caller vouches for the rest.
                    unsafe { blocks::<V>(sums, s.kernel) };
                }
            }
        }
    }
}

/// All taps, in blocks that fit the registers.
///
/// # Safety
/// As [`Sums`] for all of them; the CPU has the features that `V` needs.
#[inline(always)]
unsafe fn blocks<V: Vector>(sums: Sums, kernel: [usize; 2]) {
    let width = kernel[1].min(5);
    let height = (V::ACCUMULATORS / width).min(5);
    for ky in (0..kernel[0]).step_by(height) {
        for kx in (0..kernel[1]).step_by(width) {
            let x = sums.x.wrapping_add(ky * sums.tap_pitch[0] + kx * sums.tap_pitch[1]);
            let dw = sums.dw.wrapping_add(ky * sums.dw_pitch[0] + kx * sums.dw_pitch[1]);
            // SAFETY: as this function's.
            unsafe {
                add_sums::<V>(Sums { x, dw, ..sums }, height.min(kernel[0] - ky), width.min(kernel[1] - kx));
            }
        }
    }
}

/// A vector of channels of each pixel of a line, with zeros before (as many as `pad`) and after; an empty line is all zeros.
#[inline(always)]
fn copy_line<V: Vector>(from: &[f32], (channels, channel, pad): (usize, usize, usize), to: &mut [f32]) {
    let inside = (from.len() / channels).min((to.len() / V::LANES).saturating_sub(pad));
    let (before, to) = to.split_at_mut((pad * V::LANES).min(to.len()));
    let (to, after) = to.split_at_mut(inside * V::LANES);
    before.fill(0.0);
    after.fill(0.0);
    let valid = channels - channel;
    for (from, to) in from.chunks_exact(channels).zip(to.chunks_exact_mut(V::LANES)) {
        let from = from[channel..].as_ptr();
        // SAFETY: no more than the slices have; only code for `V` calls this.
        unsafe {
            let v = if valid >= V::LANES { V::load(from) } else { V::load_first(from, valid) };
            V::store(to.as_mut_ptr(), v);
        }
    }
}
