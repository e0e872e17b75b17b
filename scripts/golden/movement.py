"""Operators that only move or reshape: padding, slicing, gathering, and the shape arithmetic of exported graphs."""

import numpy as np

from build import TYPES, Tensor, const
from case import LOW, Rng, activation, case, like


def ints(*values):
    return const(np.array(values, np.int32), "int32")


def moved(name, op, dtype, shape, out, others=(), options=None, first=0, **more):
    """One input of `shape`, constants around it, outputs that share its quantisation."""
    x = activation(Rng(name), shape, dtype)
    inputs = list(others)
    inputs.insert(first, x)
    shapes = out if isinstance(out, list) else [out]
    return case(name, op, inputs, [like(x, s) for s in shapes], options, style=3, **more)


def pads(dtype):
    x, table = (1, 3, 4, 2), np.array([[0, 0], [1, 2], [0, 3], [1, 0]], np.int32)
    out = tuple(int(n + a + b) for n, (a, b) in zip(x, table))
    paddings = const(table, "int32")
    yield moved(f"pad_{dtype}", "PAD", dtype, x, out, [paddings])
    rng = Rng(f"padv2_{dtype}")
    t = activation(rng, x, dtype)
    value = like(t, (1,))
    value.data = rng.codes(dtype, (1,))
    yield case(f"padv2_{dtype}", "PADV2", [t, paddings, value], [like(t, out)])
    for mode in (0, 1):
        small = const(np.array([[0, 0], [1, 2], [2, 1], [0, 0]], np.int32), "int32")
        yield moved(f"mirror_pad_{dtype}_{mode}", "MIRROR_PAD", dtype, x, (1, 6, 7, 2), [small], ("MirrorPad", {"mode": mode}))


def joins(dtype):
    x = activation(Rng(f"concatenation_{dtype}"), (1, 3, 4, 2), dtype)
    for i, (axis, shapes, out) in enumerate([(3, [(1, 3, 4, 2), (1, 3, 4, 5)], (1, 3, 4, 7)), (-3, [(1, 2, 4, 2)] * 3, (1, 6, 4, 2)), (0, [(2, 3), (1, 3), (4, 3), (1, 3), (2, 3), (3, 3)], (13, 3))]):
        yield case(f"concatenation_{dtype}_{i}", "CONCATENATION", [like(x, s) for s in shapes], [like(x, out)], ("Concatenation", {"axis": axis}))
    yield moved(f"split_{dtype}_a", "SPLIT", dtype, (1, 4, 3, 6), [(1, 4, 3, 2)] * 3, [const(np.array(3, np.int32), "int32")], ("Split", {"numSplits": 3}), first=1)
    yield moved(f"split_{dtype}_b", "SPLIT", dtype, (4, 5), [(2, 5)] * 2, [const(np.array(-2, np.int32), "int32")], ("Split", {"numSplits": 2}), first=1)
    yield case(f"pack_{dtype}", "PACK", [like(x, (2, 3))] * 3, [like(x, (2, 3, 3))], ("Pack", {"axis": 1, "valuesCount": 3}), values=[Rng(f"pack{i}").codes(dtype, (2, 3)) for i in range(3)])
    if dtype != "int64":
        yield moved(f"unpack_{dtype}", "UNPACK", dtype, (2, 3, 4), [(2, 4)] * 3, options=("Unpack", {"axis": 1, "num": 3}))


def shapes(dtype):
    yield moved(f"reshape_{dtype}", "RESHAPE", dtype, (1, 3, 4, 2), (2, 12), [ints(2, -1)], ("Reshape", {"newShape": [2, -1]}))
    yield moved(f"squeeze_{dtype}", "SQUEEZE", dtype, (1, 3, 1, 2), (1, 3, 2), options=("Squeeze", {"squeezeDims": [2]}))
    yield moved(f"expand_dims_{dtype}", "EXPAND_DIMS", dtype, (3, 4), (3, 1, 4), [ints(1)])
    for i, (shape, perm) in enumerate([((2, 3, 4, 5), (0, 3, 1, 2)), ((3, 4, 5), (2, 0, 1)), ((4, 7), (1, 0)), ((2, 2, 3, 2, 3), (4, 2, 0, 1, 3))]):
        yield moved(f"transpose_{dtype}_{i}", "TRANSPOSE", dtype, shape, tuple(shape[p] for p in perm), [ints(*perm)])
    yield moved(f"tile_{dtype}", "TILE", dtype, (2, 1, 3), (2, 2, 9), [ints(1, 2, 3)])


