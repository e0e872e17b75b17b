//! Register tiles of a convolution: `MR` pixels × `NP` vectors of output channels.

use crate::arch::{Op, Vector};

/// Consecutive products of a pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Where its source of the rectangle's first pixel starts in the image.
    pub src: usize,
    /// Its first place in the panel.
    pub k: usize,
    /// Products.
    pub len: usize,
}

/// Where the chains of a tile start.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// At zero.
    Zero,
    /// At biases of the tile's channels.
    Bias(*const f32),
    /// At what the destination holds.
    Destination,
}

/// Tiles beside each other, all of the same pixels and panels.
///
/// Safety: sources are valid for all runs of each pixel, weights for all runs of each panel, biases and destinations for `valid`
/// channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles<'a> {
    /// Products of each pixel.
    pub runs: &'a [Run],
    /// First pixel, to which [`Run::src`] is added.
    pub src: *const f32,
    /// Elements from pixel to pixel.
    pub src_pitch: usize,
    /// First panel.
    pub weights: *const f32,
    /// Elements from panel to panel.
    pub panel_pitch: usize,
    /// First channel of the first pixel.
    pub dst: *mut f32,
    /// Elements from pixel to pixel.
    pub dst_pitch: usize,
    /// Channels from there on; more than the tile has, or fewer.
    pub valid: usize,
    /// Where chains start.
    pub start: Start,
    /// Tiles.
    pub tiles: usize,
}

struct Tile<'a, const MR: usize, const NP: usize>(Tiles<'a>);

impl<const MR: usize, const NP: usize> Op for Tile<'_, MR, NP> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let mut a = self.0;
        for _ in 0..a.tiles {
            // SAFETY: the tile is as `Tiles` says.
            unsafe {
                let mut acc = begin::<V, MR, NP>(&a);
                for run in a.runs {
                    let mut x = a.src.add(run.src);
                    let mut w = a.weights.add(run.k * V::LANES);
                    for _ in 0..run.len / 4 {
                        step::<V, MR, NP, 4>(&mut acc, x, w, &a);
                        x = x.add(4);
                        w = w.add(4 * V::LANES);
                    }
                    for _ in 0..run.len % 4 {
                        step::<V, MR, NP, 1>(&mut acc, x, w, &a);
                        x = x.add(1);
                        w = w.add(V::LANES);
                    }
                }
                finish(&a, acc);
            }
            a.src = a.src.wrapping_add(MR * a.src_pitch);
            a.dst = a.dst.wrapping_add(MR * a.dst_pitch);
        }
    }
}

/// `U` consecutive products of each accumulator.
///
/// # Safety
/// As [`Tiles`].
#[inline(always)]
unsafe fn step<V: Vector, const MR: usize, const NP: usize, const U: usize>(
    acc: &mut [[V; NP]; MR],
    x: *const f32,
    w: *const f32,
    a: &Tiles<'_>,
) {
    for u in 0..U {
        // SAFETY: as this function's.
        unsafe {
            let mut panel = [V::splat(0.0); NP];
            for (n, panel) in panel.iter_mut().enumerate() {
                *panel = V::load(w.add(n * a.panel_pitch + u * V::LANES));
            }
            for (m, acc) in acc.iter_mut().enumerate() {
                let x = V::splat(*x.add(m * a.src_pitch + u));
                for (acc, w) in acc.iter_mut().zip(panel) {
                    *acc = V::fma(x, w, *acc);
                }
            }
        }
    }
}

/// The accumulators' starts.
///
/// # Safety
/// As [`Tiles`].
#[inline(always)]
unsafe fn begin<V: Vector, const MR: usize, const NP: usize>(a: &Tiles<'_>) -> [[V; NP]; MR] {
    // SAFETY: as this function's.
    unsafe {
        let mut acc = [[V::splat(0.0); NP]; MR];
        match a.start {
            Start::Zero => {}
            Start::Bias(bias) => {
                for n in 0..NP {
                    let bias = V::load_first(bias.wrapping_add(n * V::LANES), a.valid.saturating_sub(n * V::LANES));
                    acc.iter_mut().for_each(|acc| acc[n] = bias);
                }
            }
            Start::Destination if a.valid >= NP * V::LANES => {
                for (m, acc) in acc.iter_mut().enumerate() {
                    for (n, acc) in acc.iter_mut().enumerate() {
                        *acc = V::load(a.dst.add(m * a.dst_pitch + n * V::LANES));
                    }
                }
            }
            Start::Destination => {
                for (m, acc) in acc.iter_mut().enumerate() {
                    for (n, acc) in acc.iter_mut().enumerate() {
                        let at = a.dst.wrapping_add(m * a.dst_pitch + n * V::LANES);
                        *acc = V::load_first(at, a.valid.saturating_sub(n * V::LANES));
                    }
                }
            }
        }
        acc
    }
}

/// Writes a tile.
///
/// # Safety
/// As [`Tiles`].
#[inline(always)]
unsafe fn finish<V: Vector, const MR: usize, const NP: usize>(a: &Tiles<'_>, acc: [[V; NP]; MR]) {
    let whole = a.valid >= NP * V::LANES;
    for (m, acc) in acc.into_iter().enumerate() {
        for (n, acc) in acc.into_iter().enumerate() {
            let at = a.dst.wrapping_add(m * a.dst_pitch + n * V::LANES);
            // SAFETY: as this function's.
            unsafe {
                if whole {
                    V::store(at, acc);
                } else {
                    V::store_first(at, acc, a.valid.saturating_sub(n * V::LANES));
                }
            }
        }
    }
}

/// Calls `$op::<MR, NP>($args)` for numbers that are known when the program runs.
macro_rules! for_size {
    ($v:ident, $op:ident, $args:expr, ($mr:expr, $np:expr), $($n:literal: $($m:literal)*),*) => {
        match ($np, $mr) {
            $($(($n, $m) if $n * $m <= <$v>::ACCUMULATORS => <$v>::call($op::<$m, $n>($args)),)*)*
            other => unreachable!("no tile of {other:?}"),
        }
    };
}
pub(crate) use for_size;

/// Pixels of the largest tile of `np` panels.
pub(super) const fn most<V: Vector>(np: usize) -> usize {
    let most = V::ACCUMULATORS / np;
    if most > 16 { 16 } else { most }
}

/// Panels of the next tile where `left` are to do: pairs, and three at the end of an odd number.
pub(super) const fn panels(left: usize) -> usize {
    match left {
        1 | 3 => left,
        _ => 2,
    }
}

/// Makes tiles of `mr` pixels and `np` panels.
///
/// # Safety
/// As [`Tiles`]; the CPU has the features that `V` needs.
#[inline(always)]
pub(super) unsafe fn tiles<V: Vector>(args: Tiles<'_>, mr: usize, np: usize) {
    // SAFETY: as this function's.
    unsafe {
        for_size!(
            V, Tile, args, (mr, np),
            1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16,
            2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14,
            3: 1 2 3 4 5 6 7 8 9
        );
    }
}
