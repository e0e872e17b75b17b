//! The lines of the input that one line of outputs sees, copied to scratch space with their padding.
//!
//! A convolution walks its output line by line. The input lines under it lie in a ring of `(k_h − 1) · dilation_h + 1` lines, each
//! copied (and widened, or offset) once when it comes into sight, with the padding columns in place. So the inner loops know no
//! padding: pixel `x`, tap `(ky, kx)` is at `line(ky) + (x · stride_w + kx · dilation_w) · in_c`. A 1×1 convolution without stride
//! or padding has no lines of its own: all pixels of the batch are one row, cut into pieces that fit the first-level cache.

use crate::ops::conv::ConvShape;

/// Sizes of the ring, and the output lines that it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Bytes per element in the ring.
    size: usize,
    /// Input lines in the ring.
    pub lines: usize,
    /// Input pixels per line, padding included.
    pub columns: usize,
    /// Input channels per pixel.
    pub channels: usize,
    /// Output lines of the whole batch.
    pub rows: usize,
    /// Output pixels per line (the last may be shorter).
    pub width: usize,
    /// Output pixels of the whole batch.
    pub pixels: usize,
    /// Whether the pixels are one long row.
    pub flat: bool,
}

/// Bytes beyond the last element that a kernel may read (what it reads there is multiplied by zero weights or not used).
const SLACK: usize = 64;
/// Aimed-at size in bytes of a piece of a flat row.
const PIECE: usize = 16 * 1024;

impl Window {
    /// The window of a convolution whose ring holds elements of `size` bytes.
    #[must_use]
    pub fn new(s: &ConvShape, size: usize) -> Window {
        let pixels = s.batch * s.out_h * s.out_w;
        let flat = s.k_h * s.k_w == 1
            && s.stride_h * s.stride_w == 1
            && (s.in_h, s.in_w) == (s.out_h, s.out_w)
            && s.pad_top + s.pad_left == 0;
        let (lines, columns, width) = if flat {
            // A multiple of 48 is cut into full tiles of 6, 8, 12, 16 or 24 pixels.
            let piece = PIECE / (s.in_c * size).max(1) / 48 * 48;
            let piece = piece.max(48).min(pixels);
            (1, piece, piece)
        } else {
            let lines = s.k_h.saturating_sub(1) * s.dilation_h + 1;
            let columns = s.out_w.saturating_sub(1) * s.stride_w + s.k_w.saturating_sub(1) * s.dilation_w + 1;
            (lines, columns, s.out_w)
        };
        Window { size, lines, columns, channels: s.in_c, rows: pixels.div_ceil(width.max(1)), width, pixels, flat }
    }

    /// Elements per line.
    #[must_use]
    pub const fn line_len(&self) -> usize {
        self.columns * self.channels
    }

    /// Bytes of the ring, slack included.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        (self.lines * self.line_len() * self.size + SLACK).next_multiple_of(64)
    }
}
