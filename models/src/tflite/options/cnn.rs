//! Options of the operators that classifiers are made of.
#![allow(missing_docs)]

use super::super::codes::{Activation, MirrorPadMode, Padding, TensorType, WeightsFormat};
use super::super::macros::tables;

tables! {
    pub struct Conv2DOptions {
        0 padding: Padding, 1 stride_w: i32, 2 stride_h: i32, 3 activation: Activation,
        4 dilation_w_factor: i32 = 1, 5 dilation_h_factor: i32 = 1, 6 quantized_bias_type: TensorType,
    }
    pub struct DepthwiseConv2DOptions {
        0 padding: Padding, 1 stride_w: i32, 2 stride_h: i32, 3 depth_multiplier: i32, 4 activation: Activation,
        5 dilation_w_factor: i32 = 1, 6 dilation_h_factor: i32 = 1,
    }
    pub struct Pool2DOptions {
        0 padding: Padding, 1 stride_w: i32, 2 stride_h: i32, 3 filter_width: i32, 4 filter_height: i32,
        5 activation: Activation,
    }
    pub struct FullyConnectedOptions {
        0 activation: Activation, 1 weights_format: WeightsFormat, 2 keep_num_dims: bool,
        3 asymmetric_quantize_inputs: bool, 4 quantized_bias_type: TensorType, 5 quant_spec: Vec<u8>,
    }
    pub struct SoftmaxOptions { 0 beta: f32 }
    pub struct ConcatenationOptions { 0 axis: i32, 1 activation: Activation }
    pub struct AddOptions { 0 activation: Activation, 1 pot_scale_int16: bool = true }
    pub struct SubOptions { 0 activation: Activation, 1 pot_scale_int16: bool = true }
    pub struct MulOptions { 0 activation: Activation }
    pub struct DivOptions { 0 activation: Activation }
    pub struct L2NormOptions { 0 activation: Activation }
    pub struct ResizeBilinearOptions {
        0 deprecated_new_height: i32, 1 deprecated_new_width: i32, 2 align_corners: bool,
        3 half_pixel_centers: bool,
    }
    pub struct ResizeNearestNeighborOptions { 0 align_corners: bool, 1 half_pixel_centers: bool }
    pub struct PadOptions {}
    pub struct PadV2Options {}
    pub struct MirrorPadOptions { 0 mode: MirrorPadMode }
    pub struct ReshapeOptions { 0 new_shape: Vec<i32> => always }
    pub struct SqueezeOptions { 0 squeeze_dims: Vec<i32> => always }
    pub struct ExpandDimsOptions {}
    pub struct TransposeOptions {}
    pub struct SliceOptions {}
    pub struct StridedSliceOptions {
        0 begin_mask: i32, 1 end_mask: i32, 2 ellipsis_mask: i32, 3 new_axis_mask: i32, 4 shrink_axis_mask: i32,
        5 offset: bool,
    }
    pub struct SplitOptions { 0 num_splits: i32 }
    pub struct SplitVOptions { 0 num_splits: i32 }
    pub struct PackOptions { 0 values_count: i32, 1 axis: i32 }
    pub struct UnpackOptions { 0 num: i32, 1 axis: i32 }
    pub struct GatherOptions { 0 axis: i32, 1 batch_dims: i32 }
    pub struct CastOptions { 0 in_data_type: TensorType, 1 out_data_type: TensorType }
    pub struct TileOptions {}
    pub struct ShapeOptions { 0 out_type: TensorType }
    pub struct FillOptions {}
    pub struct BroadcastToOptions {}
    pub struct SpaceToBatchNdOptions {}
    pub struct BatchToSpaceNdOptions {}
    pub struct SpaceToDepthOptions { 0 block_size: i32 }
    pub struct DepthToSpaceOptions { 0 block_size: i32 }
    pub struct ReducerOptions { 0 keep_dims: bool }
    pub struct ArgMaxOptions { 0 output_type: TensorType }
    pub struct LogSoftmaxOptions {}
    pub struct ExpOptions {}
    pub struct SquaredDifferenceOptions {}
    pub struct MaximumMinimumOptions {}
    pub struct LeakyReluOptions { 0 alpha: f32 }
    pub struct HardSwishOptions {}
    pub struct GeluOptions { 0 approximate: bool }
    pub struct AbsOptions {}
    pub struct NegOptions {}
    pub struct QuantizeOptions {}
    pub struct DequantizeOptions {}
    pub struct TransposeConvOptions {
        0 padding: Padding, 1 stride_w: i32, 2 stride_h: i32, 3 activation: Activation,
        4 quantized_bias_type: TensorType,
    }
    pub struct BatchMatMulOptions { 0 adj_x: bool, 1 adj_y: bool, 2 asymmetric_quantize_inputs: bool }
    pub struct DensifyOptions {}
}
