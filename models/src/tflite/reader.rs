//! FlatBuffer tables out of hostile bytes: every offset, length and count is checked against the file before it is followed.
//!
//! Two things bound the work. The schema has no recursive table, so depth is that of the Rust types. And because a small file
//! may refer to one table a million times, everything that is materialised is charged to a budget of [`Reader::FACTOR`] times
//! the file's length (plus a megabyte); a file that exceeds it is refused.

use std::cell::{Cell, RefCell};

use super::bytes::Bytes;
use crate::Error;

/// Most notes kept of things that the reader saw but does not know.
const NOTES: usize = 16;

fn malformed(offset: usize, what: &'static str) -> Error {
    Error::Malformed { offset, what: what.to_owned() }
}

/// The file, and what may still be allocated for it.
pub(super) struct Reader {
    file: Bytes,
    limit: usize,
    left: Cell<usize>,
    unknown: RefCell<Vec<String>>,
}

/// A table of the file whose vtable and inline part lie within it.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) reader: &'a Reader,
    pos: usize,
    size: usize,
    vtable: usize,
    slots: u16,
}

impl Reader {
    /// Memory for the model's structs per byte of file. Constant data is not copied, and the smallest honest operator or
    /// tensor takes about a fifth of its struct in the file.
    const FACTOR: usize = 16;

    pub(super) fn new(file: Bytes) -> Reader {
        let limit = file.len().saturating_mul(Self::FACTOR).saturating_add(1 << 20);
        Reader { file, limit, left: Cell::new(limit), unknown: RefCell::default() }
    }

    /// The root table of a file that carries `identifier`.
    pub(super) fn root(&self, identifier: &[u8; 4]) -> Result<Table<'_>, Error> {
        if self.file.len() < 8 {
            return Err(malformed(0, "shorter than a file header (8 bytes)"));
        }
        if &self.file[4..8] != identifier {
            return Err(malformed(4, "not a .tflite file: no identifier TFL3"));
        }
        self.table(self.follow(0)?)
    }

    /// Refuses once more than the budget has been materialised.
    pub(super) fn charge(&self, bytes: usize) -> Result<(), Error> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(Error::Limit {
                what: "memory for the file's tables, in bytes,".to_owned(),
                limit: self.limit,
                got: (self.limit - self.left.get()).saturating_add(bytes),
            }),
        }
    }

    /// What was seen and is not known to this schema, so that a writer would lose it.
    pub(super) fn into_unknown(self) -> Vec<String> {
        self.unknown.into_inner()
    }

    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        let mut unknown = self.unknown.borrow_mut();
        if unknown.len() < NOTES {
            unknown.push(what());
        }
    }

    pub(super) fn array<const N: usize>(&self, at: usize) -> Result<[u8; N], Error> {
        self.file
            .get(at..)
            .and_then(|rest| rest.first_chunk::<N>())
            .copied()
            .ok_or(malformed(at, "the file ends within a value"))
    }

    fn u16(&self, at: usize) -> Result<u16, Error> {
        Ok(u16::from_le_bytes(self.array(at)?))
    }

    fn u32(&self, at: usize) -> Result<usize, Error> {
        Ok(u32::from_le_bytes(self.array(at)?) as usize)
    }

    /// The place that the offset at `at` refers to.
    pub(super) fn follow(&self, at: usize) -> Result<usize, Error> {
        match self.u32(at)? {
            0 => Err(malformed(at, "an offset of zero")),
            offset if offset < self.file.len().saturating_sub(at) => Ok(at + offset),
            _ => Err(malformed(at, "an offset past the end of the file")),
        }
    }

    /// The table at `pos`.
    pub(super) fn table(&self, pos: usize) -> Result<Table<'_>, Error> {
        let back = i32::from_le_bytes(self.array(pos)?);
        let vtable = i64::try_from(pos)
            .ok()
            .and_then(|pos| usize::try_from(pos - i64::from(back)).ok())
            .ok_or(malformed(pos, "a vtable before the start of the file"))?;
        let (bytes, size) = (self.u16(vtable)?, usize::from(self.u16(vtable + 2)?));
        if bytes < 4 || bytes % 2 != 0 || self.file.len() - vtable < usize::from(bytes) {
            return Err(malformed(vtable, "a vtable of impossible length"));
        }
        if size < 4 || self.file.len() - pos < size {
            return Err(malformed(vtable + 2, "a table of impossible length"));
        }
        Ok(Table { reader: self, pos, size, vtable, slots: (bytes - 4) / 2 })
    }

    /// Start and element count of the vector at `pos`, whose elements are `width` bytes in the file and `memory` bytes in a
    /// struct. After this call its bytes lie within the file, and the memory is accounted for.
    pub(super) fn vector(&self, pos: usize, width: usize, memory: usize) -> Result<(usize, usize), Error> {
        let count = self.u32(pos)?;
        let start = pos + 4;
        if count > (self.file.len() - start) / width {
            return Err(malformed(pos, "a vector longer than the file"));
        }
        self.charge(count.saturating_mul(memory))?;
        Ok((start, count))
    }

    /// `len` bytes from `start`, which [`Reader::vector`] has returned.
    pub(super) fn bytes(&self, start: usize, len: usize) -> &[u8] {
        &self.file[start..start + len]
    }

    /// The vector of bytes at `pos`, not copied.
    pub(super) fn blob(&self, pos: usize) -> Result<Bytes, Error> {
        let (start, len) = self.vector(pos, 1, 0)?;
        self.outside(start as u64, len as u64)
    }

    /// `size` bytes at `offset` from the start of the file, not copied.
    pub(super) fn outside(&self, offset: u64, size: u64) -> Result<Bytes, Error> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let len = usize::try_from(size).unwrap_or(usize::MAX);
        self.file.slice(start..start.saturating_add(len)).ok_or(malformed(start, "data outside the file"))
    }
}

impl<'a> Table<'a> {
    /// Where field `id`, of `width` bytes, is stored; `None` if the table leaves it out.
    pub(super) fn slot(&self, id: u16, width: usize) -> Result<Option<usize>, Error> {
        if id >= self.slots {
            return Ok(None);
        }
        let offset = usize::from(self.reader.u16(self.vtable + 4 + 2 * usize::from(id))?);
        match offset {
            0 => Ok(None),
            4.. if offset + width <= self.size => Ok(Some(self.pos + offset)),
            _ => Err(malformed(self.pos, "a field outside its table")),
        }
    }

    /// What the offset in field `id` refers to.
    pub(super) fn child(&self, id: u16) -> Result<Option<usize>, Error> {
        self.slot(id, 4)?.map(|at| self.reader.follow(at)).transpose()
    }

    /// Takes note of fields after the last of `known` (ascending), which come from a newer schema. Some known fields take
    /// more ids than one: unions two, data that may lie outside the FlatBuffer two more within the known range.
    pub(super) fn note_fields_beyond(&self, known: &[u16], table: &'static str) -> Result<(), Error> {
        let first = known.last().map_or(0, |last| last + 1);
        for id in first..self.slots {
            if self.slot(id, 0)?.is_some() {
                self.reader.note(|| format!("field {id} of {table}"));
            }
        }
        Ok(())
    }

    /// An error about this table.
    pub(super) fn malformed(&self, what: &'static str) -> Error {
        malformed(self.pos, what)
    }
}
