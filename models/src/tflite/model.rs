//! The model, from bytes and to bytes.

use std::path::Path;

use super::bytes::Bytes;
use super::field::Record;
use super::operators::BuiltinOperator;
use super::reader::Reader;
use super::schema::{Metadata, Operator, RawBuffer, RawOperatorCode, Root, SignatureDef, SubGraph};
use super::verify::verify;
use super::writer::Writer;
use crate::Error;

const IDENTIFIER: &[u8; 4] = b"TFL3";

/// The only version of the schema that is in use.
const VERSION: u32 = 3;

/// Name and content of the metadata that announces data outside the FlatBuffer. It says how a file is laid out, not what the
/// model is, so it comes and goes with the layout.
const BUFFER_LOCATION: (&str, &[u8]) = ("buffer_location", b"outside flatbuffers");

/// Everything that a `.tflite` file says.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Model {
    /// The kinds of operators in use; [`Operator::opcode_index`] refers to them.
    pub operator_codes: Vec<OperatorCode>,
    /// The networks; the first is the one that runs.
    pub subgraphs: Vec<SubGraph>,
    /// For people.
    pub description: String,
    /// Data of constants and metadata. By convention the first is empty. Several tensors may share one.
    pub buffers: Vec<Bytes>,
    /// Indices of buffers with metadata, in the way of old files.
    pub metadata_buffer: Vec<i32>,
    /// Named metadata, kept whether known or not.
    pub metadata: Vec<Metadata>,
    /// Entry points by name.
    pub signature_defs: Vec<SignatureDef>,
    /// What the file holds and this schema does not know (the first few), such as `field 3 of GeluOptions`. Such a model can
    /// be read but not written, because that would lose it.
    pub unknown: Vec<String>,
}

/// A kind of operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorCode {
    /// Which; [`BuiltinOperator::CUSTOM`] for those with a name of their own.
    pub builtin_code: BuiltinOperator,
    /// Name of a custom operator, otherwise empty.
    pub custom_code: String,
    /// Version of the operator's definition, from 1.
    pub version: i32,
}

impl OperatorCode {
    /// A builtin operator.
    #[must_use]
    pub fn builtin(builtin_code: BuiltinOperator, version: i32) -> OperatorCode {
        OperatorCode { builtin_code, custom_code: String::new(), version }
    }

    /// Name in the schema; all custom operators are `CUSTOM`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.builtin_code.name()
    }

    /// Files hold the code twice since it outgrew a byte; the larger one counts.
    fn from_raw(raw: RawOperatorCode) -> OperatorCode {
        let code = raw.builtin_code.max(i32::from(raw.deprecated_builtin_code));
        OperatorCode { builtin_code: BuiltinOperator(code), custom_code: raw.custom_code, version: raw.version }
    }

    fn to_raw(&self) -> RawOperatorCode {
        let outgrown = BuiltinOperator::PLACEHOLDER_FOR_GREATER_OP_CODES.0;
        RawOperatorCode {
            deprecated_builtin_code: i8::try_from(self.builtin_code.0.min(outgrown)).unwrap_or(0),
            custom_code: self.custom_code.clone(),
            version: self.version,
            builtin_code: self.builtin_code.0,
        }
    }
}

/// How to lay out a file.
#[derive(Clone, Copy, Debug)]
pub struct WriteOptions {
    /// Constants and custom options of more bytes than this in total go behind the FlatBuffer, whose own offsets end at 2 GB.
    pub external_above: u64,
}

impl Default for WriteOptions {
    /// Leaves 64 MiB of the 2 GB to tables, alignment and metadata.
    fn default() -> WriteOptions {
        WriteOptions { external_above: (1 << 31) - (64 << 20) }
    }
}

impl Model {
    /// A model from the bytes of a file, which are copied once.
    ///
    /// # Errors
    /// [`Error::Malformed`] if they are not a FlatBuffer of this schema, [`Error::Limit`] if they are made to exhaust memory,
    /// [`Error::UnsupportedFile`] if data lies in other files, and what [`Model::check`] finds.
    pub fn read(bytes: &[u8]) -> Result<Model, Error> {
        Model::from_shared(Bytes::from(bytes))
    }

