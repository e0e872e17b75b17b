"""A golden case, and the random material that every family of cases draws from."""

import zlib
from dataclasses import dataclass, field

import numpy as np

from build import Tensor, const, model

NONE, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3
SAME, VALID = 0, 1
LOW = {"int8": -128, "uint8": 0, "int16": -32768, "int4": -7}
HIGH = {"int8": 127, "uint8": 255, "int16": 32767, "int4": 7}


@dataclass
class Case:
    """One model with its inputs. `exact` names the modes whose output a runtime must reproduce bit for bit."""

    name: str
    op: str
    content: bytes
    inputs: list
    dtypes: list
    options: object = None
    note: str = ""
    modes: tuple = ("ref", "litert")
    exact: tuple = ("ref", "litert")
    extra: dict = field(default_factory=dict)


class Rng:
    """Seeded by the case's name, so that a case does not change when another one is added."""

    def __init__(self, name):
        self.rng = np.random.default_rng(zlib.crc32(name.encode()))

    def scale(self, lo=-7.0, hi=-1.0, n=None):
        """Awkward scales: log-uniform between powers of two, nothing round about them."""
        return np.exp2(self.rng.uniform(lo, hi, n)).astype(np.float32)

    def zp(self, dtype, style=2):
        """Zero point: 0 = lower limit, 1 = upper limit, 2 = anywhere, 3 = centre. int16 is always symmetric."""
        if dtype in ("int16", "int4"):
            return 0
        low, high = LOW[dtype], HIGH[dtype]
        return [low, high, int(self.rng.integers(low, high + 1)), (low + high + 1) // 2][style % 4]

    def codes(self, dtype, shape, style=0):
        """Values of a tensor: 0 = every code, 1 = only the two extremes, 2 = near the middle, 3 = each of them in part."""
        if dtype == "float32":
            return self.rng.normal(0, [2.0, 30.0, 0.1, 4.0][style % 4], shape).astype(np.float32)
        if dtype == "bool":
            return self.rng.integers(0, 2, shape).astype(bool)
        if dtype in ("int32", "int64"):
            return self.rng.integers(-1000, 1000, shape).astype(dtype)
        low, high = LOW[dtype], HIGH[dtype]
        uniform = self.rng.integers(low, high + 1, shape)
        extreme = np.where(self.rng.integers(0, 2, shape) == 0, low, high)
        middle = np.clip(np.rint(self.rng.normal((low + high) / 2, (high - low) / 12, shape)), low, high)
        pick = self.rng.integers(0, 4, shape)
        mixed = np.where(pick < 2, uniform, np.where(pick == 2, extreme, middle))
        store = "int8" if dtype == "int4" else dtype
        return np.asarray([uniform, extreme, middle, mixed][style % 4]).astype(store)


def activation(rng, shape, dtype, style=2, lo=-7.0, hi=-1.0):
    """An activation tensor: quantised with awkward parameters if `dtype` is, plain otherwise."""
    if dtype in LOW:
        if dtype == "int16":
            lo, hi = lo - 8, hi - 8
        return Tensor(shape, dtype, scale=rng.scale(lo, hi), zp=rng.zp(dtype, style))
    return Tensor(shape, dtype)


def like(tensor, shape):
    """A tensor of another shape with the same type and quantisation."""
    return Tensor(shape, tensor.dtype, scale=tensor.scale, zp=tensor.zp)


def case(name, op, inputs, outputs, options=None, style=3, values=None, rng=None, version=1, **more):
    """Builds the model, draws values for its non-constant inputs (or takes `values`) and wraps both."""
    rng = rng or Rng(name + "/values")
    content = model(op, inputs, outputs, options, version)
    free = [t for t in inputs if t is not None and t.data is None]
    if values is None:
        values = [rng.codes(t.dtype, t.shape, style) for t in free]
    dtypes = [None if t is None else t.dtype for t in list(inputs) + list(outputs)]
    return Case(name, op, content, list(values), dtypes, options, **more)
