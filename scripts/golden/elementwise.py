"""Binary elementwise operators with every kind of broadcasting, and the comparison of modes on awkward scale ratios."""

import numpy as np

from build import Tensor, const
from case import HIGH, LOW, NONE, RELU, RELU6, RELU_N1_TO_1, Rng, activation, case

ACTIVATIONS = [NONE, RELU, RELU6, RELU_N1_TO_1]
SHAPES = [  # (first, second)
    ((1, 3, 5, 7), (1, 3, 5, 7)),
    ((2, 3, 4, 5), (1, 1, 1, 5)),
    ((1, 4, 5, 3), (1, 4, 1, 1)),
    ((2, 37), (1,)),
    ((1,), (3, 17)),
    ((5, 1, 3), (1, 4, 3)),
]
OPTIONS = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div", "MAXIMUM": "MaximumMinimum", "MINIMUM": "MaximumMinimum", "SQUARED_DIFFERENCE": "SquaredDifference"}


def output_scale(op, x, y, act, rng):
    """A scale that keeps most results in range."""
    sx, sy = float(x.scale), float(y.scale)
    s = {"ADD": sx + sy, "SUB": sx + sy, "MUL": sx * sy * 90, "DIV": sx / sy / 20, "SQUARED_DIFFERENCE": (sx + sy) ** 2 * 60}[op]
    if x.dtype == "int16":
        s *= 200 if op == "MUL" else 1
    return np.float32(s * rng.scale(-1, 0.5))


def binary(name, op, dtype, shapes, act=NONE, style=2, constant=False, ratio=None, **more):
    rng = Rng(name)
    x = activation(rng, shapes[0], dtype, style, -6, -3)
    y = activation(rng, shapes[1], dtype, style + 1, -6, -3)
    out = tuple(np.broadcast_shapes(*shapes))
    if dtype in LOW:
        if op in ("MAXIMUM", "MINIMUM"):
            y.scale, y.zp = x.scale, x.zp
            z = Tensor(out, dtype, scale=x.scale, zp=x.zp)
        else:
            if ratio:
                y.scale = np.float32(x.scale * ratio)
            z = Tensor(out, dtype, scale=output_scale(op, x, y, act, rng), zp=rng.zp(dtype, 0 if op == "SQUARED_DIFFERENCE" else [2, 3][style % 2] if act == NONE else [0, 3][style % 2]))
    else:
        z = Tensor(out, dtype)
    options = None if op == "SQUARED_DIFFERENCE" else {"fusedActivationFunction": act}
    if op in ("MAXIMUM", "MINIMUM"):
        options = {}
    values = [rng.codes(dtype, t.shape, 2 if t.shape == (1,) else 3) for t in (x, y)]
    if op == "DIV":
        values[1] = without_zero(values[1], y)
    if constant:
        y.data = values.pop()
    return case(name, op, [x, y], [z], (OPTIONS[op], options or {}), values=values, **more)


def without_zero(values, tensor):
    """Divisors: neither the code 0 (refused for integers) nor the code that stands for zero."""
    if values.dtype == np.float32:
        return np.where(np.abs(values) < 0.1, np.float32(0.7), values)
    for _ in range(3):
        values = np.where((values == tensor.zp) | (values == 0), values + 1, values).astype(values.dtype)
    return values


def cases():
    for op in ("ADD", "SUB", "MUL"):
        for dtype in ("int8", "uint8", "float32", "int32"):
            for i, shapes in enumerate(SHAPES):
                act = ACTIVATIONS[i % 4] if dtype != "int32" or i % 4 < 2 else NONE
                yield binary(f"{op.lower()}_{dtype}_{i}", op, dtype, shapes, act, style=i if i < 3 else 2, constant=i == 1)
        yield binary(f"{op.lower()}_int8_ratio", op, "int8", SHAPES[0], ratio=1 / 300.0)
        yield binary(f"{op.lower()}_int8_same", op, "int8", SHAPES[1], RELU, ratio=1.0, style=1)
        if op != "SUB":
            yield binary(f"{op.lower()}_int16_0", op, "int16", SHAPES[0])
            yield binary(f"{op.lower()}_int16_1", op, "int16", SHAPES[1], RELU)
    for i, shapes in enumerate(SHAPES):
        yield binary(f"div_uint8_{i}", "DIV", "uint8", shapes, ACTIVATIONS[i % 4], style=i if i < 3 else 2)
        yield binary(f"squared_difference_int8_{i}", "SQUARED_DIFFERENCE", "int8", shapes, style=i if i < 3 else 2)
        for dtype in ("float32", "int32"):
            yield binary(f"div_{dtype}_{i}", "DIV", dtype, shapes, NONE if dtype == "int32" else ACTIVATIONS[i % 4])
        yield binary(f"squared_difference_float32_{i}", "SQUARED_DIFFERENCE", "float32", shapes)
        for op in ("MAXIMUM", "MINIMUM"):
            for dtype in ("int8", "uint8", "int16", "float32", "int32", "int64"):
                if (i + len(dtype)) % 3 == 0:
                    yield binary(f"{op.lower()}_{dtype}_{i}", op, dtype, shapes, style=i)
    yield binary("squared_difference_int32", "SQUARED_DIFFERENCE", "int32", SHAPES[1])
