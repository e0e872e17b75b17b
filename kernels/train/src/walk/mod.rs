//! Which source pixels each destination pixel of a convolution sees, cut so that inner loops never ask whether a tap is inside.
//!
//! Forward, source pixels are inputs and destination pixels outputs; for the input gradient it is the other way round, and a stride
//! makes one [`Part`] for each phase of the destination. A part falls into [`Rect`]s, in which all pixels have the same taps
//! inside. Of three dimensions (images, rows, columns) those that lie evenly in memory are merged, and tiles run along one of them
//! ([`Strips`]): along rows where images are large, along images where they are small.

mod axis;
mod strips;

pub(crate) use strips::{Dim, Strips, chunk_len, merged, tile_len};

use crate::ConvShape;
use axis::{Axis, Class};

/// A tap of a rectangle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TapAt {
    /// Where the source pixel of the rectangle's first pixel starts in its image.
    pub src: usize,
    /// Place in [`Part::taps`].
    pub place: usize,
}

/// Destination pixels that have the same taps inside of the source image.
#[derive(Clone, Debug)]
pub(crate) struct Rect {
    /// Where its first pixel starts in the destination image.
    pub dst: usize,
    /// Rows and columns.
    pub count: [usize; 2],
    /// Elements from row to row and from column to column of the destination.
    pub dst_pitch: [usize; 2],
    /// The same of the source.
    pub src_pitch: [usize; 2],
    /// Its taps, in order; perhaps none.
    pub taps: Vec<TapAt>,
}

/// Destination pixels that have the same taps, inside or not.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Taps (`ky · kernel columns + kx`) in the order of the chain.
    pub taps: Vec<usize>,
    /// Its pixels.
    pub rects: Vec<Rect>,
}

/// An image's columns and channels.
type Line = [usize; 2];

impl Part {
    fn new(rows: &Axis, columns: &Axis, kernel_w: usize, src: Line, dst: Line) -> Part {
        let taps = rows.taps.iter().flat_map(|y| columns.taps.iter().map(move |x| y.tap * kernel_w + x.tap));
        let mut rects = Vec::new();
        for y in rows.classes() {
            for x in columns.classes() {
                rects.push(rect((rows, &y), (columns, &x), src, dst));
            }
        }
        Part { taps: taps.collect(), rects }
    }

    /// The only part of a forward pass.
    pub(crate) fn forward(s: &ConvShape) -> Vec<Part> {
        let [rows, columns] = [0, 1].map(|d| Axis::forward(s, d));
        vec![Part::new(&rows, &columns, s.kernel[1], [s.in_w, s.in_c], [s.out_w, s.out_c])]
    }

    /// The parts of an input gradient: one for each phase of the stride.
    pub(crate) fn backward(s: &ConvShape) -> Vec<Part> {
        let [rows, columns] = [0, 1].map(|d| Axis::backward(s, d));
        let pairs = rows.iter().flat_map(|y| columns.iter().map(move |x| (y, x)));
        pairs.map(|(y, x)| Part::new(y, x, s.kernel[1], [s.out_w, s.out_c], [s.in_w, s.in_c])).collect()
    }
}

fn rect((rows, y): (&Axis, &Class), (columns, x): (&Axis, &Class), src: Line, dst: Line) -> Rect {
    let (src_row, dst_row) = (src[0] * src[1], dst[0] * dst[1]);
    let mut taps = Vec::new();
    for ky in y.taps.clone() {
        for kx in x.taps.clone() {
            let (row, column) = (rows.source(y.start, ky), columns.source(x.start, kx));
            taps.push(TapAt { src: row * src_row + column * src[1], place: ky * columns.taps.len() + kx });
        }
    }
    Rect {
        dst: (rows.first + y.start * rows.step) * dst_row + (columns.first + x.start * columns.step) * dst[1],
        count: [y.count, x.count],
        dst_pitch: [rows.step * dst_row, columns.step * dst[1]],
        src_pitch: [rows.src_step * src_row, columns.src_step * src[1]],
        taps,
    }
}
