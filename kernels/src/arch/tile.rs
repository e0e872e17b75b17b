//! Register tiles: the sums of some pixels of a line for some panels, and what is made of them.
//!
//! Everything here is inlined into functions with the features of an instruction set.

use crate::arch::gemm::{COLUMNS, Kernel, Source, Taps, Target};

/// In place of how many dot products are unrolled: pixels share the codes that they see ([`Taps::slides`]).
const SLIDING: usize = 0;

/// Register tiles of a band, lines of some beside each other; to be wrapped by each instruction set in a function with its features. `U` is
/// how many dot products of a run are unrolled.
///
/// # Safety
/// As [`Kernel`]; `source` must be valid for all taps of `MR` pixels and `NP` panels of each tile, `to` for the results.
#[inline(always)]
pub(crate) unsafe fn tiles<K: Kernel, const MR: usize, const NP: usize, const U: usize>(
    rule: &K::Rule<'_>,
    taps: &Taps,
    source: Source<K>,
    mut to: Target<K::Output>,
) {
    let bias: [K::Acc; NP] = core::array::from_fn(|n| {
        let first = n * K::NR;
        // SAFETY: the caller vouches for the CPU; `init` checks its own bounds.
        unsafe { K::init(rule, to.channel + first, to.valid.saturating_sub(first)) }
    });
    // SAFETY: the caller vouches for the CPU.
    let finish = unsafe { K::prepare::<NP>(rule, &to) };
    let (mut place, mut tile) = (taps.first, source.done);
    for _ in 0..source.rows {
        let mut codes = source.codes;
        let mut target = to;
        for _ in 0..source.tiles {
            // The first tiles fetch the panels that come next: one each, line by line as they read their own. (Of two panels: a single one
            // is all there is, and four serve few pixels, where fetching is what takes the time anyway.)
            let ahead = if tile < NP { (NP + tile) * taps.panel_len } else { 0 };
            // SAFETY: the caller vouches for the pixels and panels of each tile.
            let acc = unsafe {
                match U {
                    SLIDING => slide::<K, MR, NP>(bias, (taps, place), codes, source.weights),
                    _ => walk::<K, MR, NP, U>(bias, (taps, place), codes, (source.weights, ahead)),
                }
            };
            // SAFETY: the caller vouches for the target.
            unsafe { K::finish(&finish, acc, &target) };
            codes = codes.wrapping_add(MR * taps.pitch);
            target.at = target.at.wrapping_add(MR * to.pitch);
            tile += 1;
        }
        to.at = to.at.wrapping_add(to.row_pitch);
        place += taps.row_step;
        if place >= taps.ring_len {
            place -= taps.ring_len;
        }
    }
}

/// The sums of a tile.
///
/// # Safety
/// As [`tiles`].
#[inline(always)]
unsafe fn walk<K: Kernel, const MR: usize, const NP: usize, const U: usize>(
    bias: [K::Acc; NP],
    (taps, mut place): (&Taps, usize),
    codes: *const K::Code,
    (mut weights, ahead): (*const K::Weight, usize),
) -> [[K::Acc; NP]; MR] {
    let mut acc = [bias; MR];
    for _ in 0..taps.rows {
        let mut run = codes.wrapping_add(place);
        for _ in 0..taps.runs {
            // SAFETY: the caller vouches for the run.
            unsafe { K::run::<MR, NP, U>(&mut acc, run, (weights, ahead), taps) };
            weights = weights.wrapping_add(taps.depth * K::KR * K::NR);
            run = run.wrapping_add(taps.run_step);
        }
        place += taps.tap_step;
        if place >= taps.ring_len {
            place -= taps.ring_len;
        }
    }
    acc
}

