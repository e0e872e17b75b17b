"""Unary operators: every code of the 8-bit types under awkward scales, and float."""

import numpy as np

from build import Tensor, const
from case import HIGH, LOW, Rng, activation, case, like


def every_code(dtype):
    low = LOW[dtype]
    return np.arange(low, low + 256).astype(dtype).reshape(1, 16, 16, 1)


def table(name, op, dtype, out=None, options=None, lo=-6.0, hi=-2.0, style=2, floor=False, **more):
    """One operator on every code; `out` fixes (scale, zero point) where the operator demands it."""
    rng = Rng(name)
    x = activation(rng, (1, 16, 16, 1), dtype, style, lo, hi)
    y = activation(rng, (1, 16, 16, 1), dtype, 0 if op in ("EXP", "RSQRT") else [0, 1, 2, 2][style % 4], lo, hi)
    if out:
        y.scale, y.zp = np.float32(out[0]), out[1]
    values = every_code(dtype)
    if floor:
        values = np.maximum(values, np.array(x.zp, dtype))
    return case(name, op, [x], [y], options, values=[values], **more)


def rows(name, op, dtype, shape, out, options=None, lo=-7.0, hi=-1.0, style=3, **more):
    """An operator over the last axis."""
    rng = Rng(name)
    x = activation(rng, shape, dtype, 2, lo, hi)
    y = Tensor(shape, dtype, scale=out[0], zp=out[1]) if out else Tensor(shape, dtype)
    return case(name, op, [x], [y], options, style=style, **more)


def prelu(name, dtype, style, shape=(1, 4, 5, 7)):
    rng = Rng(name)
    x, y = activation(rng, shape, dtype, style, -5, -3), activation(rng, shape, dtype, [0, 3, 2][style], -5, -3)
    a = activation(rng, (1, 1, shape[-1]), dtype, style + 2, -9, -6)
    a.data = rng.codes(dtype, a.shape) if dtype in LOW else rng.rng.normal(0, 0.3, a.shape).astype(np.float32)
    return case(name, "PRELU", [x, a], [y])


def cases():
    tops = {"int8": (127, -128), "uint8": (255, 0)}
    for dtype in ("int8", "uint8"):
        top, bottom = tops[dtype]
        middle = 0 if dtype == "int8" else 128
        for i in range(3):
            yield table(f"logistic_{dtype}_{i}", "LOGISTIC", dtype, (1 / 256, bottom), style=i)
            yield table(f"tanh_{dtype}_{i}", "TANH", dtype, (1 / 128, middle), style=i)
            yield table(f"hard_swish_{dtype}_{i}", "HARD_SWISH", dtype, style=[3, 0, 2][i], lo=-5)
            yield table(f"leaky_relu_{dtype}_{i}", "LEAKY_RELU", dtype, options=("LeakyRelu", {"alpha": [0.1, 0.003, -0.7][i]}), style=i)
            yield prelu(f"prelu_{dtype}_{i}", dtype, i)
            for op in ("RELU", "RELU6", "RELU_N1_TO_1"):
                if i < 2:
                    yield table(f"{op.lower()}_{dtype}_{i}", op, dtype, style=i + 2)
            shape, lo = [((3, 10), -4), ((1, 2, 3, 5), -2), ((2, 101), -7)][i]
            yield rows(f"softmax_{dtype}_{i}", "SOFTMAX", dtype, shape, (1 / 256, bottom), ("Softmax", {"beta": [1.0, 1.0, 0.5][i]}), lo, lo + 2)
            yield rows(f"log_softmax_{dtype}_{i}", "LOG_SOFTMAX", dtype, shape, (16 / 256, top), None, lo, lo + 2)
            yield rows(f"l2norm_{dtype}_{i}", "L2_NORMALIZATION", dtype, shape, (1 / 128, middle), ("L2Norm", {}))
    for i in range(3):
        yield table(f"elu_int8_{i}", "ELU", "int8", style=i, modes=("litert",))
        yield table(f"gelu_int8_{i}", "GELU", "int8", options=("Gelu", {"approximate": i == 1}), style=[0, 3, 2][i])
        yield table(f"exp_int8_{i}", "EXP", "int8", style=i)
        yield table(f"rsqrt_int8_{i}", "RSQRT", "int8", style=[0, 3, 2][i], floor=True)
        yield rows(f"softmax_int16_{i}", "SOFTMAX", "int16", [(3, 10), (2, 3, 5), (1, 64)][i], (1 / 32768, 0), ("Softmax", {"beta": 1.0}), -4 + i, -3 + i)
    for op, lo, hi, out in (("LOGISTIC", -5, -3, 1 / 32768), ("TANH", -5, -3, 1 / 32768), ("LEAKY_RELU", -3, -2, None)):
        options = ("LeakyRelu", {"alpha": 0.2}) if op == "LEAKY_RELU" else None
        yield rows(f"{op.lower()}_int16", op, "int16", (3, 77), (out or 2**-12, 0), options, lo, hi)
    for op, options, exact in [
        ("LOGISTIC", None, ()), ("TANH", None, ()), ("ELU", None, ()), ("HARD_SWISH", None, ("ref", "litert")), ("EXP", None, ()),
        ("GELU", ("Gelu", {"approximate": False}), ()), ("SOFTMAX", ("Softmax", {"beta": 1.0}), ()), ("LOG_SOFTMAX", None, ()),
        ("L2_NORMALIZATION", ("L2Norm", {}), ("ref", "litert")), ("LEAKY_RELU", ("LeakyRelu", {"alpha": 0.1}), ("ref", "litert")),
        ("RELU", None, ("ref", "litert")), ("RELU6", None, ("ref", "litert")), ("RELU_N1_TO_1", None, ("ref", "litert"))]:
        modes = ("litert",) if op == "ELU" else ("ref", "litert")
        yield rows(f"{op.lower()}_float32", op, "float32", (2, 3, 4, 9), None, options, modes=modes, exact=exact)
    yield rows("gelu_approximate_float32", "GELU", "float32", (2, 3, 4, 9), None, ("Gelu", {"approximate": True}), exact=())
    yield rows("softmax_float32_beta", "SOFTMAX", "float32", (5, 10), None, ("Softmax", {"beta": 0.25}), exact=())
    yield prelu("prelu_float32", "float32", 0)
    rng = Rng("rsqrt_float32")
    x = Tensor((3, 17), "float32")
    yield case("rsqrt_float32", "RSQRT", [x], [x], values=[np.abs(rng.codes("float32", (3, 17))) + np.float32(0.01)], exact=())
