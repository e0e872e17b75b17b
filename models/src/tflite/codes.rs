//! The schema's enumerations, as numbers with names: a value that a newer schema has added survives reading and writing.
#![allow(missing_docs)]

use super::macros::codes;

codes! {
    /// Element type of a tensor.
    pub struct TensorType(i8) {
        FLOAT32 = 0, FLOAT16 = 1, INT32 = 2, UINT8 = 3, INT64 = 4, STRING = 5, BOOL = 6, INT16 = 7,
        COMPLEX64 = 8, INT8 = 9, FLOAT64 = 10, COMPLEX128 = 11, UINT64 = 12, RESOURCE = 13, VARIANT = 14,
        UINT32 = 15, UINT16 = 16, INT4 = 17, BFLOAT16 = 18, INT2 = 19, UINT4 = 20, FLOAT8_E4M3FN = 21,
        FLOAT8_E5M2 = 22,
    }

    /// Spatial padding.
    pub struct Padding(i8) {
        SAME = 0, VALID = 1,
    }

    /// Activation fused into an operator.
    pub struct Activation(i8) {
        NONE = 0, RELU = 1, RELU_N1_TO_1 = 2, RELU6 = 3, TANH = 4, SIGN_BIT = 5,
    }

    /// Order of the weights of FULLY_CONNECTED.
    pub struct WeightsFormat(i8) {
        DEFAULT = 0, SHUFFLED4x16INT8 = 1,
    }

    /// Whether MIRROR_PAD leaves out the border (reflect) or repeats it (symmetric).
    pub struct MirrorPadMode(i8) {
        REFLECT = 0, SYMMETRIC = 1,
    }

    /// How one dimension of a sparse tensor is stored.
    pub struct DimensionType(i8) {
        DENSE = 0, SPARSE_CSR = 1,
    }

    /// Encoding of custom options.
    pub struct CustomOptionsFormat(i8) {
        FLEXBUFFERS = 0,
    }

    /// Kind of LSH_PROJECTION.
    pub struct LshProjectionType(i8) {
        UNKNOWN = 0, SPARSE = 1, DENSE = 2,
    }

    /// Kind of LSTM.
    pub struct LstmKernelType(i8) {
        FULL = 0, BASIC = 1,
    }

    /// Combiner of EMBEDDING_LOOKUP_SPARSE.
    pub struct CombinerType(i8) {
        SUM = 0, MEAN = 1, SQRTN = 2,
    }
}

impl TensorType {
    /// Bytes of `elements` elements in a buffer; types below a byte share bytes. `None` for types without values of a fixed
    /// size and for unknown ones.
    #[must_use]
    pub const fn bytes(self, elements: usize) -> Option<usize> {
        let size = match self {
            TensorType::INT4 | TensorType::UINT4 => return Some(elements.div_ceil(2)),
            TensorType::INT2 => return Some(elements.div_ceil(4)),
            TensorType::BOOL | TensorType::INT8 | TensorType::UINT8 => 1,
            TensorType::FLOAT8_E4M3FN | TensorType::FLOAT8_E5M2 => 1,
            TensorType::FLOAT16 | TensorType::BFLOAT16 | TensorType::INT16 | TensorType::UINT16 => 2,
            TensorType::FLOAT32 | TensorType::INT32 | TensorType::UINT32 => 4,
            TensorType::FLOAT64 | TensorType::INT64 | TensorType::UINT64 | TensorType::COMPLEX64 => 8,
            TensorType::COMPLEX128 => 16,
            _ => return None,
        };
        elements.checked_mul(size)
    }
}
