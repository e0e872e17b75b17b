//! Images: corrupted here, and made into the network's input.

use alloc::vec;
use alloc::vec::Vec;

use edgebench_corrupt::{Constants, Corruption, Corruptor, ImageView, Severity};

use crate::frame::Incoming;
use crate::semihosting::File;
use crate::workspace;

/// Number of a corruption that is none.
const CLEAN: u32 = u32::MAX;

/// What images are, and how their pixels become inputs.
#[derive(Debug)]
pub struct Images {
    size: [usize; 3],
    luma: bool,
    /// Bytes of an input element.
    element: usize,
    /// Channel of the image, and the 256 elements that its values become, of each channel of the input.
    tables: Vec<(usize, Vec<u8>)>,
    pixels: Vec<u8>,
    corrupted: Vec<u8>,
}

fn word(frame: &mut Incoming, file: &mut File) -> Option<u32> {
    let mut bytes = [0; 4];
    frame.take(file, &mut bytes).then_some(u32::from_le_bytes(bytes))
}

fn long(frame: &mut Incoming, file: &mut File) -> Option<u64> {
    Some(u64::from(word(frame, file)?) | u64::from(word(frame, file)?) << 32)
}

impl Images {
    /// From a frame of kind [`crate::frame::PIPELINE`].
    pub fn read(frame: &mut Incoming, file: &mut File) -> Option<Self> {
        let mut next = || word(frame, file).map(|word| word as usize);
        let size = [next()?, next()?, next()?];
        let (luma, count, element) = (next()? != 0, next()?, next()?);
        if size.iter().any(|&side| side > 4096) || count > 4 || ![1, 2, 4].contains(&element) {
            return None;
        }
        let mut tables = Vec::with_capacity(count);
        for _ in 0..count {
            let from = word(frame, file)? as usize;
            let mut table = vec![0; 256 * element];
            if !frame.take(file, &mut table) {
                return None;
            }
            tables.push((from, table));
        }
        let bytes = size.iter().product();
        let images = Self { size, luma, element, tables, pixels: vec![0; bytes], corrupted: vec![0; bytes] };
        frame.is_whole(file).then_some(images)
    }

    /// Reads an image, corrupts it, and writes the input that it becomes; the flags that came with it.
    pub fn image(&mut self, frame: &mut Incoming, file: &mut File, input: &mut [u8]) -> Option<u32> {
        let flags = word(frame, file)?;
        let (kind, severity, constants) = (word(frame, file)?, word(frame, file)?, word(frame, file)?);
        let (seed, index) = (long(frame, file)?, long(frame, file)?);
        if !frame.take(file, &mut self.pixels) || !frame.is_whole(file) {
            return None;
        }
        if kind == CLEAN {
            self.corrupted.copy_from_slice(&self.pixels);
        } else {
            let kind = Corruption::ALL.get(kind as usize).copied()?;
            let severity = Severity::new(u8::try_from(severity).ok()?).ok()?;
            let constants = Constants::ALL.get(constants as usize).copied()?;
            let [height, width, channels] = self.size;
            let image = ImageView::new(&self.pixels, height, width, channels).ok()?;
            let out = &mut self.corrupted[..];
            // SAFETY: all that the corruptor allocates is dropped with it; `out` was allocated before and does not grow.
            let done = unsafe {
                workspace::scope(|| Corruptor::new(constants, seed).apply(kind, severity, image, index, out).is_ok())
            };
            if !done {
                return None;
            }
        }
        self.input(input).then_some(flags)
    }

    /// As `Pipeline::append` of edgebench does.
    fn input(&self, input: &mut [u8]) -> bool {
        let [height, width, channels] = self.size;
        if input.len() != height * width * self.tables.len() * self.element {
            return false;
        }
        let mut elements = input.chunks_exact_mut(self.element);
        for pixel in self.corrupted.chunks_exact(channels) {
            let grey = |pixel: &[u8]| {
                let [r, g, b] = [0, 1, 2].map(|channel| u32::from(pixel[channel]));
                ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
            };
            for (from, table) in &self.tables {
                let value = if self.luma { grey(pixel) } else { pixel[(*from).min(channels - 1)] };
                if let Some(element) = elements.next() {
                    element.copy_from_slice(&table[usize::from(value) * self.element..][..self.element]);
                }
            }
        }
        true
    }
}
