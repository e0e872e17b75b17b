//! FlatBuffers written front to back: a table, then what it refers to, so that every offset points forward.
//!
//! The same model always gives the same bytes: children follow in the order of field ids, equal vtables are shared, fields
//! that hold their default are left out, and everything is aligned from the start of the file.

use std::collections::HashMap;

use super::bytes::Bytes;
use crate::Error;

/// Largest file whose every byte an offset of the format can reach.
const MAX_INLINE: usize = (1 << 31) - 1;

/// Alignment of constant data in the file.
const DATA_ALIGN: usize = 16;

/// What can be written behind an offset.
pub(super) trait Child {
    /// Appends it; its position in the file.
    fn emit(&self, w: &mut Writer) -> Result<usize, Error>;
}

/// One field of a table.
enum Slot<'a> {
    /// The little-endian bytes of a scalar; the first `width` count.
    Inline { bytes: [u8; 8], width: usize },
    /// An offset to this.
    Offset(&'a dyn Child),
    /// The position (`size` false) or length (`size` true) of data that lies behind the FlatBuffer.
    Outside { data: &'a Bytes, size: bool },
}

impl Slot<'_> {
    fn width(&self) -> usize {
        match self {
            Slot::Inline { width, .. } => *width,
            Slot::Offset(_) => 4,
            Slot::Outside { .. } => 8,
        }
    }
}

/// The fields of one table that are to be written, by id.
pub(super) struct Slots<'a> {
    /// Whether constant data goes behind the FlatBuffer.
    outside: bool,
    /// Id and content.
    list: Vec<(u16, Slot<'a>)>,
}

impl<'a> Slots<'a> {
    /// A scalar in its little-endian bytes.
    pub(super) fn scalar<const N: usize>(&mut self, id: u16, value: [u8; N]) {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(&value);
        self.list.push((id, Slot::Inline { bytes, width: N }));
    }

    /// Something behind an offset.
    pub(super) fn offset(&mut self, id: u16, child: &'a dyn Child) {
        self.list.push((id, Slot::Offset(child)));
    }

    /// Data in field `id`, or behind the FlatBuffer with its file position and length in the fields `outside`.
    pub(super) fn data(&mut self, data: &'a Bytes, id: u16, outside: [u16; 2]) {
        if self.outside {
            self.list.push((outside[0], Slot::Outside { data, size: false }));
            self.list.push((outside[1], Slot::Outside { data, size: true }));
        } else {
            self.offset(id, data);
        }
    }
}

/// A file in the making.
pub(super) struct Writer {
    out: Vec<u8>,
    vtables: HashMap<Vec<u8>, usize>,
    outside: bool,
    later: Vec<(usize, Bytes)>,
}

impl Writer {
    pub(super) fn new(outside: bool) -> Writer {
        Writer { out: Vec::new(), vtables: HashMap::new(), outside, later: Vec::new() }
    }

    /// The whole file: header, `root` and all it refers to, data that lies outside.
    pub(super) fn finish(mut self, identifier: &[u8; 4], root: &dyn Child) -> Result<Vec<u8>, Error> {
        self.out.extend_from_slice(&[0; 4]);
        self.out.extend_from_slice(identifier);
        let at = root.emit(&mut self)?;
        self.patch(0, at)?;
        if self.outside {
            for (slot, data) in std::mem::take(&mut self.later) {
                self.align(DATA_ALIGN, 0);
                let at = self.out.len() as u64;
                self.out[slot..slot + 8].copy_from_slice(&at.to_le_bytes());
                self.out.extend_from_slice(&data);
            }
            self.align(DATA_ALIGN, 0);
            self.out.extend_from_slice(&[0; DATA_ALIGN]);
        }
        Ok(self.out)
    }

    /// Pads so that the byte `ahead` bytes from here is aligned.
    fn align(&mut self, align: usize, ahead: usize) {
        let len = (self.out.len() + ahead).next_multiple_of(align) - ahead;
        self.out.resize(len, 0);
    }

    /// Makes the offset at `slot` refer to `target`.
    fn patch(&mut self, slot: usize, target: usize) -> Result<(), Error> {
        if target > MAX_INLINE {
            return Err(Error::Limit {
                what: "the FlatBuffer's size in bytes".to_owned(),
                limit: MAX_INLINE,
                got: target,
            });
        }
        let offset = u32::try_from(target - slot).expect("below MAX_INLINE");
        self.out[slot..slot + 4].copy_from_slice(&offset.to_le_bytes());
        Ok(())
    }

