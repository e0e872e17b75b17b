//! Options of all other builtin operators.
#![allow(missing_docs)]

use super::super::codes::{Activation, CombinerType, LshProjectionType, LstmKernelType, Padding, TensorType};
use super::super::macros::tables;

tables! {
    pub struct ConcatEmbeddingsOptions {
        0 num_channels: i32, 1 num_columns_per_channel: Vec<i32>, 2 embedding_dim_per_channel: Vec<i32>,
    }
    pub struct LshProjectionOptions { 0 kind: LshProjectionType }
    pub struct SvdfOptions { 0 rank: i32, 1 activation: Activation, 2 asymmetric_quantize_inputs: bool }
    pub struct RnnOptions { 0 activation: Activation, 1 asymmetric_quantize_inputs: bool }
    pub struct LocalResponseNormalizationOptions { 0 radius: i32, 1 bias: f32, 2 alpha: f32, 3 beta: f32 }
    pub struct LstmOptions {
        0 activation: Activation, 1 cell_clip: f32, 2 proj_clip: f32, 3 kernel_type: LstmKernelType,
        4 asymmetric_quantize_inputs: bool,
    }
    pub struct CallOptions { 0 subgraph: u32 }
    pub struct SkipGramOptions { 0 ngram_size: i32, 1 max_skip_size: i32, 2 include_all_ngrams: bool }
    pub struct EmbeddingLookupSparseOptions { 0 combiner: CombinerType }
    pub struct SequenceRnnOptions {
        0 time_major: bool, 1 activation: Activation, 2 asymmetric_quantize_inputs: bool,
    }
    pub struct TopKV2Options {}
    pub struct LessOptions {}
    pub struct GreaterOptions {}
    pub struct GreaterEqualOptions {}
    pub struct LessEqualOptions {}
    pub struct SelectOptions {}
    pub struct SparseToDenseOptions { 0 validate_indices: bool }
    pub struct EqualOptions {}
    pub struct NotEqualOptions {}
    pub struct PowOptions {}
    pub struct ArgMinOptions { 0 output_type: TensorType }
    pub struct FakeQuantOptions { 0 min: f32, 1 max: f32, 2 num_bits: i32, 3 narrow_range: bool }
    pub struct LogicalOrOptions {}
    pub struct OneHotOptions { 0 axis: i32 }
    pub struct LogicalAndOptions {}
    pub struct LogicalNotOptions {}
    pub struct FloorDivOptions {}
    pub struct SquareOptions {}
    pub struct ZerosLikeOptions {}
    pub struct BidirectionalSequenceLstmOptions {
        0 activation: Activation, 1 cell_clip: f32, 2 proj_clip: f32, 3 merge_outputs: bool,
        4 time_major: bool = true, 5 asymmetric_quantize_inputs: bool,
    }
    pub struct BidirectionalSequenceRnnOptions {
        0 time_major: bool, 1 activation: Activation, 2 merge_outputs: bool, 3 asymmetric_quantize_inputs: bool,
    }
    pub struct UnidirectionalSequenceLstmOptions {
        0 activation: Activation, 1 cell_clip: f32, 2 proj_clip: f32, 3 time_major: bool,
        4 asymmetric_quantize_inputs: bool, 5 diagonal_recurrent_tensors: bool,
    }
    pub struct FloorModOptions {}
    pub struct RangeOptions {}
    pub struct UniqueOptions { 0 idx_out_type: TensorType = TensorType(2) }
    pub struct ReverseV2Options {}
    pub struct AddNOptions {}
    pub struct GatherNdOptions {}
    pub struct CosOptions {}
    pub struct WhereOptions {}
    pub struct RankOptions {}
    pub struct ReverseSequenceOptions { 0 seq_dim: i32, 1 batch_dim: i32 }
    pub struct MatrixDiagOptions {}
    pub struct MatrixSetDiagOptions {}
    pub struct IfOptions { 0 then_subgraph_index: i32, 1 else_subgraph_index: i32 }
    pub struct WhileOptions { 0 cond_subgraph_index: i32, 1 body_subgraph_index: i32 }
    pub struct NonMaxSuppressionV4Options {}
    pub struct NonMaxSuppressionV5Options {}
    pub struct ScatterNdOptions {}
    pub struct SelectV2Options {}
    pub struct SegmentSumOptions {}
    pub struct CumsumOptions { 0 exclusive: bool, 1 reverse: bool }
    pub struct CallOnceOptions { 0 init_subgraph_index: i32 }
    pub struct Rfft2dOptions {}
    pub struct Conv3DOptions {
        0 padding: Padding, 1 stride_d: i32, 2 stride_w: i32, 3 stride_h: i32, 4 activation: Activation,
        5 dilation_d_factor: i32 = 1, 6 dilation_w_factor: i32 = 1, 7 dilation_h_factor: i32 = 1,
    }
    pub struct HashtableOptions { 0 table_id: i32, 1 key_dtype: TensorType, 2 value_dtype: TensorType }
    pub struct HashtableFindOptions {}
    pub struct HashtableImportOptions {}
    pub struct HashtableSizeOptions {}
    pub struct VarHandleOptions { 0 container: String, 1 shared_name: String }
    pub struct ReadVariableOptions {}
    pub struct AssignVariableOptions {}
    pub struct RandomOptions { 0 seed: i64, 1 seed2: i64 }
    pub struct BucketizeOptions { 0 boundaries: Vec<f32> }
    pub struct DynamicUpdateSliceOptions {}
    pub struct UnsortedSegmentProdOptions {}
    pub struct UnsortedSegmentMaxOptions {}
    pub struct UnsortedSegmentMinOptions {}
    pub struct UnsortedSegmentSumOptions {}
    pub struct Atan2Options {}
    pub struct SignOptions {}
    pub struct BitcastOptions {}
    pub struct BitwiseXorOptions {}
    pub struct RightShiftOptions {}
}
