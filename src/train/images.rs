//! Labelled images as the trainer takes them.

use std::path::Path;

use edgebench_train::net::Shape;
use edgebench_train::{Encoding, Images};

use crate::data::preprocess::Preprocess;
use crate::data::{DataError, Dataset, Result, Values};

/// Bytes of pixels above which a data set is not held in memory.
const MAX_BYTES: usize = 16 << 30;

/// What pixels mean, channel by channel of the input; `caffe` takes colours the other way round.
#[must_use]
pub fn encoding(kind: Preprocess, channels: usize) -> Encoding {
    let mut order: Vec<usize> = (0..channels).collect();
    if kind == Preprocess::Caffe {
        order.reverse();
    }
    Encoding::new(&order, |pixel, channel| kind.value(pixel, channel))
}

/// All images of `data`, in memory.
///
/// # Errors
/// Samples that are not pixels, too many of them, a class without an image, or files that cannot be read.
pub fn images(data: &Dataset, kind: Preprocess) -> Result<Images> {
    let path = Path::new(&data.name);
    let &[h, w, c] = &data.shape[..] else {
        return Err(DataError::unsupported(path, "samples that are not images", "training takes 8-bit pixels"));
    };
    if !data.samples().is_pixels() {
        return Err(DataError::unsupported(path, "arrays that are not 8-bit pixels", "training takes 8-bit pixels"));
    }
    let shape = Shape::new(h, w, c);
    let bytes = shape.len().saturating_mul(data.len());
    if bytes > MAX_BYTES {
        let problem =
            format!("{bytes} bytes of pixels are over the limit of {MAX_BYTES}; take fewer images or smaller ones");
        return Err(DataError::inconsistent(path, problem));
    }
    let mut pixels = Vec::with_capacity(bytes);
    for at in 0..data.len() {
        if let Values::U8(values) = &data.sample(at)?.values {
            pixels.extend_from_slice(values);
        }
    }
    let inconsistent = |error: edgebench_train::Error| DataError::inconsistent(path, error.to_string());
    let images = Images::new(shape, data.classes(), pixels, data.labels.clone(), encoding(kind, c));
    images.map_err(inconsistent)
}

/// Checks that there is something to tell apart, and something of each class.
///
/// # Errors
/// One class alone, or a class without an image.
pub fn check_classes(images: &Images, data: &Dataset) -> Result<()> {
    let path = Path::new(&data.name);
    let name = |class: usize| {
        let names = data.class_names.as_ref().and_then(|names| names.get(class));
        names.map_or_else(|| format!("class {class}"), |name| format!("class {class} ({name})"))
    };
    if images.classes() < 2 {
        let problem = format!("every image is of {}; a classifier needs two classes at least", name(0));
        return Err(DataError::inconsistent(path, problem));
    }
    let empty = images.empty_classes();
    let Some(&first) = empty.first() else { return Ok(()) };
    let others = match empty.len() - 1 {
        0 => String::new(),
        1 => format!(", nor has {}", name(empty[1])),
        more => format!(", nor have {more} other classes"),
    };
    let problem =
        format!("{} has no training image{others}; leave it out of the labels or bring images of it", name(first),);
    Err(DataError::inconsistent(path, problem))
}
