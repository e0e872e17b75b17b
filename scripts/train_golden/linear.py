"""Convolutions, depthwise convolutions and dense layers."""

import torch.nn.functional as F

from case import differentiated, first, last, random, uniform
from layers import same

# Name: input [N, H, W, C], output channels, kernel, stride, dilation, groups, padding, bias.
CONVS = {
    "conv_3x3": ([2, 5, 6, 3], 4, [3, 3], [1, 1], [1, 1], 1, "same", True),
    "conv_3x3_valid": ([2, 5, 6, 3], 4, [3, 3], [1, 1], [1, 1], 1, "valid", True),
    "conv_3x3_stride2_even": ([2, 6, 8, 3], 5, [3, 3], [2, 2], [1, 1], 1, "same", False),
    "conv_3x3_stride2_odd": ([2, 7, 5, 3], 5, [3, 3], [2, 2], [1, 1], 1, "same", True),
    "conv_3x3_stride2_valid": ([2, 8, 7, 3], 5, [3, 3], [2, 2], [1, 1], 1, "valid", False),
    "conv_3x3_stride_1_2": ([1, 5, 8, 2], 3, [3, 3], [1, 2], [1, 1], 1, "same", True),
    "conv_3x3_wide": ([1, 4, 4, 16], 33, [3, 3], [1, 1], [1, 1], 1, "same", False),
    "conv_3x3_many": ([5, 3, 3, 17], 16, [3, 3], [1, 1], [1, 1], 1, "same", False),
    "conv_1x1": ([3, 3, 4, 7], 9, [1, 1], [1, 1], [1, 1], 1, "same", True),
    "conv_1x1_wide": ([2, 3, 3, 34], 18, [1, 1], [1, 1], [1, 1], 1, "valid", False),
    "conv_1x1_stride2": ([2, 6, 5, 4], 6, [1, 1], [2, 2], [1, 1], 1, "same", True),
    "conv_7x7_stride2": ([1, 9, 10, 3], 4, [7, 7], [2, 2], [1, 1], 1, "same", False),
    "conv_5x5_stride3": ([1, 11, 8, 2], 3, [5, 5], [3, 3], [1, 1], 1, "same", True),
    "conv_1x3": ([1, 4, 6, 3], 4, [1, 3], [1, 1], [1, 1], 1, "same", True),
    "conv_2x2_even_kernel": ([1, 5, 5, 3], 4, [2, 2], [1, 1], [1, 1], 1, "same", True),
    "conv_2x2_stride2": ([1, 6, 6, 3], 4, [2, 2], [2, 2], [1, 1], 1, "valid", True),
    "conv_dilation2": ([1, 7, 8, 3], 4, [3, 3], [1, 1], [2, 2], 1, "same", True),
    "conv_dilation_2_3_valid": ([1, 8, 9, 2], 3, [3, 3], [1, 1], [2, 3], 1, "valid", True),
    "conv_stride2_dilation2": ([1, 9, 8, 2], 3, [3, 3], [2, 2], [2, 2], 1, "same", False),
    "conv_groups2": ([2, 4, 5, 6], 4, [3, 3], [1, 1], [1, 1], 2, "same", True),
    "conv_groups4_stride2": ([1, 6, 6, 8], 12, [3, 3], [2, 2], [1, 1], 4, "same", True),
    "conv_groups3_1x1": ([1, 3, 3, 9], 6, [1, 1], [1, 1], [1, 1], 3, "same", False),
    "conv_kernel_of_image": ([2, 3, 3, 4], 5, [3, 3], [1, 1], [1, 1], 1, "valid", True),
    "conv_image_1x1": ([4, 1, 1, 5], 6, [3, 3], [1, 1], [1, 1], 1, "same", True),
}

