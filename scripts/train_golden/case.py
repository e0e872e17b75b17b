"""A case: what is computed, from what, and what comes out. Computed by PyTorch in float64 from float32 numbers, stored as float32."""

import dataclasses
import zlib

import numpy as np
import torch


@dataclasses.dataclass
class Case:
    """`arrays` by name; `attributes` is what a reader needs beyond them."""

    name: str
    op: str
    attributes: dict
    arrays: dict

    def entry(self):
        return {"name": self.name, "op": self.op, **self.attributes, "arrays": list(self.arrays)}

    def stored(self):
        return {f"{self.name}/{key}": stored(value) for key, value in self.arrays.items()}


def stored(value):
    """float32, or the integers as they are."""
    value = np.asarray(value)
    return value.astype(np.float32) if value.dtype.kind == "f" else value


def random(name):
    """A case's numbers depend on its name only: a new case does not change the others."""
    return np.random.default_rng(zlib.crc32(name.encode()))


def uniform(rng, *shape, scale=1.0):
    return (rng.uniform(-1, 1, shape) * scale).astype(np.float32)


def leaf(value):
    """A float64 tensor that collects a gradient."""
    return torch.tensor(np.asarray(value, np.float64), requires_grad=True)


def first(x):
    """NHWC to NCHW."""
    return x.permute(0, 3, 1, 2)


def last(x):
    """NCHW to NHWC."""
    return x.permute(0, 2, 3, 1)


def numpy(x):
    return np.ascontiguousarray(x.detach().numpy())


def differentiated(name, op, attributes, inputs, compute, rng, extra=None):
    """A case of `y = compute(*inputs)` (tensors in TFLite's layouts) with a random `dy` and a gradient `d…` of each input."""
    leaves = {key: leaf(value) for key, value in inputs.items()}
    y = compute(*leaves.values())
    dy = uniform(rng, *y.shape)
    y.backward(torch.tensor(dy, dtype=torch.float64))
    gradients = {f"d{key}": numpy(tensor.grad) for key, tensor in leaves.items()}
    return Case(name, op, attributes, {**inputs, "dy": dy, "y": numpy(y), **gradients, **(extra or {})})
