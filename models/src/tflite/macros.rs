//! The schema's declarations: one line per table or enumeration gives the struct, the reader and the writer.

/// Declares tables. A field is `id name: Type`, then `= default` where the schema's default is not that of the type, then
/// `=> required` (a file without it is malformed) or `=> always` (written even if empty).
macro_rules! tables {
    (@value $table:ident $field:ident $id:literal $ty:ty, required $(, $default:expr)?) => {
        <$ty as Field>::read($table, $id)?
            .ok_or_else(|| $table.malformed(concat!("no field ", stringify!($field), ", which is required")))?
    };
    (@value $table:ident $field:ident $id:literal $ty:ty, $(always)? $(, $default:expr)?) => {
        <$ty as Field>::read($table, $id)?.unwrap_or_else(|| tables!(@default $ty $(, $default)?))
    };
    (@default $ty:ty) => { <$ty>::default() };
    (@default $ty:ty, $default:expr) => { $default };
    (@write $($flag:ident)?, $field:expr, $default:expr) => {
        tables!(@flag $($flag)?) || !$field.is(&$default)
    };
    (@flag) => { false };
    (@flag $flag:ident) => { true };
    ($($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[$fmeta:meta])* $id:literal $field:ident: $ty:ty $(= $default:expr)? $(=> $flag:ident)?),* $(,)?
    })*) => {
        #[allow(unused_imports)]
        use $crate::tflite::{
            field::{Element, Field, Record, read_records},
            reader::Table,
            writer::{Child, Slots, Writer},
        };
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, PartialEq)]
            $vis struct $name {
                $($(#[$fmeta])* $vis $field: $ty,)*
            }

            impl Default for $name {
                fn default() -> $name {
                    $name { $($field: tables!(@default $ty $(, $default)?),)* }
                }
            }

            impl Record for $name {
                #[allow(unused_variables)]
                fn read(table: &Table<'_>) -> Result<$name, $crate::Error> {
                    const KNOWN: &[u16] = &[$($id + <$ty as Field>::IDS - 1),*];
                    table.note_fields_beyond(KNOWN, stringify!($name))?;
                    Ok($name { $($field: tables!(@value table $field $id $ty, $($flag)? $(, $default)?),)* })
                }
            }

            impl Child for $name {
                fn emit(&self, w: &mut Writer) -> Result<usize, $crate::Error> {
                    #[allow(unused_variables)]
                    w.table(|slots: &mut Slots<'_>| {
                        $(if tables!(@write $($flag)?, self.$field, tables!(@default $ty $(, $default)?)) {
                            self.$field.collect($id, slots);
                        })*
                    })
                }
            }

            impl Element for $name {
                fn read_all(table: &Table<'_>, id: u16) -> Result<Option<Vec<$name>>, $crate::Error> {
                    read_records(table, id)
                }
                fn emit_all(items: &[$name], w: &mut Writer) -> Result<usize, $crate::Error> {
                    w.children(items)
                }
            }
        )*
    };
}

/// Declares unions of tables. A union takes two field ids: its declaration site names the first, which holds the type.
macro_rules! union {
    ($(#[$meta:meta])* pub enum $name:ident { $($code:literal $variant:ident: $ty:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Default)]
        #[allow(missing_docs)]
        pub enum $name {
            /// The file has none.
            #[default]
            None,
            $($variant($ty),)*
            /// A type that a newer schema has added. Its content is not kept, so it cannot be written.
            Unknown(u8),
        }

        impl $crate::tflite::field::Field for $name {
            const IDS: u16 = 2;

            fn read(table: &$crate::tflite::reader::Table<'_>, id: u16) -> Result<Option<$name>, $crate::Error> {
                let Some(code) = u8::read(table, id)? else { return Ok(None) };
                let Some(at) = table.child(id + 1)? else { return Ok(None) };
                let content = table.reader.table(at)?;
                Ok(Some(match code {
                    0 => $name::None,
                    $($code => $name::$variant(<$ty as $crate::tflite::field::Record>::read(&content)?),)*
                    code => $name::Unknown(code),
                }))
            }

            fn collect<'a>(&'a self, id: u16, slots: &mut $crate::tflite::writer::Slots<'a>) {
                let code: u8 = match self {
                    $name::None => 0,
                    $($name::$variant(_) => $code,)*
                    $name::Unknown(code) => *code,
                };
                slots.scalar(id, [code]);
                slots.offset(id + 1, self);
            }

            fn is(&self, default: &$name) -> bool {
                self == default
            }
        }

        impl $crate::tflite::writer::Child for $name {
            fn emit(&self, w: &mut $crate::tflite::writer::Writer) -> Result<usize, $crate::Error> {
                match self {
                    $($name::$variant(content) => content.emit(w),)*
                    $name::None => w.table(|_| {}),
                    $name::Unknown(code) => Err($crate::Error::UnsupportedFile {
                        what: format!(
                            concat!("writing ", stringify!($name), " of type {}, which this schema does not know,"),
                            code
                        ),
                    }),
                }
            }
        }
    };
}

/// Declares enumerations: numbers with names.
macro_rules! codes {
    ($($(#[$meta:meta])* pub struct $name:ident($repr:ty) { $($code:ident = $value:literal),* $(,)? })*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
            pub struct $name(pub $repr);

            #[allow(non_upper_case_globals)]
            impl $name {
                $(pub const $code: $name = $name($value);)*

                /// The name in the schema; `UNKNOWN` for a number that it does not list.
                #[must_use]
                pub const fn name(self) -> &'static str {
                    match self.0 {
                        $($value => stringify!($code),)*
                        _ => "UNKNOWN",
                    }
                }
            }

            impl std::fmt::Debug for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    std::fmt::Display::fmt(self, f)
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    match self.name() {
                        "UNKNOWN" => write!(f, "UNKNOWN({})", self.0),
                        name => f.pad(name),
                    }
                }
            }

            $crate::tflite::field::code_field!($name($repr));
        )*
    };
}

pub(super) use {codes, tables, union};
