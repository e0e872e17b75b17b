//! Images as they are handed in.

use crate::Error;

/// Rows or columns of the largest image.
pub const MAX_SIDE: usize = 4096;

/// An 8-bit image: rows of pixels, each pixel one grey value or R, G, B.
#[derive(Clone, Copy, Debug)]
pub struct ImageView<'a> {
    pub(crate) data: &'a [u8],
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl<'a> ImageView<'a> {
    /// An image over `data` of `height * width * channels` bytes.
    ///
    /// # Errors
    /// A side of 0 or above [`MAX_SIDE`], channels other than 1 and 3, or another number of bytes.
    pub fn new(data: &'a [u8], height: usize, width: usize, channels: usize) -> Result<Self, Error> {
        let fits = |side| (1..=MAX_SIDE).contains(&side);
        if !fits(height) || !fits(width) {
            return Err(Error::Size { height, width });
        }
        if channels != 1 && channels != 3 {
            return Err(Error::Channels { got: channels });
        }
        let expected = height * width * channels;
        if data.len() != expected {
            return Err(Error::Length { what: "image", got: data.len(), expected });
        }
        Ok(Self { data, height, width, channels })
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// 1 for grey, 3 for RGB.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Values of one row.
    pub(crate) fn stride(&self) -> usize {
        self.width * self.channels
    }

    pub(crate) fn pixels(&self) -> usize {
        self.height * self.width
    }
}
