//! What an operator is told besides its tensors: one table per kind, and the two unions that hold them.

mod cnn;
mod other;
mod second;

pub use cnn::*;
pub use other::*;
pub use second::*;

use super::macros::union;

union! {
    /// Builtin options: most operators'.
    pub enum Options {
        1 Conv2D: Conv2DOptions, 2 DepthwiseConv2D: DepthwiseConv2DOptions,
        3 ConcatEmbeddings: ConcatEmbeddingsOptions, 4 LshProjection: LshProjectionOptions,
        5 Pool2D: Pool2DOptions, 6 Svdf: SvdfOptions, 7 Rnn: RnnOptions,
        8 FullyConnected: FullyConnectedOptions, 9 Softmax: SoftmaxOptions,
        10 Concatenation: ConcatenationOptions, 11 Add: AddOptions, 12 L2Norm: L2NormOptions,
        13 LocalResponseNormalization: LocalResponseNormalizationOptions, 14 Lstm: LstmOptions,
        15 ResizeBilinear: ResizeBilinearOptions, 16 Call: CallOptions, 17 Reshape: ReshapeOptions,
        18 SkipGram: SkipGramOptions, 19 SpaceToDepth: SpaceToDepthOptions,
        20 EmbeddingLookupSparse: EmbeddingLookupSparseOptions, 21 Mul: MulOptions, 22 Pad: PadOptions,
        23 Gather: GatherOptions, 24 BatchToSpaceNd: BatchToSpaceNdOptions,
        25 SpaceToBatchNd: SpaceToBatchNdOptions, 26 Transpose: TransposeOptions, 27 Reducer: ReducerOptions,
        28 Sub: SubOptions, 29 Div: DivOptions, 30 Squeeze: SqueezeOptions, 31 SequenceRnn: SequenceRnnOptions,
        32 StridedSlice: StridedSliceOptions, 33 Exp: ExpOptions, 34 TopKV2: TopKV2Options,
        35 Split: SplitOptions, 36 LogSoftmax: LogSoftmaxOptions, 37 Cast: CastOptions,
        38 Dequantize: DequantizeOptions, 39 MaximumMinimum: MaximumMinimumOptions, 40 ArgMax: ArgMaxOptions,
        41 Less: LessOptions, 42 Neg: NegOptions, 43 PadV2: PadV2Options, 44 Greater: GreaterOptions,
        45 GreaterEqual: GreaterEqualOptions, 46 LessEqual: LessEqualOptions, 47 Select: SelectOptions,
        48 Slice: SliceOptions, 49 TransposeConv: TransposeConvOptions, 50 SparseToDense: SparseToDenseOptions,
        51 Tile: TileOptions, 52 ExpandDims: ExpandDimsOptions, 53 Equal: EqualOptions,
        54 NotEqual: NotEqualOptions, 55 Shape: ShapeOptions, 56 Pow: PowOptions, 57 ArgMin: ArgMinOptions,
        58 FakeQuant: FakeQuantOptions, 59 Pack: PackOptions, 60 LogicalOr: LogicalOrOptions,
        61 OneHot: OneHotOptions, 62 LogicalAnd: LogicalAndOptions, 63 LogicalNot: LogicalNotOptions,
        64 Unpack: UnpackOptions, 65 FloorDiv: FloorDivOptions, 66 Square: SquareOptions,
        67 ZerosLike: ZerosLikeOptions, 68 Fill: FillOptions,
        69 BidirectionalSequenceLstm: BidirectionalSequenceLstmOptions,
        70 BidirectionalSequenceRnn: BidirectionalSequenceRnnOptions,
        71 UnidirectionalSequenceLstm: UnidirectionalSequenceLstmOptions, 72 FloorMod: FloorModOptions,
        73 Range: RangeOptions, 74 ResizeNearestNeighbor: ResizeNearestNeighborOptions,
        75 LeakyRelu: LeakyReluOptions, 76 SquaredDifference: SquaredDifferenceOptions,
        77 MirrorPad: MirrorPadOptions, 78 Abs: AbsOptions, 79 SplitV: SplitVOptions, 80 Unique: UniqueOptions,
        81 ReverseV2: ReverseV2Options, 82 AddN: AddNOptions, 83 GatherNd: GatherNdOptions, 84 Cos: CosOptions,
        85 Where: WhereOptions, 86 Rank: RankOptions, 87 ReverseSequence: ReverseSequenceOptions,
        88 MatrixDiag: MatrixDiagOptions, 89 Quantize: QuantizeOptions, 90 MatrixSetDiag: MatrixSetDiagOptions,
        91 HardSwish: HardSwishOptions, 92 If: IfOptions, 93 While: WhileOptions,
        94 DepthToSpace: DepthToSpaceOptions, 95 NonMaxSuppressionV4: NonMaxSuppressionV4Options,
        96 NonMaxSuppressionV5: NonMaxSuppressionV5Options, 97 ScatterNd: ScatterNdOptions,
        98 SelectV2: SelectV2Options, 99 Densify: DensifyOptions, 100 SegmentSum: SegmentSumOptions,
        101 BatchMatMul: BatchMatMulOptions, 102 Cumsum: CumsumOptions, 103 CallOnce: CallOnceOptions,
        104 BroadcastTo: BroadcastToOptions, 105 Rfft2d: Rfft2dOptions, 106 Conv3D: Conv3DOptions,
        107 Hashtable: HashtableOptions, 108 HashtableFind: HashtableFindOptions,
        109 HashtableImport: HashtableImportOptions, 110 HashtableSize: HashtableSizeOptions,
        111 VarHandle: VarHandleOptions, 112 ReadVariable: ReadVariableOptions,
        113 AssignVariable: AssignVariableOptions, 114 Random: RandomOptions, 115 Bucketize: BucketizeOptions,
        116 Gelu: GeluOptions, 117 DynamicUpdateSlice: DynamicUpdateSliceOptions,
        118 UnsortedSegmentProd: UnsortedSegmentProdOptions, 119 UnsortedSegmentMax: UnsortedSegmentMaxOptions,
        120 UnsortedSegmentMin: UnsortedSegmentMinOptions, 121 UnsortedSegmentSum: UnsortedSegmentSumOptions,
        122 Atan2: Atan2Options, 123 Sign: SignOptions, 124 Bitcast: BitcastOptions,
        125 BitwiseXor: BitwiseXorOptions, 126 RightShift: RightShiftOptions,
    }
}