def slices(dtype):
    yield moved(f"slice_{dtype}", "SLICE", dtype, (2, 5, 6, 3), (2, 3, 4, 2), [ints(0, 1, 2, 1), ints(-1, 3, 4, 2)])
    for i, (begin, end, stride, masks, out) in enumerate([
        ((0, 1, 2, 0), (1, 5, 6, 3), (1, 1, 1, 1), {}, (1, 4, 4, 3)),
        ((0, 0, 5, 0), (1, 5, 0, 3), (1, 2, -2, 1), {}, (1, 3, 3, 3)),
        ((0, 0, 0, 1), (0, 0, 3, 2), (1, 2, 1, 1), {"beginMask": 1, "endMask": 3, "shrinkAxisMask": 8}, (1, 3, 3)),
        ((0, -4, 0, 0), (1, -1, 6, 3), (1, 1, 3, 2), {}, (1, 3, 2, 2))]):
        yield moved(f"strided_slice_{dtype}_{i}", "STRIDED_SLICE", dtype, (1, 5, 6, 3), out, [ints(*begin), ints(*end), ints(*stride)], ("StridedSlice", masks))
    for i, (axis, index, out) in enumerate([(1, (2, 0, 2), (2, 3, 5)), (0, (1,), (1, 3, 5)), (-1, (4, 4, 0, 1), (2, 3, 4))]):
        yield moved(f"gather_{dtype}_{i}", "GATHER", dtype, (2, 3, 5), out, [ints(*index)], ("Gather", {"axis": axis}))


def blocks(dtype):
    yield moved(f"space_to_depth_{dtype}", "SPACE_TO_DEPTH", dtype, (2, 4, 6, 3), (2, 2, 3, 12), options=("SpaceToDepth", {"blockSize": 2}))
    yield moved(f"depth_to_space_{dtype}", "DEPTH_TO_SPACE", dtype, (1, 2, 3, 12), (1, 4, 6, 3), options=("DepthToSpace", {"blockSize": 2}))
    paddings = const(np.array([[1, 0], [0, 2]], np.int32), "int32")
    yield moved(f"space_to_batch_nd_{dtype}", "SPACE_TO_BATCH_ND", dtype, (1, 3, 4, 2), (4, 2, 3, 2), [ints(2, 2), paddings])
    crops = const(np.array([[1, 0], [0, 2]], np.int32), "int32")
    yield moved(f"batch_to_space_nd_{dtype}", "BATCH_TO_SPACE_ND", dtype, (4, 2, 3, 2), (1, 3, 4, 2), [ints(2, 2), crops])


def cases():
    for dtype in ("int8", "uint8", "float32"):
        for family in (pads, joins, shapes, slices, blocks):
            yield from family(dtype)
    for dtype in ("int32", "int64", "int16"):
        yield from joins(dtype) if dtype != "int16" else pads("int16")
        yield from slices(dtype)
    for i, (dtype, shape) in enumerate([("int8", (2, 5, 6, 3)), ("float32", (1, 7))]):
        kind = ["int32", "int64"][i]
        x = activation(Rng(f"shape_{i}"), shape, dtype)
        yield case(f"shape_{dtype}_{kind}", "SHAPE", [x], [Tensor((len(shape),), kind)], ("Shape", {"outType": TYPES[kind]}))
    for a, b in [("float32", "int32"), ("int32", "float32"), ("int32", "int64"), ("int64", "int32"), ("int8", "float32"), ("uint8", "float32"), ("bool", "float32"), ("float32", "uint8"), ("int64", "float32")]:
        values = [np.abs(Rng(a + b).codes(a, (3, 7)))] if b == "uint8" else None
        yield case(f"cast_{a}_{b}", "CAST", [Tensor((3, 7), a)], [Tensor((3, 7), b)], ("Cast", {"inDataType": TYPES[a], "outDataType": TYPES[b]}), values=values)
    q = Rng("concatenation_rescaled")
    parts = [activation(q, (1, 3, 2, n), "uint8", n) for n in (1, 2, 3)]
    yield case("concatenation_uint8_rescaled", "CONCATENATION", parts, [activation(q, (1, 3, 2, 6), "uint8", 2)], ("Concatenation", {"axis": 3}))
