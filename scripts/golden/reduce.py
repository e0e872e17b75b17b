"""Pooling, reductions over axes, resizing, and the conversions between types."""

import numpy as np

from build import Tensor, const
from case import HIGH, LOW, NONE, RELU, RELU6, RELU_N1_TO_1, SAME, VALID, Rng, activation, case, like
from linear import out_size

ACTIVATIONS = [NONE, RELU, RELU6, RELU_N1_TO_1]


def pool(name, op, dtype, h, w, c, k, stride, padding, act=NONE, style=2, n=1):
    rng = Rng(name)
    x = activation(rng, (n, h, w, c), dtype, 3 if act == RELU else style, -6, -4)
    y = like(x, (n, out_size(h, k[0], stride, 1, padding), out_size(w, k[1], stride, 1, padding), c))
    options = {"padding": padding, "strideH": stride, "strideW": stride, "filterHeight": k[0], "filterWidth": k[1], "fusedActivationFunction": act}
    return case(name, op, [x], [y], ("Pool2D", options), style=3)


def reduced(shape, axes, keep):
    axes = [a % len(shape) for a in axes]
    return tuple(1 if i in axes else n for i, n in enumerate(shape) if keep or i not in axes)


def reduction(name, op, dtype, shape, axes, keep, same=False, style=2, **more):
    rng = Rng(name)
    x = activation(rng, shape, dtype, style, -6, -4)
    y = like(x, reduced(shape, axes, keep))
    if dtype in LOW and not same:
        n = np.prod(shape) / np.prod(y.shape)
        y.scale = np.float32(x.scale * {"MEAN": 0.6, "SUM": n**0.5}[op] * rng.scale(-0.5, 0.5))
        y.zp = rng.zp(dtype, style + 1)
    return case(name, op, [x, const(np.array(axes, np.int32), "int32")], [y], ("Reducer", {"keepDims": keep}), style=3, **more)


def resize(name, op, dtype, size, align=False, half=False, shape=(1, 4, 5, 3), **more):
    rng = Rng(name)
    x = activation(rng, shape, dtype)
    y = like(x, (shape[0],) + size + (shape[3],))
    kind = "ResizeBilinear" if op == "RESIZE_BILINEAR" else "ResizeNearestNeighbor"
    return case(name, op, [x, const(np.array(size, np.int32), "int32")], [y], (kind, {"alignCorners": align, "halfPixelCenters": half}), style=3, **more)


def convert(name, op, source, target, lo=-6, hi=-4, style=2, equal=False, **more):
    rng = Rng(name)
    x = activation(rng, (1, 7, 9, 5), source, style, lo, hi)
    y = activation(rng, (1, 7, 9, 5), target, style + 2 * (style == 1), lo, hi)
    if equal:
        x.zp, y.scale, y.zp = LOW[source] + 128, x.scale, LOW[target] + 128
    values = None
    if source == "float32":
        values = [ties(rng, y)]
    return case(name, op, [x], [y], None, style=3, values=values, **more)


def ties(rng, y):
    """Float values of which half lie exactly between two codes of `y` and some far outside."""
    codes = rng.codes(y.dtype, (1, 7, 9, 5), 0).astype(np.float32) - y.zp
    half = rng.rng.integers(0, 2, codes.shape).astype(np.float32) / 2
    return ((codes + half) * np.float32(y.scale) * np.where(rng.rng.random(codes.shape) < 0.05, 9, 1)).astype(np.float32)


