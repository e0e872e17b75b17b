"""Batch normalisation, activations, addition, padding, up-sampling, pooling, dropout and the loss."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from case import Case, differentiated, first, last, leaf, numpy, random, uniform
from linear import pads

EPSILON, MOMENTUM = 1e-3, 0.9

# Name: input, kernel, stride, padding.
POOLS = {
    "2x2": ([2, 4, 6, 3], [2, 2], [2, 2], "valid"),
    "2x2_odd": ([1, 5, 7, 3], [2, 2], [2, 2], "valid"),
    "3x3_stride2": ([2, 6, 7, 5], [3, 3], [2, 2], "same"),
    "3x3_stride1": ([1, 4, 5, 18], [3, 3], [1, 1], "same"),
    "2x3_stride_2_1": ([1, 5, 6, 2], [2, 3], [2, 1], "same"),
}


def batch_norm(name, shape, train, spread):
    """Running values after a step in both customs: PyTorch's variance is unbiased, Keras' is not."""
    rng, channels = random(name), shape[-1]
    x = uniform(rng, *shape, scale=spread) + uniform(rng, channels, scale=2 * spread)
    inputs = {"x": x, "gamma": uniform(rng, channels) + np.float32(1.5), "beta": uniform(rng, channels)}
    mean, variance = uniform(rng, channels), uniform(rng, channels) ** 2 + np.float32(0.1)
    running = [torch.tensor(value, dtype=torch.float64) for value in (mean, variance)]

    def compute(x, gamma, beta):
        return F.batch_norm(x.reshape(-1, channels), *running, gamma, beta, train, 1 - MOMENTUM, EPSILON).reshape(shape)

    case = differentiated(name, "batch_norm", {"train": train, "epsilon": EPSILON, "momentum": MOMENTUM}, inputs, compute, rng)
    case.arrays |= {"mean": mean, "variance": variance}
    if train:
        pixels = x.astype(np.float64).reshape(-1, channels)
        batch = {"batch_mean": pixels.mean(0), "batch_variance": pixels.var(0)}
        after = {"mean_after": numpy(running[0]), "variance_after_unbiased": numpy(running[1])}
        after["variance_after_biased"] = MOMENTUM * variance.astype(np.float64) + (1 - MOMENTUM) * batch["batch_variance"]
        case.arrays |= batch | after
    return case


def activation(name, function):
    """Values on both sides of every corner, and the corners: there the gradient is PyTorch's choice."""
    rng = random(name)
    corners = np.float32([-3, -0.0, 0, 3, 6, -3.0000002, -2.9999998, 2.9999998, 3.0000002, 5.9999995, 6.0000005, 1e-30, -1e-30, 100, -100])
    x = np.concatenate([corners, uniform(rng, 49, scale=9)]).reshape(1, 4, 4, 4)
    return differentiated(name, "activation", {"kind": name}, {"x": x}, function, rng)


def max_pool(name, shape, kernel, stride, padding, ties=False):
    """Where values tie, the first of the window, row by row, takes the gradient."""
    rng = random(name)
    x = uniform(rng, *shape)
    if ties:
        x = np.round(np.maximum(x, 0) * 2) / 2
    attributes = {"kernel": kernel, "stride": stride, "padding": padding, "pads": pads(shape, kernel, stride, [1, 1], padding)}
    top, bottom, left, right = attributes["pads"]
    compute = lambda x: last(F.max_pool2d(F.pad(first(x), [left, right, top, bottom], value=-math.inf), kernel, stride))
    return differentiated(name, "max_pool", attributes, {"x": x}, compute, rng)


def average_pool(name, shape, kernel, stride, padding):
    """The mean over the pixels inside of the image."""
    rng = random(name)
    attributes = {"kernel": kernel, "stride": stride, "padding": padding, "pads": pads(shape, kernel, stride, [1, 1], padding)}
    top, bottom, left, right = attributes["pads"]

    def compute(x):
        mean = lambda x: F.avg_pool2d(F.pad(x, [left, right, top, bottom]), kernel, stride)
        return last(mean(first(x)) / mean(torch.ones_like(first(x))))

    return differentiated(name, "average_pool", attributes, {"x": uniform(rng, *shape)}, compute, rng)


