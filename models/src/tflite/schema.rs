//! The tables of a model, apart from the options of its operators.

use super::bytes::Bytes;
use super::codes::{CustomOptionsFormat, DimensionType, TensorType};
use super::field::read_data;
use super::macros::{tables, union};
use super::options::{Options, Options2};
use crate::Error;

tables! {
    /// One network of the file.
    pub struct SubGraph {
        /// Activations and constants; operators refer to them by index.
        0 tensors: Vec<Tensor> => always,
        /// Tensor indices of the inputs.
        1 inputs: Vec<i32> => always,
        /// Tensor indices of the outputs.
        2 outputs: Vec<i32> => always,
        /// In execution order.
        3 operators: Vec<Operator> => required,
        /// For people.
        4 name: String,
        /// Index into debug metadata, −1 for none.
        5 debug_metadata_index: i32 = -1,
    }

    /// An activation or a constant.
    pub struct Tensor {
        /// Sizes, outermost first; 1 stands where a dimension is dynamic.
        0 shape: Vec<i32> => always,
        /// Element type.
        1 dtype: TensorType,
        /// Index into [`super::Model::buffers`]. The tensor is constant if that buffer is not empty. Buffers may be shared.
        2 buffer: u32,
        /// Not necessarily unique.
        3 name: String,
        /// How codes relate to real numbers.
        4 quantization: Option<Box<Quantization>>,
        /// Whether it keeps its value from one run to the next.
        5 is_variable: bool,
        /// How the buffer holds a sparse tensor.
        6 sparsity: Option<Box<Sparsity>>,
        /// The shape with −1 where a dimension is dynamic; empty if none is.
        7 shape_signature: Vec<i32>,
        /// Tells a scalar from a tensor of unknown rank.
        8 has_rank: bool,
        /// Element types of a `VARIANT`.
        9 variant_tensors: Vec<VariantSubType>,
        /// Data in another file; always 0, because such models are refused.
        10 external_buffer: u32,
    }

    /// `real = scale · (code − zero_point)`.
    pub struct Quantization {
        /// Smallest real value seen by the converter. Informative.
        0 min: Vec<f32>,
        /// Largest real value seen by the converter. Informative.
        1 max: Vec<f32>,
        /// One scale per tensor, or one per index of `quantized_dimension`.
        2 scale: Vec<f32>,
        /// As many zero points.
        3 zero_point: Vec<i64>,
        /// Another scheme, which replaces the fields above.
        4 details: QuantizationDetails,
        /// The dimension that the scales run along.
        6 quantized_dimension: i32,
    }

    /// A scheme known to its author.
    pub struct CustomQuantization {
        /// Its parameters.
        0 custom: Vec<u8>,
    }

    /// One scale per block.
    pub struct BlockwiseQuantization {
        /// Tensor index of the scales.
        0 scales: i32,
        /// Tensor index of the zero points, −1 for none.
        1 zero_points: i32,
        /// Elements per block.
        2 block_size: i32,
        /// Elements per block along each dimension.
        3 block_shape: Vec<i32>,
    }

    /// One scale per index of several dimensions.
    pub struct MultiAxisQuantization {
        /// Tensor index of the scales.
        0 scales: i32,
        /// Tensor index of the zero points, −1 for none.
        1 zero_points: i32,
        /// Elements per block, 0 for per channel.
        2 block_size: i32,
        /// The dimensions.
        3 quantized_dimensions: Vec<i32>,
    }

    /// How a sparse tensor is stored: dimensions in an order, each dense or compressed. See [`super::densify`].
    pub struct Sparsity {
        /// The tensor's dimensions, then the block's, as they are nested.
        0 traversal_order: Vec<i32>,
        /// For each dimension of the block, the dimension of the tensor that it divides.
        1 block_map: Vec<i32>,
        /// For each entry of `traversal_order`.
        2 dim_metadata: Vec<DimensionMetadata>,
    }

    /// How one dimension of a sparse tensor is stored.
    pub struct DimensionMetadata {
        /// Dense or compressed.
        0 format: DimensionType,
        /// Its size if it is dense.
        1 dense_size: i32,
        /// Where the indices of each entry of the enclosing dimension begin, and where the last ends.
        2 array_segments: IndexVector,
        /// Indices of what is stored.
        4 array_indices: IndexVector,
    }

    /// Indices of four bytes.
    pub struct Int32Vector {
        /// The indices.
        0 values: Vec<i32>,
    }

    /// Indices of two bytes.
    pub struct Uint16Vector {
        /// The indices.
        0 values: Vec<u16>,
    }

    /// Indices of one byte.
    pub struct Uint8Vector {
        /// The indices.
        0 values: Vec<u8>,
    }

    /// Element type of a `VARIANT`.
    pub struct VariantSubType {
        /// Sizes, outermost first.
        0 shape: Vec<i32>,
        /// Element type.
        1 dtype: TensorType,
        /// Whether the rank is known.
        2 has_rank: bool,
    }

    /// One operator.
    pub struct Operator {
        /// Index into [`super::Model::operator_codes`].
        0 opcode_index: u32,
        /// Tensor indices; −1 where an optional input is absent.
        1 inputs: Vec<i32> => required,
        /// Tensor indices.
        2 outputs: Vec<i32> => required,
        /// What a builtin operator is told.
        3 options: Options,
        /// What a custom operator is told.
        5 custom_options: Bytes,
        /// How.
        6 custom_options_format: CustomOptionsFormat,
        /// Which inputs are variables that the operator changes.
        7 mutating_variable_inputs: Vec<bool>,
        /// Tensor indices of values inside the operator.
        8 intermediates: Vec<i32>,
        /// What a builtin operator of the second union is told.
        11 options_2: Options2,
        /// Index into debug metadata, −1 for none.
        13 debug_metadata_index: i32 = -1,
    }

    /// Something about the model, under a name.
    pub struct Metadata {
        /// Its name.
        0 name: String => always,
        /// Index of the buffer that holds it.
        1 buffer: u32,
    }

    /// An entry point by name.
    pub struct SignatureDef {
        /// Named inputs.
        0 inputs: Vec<TensorMap> => always,
        /// Named outputs.
        1 outputs: Vec<TensorMap> => always,
        /// Its name, as in `serving_default`.
        2 signature_key: String => always,
        /// The subgraph it runs.
        4 subgraph_index: u32,
    }

    /// A tensor by name.
    pub struct TensorMap {
        /// The name.
        0 name: String => always,
        /// Its index in the subgraph.
        1 tensor_index: u32,
    }

    /// An operator's code as the file holds it: old readers know only the first field.
    pub(super) struct RawOperatorCode {
        0 deprecated_builtin_code: i8,
        1 custom_code: String,
        2 version: i32 = 1,
        3 builtin_code: i32,
    }

    /// The root table. External buffers (field 9) are refused before this is read.
    pub(super) struct Root {
        0 version: u32,
        1 operator_codes: Vec<RawOperatorCode> => required,
        2 subgraphs: Vec<SubGraph> => required,
        3 description: String,
        4 buffers: Vec<RawBuffer> => required,
        5 metadata_buffer: Vec<i32>,
        6 metadata: Vec<Metadata>,
        7 signature_defs: Vec<SignatureDef>,
    }
}