def cases():
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        for dtype in ("int8", "uint8", "float32", "int16"):
            stem = f"{op.split('_')[0].lower()}_pool_{dtype}"
            yield pool(f"{stem}_a", op, dtype, 7, 6, 5, (3, 3), 2, SAME, NONE, 0, n=2)
            yield pool(f"{stem}_b", op, dtype, 5, 8, 3, (2, 2), 2, VALID, RELU, 1)
            yield pool(f"{stem}_c", op, dtype, 6, 4, 9, (6, 4), 1, VALID, NONE, 2)
            if dtype != "int16":
                yield pool(f"{stem}_d", op, dtype, 6, 7, 4, (2, 3), 3, SAME, RELU6, 3)
                yield pool(f"{stem}_e", op, dtype, 5, 5, 17, (3, 3), 1, SAME, RELU_N1_TO_1, 2)
    for dtype in ("int8", "uint8", "float32"):
        close = () if dtype == "float32" else ("ref", "litert")
        for i, (shape, axes, keep) in enumerate([((1, 5, 6, 7), [1, 2], False), ((2, 3, 4, 5), [1, 2], True), ((1, 4, 3, 6), [3], False), ((2, 9, 5), [1], True), ((3, 4, 5), [0, 2], False)]):
            ok = ("ref", "litert") if i < 2 else close
            yield reduction(f"mean_{dtype}_{i}", "MEAN", dtype, shape, axes, keep, style=i, exact=ok)
            yield reduction(f"mean_{dtype}_{i}_same", "MEAN", dtype, shape, axes, keep, same=True, style=i, exact=ok)
            only = {"modes": ("litert",), "note": "the reference kernel reads int8 as unsigned"} if dtype == "int8" else {}
            yield reduction(f"sum_{dtype}_{i}", "SUM", dtype, shape, axes, keep, style=i, exact=close, **only)
            yield reduction(f"reduce_max_{dtype}_{i}", "REDUCE_MAX", dtype, shape, axes, keep, same=True, style=i)
        for op in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"):
            for i, (align, half) in enumerate([(False, False), (True, False), (False, True)]):
                exact = close if op == "RESIZE_BILINEAR" else ("ref", "litert")
                for j, size in enumerate([(8, 10), (7, 3)]):
                    if op == "RESIZE_NEAREST_NEIGHBOR" and dtype == "uint8" and j:
                        continue
                    yield resize(f"{op.lower()}_{dtype}_{i}{j}", op, dtype, size, align, half, exact=exact)
    yield reduction("sum_int32", "SUM", "int32", (2, 3, 4), [1], False)
    yield reduction("mean_int16", "MEAN", "int16", (1, 4, 4, 6), [1, 2], True)
    yield reduction("reduce_max_int32", "REDUCE_MAX", "int32", (2, 3, 4), [-1], False)
    yield from conversions()
    yield from arg_max()


def conversions():
    for a in ("int8", "uint8"):
        for i in range(2):
            yield convert(f"requantize_{a}_{a}_{i}", "QUANTIZE", a, a, style=i)
            b = "uint8" if a == "int8" else "int8"
            yield convert(f"requantize_{a}_{b}_{i}", "QUANTIZE", a, b, style=i)
            yield convert(f"quantize_float32_{a}_{i}", "QUANTIZE", "float32", a, style=i)
            yield convert(f"dequantize_{a}_{i}", "DEQUANTIZE", a, "float32", style=i)
        yield convert(f"flip_{a}_{b}", "QUANTIZE", a, b, equal=True)
        if a == "int8":
            yield convert("requantize_int8_int16", "QUANTIZE", "int8", "int16")
            yield convert("requantize_int16_int8", "QUANTIZE", "int16", "int8")
    yield convert("quantize_float32_int16", "QUANTIZE", "float32", "int16")
    yield convert("dequantize_int16", "DEQUANTIZE", "int16", "float32")
    half = Rng("dequantize_float16").rng.normal(0, 3, (3, 17)).astype(np.float16)
    yield case("dequantize_float16", "DEQUANTIZE", [Tensor((3, 17), "float16")], [Tensor((3, 17), "float32")], values=[half])


def arg_max():
    for dtype in ("int8", "uint8", "float32"):
        for i, (shape, axis, out) in enumerate([((3, 10), 1, "int64"), ((2, 5, 4), 1, "int32")]):
            rng = Rng(f"arg_max_{dtype}_{i}")
            y = Tensor(tuple(n for j, n in enumerate(shape) if j != axis), out)
            kind = 4 if out == "int64" else 2
            inputs = [activation(rng, shape, dtype), const(np.array(axis, np.int32), "int32")]
            yield case(f"arg_max_{dtype}_{i}", "ARG_MAX", inputs, [y], ("ArgMax", {"outputType": kind}), style=1 if dtype != "float32" else 0)
