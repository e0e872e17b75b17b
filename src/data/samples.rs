//! Samples in memory or in files, and one of them at a time.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits, RgbImage};

use super::error::{At, DataError, Result};

/// Pixels of the largest image that is decoded (64 megapixels).
pub(crate) const MAX_PIXELS: usize = 1 << 26;

/// All samples of a data set, in one of the forms that the readers give.
#[derive(Debug)]
pub enum Samples {
    /// 8-bit pixels, images one after the other, each `[height, width, channels]`.
    U8 {
        /// Shape of one image as it lies here.
        shape: Vec<usize>,
        /// `len * height * width * channels` values.
        data: Vec<u8>,
    },
    /// Codes of a quantised input, one sample after the other.
    I8(Vec<i8>),
    /// Real values, one sample after the other.
    F32(Vec<f32>),
    /// Image files, decoded to RGB when asked for.
    Files(Vec<PathBuf>),
}

/// Values of one sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Values<'a> {
    /// 8-bit pixels in the order height, width, channel.
    U8(Cow<'a, [u8]>),
    /// Codes of a quantised input.
    I8(&'a [i8]),
    /// Real values.
    F32(&'a [f32]),
}

/// One sample: its shape and its values in row order.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// As [`super::Dataset::shape`].
    pub shape: &'a [usize],
    /// As many as `shape` says.
    pub values: Values<'a>,
}

impl Samples {
    /// `"u8"`, `"i8"`, `"f32"` or `"image files"`.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::U8 { .. } => "u8",
            Self::I8(_) => "i8",
            Self::F32(_) => "f32",
            Self::Files(_) => "image files",
        }
    }

    /// Whether the samples are 8-bit pixels.
    pub fn is_pixels(&self) -> bool {
        matches!(self, Self::U8 { .. } | Self::Files(_))
    }

    /// Number of values, where files count as images of `shape`.
    pub(crate) fn values(&self, shape: &[usize]) -> usize {
        match self {
            Self::U8 { data, .. } => data.len(),
            Self::I8(data) => data.len(),
            Self::F32(data) => data.len(),
            Self::Files(files) => shape.iter().product::<usize>() * files.len(),
        }
    }

    pub(crate) fn get<'a>(
        &'a self,
        index: usize,
        shape: &'a [usize],
        resize: Option<[usize; 2]>,
    ) -> Result<Sample<'a>> {
        let values = match self {
            Self::U8 { shape: stored, data } => {
                let pixels = nth(data, index, stored);
                Values::U8(match resize {
                    Some(to) => resize_pixels(pixels, stored, to).into(),
                    None => pixels.into(),
                })
            }
            Self::I8(data) => Values::I8(nth(data, index, shape)),
            Self::F32(data) => Values::F32(nth(data, index, shape)),
            Self::Files(files) => Values::U8(load(&files[index], shape, resize)?.into()),
        };
        Ok(Sample { shape, values })
    }

    /// Hands every byte of the samples to `sink`, in order.
    pub(crate) fn feed(&self, sink: &mut dyn FnMut(&[u8])) -> Result<()> {
        match self {
            Self::U8 { data, .. } => sink(data),
            Self::I8(data) => data.chunks(4096).for_each(|chunk| {
                let bytes: Vec<u8> = chunk.iter().map(|&v| v as u8).collect();
                sink(&bytes);
            }),
            Self::F32(data) => data.chunks(4096).for_each(|chunk| {
                let bytes: Vec<u8> = chunk.iter().flat_map(|v| v.to_le_bytes()).collect();
                sink(&bytes);
            }),
            Self::Files(files) => {
                for file in files {
                    sink(&fs::read(file).at(file)?);
                }
            }
        }
        Ok(())
    }
}

fn nth<'a, T>(data: &'a [T], index: usize, shape: &[usize]) -> &'a [T] {
    let each: usize = shape.iter().product();
    &data[index * each..][..each]
}

/// Height and width of an image file, from its header alone.
pub(crate) fn image_size(path: &Path) -> Result<[usize; 2]> {
    let (width, height) = reader(path)?
        .into_dimensions()
        .map_err(|error| DataError::malformed(path, format!("not a readable PNG or JPEG: {error}")))?;
    let size = [height as usize, width as usize];
    if size[0].saturating_mul(size[1]) > MAX_PIXELS {
        let problem = format!("an image of {height}x{width} is over the limit of {MAX_PIXELS} pixels");
        return Err(DataError::malformed(path, problem));
    }
    Ok(size)
}

fn reader(path: &Path) -> Result<ImageReader<std::io::BufReader<fs::File>>> {
    let mut reader = ImageReader::open(path).at(path)?.with_guessed_format().at(path)?;
    let mut limits = Limits::default();
    // Sixteen bytes a pixel: 16-bit RGBA and one working copy.
    limits.max_alloc = Some(16 * MAX_PIXELS as u64);
    reader.limits(limits);
    Ok(reader)
}

fn load(path: &Path, shape: &[usize], resize: Option<[usize; 2]>) -> Result<Vec<u8>> {
    image_size(path)?;
    let image = reader(path)?
        .decode()
        .map_err(|error| DataError::malformed(path, format!("not a readable PNG or JPEG: {error}")))?
        .into_rgb8();
    let size = [image.height() as usize, image.width() as usize];
    let pixels = match resize {
        Some(to) if to != size => resize_pixels(image.as_raw(), &[size[0], size[1], 3], to),
        _ => image.into_raw(),
    };
    if pixels.len() != shape.iter().product::<usize>() {
        let problem = format!("an image of {}x{}, the set was opened with {}x{}", size[0], size[1], shape[0], shape[1]);
        return Err(DataError::inconsistent(path, problem));
    }
    Ok(pixels)
}

/// `pixels` of shape `from` brought to `to` = `[height, width]`.
pub(crate) fn resize_pixels(pixels: &[u8], from: &[usize], to: [usize; 2]) -> Vec<u8> {
    let (w, h) = (from[1] as u32, from[0] as u32);
    let image = if from[2] == 1 {
        image::GrayImage::from_raw(w, h, pixels.to_vec()).map(DynamicImage::from)
    } else {
        RgbImage::from_raw(w, h, pixels.to_vec()).map(DynamicImage::from)
    };
    let image = image.expect("every reader gives 1 or 3 channels and as many pixels as the shape says");
    image.resize_exact(to[1] as u32, to[0] as u32, FilterType::Triangle).into_bytes()
}