    /// A table whose fields `collect` adds, then all its children.
    pub(super) fn table<'a>(&mut self, collect: impl FnOnce(&mut Slots<'a>)) -> Result<usize, Error> {
        let mut slots = Slots { outside: self.outside, list: Vec::new() };
        collect(&mut slots);
        self.place(slots.list)
    }

    /// A table of these fields, then all its children. Apart from `table`, of which there is one for each table of the schema: sorting
    /// alone would be a megabyte of code.
    fn place(&mut self, mut list: Vec<(u16, Slot<'_>)>) -> Result<usize, Error> {
        list.sort_by_key(|(id, _)| *id);

        // Wide fields first, so that none needs padding but the first of eight bytes.
        let mut order: Vec<usize> = (0..list.len()).collect();
        order.sort_by_key(|&i| (std::cmp::Reverse(list[i].1.width()), i));
        let mut places = vec![0; list.len()];
        let mut size: usize = 4;
        for i in order {
            let width = list[i].1.width();
            places[i] = size.next_multiple_of(width);
            size = places[i] + width;
        }

        let count = list.last().map_or(0, |(id, _)| usize::from(*id) + 1);
        let mut vtable = vec![0; 4 + 2 * count];
        let word = |value: usize| u16::try_from(value).expect("a table has few fields").to_le_bytes();
        vtable[..2].copy_from_slice(&word(4 + 2 * count));
        vtable[2..4].copy_from_slice(&word(size));
        for ((id, _), place) in list.iter().zip(&places) {
            let at = 4 + 2 * usize::from(*id);
            vtable[at..at + 2].copy_from_slice(&word(*place));
        }
        let vtable = self.vtable(vtable);

        self.align(if list.iter().any(|(_, slot)| slot.width() == 8) { 8 } else { 4 }, 0);
        let pos = self.out.len();
        self.out.resize(pos + size, 0);
        let back = i32::try_from(pos - vtable).map_err(|_| Error::Limit {
            what: "the FlatBuffer's size in bytes".to_owned(),
            limit: MAX_INLINE,
            got: pos,
        })?;
        self.out[pos..pos + 4].copy_from_slice(&back.to_le_bytes());
        for ((_, slot), place) in list.iter().zip(&places) {
            let at = pos + place;
            match slot {
                Slot::Inline { bytes, width } => self.out[at..at + width].copy_from_slice(&bytes[..*width]),
                Slot::Offset(child) => {
                    let target = child.emit(self)?;
                    self.patch(at, target)?;
                }
                Slot::Outside { data, size: true } => {
                    self.out[at..at + 8].copy_from_slice(&(data.len() as u64).to_le_bytes());
                }
                Slot::Outside { data, size: false } => self.later.push((at, (*data).clone())),
            }
        }
        Ok(pos)
    }

    /// Position of this vtable, written only if no equal one has been.
    fn vtable(&mut self, vtable: Vec<u8>) -> usize {
        if let Some(&at) = self.vtables.get(&vtable) {
            return at;
        }
        self.align(2, 0);
        let at = self.out.len();
        self.out.extend_from_slice(&vtable);
        self.vtables.insert(vtable, at);
        at
    }

    /// A vector of `count` elements whose bytes `fill` appends.
    pub(super) fn vector(
        &mut self,
        count: usize,
        align: usize,
        fill: impl FnOnce(&mut Vec<u8>),
    ) -> Result<usize, Error> {
        self.align(align.max(4), 4);
        let pos = self.out.len();
        let count = u32::try_from(count).map_err(|_| Error::Limit {
            what: "a vector's length".to_owned(),
            limit: u32::MAX as usize,
            got: count,
        })?;
        self.out.extend_from_slice(&count.to_le_bytes());
        fill(&mut self.out);
        Ok(pos)
    }

    /// A vector of bytes with the alignment of constant data.
    pub(super) fn data(&mut self, data: &[u8]) -> Result<usize, Error> {
        if data.len() > MAX_INLINE - self.out.len().min(MAX_INLINE) {
            let got = self.out.len().saturating_add(data.len());
            return Err(Error::Limit { what: "the FlatBuffer's size in bytes".to_owned(), limit: MAX_INLINE, got });
        }
        self.vector(data.len(), DATA_ALIGN, |out| out.extend_from_slice(data))
    }

    /// A string with its terminating zero.
    pub(super) fn string(&mut self, text: &str) -> Result<usize, Error> {
        self.vector(text.len(), 4, |out| {
            out.extend_from_slice(text.as_bytes());
            out.push(0);
        })
    }

    /// A vector of offsets, then what they refer to.
    pub(super) fn children<'a, C: Child + 'a>(&mut self, items: &'a [C]) -> Result<usize, Error> {
        let pos = self.vector(items.len(), 4, |out| out.resize(out.len() + 4 * items.len(), 0))?;
        for (i, item) in items.iter().enumerate() {
            let target = item.emit(self)?;
            self.patch(pos + 4 + 4 * i, target)?;
        }
        Ok(pos)
    }
}
