//! Options of the operators that came after the first union was full: StableHLO and a few others.
#![allow(missing_docs)]

use super::super::codes::CustomOptionsFormat;
use super::super::macros::tables;

tables! {
    pub struct StablehloConcatenateOptions { 0 dimension: i64 }
    pub struct StablehloBroadcastInDimOptions { 0 broadcast_dimensions: Vec<i64> => always }
    pub struct StablehloSliceOptions {
        0 start_indices: Vec<i64> => always, 1 limit_indices: Vec<i64> => always, 2 strides: Vec<i64> => always,
    }
    pub struct StablehloConvolutionOptions {
        0 window_strides: Vec<i64> => always, 1 padding: Vec<i64> => always, 2 lhs_dilation: Vec<i64> => always,
        3 rhs_dilation: Vec<i64> => always, 4 window_reversal: Vec<bool> => always,
        5 input_batch_dimension: i64, 6 input_feature_dimension: i64,
        7 input_spatial_dimensions: Vec<i64> => always, 8 kernel_input_feature_dimension: i64,
        9 kernel_output_feature_dimension: i64, 10 kernel_spatial_dimensions: Vec<i64> => always,
        11 output_batch_dimension: i64, 12 output_feature_dimension: i64,
        13 output_spatial_dimensions: Vec<i64> => always, 14 feature_group_count: i64,
        15 batch_group_count: i64, 16 precision_config: Vec<u32> => always,
    }
    pub struct StablehloCustomCallOptions {
        0 call_target_name: String, 1 has_side_effect: bool, 2 backend_config: String, 3 api_version: i32,
        4 called_computations: Vec<i32> => always, 5 custom_attributes: Vec<u8> => always,
    }
    pub struct StablehloReduceOptions { 0 dimensions: Vec<i64> => always, 1 body_subgraph_index: i32 }
    pub struct StablehloScatterOptions {
        0 indices_are_sorted: bool, 1 update_window_dims: Vec<i64> => always,
        2 inserted_window_dims: Vec<i64> => always, 3 scatter_dims_to_operand_dims: Vec<i64> => always,
        4 index_vector_dim: i64, 5 unique_indices: bool, 6 update_computation_subgraph_index: i32,
    }
    pub struct StablehloCompareOptions { 0 comparison_direction: u32, 1 compare_type: u32 }
    pub struct StablehloDynamicSliceOptions { 0 slice_sizes: Vec<i64> => always }
    pub struct StablehloPadOptions {
        0 edge_padding_low: Vec<i64> => always, 1 edge_padding_high: Vec<i64> => always,
        2 interior_padding: Vec<i64> => always,
    }
    pub struct StablehloIotaOptions { 0 iota_dimension: i64 }
    pub struct StablehloDotGeneralOptions {
        0 lhs_batching_dimensions: Vec<i64> => always, 1 rhs_batching_dimensions: Vec<i64> => always,
        2 lhs_contracting_dimensions: Vec<i64> => always, 3 rhs_contracting_dimensions: Vec<i64> => always,
        4 precision_config: Vec<u32> => always,
    }
    pub struct StablehloReduceWindowOptions {
        0 window_dimensions: Vec<i64> => always, 1 window_strides: Vec<i64> => always,
        2 base_dilations: Vec<i64> => always, 3 window_dilations: Vec<i64> => always,
        4 padding: Vec<i64> => always, 5 body_subgraph_index: i32,
    }
    pub struct StablehloSortOptions { 0 dimension: i64, 1 is_stable: bool, 2 comparator_subgraph_index: i32 }
    pub struct StablehloWhileOptions { 0 cond_subgraph_index: i32, 1 body_subgraph_index: i32 }
    pub struct StablehloGatherOptions {
        0 offset_dims: Vec<i64> => always, 1 collapsed_slice_dims: Vec<i64> => always,
        2 start_index_map: Vec<i64> => always, 3 index_vector_dim: i64, 4 slice_sizes: Vec<i64> => always,
        5 indices_are_sorted: bool,
    }
    pub struct StablehloTransposeOptions { 0 permutation: Vec<i64> => always }
    pub struct DilateOptions {}
    pub struct StablehloRngBitGeneratorOptions { 0 algorithm: i8 }
    pub struct ReduceWindowOptions { 0 reduce_function: i32 }
    pub struct StablehloCompositeOptions {
        0 name: String, 1 decomposition_subgraph_index: i32, 2 composite_attributes: Vec<u8>,
        3 composite_attributes_format: CustomOptionsFormat, 4 version: i32,
    }
    pub struct StablehloShiftLeftOptions {}
    pub struct StablehloCaseOptions { 0 branch_subgraph_indices: Vec<i32> => always }
}
