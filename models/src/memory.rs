//! Memory that begins as zeros: files, constants and arenas of megabytes.
//!
//! The system hands out memory in pages of 4 KiB, each at a fault of about a microsecond: for a network of 25 MB, held once as
//! a file and once packed, more than its first inference takes. Large memory is therefore mapped and huge pages (2 MiB) are
//! asked for; they also save the kernels the misses of the address cache. Where the system has none, nothing is lost.

use std::{fmt, io};

use edgebench_kernels::Block;
use memmap2::MmapMut;

/// The size of a huge page, from which on memory is mapped.
const HUGE: usize = 2 << 20;

/// Bytes at a 64-byte boundary, all zero at first.
pub struct Zeroed(Store);

enum Store {
    Blocks(Vec<Block>),
    /// A mapping, and how many bytes of it count.
    Map(MmapMut, usize),
}

impl Zeroed {
    /// `len` bytes, rounded up to a multiple of [`Block::SIZE`].
    ///
    /// # Panics
    /// If there is not so much memory.
    #[must_use]
    pub fn new(len: usize) -> Zeroed {
        Zeroed::try_new(len).unwrap_or_else(|error| panic!("{len} bytes of memory: {error}"))
    }

    /// As [`Zeroed::new`], for a length that a stranger chose.
    ///
    /// # Errors
    /// If there is not so much memory.
    pub fn try_new(len: usize) -> io::Result<Zeroed> {
        let count = Block::count(len);
        if len < HUGE {
            return Ok(Zeroed(Store::Blocks(vec![Block::ZERO; count])));
        }
        // Linux puts whole huge pages where one can begin. What is never touched takes no memory.
        let map = MmapMut::map_anon(len.next_multiple_of(HUGE))?;
        #[cfg(target_os = "linux")]
        // A kernel without huge pages refuses, and gives small ones.
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Zeroed(Store::Map(map, count * Block::SIZE)))
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Store::Blocks(blocks) => Block::bytes(blocks),
            Store::Map(map, len) => &map[..*len],
        }
    }

    /// The bytes, to be written.
    #[must_use]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Store::Blocks(blocks) => Block::bytes_mut(blocks),
            Store::Map(map, len) => &mut map[..*len],
        }
    }
}

impl AsRef<[u8]> for Zeroed {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

impl Default for Zeroed {
    fn default() -> Zeroed {
        Zeroed::new(0)
    }
}

impl Clone for Zeroed {
    fn clone(&self) -> Zeroed {
        let mut copy = Zeroed::new(self.bytes().len());
        copy.bytes_mut().copy_from_slice(self.bytes());
        copy
    }
}

impl fmt::Debug for Zeroed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.bytes().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_any_size_is_zero_and_aligned() {
        for len in [0, 1, 64, 1000, HUGE - 1, HUGE, 3 * HUGE + 1] {
            let mut memory = Zeroed::new(len);
            assert_eq!(memory.bytes().len(), len.next_multiple_of(Block::SIZE));
            assert!(memory.bytes().as_ptr().cast::<Block>().is_aligned());
            assert!(memory.bytes().iter().all(|&b| b == 0));
            memory.bytes_mut().fill(7);
            assert_eq!(memory.clone().bytes(), memory.bytes());
        }
    }
}
