//! How each type of field is read from a table and added to one.

use super::bytes::Bytes;
use super::reader::Table;
use super::writer::{Child, Slots, Writer};
use crate::Error;

/// Largest share of a string that lossy decoding may add: one bad byte becomes three.
const LOSSY: usize = 3;

/// A type that a table's field can have.
pub(super) trait Field: Sized {
    /// Consecutive field ids that it takes.
    const IDS: u16 = 1;
    /// The field's value, `None` if the table leaves it out.
    fn read(table: &Table<'_>, id: u16) -> Result<Option<Self>, Error>;
    /// Adds the field to a table that is being written.
    fn collect<'a>(&'a self, id: u16, slots: &mut Slots<'a>);
    /// Whether this is the default, bit for bit, so that the field can be left out.
    fn is(&self, default: &Self) -> bool;
}

/// A table.
pub(super) trait Record: Sized {
    fn read(table: &Table<'_>) -> Result<Self, Error>;
}

/// What a vector can hold.
pub(super) trait Element: Sized {
    fn read_all(table: &Table<'_>, id: u16) -> Result<Option<Vec<Self>>, Error>;
    fn emit_all(items: &[Self], w: &mut Writer) -> Result<usize, Error>;
}

macro_rules! scalar {
    ($($ty:ty),*) => {$(
        impl Field for $ty {
            fn read(table: &Table<'_>, id: u16) -> Result<Option<$ty>, Error> {
                let Some(at) = table.slot(id, size_of::<$ty>())? else { return Ok(None) };
                Ok(Some(<$ty>::from_le_bytes(table.reader.array(at)?)))
            }
            fn collect<'a>(&'a self, id: u16, slots: &mut Slots<'a>) {
                slots.scalar(id, self.to_le_bytes());
            }
            fn is(&self, default: &$ty) -> bool {
                self.to_le_bytes() == default.to_le_bytes()
            }
        }

        impl Element for $ty {
            fn read_all(table: &Table<'_>, id: u16) -> Result<Option<Vec<$ty>>, Error> {
                const WIDTH: usize = size_of::<$ty>();
                let Some(at) = table.child(id)? else { return Ok(None) };
                let (start, count) = table.reader.vector(at, WIDTH, WIDTH)?;
                let (chunks, _) = table.reader.bytes(start, count * WIDTH).as_chunks::<WIDTH>();
                Ok(Some(chunks.iter().map(|chunk| <$ty>::from_le_bytes(*chunk)).collect()))
            }
            fn emit_all(items: &[$ty], w: &mut Writer) -> Result<usize, Error> {
                // Vectors of bytes may be opaque content that its reader wants aligned.
                let align = if size_of::<$ty>() == 1 { 16 } else { size_of::<$ty>() };
                w.vector(items.len(), align, |out| items.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes())))
            }
        }
    )*};
}

scalar!(u8, i8, u16, i32, u32, i64, u64, f32);

/// `Field` for an enumeration.
macro_rules! code_field {
    ($name:ident($repr:ty)) => {
        impl $crate::tflite::field::Field for $name {
            fn read(table: &$crate::tflite::reader::Table<'_>, id: u16) -> Result<Option<$name>, $crate::Error> {
                Ok(<$repr>::read(table, id)?.map($name))
            }
            fn collect<'a>(&'a self, id: u16, slots: &mut $crate::tflite::writer::Slots<'a>) {
                slots.scalar(id, self.0.to_le_bytes());
            }
            fn is(&self, default: &$name) -> bool {
                self == default
            }
        }
    };
}
pub(super) use code_field;

impl Field for bool {
    fn read(table: &Table<'_>, id: u16) -> Result<Option<bool>, Error> {
        Ok(u8::read(table, id)?.map(|byte| byte != 0))
    }
    fn collect<'a>(&'a self, id: u16, slots: &mut Slots<'a>) {
        slots.scalar(id, [u8::from(*self)]);
    }
    fn is(&self, default: &bool) -> bool {
        self == default
    }
}

impl Element for bool {
    fn read_all(table: &Table<'_>, id: u16) -> Result<Option<Vec<bool>>, Error> {
        Ok(u8::read_all(table, id)?.map(|bytes| bytes.iter().map(|byte| *byte != 0).collect()))
    }
    fn emit_all(items: &[bool], w: &mut Writer) -> Result<usize, Error> {
        w.vector(items.len(), 1, |out| out.extend(items.iter().map(|v| u8::from(*v))))
    }
}

