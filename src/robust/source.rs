//! Where the pixels of a condition come from.

use edgebench_corrupt::{Constants, Corruption, Corruptor, Photograph};

use super::cell::{GENERATOR, Origin};
use super::condition::{Condition, Kind};
use super::files::CorruptedFiles;
use super::ledger::record::Setting;
use crate::corrupt::{CorruptError, corrupt_one};
use crate::data::{DataError, Dataset, Values, resize_pixels};

/// Where corrupted images come from.
#[derive(Debug)]
pub enum Source {
    /// Made on the way.
    Generated {
        /// The constants.
        set: Constants,
        /// Seed of the random numbers.
        seed: u64,
        /// Photographs of frost; none: frost is drawn.
        photographs: Vec<Photograph>,
        /// SHA-256 over the photographs, in hex.
        photographs_sha256: Option<String>,
    },
    /// Read from files.
    Files(CorruptedFiles),
}

impl Source {
    /// `corruption` as it comes from here.
    #[must_use]
    pub fn kind(&self, corruption: Corruption) -> Kind {
        match self {
            Self::Generated { photographs, .. } => {
                Kind { corruption, synthetic: corruption == Corruption::Frost && photographs.is_empty() }
            }
            Self::Files(files) => {
                files.kinds().find(|kind| kind.corruption == corruption).unwrap_or_else(|| Kind::new(corruption))
            }
        }
    }

    /// How all its images are corrupted.
    #[must_use]
    pub fn setting(&self) -> Setting {
        match self {
            Self::Generated { set, seed, photographs_sha256, .. } => Setting::Generated {
                constants: set.name().into(),
                seed: *seed,
                generator: GENERATOR,
                photographs: photographs_sha256.clone(),
            },
            Self::Files(_) => Setting::Files,
        }
    }

    /// What decides the pixels of `condition`, beside the clean ones.
    #[must_use]
    pub fn origin(&self, condition: Condition) -> Origin {
        let Condition::Corrupted(kind, _) = condition else { return Origin::Clean };
        match self {
            Self::Generated { set, seed, photographs_sha256, .. } => Origin::Generated {
                constants: set.name().into(),
                seed: *seed,
                generator: GENERATOR,
                photographs: photographs_sha256.clone().filter(|_| kind.corruption == Corruption::Frost),
            },
            Self::Files(files) => Origin::File { sha256: files.sha256(kind).unwrap_or_default().into() },
        }
    }

    /// Makes images of `data` (the clean ones, in the size that models take them); one for each thread.
    ///
    /// # Errors
    /// Photographs that cannot be used.
    pub fn painter<'a>(&'a self, data: &'a Dataset) -> Result<Painter<'a>, CorruptError> {
        let from = match self {
            Self::Generated { set, seed, photographs, .. } => {
                let corruptor = Corruptor::new(*set, *seed);
                From::Corruptor(Box::new(match photographs.is_empty() {
                    true => corruptor,
                    false => corruptor
                        .with_frost(photographs)
                        .map_err(|source| CorruptError::Image { kind: Corruption::Frost.name(), source })?,
                }))
            }
            Self::Files(files) => From::Files(files),
        };
        Ok(Painter { data, from })
    }
}

/// Makes or reads the images of a condition.
#[derive(Debug)]
pub struct Painter<'a> {
    data: &'a Dataset,
    from: From<'a>,
}

#[derive(Debug)]
enum From<'a> {
    Corruptor(Box<Corruptor<'a>>),
    Files(&'a CorruptedFiles),
}

impl Painter<'_> {
    /// Writes image `first` under `condition` and those after it to `out`, as many as it takes.
    ///
    /// # Errors
    /// An image that cannot be read or corrupted.
    pub fn paint(&mut self, condition: Condition, first: usize, out: &mut [u8]) -> Result<(), CorruptError> {
        let size: usize = self.data.shape.iter().product();
        match (&mut self.from, condition) {
            (_, Condition::Clean) => {
                for (index, out) in (first..).zip(out.chunks_exact_mut(size)) {
                    out.copy_from_slice(pixels(self.data, index)?.as_ref());
                }
                Ok(())
            }
            (From::Corruptor(corruptor), Condition::Corrupted(kind, severity)) => {
                (first..).zip(out.chunks_exact_mut(size)).try_for_each(|(index, out)| {
                    corrupt_one(corruptor, self.data, (kind.corruption, severity, index), out)
                })
            }
            (From::Files(files), Condition::Corrupted(kind, severity)) if files.shape()[..] == self.data.shape => {
                Ok(files.read((kind, severity), first, out)?)
            }
            (From::Files(files), Condition::Corrupted(kind, severity)) => {
                let mut stored = vec![0; files.shape().iter().product()];
                for (index, out) in (first..).zip(out.chunks_exact_mut(size)) {
                    files.read((kind, severity), index, &mut stored)?;
                    let to = [self.data.shape[0], self.data.shape[1]];
                    out.copy_from_slice(&resize_pixels(&stored, &files.shape(), to));
                }
                Ok(())
            }
        }
    }
}

fn pixels(data: &Dataset, index: usize) -> Result<std::borrow::Cow<'_, [u8]>, DataError> {
    match data.sample(index)?.values {
        Values::U8(pixels) => Ok(pixels),
        _ => Err(DataError::unsupported(
            std::path::Path::new(&data.name),
            data.samples().type_name(),
            "only 8-bit images can be corrupted",
        )),
    }
}
