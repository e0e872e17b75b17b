//! CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV in float32.

use edgebench_kernels::Span;
use edgebench_kernels::ops::conv::ConvShape;
use edgebench_kernels::ops::conv_f32::{ConvF32, pack_f32, packed_len_f32, scratch_len_f32};
use edgebench_kernels::ops::depthwise_f32::{DepthwiseF32, depthwise_scratch_len_f32};
use edgebench_kernels::ops::plain_conv_f32::PlainConvF32;

use super::{bias, bounds, constant, float_output};
use crate::error::Error;
use crate::graph::{Activation, Padding};
use crate::lower::Cx;
use crate::lower::compact::Site;
use crate::lower::conv::{conv_shape, four, positive};
use crate::lower::depthwise::depthwise_shape;
use crate::lower::movement::{Layout, expect_shape, fill_span};

/// Whether XNNPACK takes the node, whose weights are input 1; else the sums are in the order of the reference kernels.
fn delegated(cx: &Cx<'_>) -> bool {
    cx.is_litert() && cx.is_fixed(1)
}

/// CONV_2D.
pub(super) fn conv2d(cx: &mut Cx<'_>, activation: Activation) -> Result<(), Error> {
    float_output(cx)?;
    let shape = conv_shape(cx)?;
    let weights = constant(cx, 1, "a kernel")?;
    // XNNPACK runs a convolution with one input and one output channel per group as depthwise, whose order of taps differs.
    if delegated(cx) && shape.in_c == shape.groups && shape.out_c == shape.groups {
        let taps = shape.k_h * shape.k_w;
        return depthwise_step(cx, shape, activation, |tap, c| weights[c * taps + tap]);
    }
    let site = if delegated(cx) { Site::compact(cx, shape, &[0; 4])? } else { Site::whole(cx, shape)? };
    let product = Product { shape: site.shape, activation, bias: 2 };
    conv_step(cx, (site.input, site.output), &product, &weights)
}

/// DEPTHWISE_CONV_2D.
pub(super) fn depthwise(cx: &mut Cx<'_>, activation: Activation) -> Result<(), Error> {
    float_output(cx)?;
    let shape = depthwise_shape(cx)?;
    let weights = constant(cx, 1, "a kernel")?;
    if delegated(cx) && shape.in_c == shape.out_c {
        return depthwise_step(cx, shape, activation, |tap, c| weights[tap * shape.out_c + c]);
    }
    // With a multiplier XNNPACK runs it as a grouped convolution.
    let taps = shape.k_h * shape.k_w;
    let ohwi: Vec<f32> = (0..shape.out_c * taps).map(|i| weights[i % taps * shape.out_c + i / taps]).collect();
    let memory = (cx.input(0)?, cx.output(0)?);
    conv_step(cx, memory, &Product { shape, activation, bias: 2 }, &ohwi)
}

fn depthwise_step(
    cx: &mut Cx<'_>,
    shape: ConvShape,
    activation: Activation,
    weight: impl Fn(usize, usize) -> f32,
) -> Result<(), Error> {
    let row = shape.out_c.next_multiple_of(64);
    let mut packed = vec![0.0; shape.k_h * shape.k_w * row];
    for (tap, line) in packed.chunks_exact_mut(row).enumerate() {
        line.iter_mut().take(shape.out_c).enumerate().for_each(|(c, w)| *w = weight(tap, c));
    }
    let (lo, hi) = bounds(activation);
    let Site { shape, input, output } = Site::compact(cx, shape, &[0; 4])?;
    let (weights, bias) = (cx.floats(&packed), bias(cx, 2, shape.out_c)?);
    let scratch = cx.scratch(depthwise_scratch_len_f32(cx.kernels, &shape));
    let step = DepthwiseF32 { input, weights, bias, shape, lo, hi, scratch, output };
    cx.push(step, shape.macs());
    Ok(())
}

/// A convolution-like product.
pub(super) struct Product {
    pub(super) shape: ConvShape,
    pub(super) activation: Activation,
    /// Which input of the node is the bias.
    pub(super) bias: usize,
}

/// The step of a convolution from `input` to `output` with OHWI weights.
pub(super) fn conv_step(
    cx: &mut Cx<'_>,
    (input, output): (Span, Span),
    product: &Product,
    ohwi: &[f32],
) -> Result<(), Error> {
    let shape = product.shape;
    let (lo, hi) = bounds(product.activation);
    let bias = bias(cx, product.bias, shape.out_c)?;
    if !delegated(cx) {
        let depth = ohwi.len() / shape.out_c;
        let packed: Vec<f32> = (0..ohwi.len()).map(|i| ohwi[i % shape.out_c * depth + i / shape.out_c]).collect();
        let weights = cx.floats(&packed);
        cx.push(PlainConvF32 { input, output, shape, weights, bias, lo, hi }, shape.macs());
        return Ok(());
    }
    let nr = cx.kernels.conv_f32_nr;
    let mut packed = vec![0.0; packed_len_f32(nr, &shape)];
    pack_f32(nr, &shape, ohwi, &mut packed);
    let weights = cx.floats(&packed);
    let scratch = cx.scratch(scratch_len_f32(cx.kernels, &shape));
    cx.push(ConvF32 { input, output, shape, weights, bias, lo, hi, scratch }, shape.macs());
    Ok(())
}