union! {
    /// Quantisation other than per tensor and per channel.
    pub enum QuantizationDetails {
        1 Custom: CustomQuantization, 2 Blockwise: BlockwiseQuantization, 3 MultiAxis: MultiAxisQuantization,
    }
}

union! {
    /// Indices, in the width that holds them.
    pub enum IndexVector {
        1 Int32: Int32Vector, 2 Uint16: Uint16Vector, 3 Uint8: Uint8Vector,
    }
}

impl IndexVector {
    /// Number of indices.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            IndexVector::Int32(v) => v.values.len(),
            IndexVector::Uint16(v) => v.values.len(),
            IndexVector::Uint8(v) => v.values.len(),
            IndexVector::None | IndexVector::Unknown(_) => 0,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Index `i`; `None` if there are not so many, or if it is negative.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<usize> {
        match self {
            IndexVector::Int32(v) => v.values.get(i).and_then(|&v| usize::try_from(v).ok()),
            IndexVector::Uint16(v) => v.values.get(i).map(|&v| usize::from(v)),
            IndexVector::Uint8(v) => v.values.get(i).map(|&v| usize::from(v)),
            IndexVector::None | IndexVector::Unknown(_) => None,
        }
    }
}

/// A buffer as the file holds it: within the FlatBuffer or, in a file beyond 2 GB, behind it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RawBuffer {
    pub(super) data: Bytes,
    /// Keep it within the FlatBuffer in any case: runtimes look for metadata only there.
    pub(super) inline: bool,
}

impl RawBuffer {
    const DATA: u16 = 0;
    const OUTSIDE: [u16; 2] = [1, 2];
}

impl Record for RawBuffer {
    fn read(table: &Table<'_>) -> Result<RawBuffer, Error> {
        table.note_fields_beyond(&[0, 1, 2], "Buffer")?;
        Ok(RawBuffer { data: read_data(table, RawBuffer::DATA, RawBuffer::OUTSIDE)?, inline: false })
    }
}

impl Child for RawBuffer {
    fn emit(&self, w: &mut Writer) -> Result<usize, Error> {
        w.table(|slots| match self.data.is_empty() {
            true => {}
            false if self.inline => slots.offset(RawBuffer::DATA, &self.data),
            false => slots.data(&self.data, RawBuffer::DATA, RawBuffer::OUTSIDE),
        })
    }
}

impl Element for RawBuffer {
    fn read_all(table: &Table<'_>, id: u16) -> Result<Option<Vec<RawBuffer>>, Error> {
        read_records(table, id)
    }
    fn emit_all(items: &[RawBuffer], w: &mut Writer) -> Result<usize, Error> {
        w.children(items)
    }
}