def dropout(name, shape, rate):
    """`mask`: 1 where a value stays."""
    rng = random(name)
    mask = (rng.uniform(size=shape) >= rate).astype(np.uint8)
    compute = lambda x: x * torch.tensor(mask) / (1 - rate)
    return differentiated(name, "dropout", {"rate": rate}, {"x": uniform(rng, *shape)}, compute, rng, {"mask": mask})


def cross_entropy(name, shape, smoothing, scale):
    """Mean over the batch of the cross-entropy with the softmax of `logits`; `dlogits` is the gradient of that mean."""
    rng = random(name)
    logits = uniform(rng, *shape, scale=scale)
    labels = rng.integers(0, shape[1], shape[0]).astype(np.int32)
    x = leaf(logits)
    each = F.cross_entropy(x, torch.tensor(labels, dtype=torch.int64), label_smoothing=smoothing, reduction="none")
    each.mean().backward()
    arrays = {"logits": logits, "labels": labels, "losses": numpy(each), "loss": numpy(each.mean()), "dlogits": numpy(x.grad)}
    return Case(name, "softmax_cross_entropy", {"label_smoothing": smoothing}, arrays)


def simple():
    rng = random("add")
    inputs = {"a": uniform(rng, 2, 3, 4, 5), "b": uniform(rng, 2, 3, 4, 5)}
    yield differentiated("add", "add", {}, inputs, lambda a, b: a + b, rng)
    for name, amounts in (("pad", [1, 2, 3, 0]), ("pad_bottom_right", [0, 1, 0, 1])):
        rng = random(name)
        top, bottom, left, right = amounts
        compute = lambda x: last(F.pad(first(x), [left, right, top, bottom]))
        yield differentiated(name, "pad", {"pads": amounts}, {"x": uniform(rng, 2, 3, 4, 3)}, compute, rng)
    for name, factor, shape in (("upsample_2", 2, [2, 3, 4, 5]), ("upsample_3", 3, [1, 2, 3, 17]), ("upsample_7", 7, [1, 2, 2, 3])):
        rng = random(name)
        compute = lambda x: last(F.interpolate(first(x), scale_factor=factor, mode="nearest"))
        yield differentiated(name, "upsample", {"factor": factor}, {"x": uniform(rng, *shape)}, compute, rng)
    rng = random("global_average_pool")
    compute = lambda x: x.mean((1, 2), keepdim=True)
    yield differentiated("global_average_pool", "global_average_pool", {}, {"x": uniform(rng, 3, 5, 4, 19)}, compute, rng)


def cases():
    yield batch_norm("batch_norm_train", [4, 3, 5, 7], True, 1.0)
    yield batch_norm("batch_norm_train_wide", [2, 4, 4, 33], True, 3.0)
    yield batch_norm("batch_norm_train_small_variance", [4, 4, 4, 3], True, 0.01)
    yield batch_norm("batch_norm_eval", [2, 3, 4, 7], False, 1.0)
    yield activation("relu", F.relu)
    yield activation("relu6", F.relu6)
    yield activation("hard_swish", F.hardswish)
    yield from simple()
    for name, arguments in POOLS.items():
        yield max_pool(f"max_pool_{name}", *arguments)
        yield average_pool(f"average_pool_{name}", *arguments)
    yield max_pool("max_pool_ties", [2, 6, 6, 4], [3, 3], [2, 2], "same", ties=True)
    yield dropout("dropout", [3, 1, 1, 24], 0.3)
    yield dropout("dropout_half", [2, 3, 3, 5], 0.5)
    yield cross_entropy("cross_entropy", [6, 10], 0.0, 3.0)
    yield cross_entropy("cross_entropy_smoothed", [5, 10], 0.1, 3.0)
    yield cross_entropy("cross_entropy_two_classes", [4, 2], 0.0, 1.0)
    yield cross_entropy("cross_entropy_large_logits", [4, 7], 0.05, 300.0)
