//! The input that some output pixels see, copied to scratch space with its padding, in one of three forms.
//!
//! * **Lines**: a convolution walks its output in bands of lines. The input lines under a band lie in a ring of
//!   `(band − 1) · stride_h + (k_h − 1) · dilation_h + 1` lines, each copied (and widened, or offset) once when it comes into
//!   sight, with the padding columns in place. So the inner loops know no padding: pixel `x`, tap `(ky, kx)` is at
//!   `line(ky) + (x · stride_w + kx · dilation_w) · in_c`. Pixels of three channels may have a fourth there, which is multiplied by
//!   zeros ([`PackSpec::held_channels`](crate::isa::PackSpec::held_channels)).
//! * **Flat**: a 1×1 convolution without stride or padding has no lines of its own: all pixels of the batch are one row, cut
//!   into pieces.
//! * **Gathered** (im2col): where lines are short, or most of a line is skipped, the taps of each pixel are copied one after the
//!   other; all pixels of the batch are one row again.
//!
//! Bands and pieces are as large as the second-level cache likes where the weights do not fit the first-level cache: weights are
//! streamed once for each.

use crate::ops::conv::ConvShape;

/// How the input lies in scratch space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A ring of lines.
    Lines,
    /// Pixels as they are.
    Flat,
    /// The taps of each pixel, kernel row after kernel row.
    Gathered,
}

/// Sizes of the scratch space, and the output that it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Bytes per element in scratch space.
    size: usize,
    /// How the input lies there.
    pub form: Form,
    /// Input lines in the ring.
    pub lines: usize,
    /// Pixels per line, padding included.
    pub columns: usize,
    /// Elements per pixel: input channels, or the taps of a gathered pixel.
    pub channels: usize,
    /// Output lines of the whole batch; where all pixels are one row: pieces.
    pub rows: usize,
    /// Output pixels per line or piece (the last piece may be shorter).
    pub width: usize,
    /// Output pixels of the whole batch.
    pub pixels: usize,
    /// Output lines of an image per band (the last may be shorter).
    pub band: usize,
}

/// What decides about the form of a matrix product's window.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// Bytes per element in scratch space.
    pub size: usize,
    /// Elements per dot product; gathered kernel rows begin at multiples.
    pub kr: usize,
    /// Bytes per weight.
    pub weight_size: usize,
    /// Channels per pixel of a line, at least those of the input.
    pub held: usize,
}

/// Bytes beyond the last element that a kernel may read (what it reads there is multiplied by zero weights or not used).
const SLACK: usize = 64;
/// Aimed-at size in bytes of a piece of a flat row whose weights are few.
const PIECE: usize = 16 * 1024;
/// Weights of more bytes are worth a larger band: they would not stay in the first-level cache beside the input.
const FEW_WEIGHTS: usize = 16 * 1024;
/// Largest size in bytes of such a band.
const BAND: usize = 256 * 1024;
/// The same where the weights are few: what is prepared for a band is worth some lines.
const SMALL_BAND: usize = 4 * 1024;
/// Pixels of a piece where the weights are many: four tiles of 14.
const MANY_PIXELS: usize = 56;
/// Bytes per pixel from which on a strided 1×1 convolution copies only the pixels that it sees, one by one.
const WORTH_GATHERING: usize = 128;
/// Lines of fewer pixels are gathered where the weights are many: they would fill a tile badly.
const SHORT: usize = 8;

impl Window {
    /// The ring, or the flat row, of a convolution whose scratch space holds elements of `size` bytes; one line at a time.
    #[must_use]
    pub fn new(s: &ConvShape, size: usize) -> Window {
        let pixels = s.batch * s.out_h * s.out_w;
        if is_flat(s) {
            // A multiple of 48 is cut into full tiles of 6, 8, 12, 16 or 24 pixels.
            let piece = PIECE / (s.in_c * size).max(1) / 48 * 48;
            return Window::row(Form::Flat, size, s.in_c, pixels, piece.max(48).min(pixels));
        }
        let columns = s.out_w.saturating_sub(1) * s.stride_w + s.k_w.saturating_sub(1) * s.dilation_w + 1;
        let (rows, width, form) = (s.batch * s.out_h, s.out_w, Form::Lines);
        Window { size, form, lines: lines(s, 1), columns, channels: s.in_c, rows, width, pixels, band: 1 }
    }

    /// As [`Window::new`], for machines of little memory: pieces of a flat row have as many pixels as a line.
    #[must_use]
    pub fn small(s: &ConvShape, size: usize) -> Window {
        let window = Window::new(s, size);
        match window.form {
            Form::Flat => Window::row(Form::Flat, size, s.in_c, window.pixels, s.out_w.max(4).min(window.pixels)),
            _ => window,
        }
    }

    /// The window of a convolution that is computed as a matrix product.
    #[must_use]
    pub fn of_product(s: &ConvShape, product: Product) -> Window {
        let Product { size, kr, weight_size, held } = product;
        let window = Window::new(s, size);
        let taps = s.k_h * s.k_w;
        let many = s.out_c * taps * (s.in_c / s.groups) * weight_size > FEW_WEIGHTS;
        let skips = taps == 1 && s.in_c * size >= WORTH_GATHERING;
        if window.form == Form::Flat {
            let piece = if many { MANY_PIXELS.max(window.width) } else { window.width };
            return Window::row(Form::Flat, size, s.in_c, window.pixels, even(window.pixels, piece));
        }
        let runs_touch = s.groups == 1 && s.dilation_w == 1 && held == s.in_c;
        if runs_touch && (skips || many && s.out_w < SHORT) {
            let channels = s.k_h * (s.k_w * s.in_c).next_multiple_of(kr);
            let most = if many { BAND } else { PIECE } / (channels * size).max(1);
            let piece = even(window.pixels, most.max(MANY_PIXELS));
            return Window::row(Form::Gathered, size, channels, window.pixels, piece);
        }
        let window = Window { channels: held, ..window };
        let line = (window.line_len() * size).max(1);
        let fits = |band: usize| lines(s, band) * line <= if many { BAND } else { SMALL_BAND };
        let most = (1..=s.out_h).take_while(|&band| fits(band)).last().unwrap_or(1);
        let band = even(s.out_h, most);
        Window { lines: lines(s, band), band, ..window }
    }

    /// All pixels as one row, in pieces of `width` pixels.
    fn row(form: Form, size: usize, channels: usize, pixels: usize, width: usize) -> Window {
        let rows = pixels.div_ceil(width.max(1));
        Window { size, form, lines: 1, columns: width, channels, rows, width, pixels, band: 1 }
    }

    /// Elements per line.
    #[must_use]
    pub const fn line_len(&self) -> usize {
        self.columns * self.channels
    }

    /// Bytes of the scratch space, slack included.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        (self.lines * self.line_len() * self.size + SLACK).next_multiple_of(64)
    }
}

/// Whether outputs see their own pixel and nothing else.
fn is_flat(s: &ConvShape) -> bool {
    s.k_h * s.k_w == 1
        && s.stride_h * s.stride_w == 1
        && (s.in_h, s.in_w) == (s.out_h, s.out_w)
        && s.pad_top + s.pad_left == 0
}

/// Input lines under `band` output lines.
fn lines(s: &ConvShape, band: usize) -> usize {
    (band - 1) * s.stride_h + s.k_h.saturating_sub(1) * s.dilation_h + 1
}

/// The size of nearly equal parts of `count`, of at most `most` each.
fn even(count: usize, most: usize) -> usize {
    count.div_ceil(count.div_ceil(most.max(1)).max(1))
}
