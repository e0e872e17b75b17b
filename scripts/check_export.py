#!/usr/bin/env python3
"""Checks that LiteRT takes files that edgebench has written, and answers as edgebench does.

    python -m pip install ai-edge-litert==2.3.0 numpy
    cargo build --release
    cargo run -p edgebench-models --example nets -- target/nets
    python scripts/check_export.py target/nets [FILE.tflite ...] [--inputs 8]

For each file: it loads and prepares, its signature (if any) names its inputs and outputs and runs, three samples at once
give the same as one after the other (if its batch is dynamic), and every output is the one of `edgebench run`: integers, and floats out of a
DEQUANTIZE, equal; other floats within 1e-5. Exit code 1 if any file fails.
"""
import argparse
import pathlib
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent / "oracle"))

from check_oracle import TOLERANCE, compare, product_outputs, relative_error
from inputs import inputs_of
from litert import Oracle, interpreter, is_exact


def signature_problem(path):
    """What is wrong with the signature, or None."""
    net = interpreter(path)
    net.allocate_tensors()
    found = net.get_signature_list().get("serving_default")
    if found is None:
        return None
    counts = len(found["inputs"]), len(found["outputs"])
    wanted = len(net.get_input_details()), len(net.get_output_details())
    if counts != wanted:
        return f"the signature names {counts} inputs and outputs, the model has {wanted}"
    runner = net.get_signature_runner("serving_default")
    details = runner.get_input_details()
    runner(**{name: np.zeros(detail["shape"], detail["dtype"]) for name, detail in details.items()})
    return None


def batch_problem(path, samples):
    """Whether three samples at once give something else than each alone, or None."""
    if len(samples[0]) != 1:
        return None
    stacked = np.concatenate([sample[0][1] for sample in samples[:3]])
    outputs = {}
    for size in (1, len(stacked)):
        net = interpreter(path)
        port = net.get_input_details()[0]
        if port["shape_signature"][0] != -1:
            return None
        net.resize_tensor_input(port["index"], [size, *port["shape"][1:]])
        net.allocate_tensors()
        rows = []
        for first in range(0, len(stacked), size):
            net.set_tensor(port["index"], stacked[first : first + size])
            net.invoke()
            rows.append(net.get_tensor(net.get_output_details()[0]["index"]).copy())
        outputs[size] = np.concatenate(rows)
    alone, together = outputs[1], outputs[len(stacked)]
    if alone.shape != together.shape:
        return f"a batch of {len(stacked)} gives {together.shape}, expected {alone.shape}"
    same = np.array_equal(alone, together) or (alone.dtype.kind == "f" and relative_error(together, alone, 1e-2) <= TOLERANCE)
    return None if same else "samples of a batch influence one another"


def check(path, args, scratch):
    samples = inputs_of(path, path.stem.encode().hex(), args.inputs)
    problem = signature_problem(path) or batch_problem(path, samples)
    if problem:
        return problem
    expected = Oracle.run(path, "litert", samples)
    ours = product_outputs(args.binary, path, samples, "litert", None, scratch)
    if isinstance(ours, str):
        return ours
    line = compare(ours, expected, is_exact(path))
    if "error" in line or not line["pass"]:
        return line.get("error", f"{line['differing']} of {line['elements']} differ, relative {line['relative']:.1e}")
    return None


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
            failed += problem is not None
            print(f"{path.name:40} {problem or 'ok'}", flush=True)
    print(f"{len(files)} files, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
