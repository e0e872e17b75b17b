//! Register tiles of a weight gradient: `MR` output channels × `NP` vectors of a row of weights.

use super::tile::for_size;
use crate::arch::{Op, Vector};

/// Pixels that lie evenly in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines {
    pub rows: usize,
    pub columns: usize,
    /// Elements of the input from row to row and from column to column.
    pub x_pitch: [usize; 2],
    /// The same of the output's gradient.
    pub dy_pitch: [usize; 2],
}

/// Sums over pixels, added to a tile of `dw`.
///
/// Safety: for each pixel, `x` is valid for the tile's vectors (or, unless `whole`, `valid` elements), `dy` for its output channels;
/// `dw` is valid for `valid` elements of each row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums {
    pub lines: Lines,
    pub x: *const f32,
    pub dy: *const f32,
    pub dw: *mut f32,
    /// Elements from row to row of `dw`.
    pub dw_pitch: usize,
    /// Elements of a row from there on; more than the tile has, or fewer.
    pub valid: usize,
    /// Whether vectors of `x` may be read as a whole.
    pub whole: bool,
}

struct Tile<const MR: usize, const NP: usize>(Sums);

impl<const MR: usize, const NP: usize> Op for Tile<MR, NP> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let a = self.0;
        // SAFETY: the tile is as `Sums` says.
        unsafe {
            let mut acc = [[V::splat(0.0); NP]; MR];
            for (m, acc) in acc.iter_mut().enumerate() {
                for (n, acc) in acc.iter_mut().enumerate() {
                    let at = a.dw.wrapping_add(m * a.dw_pitch + n * V::LANES);
                    *acc = V::load_first(at, a.valid.saturating_sub(n * V::LANES));
                }
            }
            if a.whole || a.valid >= NP * V::LANES {
                sum::<V, MR, NP, true>(&mut acc, &a);
            } else {
                sum::<V, MR, NP, false>(&mut acc, &a);
            }
            for (m, acc) in acc.into_iter().enumerate() {
                for (n, acc) in acc.into_iter().enumerate() {
                    let at = a.dw.wrapping_add(m * a.dw_pitch + n * V::LANES);
                    V::store_first(at, acc, a.valid.saturating_sub(n * V::LANES));
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
unsafe fn sum<V: Vector, const MR: usize, const NP: usize, const WHOLE: bool>(acc: &mut [[V; NP]; MR], a: &Sums) {
    let lines = &a.lines;
    for row in 0..lines.rows {
        let (mut x, mut dy) = (a.x.wrapping_add(row * lines.x_pitch[0]), a.dy.wrapping_add(row * lines.dy_pitch[0]));
        for _ in 0..lines.columns {
            // SAFETY: as this function's.
            unsafe {
                let mut xs = [V::splat(0.0); NP];
                for (n, v) in xs.iter_mut().enumerate() {
                    let at = x.wrapping_add(n * V::LANES);
                    *v = if WHOLE { V::load(at) } else { V::load_first(at, a.valid.saturating_sub(n * V::LANES)) };
                }
                for (m, acc) in acc.iter_mut().enumerate() {
                    let dy = V::splat(*dy.add(m));
                    for (acc, x) in acc.iter_mut().zip(xs) {
                        *acc = V::fma(x, dy, *acc);
                    }
                }
            }
            x = x.wrapping_add(lines.x_pitch[1]);
            dy = dy.wrapping_add(lines.dy_pitch[1]);
        }
    }
}

/// Adds to a tile of `mr` output channels and `np` vectors.
///
/// # Safety
/// As [`Sums`]; the CPU has the features that `V` needs.
#[inline(always)]
pub(super) unsafe fn add_sums<V: Vector>(args: Sums, mr: usize, np: usize) {
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
