//! The entrance.

use crate::job::{Job, Scratch};
use crate::rng::Rng;
use crate::{Constants, Corruption, Error, ImageView, Photograph, Severity};

/// Corrupts images one after the other; keeps its memory from one to the next. Use one for every thread.
///
/// The random numbers of an image are those of Philox4x32-10 with the seed as key and a counter of (image number, corruption,
/// severity, position): no image depends on those before it.
#[derive(Debug)]
pub struct Corruptor<'a> {
    set: Constants,
    seed: u64,
    photographs: &'a [Photograph],
    scratch: Scratch,
}

impl<'a> Corruptor<'a> {
    /// With these constants, and with synthetic frost.
    #[must_use]
    pub fn new(set: Constants, seed: u64) -> Self {
        Self { set, seed, photographs: &[], scratch: Scratch::default() }
    }

    /// The same, with photographs for `frost`.
    ///
    /// # Errors
    /// An empty list.
    pub fn with_frost(self, photographs: &'a [Photograph]) -> Result<Self, Error> {
        if photographs.is_empty() { Err(Error::NoFrost) } else { Ok(Self { photographs, ..self }) }
    }

    /// The constants in use.
    #[must_use]
    pub fn constants(&self) -> Constants {
        self.set
    }

    /// Writes `image`, corrupted, to `out`, which must be as long as the image's data. `index` is the number of the image in
    /// its data set: images with the same number get the same noise.
    ///
    /// # Errors
    /// An `out` of another length, or a photograph of frost that is not larger than the image.
    pub fn apply(
        &mut self,
        kind: Corruption,
        severity: Severity,
        image: ImageView<'_>,
        index: u64,
        out: &mut [u8],
    ) -> Result<(), Error> {
        let expected = image.data.len();
        if out.len() != expected {
            return Err(Error::Length { what: "output", got: out.len(), expected });
        }
        if kind == Corruption::Frost {
            crate::frost::check(self.photographs, image)?;
        }
        let rng = Rng::new(self.seed, index, u32::from(kind as u8) << 8 | u32::from(severity.level()));
        let (set, photographs, scratch) = (self.set, self.photographs, &mut self.scratch);
        kind.apply(&mut Job { image, set, severity, rng, scratch, photographs, out });
        Ok(())
    }
}