union! {
    /// Builtin options of operators that came after the first union was full. Boxed, because they are rare and large.
    pub enum Options2 {
        1 StablehloConcatenate: Box<StablehloConcatenateOptions>,
        2 StablehloBroadcastInDim: Box<StablehloBroadcastInDimOptions>,
        3 StablehloSlice: Box<StablehloSliceOptions>, 4 StablehloConvolution: Box<StablehloConvolutionOptions>,
        5 StablehloCustomCall: Box<StablehloCustomCallOptions>, 6 StablehloReduce: Box<StablehloReduceOptions>,
        7 StablehloScatter: Box<StablehloScatterOptions>, 8 StablehloCompare: Box<StablehloCompareOptions>,
        9 StablehloDynamicSlice: Box<StablehloDynamicSliceOptions>, 10 StablehloPad: Box<StablehloPadOptions>,
        11 StablehloIota: Box<StablehloIotaOptions>, 12 StablehloDotGeneral: Box<StablehloDotGeneralOptions>,
        13 StablehloReduceWindow: Box<StablehloReduceWindowOptions>,
        14 StablehloSort: Box<StablehloSortOptions>, 15 StablehloWhile: Box<StablehloWhileOptions>,
        16 StablehloGather: Box<StablehloGatherOptions>, 17 StablehloTranspose: Box<StablehloTransposeOptions>,
        18 Dilate: Box<DilateOptions>, 19 StablehloRngBitGenerator: Box<StablehloRngBitGeneratorOptions>,
        20 ReduceWindow: Box<ReduceWindowOptions>, 21 StablehloComposite: Box<StablehloCompositeOptions>,
        22 StablehloShiftLeft: Box<StablehloShiftLeftOptions>, 23 StablehloCase: Box<StablehloCaseOptions>,
    }
}
