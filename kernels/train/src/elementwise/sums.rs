//! Sums over pixels, by channels.

use super::lanes::{Pre, slope};
use crate::arch::{Op, Vector};

/// Pixels whose sums are taken in `f32`, in four chains, before they are added to sums in `f64`.
const RUN: usize = 32;

/// Adds two sums for each channel to those in `f64`.
///
/// Safety: `x` and, unless null, `dy` are valid for `len` elements, `pre` for them and for all channels; the sums have the same
/// length.
pub(super) struct Sums<'a> {
    pub len: usize,
    pub x: *const f32,
    /// Null for the sums of `x` and its squares.
    pub dy: *const f32,
    pub pre: Pre,
    pub sums: [&'a mut [f64]; 2],
}

impl Sums<'_> {
    /// Adds an element's terms.
    ///
    /// # Safety
    /// As this type's.
    #[inline(always)]
    unsafe fn add<V: Vector, const BACK: bool>(
        &self,
        acc: &mut [V; 2],
        [scale, shift]: [V; 2],
        i: usize,
        (n, whole): (usize, bool),
    ) {
        // SAFETY: as this function's.
        unsafe {
            let get = |at: *const f32| if whole { V::load(at) } else { V::load_first(at, n) };
            let x = get(self.x.add(i));
            let d = if BACK {
                slope(self.pre.act, self.pre.with(x, scale, shift, i, n, whole), get(self.dy.add(i)))
            } else {
                x
            };
            *acc = [V::add(acc[0], d), V::fma(d, x, acc[1])];
        }
    }

    /// A vector of channels of a run.
    ///
    /// # Safety
    /// As this type's.
    #[inline(always)]
    unsafe fn run_of<V: Vector, const BACK: bool, const WHOLE: bool>(&mut self, first: usize, channel: usize) {
        let channels = self.sums[0].len();
        let pixels = RUN.min((self.len - first) / channels);
        let n = (channels - channel).min(V::LANES);
        // SAFETY: as this function's.
        unsafe {
            let mut acc = [[V::splat(0.0); 2]; 4];
            let mut constants = [V::splat(0.0); 2];
            if BACK {
                constants = [self.pre.scale, self.pre.shift].map(|at| V::load_first(at.add(channel), n));
            }
            let mut i = first + channel;
            for _ in 0..pixels / 4 {
                for (p, acc) in acc.iter_mut().enumerate() {
                    self.add::<V, BACK>(acc, constants, i + p * channels, (n, WHOLE));
                }
                i += 4 * channels;
            }
            for acc in acc.iter_mut().take(pixels % 4) {
                self.add::<V, BACK>(acc, constants, i, (n, WHOLE));
                i += channels;
            }
            let [a, b, c, d] = acc;
            for (k, sums) in self.sums.iter_mut().enumerate() {
                let mut sum = [0.0; 16];
                V::store(sum.as_mut_ptr(), V::add(V::add(a[k], b[k]), V::add(c[k], d[k])));
                for (to, sum) in sums[channel..][..n].iter_mut().zip(sum) {
                    *to += f64::from(sum);
                }
            }
        }
    }

    /// All runs.
    ///
    /// # Safety
    /// As this type's.
    #[inline(always)]
    unsafe fn all<V: Vector, const BACK: bool>(&mut self) {
        let channels = self.sums[0].len();
        for first in (0..self.len).step_by(RUN * channels) {
            for channel in (0..channels).step_by(V::LANES) {
                // SAFETY: as this function's.
                unsafe {
                    if channels - channel >= V::LANES {
                        self.run_of::<V, BACK, true>(first, channel);
                    } else {
                        self.run_of::<V, BACK, false>(first, channel);
                    }
                }
            }
        }
    }
}

impl Op for Sums<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        const { assert!(V::LANES <= 16) };
        // SAFETY: as this type's.
        unsafe {
            if self.dy.is_null() {
                self.all::<V, false>();
            } else {
                self.all::<V, true>();
            }
        }
    }
}

/// Adds the sum of each channel of `dy` to `db`, one chain over pixels.
pub(super) struct BiasSums<'a> {
    pub dy: &'a [f32],
    pub db: &'a mut [f32],
}

impl BiasSums<'_> {
    /// `B` vectors of channels.
    ///
    /// # Safety
    /// The CPU has the features that `V` needs; whole vectors follow `channel`, or `B` is 1 and `n` channels do.
    #[inline(always)]
    unsafe fn block<V: Vector, const B: usize>(&mut self, channel: usize, n: usize) {
        let channels = self.db.len();
        // SAFETY: as this function's; a block of channels is within each pixel.
        unsafe {
            let mut acc = [V::splat(0.0); B];
            for (b, acc) in acc.iter_mut().enumerate() {
                *acc = V::load_first(self.db.as_ptr().add(channel + b * V::LANES), n);
            }
            for dy in self.dy.chunks_exact(channels) {
                for (b, acc) in acc.iter_mut().enumerate() {
                    *acc = V::add(*acc, V::load_first(dy.as_ptr().add(channel + b * V::LANES), n));
                }
            }
            for (b, acc) in acc.into_iter().enumerate() {
                V::store_first(self.db.as_mut_ptr().add(channel + b * V::LANES), acc, n);
            }
        }
    }
}

impl Op for BiasSums<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        let mut channel = 0;
        while channel < self.db.len() {
            let left = self.db.len() - channel;
            // SAFETY: as many channels are left.
            unsafe {
                if left >= 4 * V::LANES {
                    self.block::<V, 4>(channel, V::LANES);
                    channel += 4 * V::LANES;
                } else {
                    self.block::<V, 1>(channel, left.min(V::LANES));
                    channel += V::LANES;
                }
            }
        }
    }
}