impl<T: Element> Field for Vec<T> {
    fn read(table: &Table<'_>, id: u16) -> Result<Option<Vec<T>>, Error> {
        T::read_all(table, id)
    }
    fn collect<'a>(&'a self, id: u16, slots: &mut Slots<'a>) {
        slots.offset(id, self);
    }
    fn is(&self, default: &Vec<T>) -> bool {
        self.is_empty() && default.is_empty()
    }
}

impl<T: Element> Child for Vec<T> {
    fn emit(&self, w: &mut Writer) -> Result<usize, Error> {
        T::emit_all(self, w)
    }
}

impl Field for String {
    /// Bytes that are not UTF-8 are replaced.
    fn read(table: &Table<'_>, id: u16) -> Result<Option<String>, Error> {
        let Some(at) = table.child(id)? else { return Ok(None) };
        let (start, len) = table.reader.vector(at, 1, LOSSY)?;
        if table.reader.array(start + len)? != [0] {
            return Err(table.malformed("a string without its terminating zero"));
        }
        Ok(Some(String::from_utf8_lossy(table.reader.bytes(start, len)).into_owned()))
    }
    fn collect<'a>(&'a self, id: u16, slots: &mut Slots<'a>) {
        slots.offset(id, self);
    }
    fn is(&self, default: &String) -> bool {
        self == default
    }
}

impl Child for String {
    fn emit(&self, w: &mut Writer) -> Result<usize, Error> {
        w.string(self)
    }
}

impl<T: Record + Child> Field for Option<Box<T>> {
    fn read(table: &Table<'_>, id: u16) -> Result<Option<Self>, Error> {
        let Some(at) = table.child(id)? else { return Ok(None) };
        Ok(Some(Some(<Box<T>>::read(&table.reader.table(at)?)?)))
    }
    fn collect<'a>(&'a self, id: u16, slots: &mut Slots<'a>) {
        if let Some(content) = self {
            slots.offset(id, &**content);
        }
    }
    fn is(&self, default: &Self) -> bool {
        self.is_none() && default.is_none()
    }
}

impl<T: Record> Record for Box<T> {
    fn read(table: &Table<'_>) -> Result<Box<T>, Error> {
        table.reader.charge(size_of::<T>())?;
        T::read(table).map(Box::new)
    }
}

/// A vector of tables.
pub(super) fn read_records<T: Record>(table: &Table<'_>, id: u16) -> Result<Option<Vec<T>>, Error> {
    let Some(at) = table.child(id)? else { return Ok(None) };
    let reader = table.reader;
    let (start, count) = reader.vector(at, 4, size_of::<T>())?;
    (0..count).map(|i| T::read(&reader.table(reader.follow(start + 4 * i)?)?)).collect::<Result<_, _>>().map(Some)
}

/// Bytes in field `id` or, for files beyond 2 GB, at the file position and of the length in the two fields `outside`.
pub(super) fn read_data(table: &Table<'_>, id: u16, outside: [u16; 2]) -> Result<Bytes, Error> {
    if let Some(at) = table.child(id)? {
        let data = table.reader.blob(at)?;
        if !data.is_empty() {
            return Ok(data);
        }
    }
    // Offsets 0 and 1 mean that there is nothing: the converter writes 1 before it knows better.
    match u64::read(table, outside[0])? {
        None | Some(0 | 1) => Ok(Bytes::default()),
        Some(offset) => table.reader.outside(offset, u64::read(table, outside[1])?.unwrap_or(0)),
    }
}

/// Field ids of the file position and length of custom options that lie outside the FlatBuffer.
const LARGE_CUSTOM_OPTIONS: [u16; 2] = [9, 10];

/// The custom options of an operator.
impl Field for Bytes {
    fn read(table: &Table<'_>, id: u16) -> Result<Option<Bytes>, Error> {
        read_data(table, id, LARGE_CUSTOM_OPTIONS).map(Some)
    }
    fn collect<'a>(&'a self, id: u16, slots: &mut Slots<'a>) {
        slots.data(self, id, LARGE_CUSTOM_OPTIONS);
    }
    fn is(&self, default: &Bytes) -> bool {
        self == default
    }
}

impl Child for Bytes {
    fn emit(&self, w: &mut Writer) -> Result<usize, Error> {
        w.data(self)
    }
}
