//! Images of a data set under one corruption after the other.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use edgebench_corrupt::{Constants, Corruption, Corruptor, ImageView, Photograph, SYNTHETIC_FROST, Severity};

use crate::data::{DataError, Dataset, Values};

/// Why corrupted images could not be made or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CorruptError {
    /// The data could not be read, or the result not be written.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The data are not images.
    #[error("{name}: samples of shape {shape:?} ({kind}), only 8-bit images [height, width, 1 or 3] can be corrupted")]
    NotImages {
        /// Of the data set.
        name: String,
        /// Of one sample.
        shape: Vec<usize>,
        /// Of the values.
        kind: &'static str,
    },
    /// An image that cannot be corrupted.
    #[error("{kind}: {source}")]
    Image {
        /// The corruption.
        kind: &'static str,
        /// What does not fit.
        source: edgebench_corrupt::Error,
    },
    /// An image number that is not there.
    #[error("there is no image {index}, the data have {count}")]
    NoImage {
        /// What was asked for.
        index: usize,
        /// Number of images.
        count: usize,
    },
}

/// The constants for images of this size when nobody says which: CIFAR's up to 64 pixels each way.
#[must_use]
pub fn default_constants(height: usize, width: usize) -> Constants {
    if height.max(width) <= 64 { Constants::Cifar } else { Constants::Imagenet }
}

/// Makes corrupted images. An image depends on its number in the data set, never on the thread or on the order.
#[derive(Debug)]
pub struct Generator<'a> {
    data: &'a Dataset,
    shape: [usize; 3],
    set: Constants,
    photographs: &'a [Photograph],
    corruptors: Vec<Corruptor<'a>>,
}

impl<'a> Generator<'a> {
    /// For these images, with synthetic frost.
    ///
    /// # Errors
    /// Data that are not 8-bit images.
    pub fn new(data: &'a Dataset, set: Constants, seed: u64, threads: usize) -> Result<Self, CorruptError> {
        let (true, &[height, width, channels @ (1 | 3)]) = (data.samples().is_pixels(), &data.shape[..]) else {
            let (name, kind) = (data.name.clone(), data.samples().type_name());
            return Err(CorruptError::NotImages { name, shape: data.shape.clone(), kind });
        };
        let corruptors = (0..threads.max(1)).map(|_| Corruptor::new(set, seed)).collect();
        Ok(Self { data, shape: [height, width, channels], set, photographs: &[], corruptors })
    }

    /// The same, with photographs for `frost`.
    ///
    /// # Errors
    /// An empty list.
    pub fn with_frost(mut self, photographs: &'a [Photograph]) -> Result<Self, CorruptError> {
        let with = |corruptor: Corruptor<'a>| corruptor.with_frost(photographs);
        let wrong = |source| CorruptError::Image { kind: Corruption::Frost.name(), source };
        self.corruptors = self.corruptors.into_iter().map(with).collect::<Result<_, _>>().map_err(wrong)?;
        self.photographs = photographs;
        Ok(self)
    }

    /// The images that are corrupted.
    #[must_use]
    pub fn data(&self) -> &'a Dataset {
        self.data
    }

    /// Height, width, channels.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The constants in use.
    #[must_use]
    pub fn constants(&self) -> Constants {
        self.set
    }

    /// What results call `kind`: its name, but for frost without photographs.
    #[must_use]
    pub fn name(&self, kind: Corruption) -> &'static str {
        if kind == Corruption::Frost && self.photographs.is_empty() { SYNTHETIC_FROST } else { kind.name() }
    }

    /// Writes the images of `range` to `out`, one after the other. `done` is called after each, from any thread.
    ///
    /// # Errors
    /// An image that cannot be read or corrupted.
    ///
    /// # Panics
    /// If `out` does not fit `range`, or `range` not the data.
    pub fn fill(
        &mut self,
        (kind, severity): (Corruption, Severity),
        range: Range<usize>,
        out: &mut [u8],
        done: impl Fn() + Sync,
    ) -> Result<(), CorruptError> {
        let (data, shape) = (self.data, self.shape);
        let size: usize = shape.iter().product();
        assert_eq!(out.len(), range.len() * size, "bytes of {} images", range.len());
        let share = range.len().div_ceil(self.corruptors.len()).max(1);
        let work = |corruptor: &mut Corruptor<'_>, first: usize, part: &mut [u8]| {
            for (i, out) in part.chunks_exact_mut(size).enumerate() {
                corrupt_one(corruptor, data, (kind, severity, first + i), out)?;
                done();
            }
            Ok(())
        };
        let parts = out.chunks_mut(share * size).enumerate().zip(&mut self.corruptors);
        let results: Vec<Result<(), CorruptError>> = thread::scope(|scope| {
            let start = |((number, part), corruptor)| {
                let first = range.start + number * share;
                scope.spawn(move || work(corruptor, first, part))
            };
            let handles: Vec<_> = parts.map(start).collect();
            handles.into_iter().map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        results.into_iter().collect()
    }

    /// Hands every image to `sink` with its number, from several threads and in no order.
    ///
    /// # Errors
    /// The first that is met: of an image, or of `sink`.
    pub fn each(
        &mut self,
        (kind, severity): (Corruption, Severity),
        sink: impl Fn(usize, &[u8]) -> Result<(), CorruptError> + Sync,
    ) -> Result<(), CorruptError> {
        let (data, shape, next) = (self.data, self.shape, AtomicUsize::new(0));
        let failed = Mutex::new(None);
        let worker = |corruptor: &mut Corruptor<'_>| {
            let mut out = vec![0; shape.iter().product()];
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= data.len() {
                    return;
                }
                let result = corrupt_one(corruptor, data, (kind, severity, index), &mut out);
                if let Err(error) = result.and_then(|()| sink(index, &out)) {
                    next.store(data.len(), Ordering::Relaxed);
                    failed.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(error);
                    return;
                }
            }
        };
        thread::scope(|scope| {
            for corruptor in &mut self.corruptors {
                scope.spawn(|| worker(corruptor));
            }
        });
        failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()).map_or(Ok(()), Err)
    }
}

/// Writes image `index` of `data`, corrupted, to `out`.
///
/// # Errors
/// Data that are not 8-bit images, or an image that cannot be read or corrupted.
pub fn corrupt_one(
    corruptor: &mut Corruptor<'_>,
    data: &Dataset,
    (kind, severity, index): (Corruption, Severity, usize),
    out: &mut [u8],
) -> Result<(), CorruptError> {
    let sample = data.sample(index)?;
    let (Values::U8(pixels), &[height, width, channels]) = (&sample.values, &data.shape[..]) else {
        let (name, shape) = (data.name.clone(), data.shape.clone());
        return Err(CorruptError::NotImages { name, shape, kind: data.samples().type_name() });
    };
    let wrong = |source| CorruptError::Image { kind: kind.name(), source };
    let image = ImageView::new(pixels, height, width, channels).map_err(wrong)?;
    corruptor.apply(kind, severity, image, index as u64, out).map_err(wrong)
}