    /// A model from a file on disk.
    ///
    /// # Errors
    /// As [`Model::read`], and [`Error::File`].
    pub fn open(path: impl AsRef<Path>) -> Result<Model, Error> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        Model::from_shared(Bytes::from(bytes))
    }

    /// A model whose constants are ranges of `file`.
    ///
    /// # Errors
    /// As [`Model::read`].
    pub fn from_shared(file: Bytes) -> Result<Model, Error> {
        let reader = Reader::new(file);
        let table = reader.root(IDENTIFIER)?;
        if table.child(9)?.is_some() {
            let what = "a model with external buffers (constants in other files); embed them, it".to_owned();
            return Err(Error::UnsupportedFile { what });
        }
        let root = Root::read(&table)?;
        if root.version != VERSION {
            return Err(Error::UnsupportedFile {
                what: format!("schema version {} (only {VERSION} is)", root.version),
            });
        }
        let mut model = Model {
            operator_codes: root.operator_codes.into_iter().map(OperatorCode::from_raw).collect(),
            subgraphs: root.subgraphs,
            description: root.description,
            buffers: root.buffers.into_iter().map(|buffer| buffer.data).collect(),
            metadata_buffer: root.metadata_buffer,
            metadata: root.metadata,
            signature_defs: root.signature_defs,
            unknown: reader.into_unknown(),
        };
        model.metadata.retain(|entry| entry.name != BUFFER_LOCATION.0);
        model.check()?;
        Ok(model)
    }

    /// Checks what LiteRT's verifier checks, apart from whether every operator has a kernel: indices in range, operators in an
    /// order in which they can run, constants of exactly the length that their shape asks for, sparsity well-formed.
    ///
    /// # Errors
    /// Names the first operator, tensor or part that does not hold.
    pub fn check(&self) -> Result<(), Error> {
        verify(self)
    }

    /// The bytes of a file. The same model always gives the same bytes.
    ///
    /// # Errors
    /// What [`Model::check`] finds, and [`Error::UnsupportedFile`] if something would be lost ([`Model::unknown`]).
    pub fn write(&self) -> Result<Vec<u8>, Error> {
        self.write_with(WriteOptions::default())
    }

    /// As [`Model::write`], with a say in the layout.
    ///
    /// # Errors
    /// As [`Model::write`].
    pub fn write_with(&self, options: WriteOptions) -> Result<Vec<u8>, Error> {
        if let Some(first) = self.unknown.first() {
            let what = format!("writing a model with {first}, which this schema does not know and would lose,");
            return Err(Error::UnsupportedFile { what });
        }
        self.check()?;
        let operators = self.subgraphs.iter().flat_map(|graph| &graph.operators);
        let data = self.buffers.iter().chain(operators.map(|op| &op.custom_options));
        let outside = data.map(|data| data.len() as u64).sum::<u64>() > options.external_above;

        let mut root = Root {
            version: VERSION,
            operator_codes: self.operator_codes.iter().map(OperatorCode::to_raw).collect(),
            subgraphs: self.subgraphs.clone(),
            description: self.description.clone(),
            buffers: self.buffers.iter().map(|data| RawBuffer { data: data.clone(), inline: false }).collect(),
            metadata_buffer: self.metadata_buffer.clone(),
            metadata: self.metadata.clone(),
            signature_defs: self.signature_defs.clone(),
        };
        if outside {
            root.announce_outside();
        }
        Writer::new(outside).finish(IDENTIFIER, &root)
    }

    /// What `operator` is. Its `opcode_index` must be in range, as [`Model::check`] makes sure.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn code_of(&self, operator: &Operator) -> &OperatorCode {
        &self.operator_codes[operator.opcode_index as usize]
    }

    /// The buffer of the first metadata entry with this name.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<&Bytes> {
        let entry = self.metadata.iter().find(|entry| entry.name == name)?;
        self.buffers.get(entry.buffer as usize)
    }
}

impl Root {
    /// Says in the metadata that data lies outside, and keeps metadata itself within.
    fn announce_outside(&mut self) {
        let (name, content) = BUFFER_LOCATION;
        // Reading the file back leaves this buffer behind; writing again uses it.
        let buffer = self.buffers.iter().rposition(|buffer| buffer.data[..] == *content).unwrap_or_else(|| {
            self.buffers.push(RawBuffer { data: content.into(), inline: true });
            self.buffers.len() - 1
        });
        let buffer = u32::try_from(buffer).unwrap_or(u32::MAX);
        self.metadata.push(Metadata { name: name.to_owned(), buffer });
        for entry in &self.metadata {
            self.buffers[entry.buffer as usize].inline = true;
        }
    }
}
