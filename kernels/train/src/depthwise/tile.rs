//! Register tiles of a depthwise convolution: `MR` pixels × one vector of channels, for all vectors one after the other.

use crate::arch::{Op, Vector};
use crate::conv::{Start, for_size};
use crate::walk::TapAt;

/// Tiles beside each other.
///
/// Safety: sources, weights and destinations are valid for all channels of each pixel and tap, biases for all channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles<'a> {
    /// Taps of each pixel.
    pub taps: &'a [TapAt],
    /// Which tap of the weights each place is.
    pub places: &'a [usize],
    /// First pixel, to which [`TapAt::src`] is added.
    pub src: *const f32,
    /// Elements from pixel to pixel.
    pub src_pitch: usize,
    /// Of tap 0.
    pub weights: *const f32,
    /// First pixel.
    pub dst: *mut f32,
    /// Elements from pixel to pixel.
    pub dst_pitch: usize,
    pub channels: usize,
    /// Where chains start.
    pub start: Start,
    /// Tiles.
    pub tiles: usize,
}

struct Tile<'a, const MR: usize, const NP: usize>(Tiles<'a>);

impl<const MR: usize, const NP: usize> Op for Tile<'_, MR, NP> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let a = self.0;
        for first in (0..a.channels).step_by(V::LANES) {
            let mut at = a;
            for _ in 0..a.tiles {
                // SAFETY: the tile is as `Tiles` says.
                unsafe {
                    if a.channels - first >= V::LANES {
                        tile::<V, MR, true>(&at, first);
                    } else {
                        tile::<V, MR, false>(&at, first);
                    }
                }
                at.src = at.src.wrapping_add(MR * a.src_pitch);
                at.dst = at.dst.wrapping_add(MR * a.dst_pitch);
            }
        }
    }
}

/// A vector of channels from `first` on of a tile.
///
/// # Safety
/// As [`Tiles`].
#[inline(always)]
unsafe fn tile<V: Vector, const MR: usize, const WHOLE: bool>(a: &Tiles<'_>, first: usize) {
    let valid = a.channels - first;
    // SAFETY: as this function's.
    unsafe {
        let load = |at: *const f32| if WHOLE { V::load(at) } else { V::load_first(at, valid) };
        let mut acc = [V::splat(0.0); MR];
        match a.start {
            Start::Zero => {}
            Start::Bias(bias) => acc = [load(bias.add(first)); MR],
            Start::Destination => {
                for (m, acc) in acc.iter_mut().enumerate() {
                    *acc = load(a.dst.add(m * a.dst_pitch + first));
                }
            }
        }
        for tap in a.taps {
            let w = load(a.weights.add(*a.places.get_unchecked(tap.place) * a.channels + first));
            let src = a.src.add(tap.src + first);
            for (m, acc) in acc.iter_mut().enumerate() {
                *acc = V::fma(load(src.add(m * a.src_pitch)), w, *acc);
            }
        }
        for (m, acc) in acc.into_iter().enumerate() {
            let at = a.dst.add(m * a.dst_pitch + first);
            if WHOLE {
                V::store(at, acc);
            } else {
                V::store_first(at, acc, valid);
            }
        }
    }
}

/// Pixels of the largest tile.
pub(super) const fn most<V: Vector>() -> usize {
    if V::ACCUMULATORS > 14 { 14 } else { V::ACCUMULATORS }
}

/// Makes tiles of `mr` pixels.
///
/// # Safety
/// As [`Tiles`]; the CPU has the features that `V` needs.
#[inline(always)]
pub(super) unsafe fn tiles<V: Vector>(args: Tiles<'_>, mr: usize) {
    // SAFETY: as this function's.
    unsafe { for_size!(V, Tile, args, (mr, 1), 1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14) };
}
