//! What goes over the wire: frames of a kind, a length, a payload and the XXH64 of all three (little-endian).
//!
//! `src/firmware/frame.rs` of edgebench has the other end.

use edgebench_kernels::digest::Digest;

use crate::semihosting::File;

/// Inputs of the network as its user sees them, behind a word of flags ([`DIGESTS`]).
pub const INPUTS: u32 = 1;
/// Nothing more comes.
pub const END: u32 = 2;
/// How pixels become inputs.
#[cfg(feature = "corrupt")]
pub const PIPELINE: u32 = 3;
/// An image to be corrupted, and shown to the network, behind flags and what to do.
#[cfg(feature = "corrupt")]
pub const IMAGE: u32 = 4;
/// The same, to be corrupted and sent back; the network does not see it.
#[cfg(feature = "corrupt")]
pub const CORRUPT: u32 = 5;
/// Flag of [`INPUTS`]: tell the digests of all layers too.
pub const DIGESTS: u32 = 1;
/// Who this is and what it takes.
pub const READY: u32 = 17;
/// Cycles (all ones: not counted), digests, outputs.
pub const ANSWER: u32 = 18;
/// What was used.
pub const DONE: u32 = 19;
/// An image's pixels, corrupted.
#[cfg(feature = "corrupt")]
pub const PIXELS: u32 = 20;
/// What was asked for cannot be done: a sentence.
pub const REFUSED: u32 = 31;

/// A frame that comes in: its payload is read piece by piece.
#[derive(Debug)]
pub struct Incoming {
    /// What it is.
    pub kind: u32,
    /// Bytes of payload that are left.
    pub left: u32,
    digest: Digest,
}

impl Incoming {
    /// The next frame; `None` at the end of the file.
    pub fn next(file: &mut File) -> Option<Self> {
        let mut head = [0; 8];
        if !file.read(&mut head) {
            return None;
        }
        let mut digest = Digest::new();
        digest.update(&head);
        let [a, b, c, d, rest @ ..] = head;
        Some(Self { kind: u32::from_le_bytes([a, b, c, d]), left: u32::from_le_bytes(rest), digest })
    }

    /// Fills `bytes` with what comes next; false if there is less.
    pub fn take(&mut self, file: &mut File, bytes: &mut [u8]) -> bool {
        if bytes.len() > self.left as usize || !file.read(bytes) {
            return false;
        }
        self.left -= bytes.len() as u32;
        self.digest.update(bytes);
        true
    }

    /// Whether the frame ends here and arrived whole.
    pub fn is_whole(&self, file: &mut File) -> bool {
        let mut expected = [0; 8];
        self.left == 0 && file.read(&mut expected) && u64::from_le_bytes(expected) == self.digest.finish()
    }
}

/// A frame on its way out.
#[derive(Debug)]
pub struct Outgoing<'a> {
    file: &'a mut File,
    digest: Digest,
    fits: bool,
}

impl<'a> Outgoing<'a> {
    /// Begins a frame with a payload of `len` bytes.
    pub fn new(file: &'a mut File, kind: u32, len: usize) -> Self {
        let mut frame = Self { file, digest: Digest::new(), fits: true };
        frame.put(&kind.to_le_bytes());
        frame.put(&(len as u32).to_le_bytes());
        frame
    }

    /// More of the payload.
    pub fn put(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.fits &= self.file.write(bytes);
    }

    /// More of the payload, of a `uint8` tensor as it lies in the arena.
    pub fn put_flipped(&mut self, codes: &[u8]) {
        for part in codes.chunks(64) {
            let mut seen = [0; 64];
            seen.iter_mut().zip(part).for_each(|(to, code)| *to = code ^ 0x80);
            self.put(&seen[..part.len()]);
        }
    }

    /// Ends it; false if there was no room.
    pub fn end(self) -> bool {
        let digest = self.digest.finish();
        self.fits && self.file.write(&digest.to_le_bytes())
    }
}
