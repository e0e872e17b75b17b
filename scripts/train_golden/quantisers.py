"""Fake quantisation, per tensor and per channel, and its straight-through gradient: 1 inside of the range, 0 outside.

Computed in float32, as PyTorch does it. Except in the cases named `ties`, no value lies near the middle between two codes, so the
rounding rule (PyTorch: half to even) and whether one divides or multiplies by the inverse do not matter.
"""

import numpy as np
import torch

from case import Case, numpy, random, uniform


def off_ties(x, scale, zero_point):
    """Moves values that are within a hundredth of a code of the middle between two."""
    code = x.astype(np.float64) / scale + zero_point
    near = np.abs(code - np.floor(code) - 0.5) < 0.01
    return np.where(near, x + 0.1 * scale, x).astype(np.float32)


def per_tensor(name, scale, zero_point, low, high, spread):
    rng = random(name)
    x = off_ties(np.concatenate([uniform(rng, 93, scale=spread), np.float32([0, 1e6, -1e6])]), scale, zero_point)
    return applied(name, x, scale, zero_point, low, high, rng)


def ties(name, low, high):
    """Multiples of half a code: exact middles, and the ends of the range and half a code past them."""
    scale, zero_point = 0.25, -3
    codes = np.arange(2 * (low - zero_point) - 3, 2 * (high - zero_point) + 4)
    return applied(name, np.float32(codes * (scale / 2)), scale, zero_point, low, high, random(name))


def applied(name, x, scale, zero_point, low, high, rng):
    leaf = torch.tensor(x, requires_grad=True)
    y = torch.fake_quantize_per_tensor_affine(leaf, scale, zero_point, low, high)
    dy = uniform(rng, *x.shape)
    y.backward(torch.tensor(dy))
    attributes = {"scale": scale, "zero_point": zero_point, "low": low, "high": high}
    return Case(name, "fake_quant", attributes, {"x": x, "dy": dy, "y": numpy(y), "dx": numpy(leaf.grad)})


def per_channel(name, shape, axis, low, high, clip):
    """Symmetric weights: the scale of a channel is `clip` times its largest absolute value by `high`; one channel is all zero."""
    rng = random(name)
    x = uniform(rng, *shape) * (10 ** uniform(rng, *[n if i == axis else 1 for i, n in enumerate(shape)]))
    others = tuple(i for i in range(len(shape)) if i != axis)
    np.moveaxis(x, axis, 0)[1] = 0
    scale = np.maximum(np.abs(x).max(others) * np.float32(clip / high), np.float32(1e-12)).astype(np.float32)
    broad = scale.astype(np.float64).reshape([n if i == axis else 1 for i, n in enumerate(shape)])
    x = off_ties(x, broad, 0)
    leaf, dy = torch.tensor(x, requires_grad=True), uniform(rng, *shape)
    y = torch.fake_quantize_per_channel_affine(leaf, torch.tensor(scale), torch.zeros(shape[axis], dtype=torch.int32), axis, low, high)
    y.backward(torch.tensor(dy))
    arrays = {"x": x, "scale": scale, "dy": dy, "y": numpy(y), "dx": numpy(leaf.grad)}
    return Case(name, "fake_quant_per_channel", {"axis": axis, "low": low, "high": high}, arrays)


def cases():
    yield per_tensor("fake_quant_int8", 0.0237, -11, -128, 127, 4.0)
    yield per_tensor("fake_quant_positive", 6 / 255, -128, -128, 127, 8.0)
    yield per_tensor("fake_quant_4bit", 0.3, 2, -8, 7, 5.0)
    yield per_tensor("fake_quant_symmetric", 0.0079, 0, -127, 127, 1.2)
    yield ties("fake_quant_ties", -128, 127)
    yield per_channel("fake_quant_conv", [5, 3, 3, 4], 0, -127, 127, 1.0)
    yield per_channel("fake_quant_conv_clipped", [6, 1, 1, 11], 0, -127, 127, 0.7)
    yield per_channel("fake_quant_dense", [4, 13], 0, -127, 127, 1.0)
    yield per_channel("fake_quant_depthwise", [1, 3, 3, 9], 3, -127, 127, 1.0)
    yield per_channel("fake_quant_depthwise_4bit", [1, 3, 3, 6], 3, -7, 7, 0.9)
