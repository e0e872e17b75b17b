//! Labelled images in memory, and what a pixel means to a network.

use std::sync::Arc;

use crate::Error;
use crate::net::Shape;

/// What the 256 values of a pixel mean, channel by channel of the input.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoding {
    table: Vec<[f32; 256]>,
    /// The channel of the image that each channel of the input takes.
    order: Vec<usize>,
}

impl Encoding {
    /// Channel `c` of the input is `value(pixel, c)` of the image's channel `order[c]`.
    #[must_use]
    pub fn new(order: &[usize], value: impl Fn(u8, usize) -> f32) -> Encoding {
        let row = |c| std::array::from_fn(|pixel| value(pixel as u8, c));
        Encoding { table: (0..order.len()).map(row).collect(), order: order.to_vec() }
    }

    /// `x / 127.5 − 1` for every channel.
    #[must_use]
    pub fn signed(channels: usize) -> Encoding {
        let order: Vec<usize> = (0..channels).collect();
        Encoding::new(&order, |pixel, _| f32::from(pixel) / 127.5 - 1.0)
    }

    /// Writes the input for an image of as many channels.
    ///
    /// # Panics
    /// If lengths differ.
    pub fn encode(&self, pixels: &[u8], input: &mut [f32]) {
        assert_eq!(pixels.len(), input.len(), "an input of another size");
        let channels = self.order.len();
        for (pixel, input) in pixels.chunks_exact(channels).zip(input.chunks_exact_mut(channels)) {
            for ((value, table), &from) in input.iter_mut().zip(&self.table).zip(&self.order) {
                *value = table[usize::from(pixel[from])];
            }
        }
    }
}

/// Labelled images of one shape. Cheap to clone: pixels are shared.
#[derive(Clone, Debug)]
pub struct Images {
    shape: Shape,
    classes: usize,
    pixels: Arc<Vec<u8>>,
    labels: Arc<Vec<u32>>,
    /// Which of them belong to this part.
    part: Vec<u32>,
    encoding: Arc<Encoding>,
}

impl Images {
    /// Images one after the other, `[height, width, channels]` each.
    ///
    /// # Errors
    /// [`Error::Images`] if counts do not fit each other, a label is not below `classes`, or there is no image.
    pub fn new(
        shape: Shape,
        classes: usize,
        pixels: Vec<u8>,
        labels: Vec<u32>,
        encoding: Encoding,
    ) -> Result<Images, Error> {
        let refuse = |problem: String| Err(Error::Images { problem });
        if labels.is_empty() {
            return refuse("there is no image to learn from".into());
        }
        if shape.len().checked_mul(labels.len()) != Some(pixels.len()) {
            return refuse(format!("{} labels do not fit {} pixels of images of {shape}", labels.len(), pixels.len()));
        }
        if encoding.order.len() != shape.c || encoding.order.iter().any(|&from| from >= shape.c) {
            return refuse(format!("a preprocessing of {} channels for images of {shape}", encoding.order.len()));
        }
        if let Some(at) = labels.iter().position(|&label| label as usize >= classes) {
            return refuse(format!("label {} of image {at} is not below {classes} classes", labels[at]));
        }
        let part = (0..labels.len()).map(|at| u32::try_from(at).unwrap_or(u32::MAX)).collect();
        let (pixels, labels) = (Arc::new(pixels), Arc::new(labels));
        Ok(Images { shape, classes, pixels, labels, part, encoding: Arc::new(encoding) })
    }

    /// The last `count` images apart: what is left, and those.
    ///
    /// # Errors
    /// [`Error::Images`] if nothing would be left on a side.
    pub fn split_last(&self, count: usize) -> Result<(Images, Images), Error> {
        let left = self.part.len().checked_sub(count).filter(|&left| left > 0 && count > 0);
        let Some(left) = left else {
            let problem = format!("{count} of {} images for validation leave nothing on a side", self.part.len());
            return Err(Error::Images { problem });
        };
        let with = |part: &[u32]| Images { part: part.to_vec(), ..self.clone() };
        Ok((with(&self.part[..left]), with(&self.part[left..])))
    }

    /// The first `count` images, or all.
    #[must_use]
    pub fn first(&self, count: usize) -> Images {
        Images { part: self.part[..count.min(self.part.len())].to_vec(), ..self.clone() }
    }

    /// Classes without an image.
    #[must_use]
    pub fn empty_classes(&self) -> Vec<usize> {
        let mut seen = vec![false; self.classes];
        (0..self.len()).for_each(|at| seen[self.label(at) as usize] = true);
        (0..self.classes).filter(|&class| !seen[class]).collect()
    }

    /// Number of images, at least 1.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.part.len()
    }

    /// Shape of an image.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Number of classes.
    #[must_use]
    pub const fn classes(&self) -> usize {
        self.classes
    }

    /// What pixels mean.
    #[must_use]
    pub fn encoding(&self) -> &Encoding {
        &self.encoding
    }

    /// The class of image `at`.
    ///
    /// # Panics
    /// If there is no such image.
    #[must_use]
    pub fn label(&self, at: usize) -> u32 {
        self.labels[self.part[at] as usize]
    }

    /// The pixels of image `at`.
    ///
    /// # Panics
    /// If there is no such image.
    #[must_use]
    pub fn pixels(&self, at: usize) -> &[u8] {
        let len = self.shape.len();
        &self.pixels[self.part[at] as usize * len..][..len]
    }

    /// Writes image `at` as an input.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn encode(&self, at: usize, input: &mut [f32]) {
        self.encoding.encode(self.pixels(at), input);
    }
}
