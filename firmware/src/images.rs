//! Images: corrupted here, and made into the network's input. Everything lies in the workspace, a static of the size that the build was told.

use edgebench_corrupt::{Constants, Corruption, Corruptor, ImageView, Room, Severity};

use crate::frame::Incoming;
use crate::semihosting::File;

/// Words of the workspace.
pub const WORKSPACE: usize = number(env!("EDGEBENCH_WORKSPACE")).div_ceil(8);

const fn number(text: &str) -> usize {
    let (digits, mut value, mut at) = (text.as_bytes(), 0, 0);
    while at < digits.len() {
        assert!(digits[at].is_ascii_digit(), "EDGEBENCH_WORKSPACE is a number of bytes");
        value = 10 * value + (digits[at] - b'0') as usize;
        at += 1;
    }
    value
}

/// Channels that a network's input may have.
const CHANNELS: usize = 4;

/// Number of a corruption that is none.
const CLEAN: u32 = u32::MAX;

/// What images are, and how their pixels become inputs.
#[derive(Debug)]
pub struct Images {
    size: [usize; 3],
    luma: bool,
    /// Bytes of an input element.
    element: usize,
    /// Channels of the input, and the channel of the image that feeds each.
    count: usize,
    from: [usize; CHANNELS],
    /// The 256 elements that the values of a pixel become, of each channel of the input.
    tables: &'static mut [u8],
    pixels: &'static mut [u8],
    corrupted: &'static mut [u8],
    /// What is left, for the corruption itself.
    room: Room<'static>,
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
    pub fn read(frame: &mut Incoming, file: &mut File, mut room: Room<'static>) -> Option<Self> {
        let mut next = || word(frame, file).map(|word| word as usize);
        let size = [next()?, next()?, next()?];
        let (luma, count, element) = (next()? != 0, next()?, next()?);
        if size.iter().any(|&side| side > 4096) || count > CHANNELS || ![1, 2, 4].contains(&element) {
            return None;
        }
        let (mut from, tables) = ([0; CHANNELS], room.take(count * 256 * element).ok()?);
        for (from, table) in from.iter_mut().zip(tables.chunks_exact_mut(256 * element)) {
            *from = word(frame, file)? as usize;
            frame.take(file, table).then_some(())?;
        }
        let bytes = size.iter().product();
        let (pixels, corrupted) = (room.take(bytes).ok()?, room.take(bytes).ok()?);
        frame.is_whole(file).then_some(Self { size, luma, element, count, from, tables, pixels, corrupted, room })
    }

    /// Reads an image and corrupts it; the flags that came with it.
    pub fn image(&mut self, frame: &mut Incoming, file: &mut File) -> Option<u32> {
        let flags = word(frame, file)?;
        let (kind, severity, constants) = (word(frame, file)?, word(frame, file)?, word(frame, file)?);
        let (seed, index) = (long(frame, file)?, long(frame, file)?);
        if !frame.take(file, self.pixels) || !frame.is_whole(file) {
            return None;
        }
        if kind == CLEAN {
            self.corrupted.copy_from_slice(self.pixels);
        } else {
            let kind = Corruption::ALL.get(kind as usize).copied()?;
            let severity = Severity::new(u8::try_from(severity).ok()?).ok()?;
            let constants = Constants::ALL.get(constants as usize).copied()?;
            let [height, width, channels] = self.size;
            let image = ImageView::new(self.pixels, height, width, channels).ok()?;
            let mut corruptor = Corruptor::within(constants, seed, self.room.rest());
            corruptor.apply(kind, severity, image, index, self.corrupted).ok()?;
        }
        Some(flags)
    }

    /// The last image, corrupted.
    pub fn corrupted(&self) -> &[u8] {
        self.corrupted
    }

    /// Writes the input that the last image becomes, as `Pipeline::append` of edgebench does; false if the network takes another.
    pub fn input(&self, input: &mut [u8]) -> bool {
        let [height, width, channels] = self.size;
        if input.len() != height * width * self.count * self.element {
            return false;
        }
        let mut elements = input.chunks_exact_mut(self.element);
        for pixel in self.corrupted.chunks_exact(channels) {
            let grey = |pixel: &[u8]| {
                let [r, g, b] = [0, 1, 2].map(|channel| u32::from(pixel[channel]));
                ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
            };
            for (&from, table) in self.from.iter().zip(self.tables.chunks_exact(256 * self.element)) {
                let value = if self.luma { grey(pixel) } else { pixel[from.min(channels - 1)] };
                if let Some(element) = elements.next() {
                    element.copy_from_slice(&table[usize::from(value) * self.element..][..self.element]);
                }
            }
        }
        true
    }
}
