//! Shapes of layers, and what must hold of them.

use core::fmt;

/// Why a shape cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeError(&'static str, Vec<usize>);

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; found {:?}", self.0, self.1)
    }
}

impl core::error::Error for ShapeError {}

fn must(holds: bool, what: &'static str, found: &[usize]) -> Result<(), ShapeError> {
    if holds { Ok(()) } else { Err(ShapeError(what, found.to_vec())) }
}

/// Elements of a tensor, if a slice of `f32` can be so long.
fn len(dims: &[usize]) -> Result<usize, ShapeError> {
    let all = dims.iter().try_fold(1usize, |all, d| all.checked_mul(*d)).filter(|n| *n <= isize::MAX as usize / 4);
    all.ok_or_else(|| ShapeError("a tensor must fit in memory: use smaller dimensions", dims.to_vec()))
}

/// A convolution of one image, `[in_h, in_w, in_c]` to `[out_h, out_w, out_c]`. Pairs are (vertical, horizontal).
///
/// A dense layer is a 1×1 convolution of 1×1 pixels. A depthwise convolution has `groups = in_c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Rows of the input.
    pub in_h: usize,
    /// Columns of the input.
    pub in_w: usize,
    /// Channels of the input.
    pub in_c: usize,
    /// Rows of the output.
    pub out_h: usize,
    /// Columns of the output.
    pub out_w: usize,
    /// Channels of the output.
    pub out_c: usize,
    /// Taps.
    pub kernel: [usize; 2],
    /// Input pixels from output to output.
    pub stride: [usize; 2],
    /// Input pixels from tap to tap.
    pub dilation: [usize; 2],
    /// Rows of zeros above, columns of zeros to the left. Those below and to the right follow from the output's size.
    pub pad: [usize; 2],
    /// Groups of channels; inputs of one reach outputs of the same only.
    pub groups: usize,
}

impl ConvShape {
    /// Whether it can be computed.
    ///
    /// # Errors
    /// A dimension is zero, groups do not divide the channels, the last window starts behind the image, padding is as large as the
    /// kernel, or a tensor is too large.
    pub fn check(&self) -> Result<(), ShapeError> {
        let s = self;
        let all = [
            s.in_h,
            s.in_w,
            s.in_c,
            s.out_h,
            s.out_w,
            s.out_c,
            s.kernel[0],
            s.kernel[1],
            s.stride[0],
            s.stride[1],
            s.dilation[0],
            s.dilation[1],
            s.groups,
        ];
        must(!all.contains(&0), "every dimension must be at least 1", &all)?;
        let divides = s.in_c.is_multiple_of(s.groups) && s.out_c.is_multiple_of(s.groups);
        must(divides, "groups must divide input and output channels", &[s.groups, s.in_c, s.out_c])?;
        len(&[s.out_c, s.kernel[0], s.kernel[1], s.in_c])?;
        len(&[s.in_h, s.in_w, s.in_c])?;
        len(&[s.out_h, s.out_w, s.out_c])?;
        for (d, (input, output)) in [(s.in_h, s.out_h), (s.in_w, s.out_w)].into_iter().enumerate() {
            windows(s.kernel[d], s.stride[d], s.dilation[d], s.pad[d], (input, output))?;
        }
        Ok(())
    }

    /// Whether it is depthwise: a group for each input channel.
    pub(crate) fn check_depthwise(&self) -> Result<(), ShapeError> {
        must(
            self.groups == self.in_c,
            "a depthwise layer has as many groups as input channels",
            &[self.groups, self.in_c],
        )
    }

    /// Elements of an input image.
    #[must_use]
    pub const fn x_len(&self) -> usize {
        self.in_h * self.in_w * self.in_c
    }

    /// Elements of an output image.
    #[must_use]
    pub const fn y_len(&self) -> usize {
        self.out_h * self.out_w * self.out_c
    }

    /// Weights of one output channel: rows, columns, input channels of its group.
    #[must_use]
    pub const fn row_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * (self.in_c / self.groups)
    }

    /// All weights, `[out_c, kernel rows, kernel columns, in_c / groups]`.
    #[must_use]
    pub const fn weights_len(&self) -> usize {
        self.out_c * self.row_len()
    }

    /// Multiply-adds of one image, taps outside of it included.
    #[must_use]
    pub const fn macs(&self) -> usize {
        (self.out_h * self.out_w).saturating_mul(self.weights_len())
    }

    /// Weights of a depthwise convolution, `[kernel rows, kernel columns, out_c]`.
    #[must_use]
    pub const fn depthwise_weights_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.out_c
    }
}

