#!/usr/bin/env python3
"""Checks what `edgebench compress` has written, by LiteRT: that it runs and answers alike, and that promises were kept.

    python -m pip install ai-edge-litert==2.3.0 numpy
    cargo build --release
    edgebench compress digits.tflite --recipe all -o target/all
    python scripts/check_compress.py target/all [FILE.tflite ...] [--inputs 8]

Each file is checked as by check_export.py: it loads, its batch is open, integers equal those of `edgebench run` in mode litert, floats
within 1e-5. Then its kernels, as LiteRT's interpreter gives them, are held to what the recipe in its name (NAME_RECIPE.tflite) promises:
at least half of the weights of every convolution and dense layer are 0; no kernel has more than 16 int8 codes, no channel more than 16
floats; zeros of NAME_prune.tflite, where that file is there, are zeros still; int8 files hold nothing but integers between input and
output. Exit code 1 if anything fails.
"""
import argparse
import pathlib
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent / "oracle"))

from check_export import check
from litert import interpreter

SPARSITY, CLUSTERS = 0.5, 16
PRODUCTS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
# Words of recipes' names.
PRUNED, CLUSTERED = ("prune", "pqat", "pcqat"), ("cluster", "cqat", "pcqat")


class Kernel:
    """Weights of one operator, `[channels, weights]`."""

    def __init__(self, op, values, detail):
        self.depthwise = op == "DEPTHWISE_CONV_2D"
        self.name = detail["name"]
        rows = np.moveaxis(values, -1, 0) if self.depthwise else values
        self.rows = rows.reshape(rows.shape[0], -1)

    def zeros(self):
        return float(np.mean(self.rows == 0))

    def distinct(self):
        """Codes of the kernel. Channels share clusters in units of their own, so float values are counted by channel."""
        if self.rows.dtype == np.int8:
            return len(np.unique(self.rows))
        return max(len(np.unique(row + 0.0)) for row in self.rows)


def kernels(path):
    """Kernels in the order of the file, and the types of all tensors between input and output."""
    net = interpreter(path)
    net.allocate_tensors()
    details = {d["index"]: d for d in net.get_tensor_details()}
    makers = {int(o): op for op in net._get_ops_details() for o in op["outputs"]}
    found, kinds = [], set()
    for op in net._get_ops_details():
        kinds |= {(op["op_name"], details[int(i)]["dtype"]) for i in op["outputs"] if int(i) >= 0}
        if op["op_name"] in PRODUCTS:
            at = int(op["inputs"][1])
            # A float file with simulated quantisation may compute its weights from codes.
            while at in makers:
                at = int(makers[at]["inputs"][0])
            found.append(Kernel(op["op_name"], net.get_tensor(at), details[at]))
    return found, kinds


def promises(path, base):
    """What the recipe in the file's name promises and the file breaks."""
    recipe = path.stem.rsplit("_", 1)[-1]
    words = recipe.split("-")
    found, kinds = kernels(path)
    broken = []
    chosen = [k for k in found if not k.depthwise]
    if not chosen:
        broken.append("there is no kernel")
    if set(words) & set(PRUNED):
        broken += [f"{k.name}: {100 * k.zeros():.2f} % zeros" for k in chosen if k.zeros() < SPARSITY]
        if base is not None:
            before = [k for k in base if not k.depthwise]
            for old, new in zip(before, chosen, strict=True):
                lost = int(np.sum((old.rows == 0) & (new.rows != 0)))
                broken += [f"{new.name}: {lost} zeros are lost"] if lost else []
    if set(words) & set(CLUSTERED):
        broken += [f"{k.name}: {k.distinct()} values" for k in chosen if k.distinct() > CLUSTERS]
    if "int8" in words:
        floats = sorted(op for op, kind in kinds if kind == np.float32)
        broken += [f"float results of {floats}"] if floats else []
        broken += [f"{k.name}: {k.rows.dtype} weights" for k in found if k.rows.dtype != np.int8]
    told = f"{100 * min(k.zeros() for k in chosen):5.1f} % zeros, {max(k.distinct() for k in chosen):5} values" if chosen else ""
    return broken, told


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path, help="files, or folders of them")
    parser.add_argument("--inputs", type=int, default=8, help="random and structured inputs, this many of each")
    parser.add_argument("--binary", type=pathlib.Path, default=pathlib.Path("target/release/edgebench"))
    args = parser.parse_args()
    files = [f for given in args.files for f in (sorted(given.rglob("*.tflite")) if given.is_dir() else [given])]
    if not files:
        parser.error("no .tflite file")
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for path in files:
            problem = check(path, args, pathlib.Path(scratch))
            pruned = path.with_name(path.stem.rsplit("_", 1)[0] + "_prune.tflite")
            broken, told = promises(path, kernels(pruned)[0] if pruned.exists() else None)
            problems = ([problem] if problem else []) + broken
            failed += bool(problems)
            print(f"{path.name:40} {told}  {'; '.join(problems) or 'ok'}", flush=True)
    print(f"{len(files)} files, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