# Name: input, multiplier, kernel, stride, dilation, padding, bias.
DEPTHWISE = {
    "depthwise_3x3": ([2, 5, 6, 7], 1, [3, 3], [1, 1], [1, 1], "same", True),
    "depthwise_3x3_wide": ([1, 6, 5, 40], 1, [3, 3], [1, 1], [1, 1], "same", False),
    "depthwise_stride2_even": ([2, 6, 8, 5], 1, [3, 3], [2, 2], [1, 1], "same", False),
    "depthwise_stride2_odd": ([1, 7, 5, 18], 1, [3, 3], [2, 2], [1, 1], "same", True),
    "depthwise_valid": ([1, 6, 6, 4], 1, [3, 3], [1, 1], [1, 1], "valid", True),
    "depthwise_5x5_stride2": ([1, 9, 8, 3], 1, [5, 5], [2, 2], [1, 1], "same", True),
    "depthwise_dilation2": ([1, 7, 7, 4], 1, [3, 3], [1, 1], [2, 2], "same", True),
    "depthwise_multiplier2": ([2, 4, 5, 3], 2, [3, 3], [1, 1], [1, 1], "same", True),
    "depthwise_multiplier3_stride2": ([1, 6, 7, 2], 3, [3, 3], [2, 2], [1, 1], "same", False),
    "depthwise_1x5": ([1, 3, 7, 4], 1, [1, 5], [1, 1], [1, 1], "same", False),
}

DENSE = {"dense": ([5, 12], 7, True), "dense_without_bias": ([3, 33], 10, False), "dense_one_image": ([1, 8], 3, True)}


def pads(shape, kernel, stride, dilation, padding):
    """Zeros around the image: top, bottom, left, right."""
    if padding == "valid":
        return [0, 0, 0, 0]
    return [zeros for axis in (0, 1) for zeros in same(shape[1 + axis], kernel[axis], stride[axis], dilation[axis])[1:]]


def convolution(x, weight, bias, attributes, groups):
    """NHWC and `[O, kh, kw, I / groups]`."""
    top, bottom, left, right = attributes["pads"]
    x = F.pad(first(x), [left, right, top, bottom])
    return last(F.conv2d(x, first(weight), bias, attributes["stride"], 0, attributes["dilation"], groups))


def conv(name, shape, out_c, kernel, stride, dilation, groups, padding, bias):
    rng = random(name)
    attributes = {
        "kernel": kernel, "stride": stride, "dilation": dilation, "groups": groups, "padding": padding,
        "pads": pads(shape, kernel, stride, dilation, padding),
    }
    inputs = {"x": uniform(rng, *shape), "weight": uniform(rng, out_c, *kernel, shape[3] // groups)}
    if bias:
        inputs["bias"] = uniform(rng, out_c)
    compute = lambda x, weight, bias=None: convolution(x, weight, bias, attributes, groups)
    return differentiated(name, "conv", attributes, inputs, compute, rng)


def depthwise(name, shape, multiplier, kernel, stride, dilation, padding, bias):
    rng = random(name)
    attributes = {
        "kernel": kernel, "stride": stride, "dilation": dilation, "multiplier": multiplier, "padding": padding,
        "pads": pads(shape, kernel, stride, dilation, padding),
    }
    outputs = shape[3] * multiplier
    inputs = {"x": uniform(rng, *shape), "weight": uniform(rng, 1, *kernel, outputs)}
    if bias:
        inputs["bias"] = uniform(rng, outputs)
    # [1, kh, kw, O] to [O, kh, kw, 1]
    compute = lambda x, weight, bias=None: convolution(x, weight.permute(3, 1, 2, 0), bias, attributes, shape[3])
    return differentiated(name, "depthwise", attributes, inputs, compute, rng)


def dense(name, shape, units, bias):
    rng = random(name)
    inputs = {"x": uniform(rng, *shape), "weight": uniform(rng, units, shape[1])}
    if bias:
        inputs["bias"] = uniform(rng, units)
    return differentiated(name, "dense", {}, inputs, F.linear, rng)


def cases():
    for make, table in ((conv, CONVS), (depthwise, DEPTHWISE), (dense, DENSE)):
        for name, arguments in table.items():
            yield make(name, *arguments)
