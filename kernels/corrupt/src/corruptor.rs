//! The entrance.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::job::Job;
#[cfg(feature = "alloc")]
use crate::kept::Kept;
use crate::photograph::Photograph;
use crate::rng::Rng;
use crate::room::{NoRoom, Room};
use crate::{Constants, Corruption, Error, ImageView, Severity};

/// Corrupts images one after the other; keeps its memory from one to the next. Use one for every thread.
///
/// The random numbers of an image are those of Philox4x32-10 with the seed as key and a counter of (image number, corruption,
/// severity, position): no image depends on those before it.
#[derive(Debug)]
pub struct Corruptor<'a> {
    set: Constants,
    seed: u64,
    photographs: &'a [Photograph],
    memory: Memory<'a>,
}

#[derive(Debug)]
enum Memory<'a> {
    /// Of somebody else, and of a size that is what it is.
    Given(Room<'a>),
    /// Of the heap; it grows as it must.
    #[cfg(feature = "alloc")]
    Own { words: Vec<u64>, kept: Kept },
}

impl<'a> Corruptor<'a> {
    /// With these constants, and with synthetic frost.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn new(set: Constants, seed: u64) -> Self {
        Self { set, seed, photographs: &[], memory: Memory::Own { words: Vec::new(), kept: Kept::default() } }
    }

    /// The same, in memory that is given: nothing is allocated, and what does not find room is an error. Nothing is kept from image to
    /// image either, so that shot noise and frost take longer.
    #[must_use]
    pub fn within(set: Constants, seed: u64, room: Room<'a>) -> Self {
        Self { set, seed, photographs: &[], memory: Memory::Given(room) }
    }

    /// Bytes of memory that [`Corruptor::within`] needs for such images: rows, columns, channels.
    ///
    /// # Errors
    /// Images of an impossible size.
    #[cfg(feature = "alloc")]
    pub fn memory(set: Constants, kind: Corruption, severity: Severity, size: [usize; 3]) -> Result<usize, Error> {
        let [height, width, channels] = size;
        let (data, mut words) = (alloc::vec![0; size.iter().product()], Vec::new());
        let (image, mut out) = (ImageView::new(&data, height, width, channels)?, data.clone());
        // What is asked for depends on the size alone, not on pixels or random numbers.
        loop {
            let bytes = words.len() * size_of::<u64>();
            match Corruptor::within(set, 0, Room::new(&mut words)).apply(kind, severity, image, 0, &mut out) {
                Err(Error::Memory { needed, .. }) => words.resize(needed.div_ceil(size_of::<u64>()), 0),
                other => return other.map(|()| bytes),
            }
        }
    }

    /// The same, with photographs for `frost`.
    ///
    /// # Errors
    /// An empty list.
    #[cfg(feature = "alloc")]
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
    /// An `out` of another length, a photograph of frost that is not larger than the image, or too little memory.
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
        let (set, photographs) = (self.set, self.photographs);
        let rng = Rng::new(self.seed, index, u32::from(kind as u8) << 8 | u32::from(severity.level()));
        match &mut self.memory {
            Memory::Given(room) => {
                let (had, room) = (room.left(), room.rest());
                let done = kind.apply(&mut Job {
                    image,
                    set,
                    severity,
                    rng,
                    room,
                    #[cfg(feature = "alloc")]
                    kept: None,
                    photographs,
                    out,
                });
                done.map_err(|NoRoom { needed }| Error::Memory { needed, had })
            }
            #[cfg(feature = "alloc")]
            Memory::Own { words, kept } => loop {
                let (rng, room, kept) = (rng.clone(), Room::new(words), Some(&mut *kept));
                let done = kind.apply(&mut Job { image, set, severity, rng, room, kept, photographs, out });
                match done {
                    Ok(()) => return Ok(()),
                    // From the start, with more: an image's bytes do not depend on what was there before.
                    Err(NoRoom { needed }) => words.resize(needed.div_ceil(size_of::<u64>()).max(2 * words.len()), 0),
                }
            },
        }
    }
}