/// Checks windows along one dimension.
fn windows(
    kernel: usize,
    stride: usize,
    dilation: usize,
    pad: usize,
    (input, output): (usize, usize),
) -> Result<(), ShapeError> {
    let found = [kernel, stride, dilation, pad, input, output];
    let extent = dilation.checked_mul(kernel - 1).and_then(|e| e.checked_add(1));
    let extent = extent.filter(|e| *e <= u32::MAX as usize);
    must(
        extent.is_some_and(|e| pad < e),
        "padding must be smaller than the window (kernel, stride, dilation, padding, input, output)",
        &found,
    )?;
    let last = stride.checked_mul(output - 1);
    let inside = last.is_some_and(|l| l < input + pad && l <= u32::MAX as usize);
    must(
        inside,
        "the last window must start inside the image (kernel, stride, dilation, padding, input, output)",
        &found,
    )
}

/// Pooling of one image, `[in_h, in_w, channels]` to `[out_h, out_w, channels]`. Pairs are (vertical, horizontal).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolShape {
    /// Rows of the input.
    pub in_h: usize,
    /// Columns of the input.
    pub in_w: usize,
    /// Channels.
    pub channels: usize,
    /// Rows of the output.
    pub out_h: usize,
    /// Columns of the output.
    pub out_w: usize,
    /// Pixels of a window.
    pub window: [usize; 2],
    /// Input pixels from output to output.
    pub stride: [usize; 2],
    /// Rows above, columns to the left that do not exist.
    pub pad: [usize; 2],
}

impl PoolShape {
    /// Whether it can be computed; every window has at least one pixel then.
    ///
    /// # Errors
    /// As [`ConvShape::check`].
    pub fn check(&self) -> Result<(), ShapeError> {
        let s = self;
        let all = [s.in_h, s.in_w, s.channels, s.out_h, s.out_w, s.window[0], s.window[1], s.stride[0], s.stride[1]];
        must(!all.contains(&0), "every dimension must be at least 1", &all)?;
        len(&[s.in_h, s.in_w, s.channels])?;
        len(&[s.out_h, s.out_w, s.channels])?;
        windows(s.window[0], s.stride[0], 1, s.pad[0], (s.in_h, s.out_h))?;
        windows(s.window[1], s.stride[1], 1, s.pad[1], (s.in_w, s.out_w))
    }

    /// Elements of an input image.
    #[must_use]
    pub const fn x_len(&self) -> usize {
        self.in_h * self.in_w * self.channels
    }

    /// Elements of an output image.
    #[must_use]
    pub const fn y_len(&self) -> usize {
        self.out_h * self.out_w * self.channels
    }

    /// Rows or columns (`d` = 0 or 1) of the input that output `o` sees.
    pub(crate) fn span(&self, d: usize, o: usize) -> core::ops::Range<usize> {
        let first = o * self.stride[d];
        let end = (first + self.window[d]).saturating_sub(self.pad[d]).min([self.in_h, self.in_w][d]);
        first.saturating_sub(self.pad[d])..end
    }
}

/// An image with zeros around it. Pairs are (before, after).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PadShape {
    /// Rows of the input.
    pub in_h: usize,
    /// Columns of the input.
    pub in_w: usize,
    /// Channels.
    pub channels: usize,
    /// Rows above and below.
    pub rows: [usize; 2],
    /// Columns to the left and to the right.
    pub columns: [usize; 2],
}

impl PadShape {
    /// Whether it can be computed.
    ///
    /// # Errors
    /// A dimension is zero or a tensor is too large.
    pub fn check(&self) -> Result<(), ShapeError> {
        must(
            len(&[self.in_h, self.in_w, self.channels])? > 0,
            "every dimension must be at least 1",
            &[self.in_h, self.in_w, self.channels],
        )?;
        let side = |len: usize, [before, after]: [usize; 2]| len.saturating_add(before).saturating_add(after);
        len(&[side(self.in_h, self.rows), side(self.in_w, self.columns), self.channels])?;
        Ok(())
    }

    /// Elements of an input image.
    #[must_use]
    pub const fn x_len(&self) -> usize {
        self.in_h * self.in_w * self.channels
    }

    /// Elements of an output image.
    #[must_use]
    pub const fn y_len(&self) -> usize {
        (self.in_h + self.rows[0] + self.rows[1]) * (self.in_w + self.columns[0] + self.columns[1]) * self.channels
    }
}

/// An image whose every pixel is repeated `factor` times in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UpsampleShape {
    /// Rows of the input.
    pub in_h: usize,
    /// Columns of the input.
    pub in_w: usize,
    /// Channels.
    pub channels: usize,
    /// How often each pixel is repeated in each direction.
    pub factor: usize,
}

impl UpsampleShape {
    /// Whether it can be computed.
    ///
    /// # Errors
    /// A dimension is zero or a tensor is too large.
    pub fn check(&self) -> Result<(), ShapeError> {
        let all = [self.in_h, self.in_w, self.channels, self.factor, self.factor];
        must(len(&all)? > 0, "every dimension must be at least 1", &all)
    }

    /// Elements of an input image.
    #[must_use]
    pub const fn x_len(&self) -> usize {
        self.in_h * self.in_w * self.channels
    }

    /// Elements of an output image.
    #[must_use]
    pub const fn y_len(&self) -> usize {
        self.x_len() * self.factor * self.factor
    }
}
