#!/usr/bin/env python3
"""Records where LiteRT on aarch64 answers the golden cases of tests/golden otherwise than on x86-64.

    python -m pip install ai-edge-litert==2.3.0 numpy      # on an aarch64 machine, or in an aarch64 Python under qemu-user
    python scripts/make_arm64_golden.py [--out tests/golden/arm64.npz]

Runs every case of index.json that LiteRT's default interpreter must answer exactly and in integers, on the model and inputs kept there.
`arm64.npz` gets `<case>/y0`… for those whose outputs differ; all others answer as `litert` does. Depthwise convolutions whose int8 weights
contain -128, which the specification of int8 quantisation excludes, get `<case>/left_out` instead: kernels for ARM add two products in 16
bits, where those of -128 overflow. Write the file on a CPU with dot products (Cortex-A76 and later): on older ones BATCH_MATMUL has the
same flaw, with both operands given at run time.

Cases of its own, with `<case>/model` and `<case>/x0`…, are those in which the rules for aarch64 give other codes than those for x86-64:
scales that are powers of two, so that many results lie in the middle of two codes, and rows enough for what is rare.
"""

import argparse
import json
import platform
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "golden"))

from build import Tensor, const, model
from case import SAME, Rng
from ai_edge_litert.interpreter import Interpreter

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"


def run(content, inputs):
    it = Interpreter(model_content=bytes(content), num_threads=1)
    it.allocate_tensors()
    for detail, value in zip(it.get_input_details(), inputs):
        it.set_tensor(detail["index"], value if value.dtype == detail["dtype"] else value.view(detail["dtype"]))
    it.invoke()
    return [it.get_tensor(d["index"]).copy() for d in it.get_output_details()]


def has_lowest(content):
    """Whether the filter of the model's only operator has codes of -128."""
    it = Interpreter(model_content=bytes(content))
    it.allocate_tensors()
    filters = [d for d in it.get_tensor_details() if d["name"] == "x1" and d["dtype"] == np.int8]
    return any((it.get_tensor(d["index"]) == -128).any() for d in filters)


def halves(op, dtype):
    """A model whose results times 32 are integers."""
    rng = Rng(f"halves/{op}/{dtype}")
    low, zp = (-128, -3) if dtype == "int8" else (0, 125)
    step = dict(scale=np.float32(2**-4), zp=zp)
    x = Tensor((1, 9, 8, 11), dtype, **step)
    y = dict(scale=np.float32(2**-3), zp=zp)
    around = lambda *shape: const(rng.rng.integers(-4, 5, shape) + zp, dtype, scale=np.float32(2**-4), zp=zp)
    bias = const(rng.rng.integers(-500, 500, 11), "int32", scale=np.float32(2**-8))
    window = {"padding": SAME, "strideH": 1, "strideW": 1}
    dilation = {"dilationHFactor": 1, "dilationWFactor": 1}
    out = Tensor(x.shape, dtype, **y)
    inputs, options = {
        "MUL": ([x, x], ("Mul", {})),
        "CONV_2D": ([x, around(11, 1, 3, 11), bias], ("Conv2D", window | dilation)),
        "DEPTHWISE_CONV_2D": ([x, around(1, 3, 3, 11), bias], ("DepthwiseConv2D", window | dilation | {"depthMultiplier": 1})),
        "FULLY_CONNECTED": ([Tensor((99, 8), dtype, **step), around(11, 8), bias], ("FullyConnected", {})),
        "TRANSPOSE_CONV": ([const(np.array(x.shape, np.int32), "int32"), around(11, 3, 3, 11), x, bias], ("TransposeConv", window)),
    }[op]
    if op == "FULLY_CONNECTED":
        out.shape = (99, 11)
    free = [t for t in inputs if t.data is None]
    values = [rng.rng.integers(low, low + 256, t.shape).astype(dtype) for t in free]
    return model(op, inputs, [out], options, 3 if op == "TRANSPOSE_CONV" else 1), values


def rows(op, dtype):
    """A mean in the input's scale or a softmax, on many rows."""
    rng = Rng(f"rows/{op}/{dtype}")
    low = -128 if dtype == "int8" else 0
    shape = (80, 5, 6, 3) if op == "MEAN" else (600, 10)
    x = Tensor(shape, dtype, scale=np.float32(0.02289493 if op == "MEAN" else 0.7911085), zp=low)
    if op == "MEAN":
        inputs = [x, const(np.array([1, 2], np.int32), "int32")]
        content = model(op, inputs, [Tensor((80, 3), dtype, scale=x.scale, zp=low)], ("Reducer", {"keepDims": False}))
    else:
        content = model(op, [x], [Tensor(shape, dtype, scale=np.float32(1 / 256), zp=low)], ("Softmax", {"beta": 1.0}))
    # Close scores for softmax: the highest would take all otherwise.
    return content, [rng.rng.integers(low if op == "MEAN" else low + 250, low + 256, shape).astype(dtype)]


def own():
    """Cases of this file: name, model, inputs."""
    for dtype, op in [("int8", "MUL")] + [("uint8", op) for op in ("MUL", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")]:
        yield f"halves_{op.lower()}_{dtype}", *halves(op, dtype)
    for op, dtype in (("MEAN", "int8"), ("SOFTMAX", "int8"), ("SOFTMAX", "uint8")):
        yield f"rows_{op.lower()}_{dtype}", *rows(op, dtype)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=GOLDEN / "arm64.npz")
    args = parser.parse_args()
    if platform.machine() not in ("aarch64", "arm64"):
        sys.exit(f"this is {platform.machine()}: run it where LiteRT is that of aarch64")
    index = json.loads((GOLDEN / "index.json").read_text())
    found, same = {}, 0
    for family, cases in index["families"].items():
        with np.load(GOLDEN / f"{family}.npz") as stored:
            for name, case in cases.items():
                if "litert" not in case["exact"] or "float32" in case["dtypes"]:
                    continue
                numbered = lambda part: [stored[f"{name}/{part}{i}"] for i in range(99) if f"{name}/{part}{i}" in stored.files]
                expected, ys = numbered("litert"), run(stored[f"{name}/model"], numbered("x"))
                if all(y.tobytes() == z.tobytes() for y, z in zip(ys, expected)):
                    same += 1
                    continue
                if case["op"] == "DEPTHWISE_CONV_2D" and has_lowest(stored[f"{name}/model"]):
                    found[f"{name}/left_out"] = np.ones(1, np.uint8)
                    print(f"{name}: left out, weights of -128")
                    continue
                found |= {f"{name}/y{i}": y for i, y in enumerate(ys)}
                differing = sum(int((y != z).sum()) for y, z in zip(ys, expected))
                print(f"{name}: {differing} of {sum(y.size for y in ys)} elements differ, {ys[0].dtype}")
    for name, content, inputs in own():
        found[f"{name}/model"] = np.frombuffer(content, np.uint8)
        found |= {f"{name}/x{i}": x for i, x in enumerate(inputs)} | {f"{name}/y{i}": y for i, y in enumerate(run(content, inputs))}
    np.savez_compressed(args.out, **found)
    print(f"{len({key.split('/')[0] for key in found})} cases differ or are there for this, {same} are the same")


if __name__ == "__main__":
    main()