/// The dot products of a run of consecutive codes; weights `ahead` of those that it reads are fetched.
///
/// # Safety
/// As [`tiles`].
#[inline(always)]
pub(crate) unsafe fn run<K: Kernel, const MR: usize, const NP: usize, const U: usize>(
    acc: &mut [[K::Acc; NP]; MR],
    mut codes: *const K::Code,
    (mut weights, ahead): (*const K::Weight, usize),
    taps: &Taps,
) {
    for _ in 0..taps.depth / U {
        if NP == 2 {
            for u in 0..U {
                K::fetch(weights.wrapping_add(ahead + u * K::KR * K::NR));
            }
        }
        // SAFETY: `U` dot products of this run remain, and the caller vouches for the run.
        unsafe { K::steps::<MR, NP, U>(acc, codes, weights, taps) };
        codes = codes.wrapping_add(U * K::KR);
        weights = weights.wrapping_add(U * K::KR * K::NR);
    }
    for _ in 0..taps.depth % U {
        // SAFETY: as above.
        unsafe { K::steps::<MR, NP, 1>(acc, codes, weights, taps) };
        codes = codes.wrapping_add(K::KR);
        weights = weights.wrapping_add(K::KR * K::NR);
    }
}

/// The sums of a tile, of a kernel of three columns side by side: the codes of a column are read once for the three pixels that see
/// it.
///
/// # Safety
/// As [`tiles`]; [`Taps::slides`] holds.
#[inline(always)]
unsafe fn slide<K: Kernel, const MR: usize, const NP: usize>(
    bias: [K::Acc; NP],
    (taps, mut place): (&Taps, usize),
    codes: *const K::Code,
    mut weights: *const K::Weight,
) -> [[K::Acc; NP]; MR] {
    let mut acc = [bias; MR];
    let (block, depth) = (K::KR * K::NR, taps.depth / COLUMNS);
    for _ in 0..taps.rows {
        let mut pixel = codes.wrapping_add(place);
        for _ in 0..depth {
            let w: [[K::Weights; NP]; COLUMNS] = core::array::from_fn(|column| {
                core::array::from_fn(|n| {
                    // SAFETY: the caller vouches for the panels.
                    unsafe { K::weights(weights.add(n * taps.panel_len + column * depth * block)) }
                })
            });
            // SAFETY: the caller vouches for the columns under the pixels.
            let mut seen = unsafe { [K::codes(pixel), K::codes(pixel.wrapping_add(taps.pitch))] };
            let mut next = pixel.wrapping_add(2 * taps.pitch);
            for row in &mut acc {
                // SAFETY: as above.
                let x = unsafe { K::codes(next) };
                for (n, acc) in row.iter_mut().enumerate() {
                    // SAFETY: the caller vouches for the CPU.
                    *acc = unsafe { K::dot(K::dot(K::dot(*acc, seen[0], w[0][n]), seen[1], w[1][n]), x, w[2][n]) };
                }
                seen = [seen[1], x];
                next = next.wrapping_add(taps.pitch);
            }
            pixel = pixel.wrapping_add(K::KR);
            weights = weights.wrapping_add(block);
        }
        weights = weights.wrapping_add((COLUMNS - 1) * depth * block);
        place += taps.tap_step;
        if place >= taps.ring_len {
            place -= taps.ring_len;
        }
    }
    acc
}

/// A table of one function for several numbers of pixels: `table!(function, NP, U: MR…, U: MR…)`; a first generic argument may
/// stand before `NP`.
macro_rules! table {
    ($tiles:ident, $np:literal, $($u:literal: $($mr:literal)*),*) => { [$($($tiles::<$mr, $np, $u>),*),*] };
    ($tiles:ident, $first:ident, $np:literal, $($u:literal: $($mr:literal)*),*) => {
        [$($($tiles::<$first, $mr, $np, $u>),*),*]
    };
}
pub(crate) use table;

/// `U` consecutive dot products for each accumulator.
///
/// # Safety
/// As [`tiles`].
#[inline(always)]
pub(crate) unsafe fn step<K: Kernel, const MR: usize, const NP: usize, const U: usize>(
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
