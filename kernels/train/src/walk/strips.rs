//! Pixels as lines along which tiles run.

use super::Rect;

/// Evenly spaced pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dim {
    /// How many.
    pub count: usize,
    /// Elements from one to the next in the source.
    pub src: usize,
    /// The same in the destination.
    pub dst: usize,
}

/// One pixel.
const ONE: Dim = Dim { count: 1, src: 0, dst: 0 };

/// The dimensions, outer to inner, with those merged that lie evenly in memory; the innermost last, ones before.
pub(crate) fn merged(dims: [Dim; 3]) -> [Dim; 3] {
    let mut to = [ONE; 3];
    let mut used = 0;
    for dim in dims.into_iter().rev().filter(|d| d.count != 1) {
        if used > 0 {
            let inner = &mut to[3 - used];
            if dim.src == inner.count * inner.src && dim.dst == inner.count * inner.dst {
                inner.count *= dim.count;
                continue;
            }
        }
        used += 1;
        to[3 - used] = dim;
    }
    to
}

/// A rectangle of `n` images, as lines of tiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strips {
    /// What is around each line, outer to inner.
    pub outer: [Dim; 2],
    /// Along this tiles run.
    pub line: Dim,
}

impl Strips {
    /// Chooses the line for tiles of up to `most` pixels: the innermost dimension, unless its tiles have fewer than `enough` and those
    /// of another more. (Images often lie at multiples of 4 KiB, where they compete for the same lines of a cache.)
    pub(crate) fn new(rect: &Rect, images: Dim, (most, enough): (usize, usize)) -> Strips {
        let [h, w] = [0, 1].map(|d| Dim { count: rect.count[d], src: rect.src_pitch[d], dst: rect.dst_pitch[d] });
        let dims = merged([images, h, w]);
        let tile = |d: usize| tile_len(dims[d].count, most);
        let mut line = 2;
        for d in [1, 0] {
            if tile(line) < enough && tile(d) > tile(line) {
                line = d;
            }
        }
        let outer = match line {
            0 => [dims[1], dims[2]],
            1 => [dims[0], dims[2]],
            _ => [dims[0], dims[1]],
        };
        Strips { outer, line: dims[line] }
    }

    /// Calls `f` with the offsets (source, destination) of each line's first pixel.
    #[inline(always)]
    pub(crate) fn for_each(&self, mut f: impl FnMut(usize, usize)) {
        let [a, b] = self.outer;
        for i in 0..a.count {
            for j in 0..b.count {
                f(i * a.src + j * b.src, i * a.dst + j * b.dst);
            }
        }
    }
}

/// Images that are done together where source and destination have `len` floats each, and `budget` should stay in a cache.
pub(crate) fn chunk_len(budget: usize, len: usize) -> usize {
    match budget / len {
        0 => 1,
        few @ 1..16 => few,
        many => many - many % 16,
    }
}

/// Pixels of the tiles into which `count` pixels are cut evenly, `most` at most; the last tile may be smaller.
pub(crate) fn tile_len(count: usize, most: usize) -> usize {
    count.div_ceil(count.div_ceil(most).max(1))
}
