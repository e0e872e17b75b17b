//! What can be wrong with a request.

/// Why an image could not be corrupted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that is in no list.
    #[error("unknown corruption; expected one of gaussian_noise, shot_noise, … as listed by Corruption::ALL")]
    UnknownCorruption,
    /// Neither `cifar` nor `imagenet`.
    #[error("unknown constants; expected cifar or imagenet")]
    UnknownConstants,
    /// A severity that is not 1 to 5.
    #[error("severity {got}, expected 1 to 5")]
    Severity {
        /// What was asked for.
        got: u32,
    },
    /// An image without pixels, or larger than [`crate::MAX_SIDE`].
    #[error("image of {height} x {width} pixels, expected 1 to {limit} each way", limit = crate::MAX_SIDE)]
    Size {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// Neither grey nor RGB.
    #[error("image with {got} channels, expected 1 or 3")]
    Channels {
        /// Channels.
        got: usize,
    },
    /// Bytes that do not fit the shape.
    #[error("{what} of {got} bytes, expected {expected} (height x width x channels)")]
    Length {
        /// The thing that has the wrong length.
        what: &'static str,
        /// Its bytes.
        got: usize,
        /// The bytes that the shape asks for.
        expected: usize,
    },
    /// Too little memory to work in.
    #[error("{had} bytes of memory to work in, this corruption needs at least {needed}")]
    Memory {
        /// Bytes that would have been enough up to where it ended.
        needed: usize,
        /// The bytes that there were.
        had: usize,
    },
    /// No photograph at all.
    #[error("no photograph of frost was given, expected at least one")]
    NoFrost,
    /// A crop of the image's size must move inside every photograph, as in the published algorithm.
    #[error(
        "photograph {number} of frost has {height} x {width} pixels, an image of {image_height} x {image_width} needs \
         more each way"
    )]
    SmallFrost {
        /// Its number in the list, from 0.
        number: usize,
        /// Rows, after scaling.
        height: usize,
        /// Columns, after scaling.
        width: usize,
        /// Rows of the image.
        image_height: usize,
        /// Columns of the image.
        image_width: usize,
    },
}