/// Most elements of an input with zeros between its pixels.
const MAX_SPREAD: usize = 1 << 28;

/// TRANSPOSE_CONV: the input with `stride − 1` zeros between its pixels, convolved with the kernel turned by 180°. That adds in the
/// order of the input's pixels, as the reference kernel does; XNNPACK adds in the order of the kernel's, so that there the image
/// is turned instead, and the result turned back.
pub(super) fn transpose(
    cx: &mut Cx<'_>,
    padding: Padding,
    stride: [usize; 2],
    activation: Activation,
) -> Result<(), Error> {
    float_output(cx)?;
    let shape = transposed_shape(cx, padding, stride)?;
    let &ConvShape { batch, in_h: wide_h, in_w: wide_w, in_c, out_h, out_w, out_c, k_h, k_w, .. } = &shape;
    let [_, in_h, in_w, _] = four(cx, cx.tensor(2)?)?;
    let turned = delegated(cx);
    let wide = cx.scratch(batch * wide_h * wide_w * in_c * 4);
    let (input, output) = (cx.input(2)?, cx.output(0)?);
    fill_span(cx, wide, [0; 8], 4);
    image([batch, in_h, in_w, in_c], [stride[0] * wide_w * in_c, stride[1] * in_c], wide_h * wide_w * in_c, turned)
        .emit(cx, input, wide)?;
    let weights = constant(cx, 1, "a kernel")?;
    let product = Product { shape, activation, bias: 3 };
    if !turned {
        let taps = k_h * k_w;
        let pixels = (0..out_c * taps).map(|i| i / taps * taps + taps - 1 - i % taps);
        let weights: Vec<f32> = pixels.flat_map(|i| &weights[i * in_c..][..in_c]).copied().collect();
        return conv_step(cx, (wide, output), &product, &weights);
    }
    let result = cx.scratch(output.len);
    conv_step(cx, (wide, result), &product, &weights)?;
    image([batch, out_h, out_w, out_c], [out_w * out_c, out_c], out_h * out_w * out_c, true).emit(cx, result, output)
}

/// Copies images of sizes `[n, h, w, c]` to where rows and pixels are `steps` and images `next` apart, turned by 180° or not.
fn image([n, h, w, c]: [usize; 4], steps: [usize; 2], next: usize, turned: bool) -> Layout {
    let mut layout = Layout::new(4);
    let sign = if turned { -1 } else { 1 };
    layout.in_offset = if turned { (h * w - 1) * c } else { 0 };
    layout.stride(n, next, h * w * c);
    layout.signed(h, steps[0], sign * (w * c).cast_signed());
    layout.signed(w, steps[1], sign * c.cast_signed());
    layout.stride(c, 1, 1);
    layout
}

/// Sizes of the convolution that a TRANSPOSE_CONV becomes.
fn transposed_shape(cx: &Cx<'_>, padding: Padding, stride: [usize; 2]) -> Result<ConvShape, Error> {
    let (x, w, y) = (cx.tensor(2)?, cx.tensor(1)?, cx.out(0)?);
    let ([batch, in_h, in_w, in_c], [out_c, k_h, k_w, w_c]) = (four(cx, x)?, four(cx, w)?);
    let [_, out_h, out_w, _] = four(cx, y)?;
    positive(cx, "sizes and strides", &[batch, in_h, in_w, in_c, out_c, k_h, k_w, stride[0], stride[1]])?;
    expect_shape(cx, 0, &[batch, out_h, out_w, out_c])?;
    if w_c != in_c {
        return Err(cx.inconsistent("input channels of the weights", in_c, w_c));
    }
    let spread = |n: usize, stride: usize| (n - 1).checked_mul(stride).map(|n| n + 1);
    let sizes = spread(in_h, stride[0]).zip(spread(in_w, stride[1]));
    let fits = |&(h, w): &(usize, usize)| {
        [h, w, in_c].iter().try_fold(batch, |n, &d| n.checked_mul(d)).is_some_and(|n| n <= MAX_SPREAD)
    };
    let Some((wide_h, wide_w)) = sizes.filter(fits) else {
        return Err(cx.unsupported(&format!("stride {stride:?} on an input of {:?}", x.shape)));
    };
    let before = |wide: usize, k: usize, out: usize| {
        let pad = match padding {
            Padding::Same => (wide - 1 + k).saturating_sub(out) / 2,
            Padding::Valid => 0,
        };
        // Turning the image swaps its ends.
        if delegated(cx) { (out + pad).checked_sub(wide) } else { (k - 1).checked_sub(pad) }
    };
    let (Some(pad_top), Some(pad_left)) = (before(wide_h, k_h, out_h), before(wide_w, k_w, out_w)) else {
        return Err(cx.unsupported("an output that drops whole pixels of the input"));
    };
    Ok(ConvShape {
        batch,
        in_h: wide_h,
        in_w: wide_w,
        in_c,
        out_h,
        out_w,
        out_c,
        k_h,
        k_w,
        stride_h: 1,
        stride_w: 1,
        dilation_h: 1,
        dilation_w: 1,
        pad_top,
        pad_left,
        groups: 1,
    })
}
