//! Bytes that are shared, never copied: a range of the file that was read, or bytes of our own making.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::memory::Zeroed;

/// An immutable run of bytes. Cloning shares them; ranges of one file keep the whole file alive.
#[derive(Clone)]
pub struct Bytes {
    all: Arc<dyn AsRef<[u8]> + Send + Sync>,
    range: Range<usize>,
}

impl Bytes {
    /// `range` of these bytes, or `None` if it does not lie within.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Option<Bytes> {
        self.get(range.clone())?;
        let start = self.range.start;
        Some(Bytes { all: Arc::clone(&self.all), range: start + range.start..start + range.end })
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &(*self.all).as_ref()[self.range.clone()]
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Default for Bytes {
    fn default() -> Bytes {
        Bytes::from(Vec::new())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        let range = 0..bytes.len();
        Bytes { all: Arc::new(bytes), range }
    }
}

impl From<Zeroed> for Bytes {
    fn from(memory: Zeroed) -> Bytes {
        let range = 0..memory.bytes().len();
        Bytes { all: Arc::new(memory), range }
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Bytes {
        Bytes::from(bytes.to_vec())
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Bytes) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Bytes {}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.len())
    }
}
