#!/usr/bin/env python3
"""Compares `edgebench quantise` with TensorFlow's converter on float models, tensor by tensor.

    pip install tensorflow-cpu==2.21.0
    cargo build --release
    python scripts/check_ptq.py MODEL.tflite ... [--samples 20] [--binary target/release/edgebench]

Both calibrate on the same random samples and write an int8 model; operators, codes, scales and zero points must agree.
Scales of activations may differ by the rounding of a float32 sum (the float model runs in another order of additions).
The converter notes an operand after its operator has run, when ADD or MUL may have written over it: such operands are
counted apart, with what follows from their scale. Exit code 1 if anything else differs.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

ROUNDING = 2e-6
TYPES = {0: np.float32, 2: np.int32, 9: np.int8}


def by_converter(blob, samples):
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.python.optimize.calibrator import Calibrator

    calibrated = Calibrator(blob).calibrate(lambda: ([sample[None]] for sample in samples))
    return mlir_quantize(calibrated, fully_quantize=True, input_data_type=tf.int8, output_data_type=tf.int8)


def by_edgebench(binary, path, samples, scratch):
    np.save(scratch / "x.npy", samples)
    np.save(scratch / "labels.npy", np.zeros(len(samples), np.uint8))
    out = scratch / "int8.tflite"
    command = [binary, "quantise", path, "-o", out, "--data", scratch / "x.npy", "--calibration", len(samples), "--quiet"]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    return out.read_bytes()


class Net:
    """An int8 model's operators with their tensors."""

    def __init__(self, blob):
        from tensorflow.lite.python import schema_py_generated as schema

        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(blob, 0))
        names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
        graph, self.buffers = model.subgraphs[0], model.buffers
        self.tensors = graph.tensors
        kind = lambda op: model.operatorCodes[op.opcodeIndex]
        self.ops = [(names[max(kind(o).builtinCode, kind(o).deprecatedBuiltinCode)], kind(o).version, o) for o in graph.operators]

    def codes(self, tensor):
        data = self.buffers[tensor.buffer].data
        return None if data is None else np.frombuffer(bytes(data), TYPES[tensor.type])

    @staticmethod
    def scales(tensor):
        quant = tensor.quantization
        if quant is None or quant.scale is None:
            return np.zeros(0), np.zeros(0)
        return np.asarray(quant.scale, np.float64), np.asarray(quant.zeroPoint)


def overwritten(net):
    """Tensors that an ADD or MUL may have written its result over while the converter looked on."""
    reads = [t for _, _, op in net.ops for t in op.inputs]
    found = set()
    for name, _, op in net.ops:
        if name in ("ADD", "MUL"):
            shape = lambda t: tuple(net.tensors[t].shape)
            found |= {t for t in op.inputs if reads.count(t) == 1 and shape(t) == shape(op.outputs[0])}
    return found


def beyond(a, b, rounding):
    """By how much codes differ more than a scale's rounding explains."""
    if a.shape != b.shape:
        return 1 << 31
    apart = np.abs(a.astype(np.int64) - b)
    return int((apart - np.where(rounding, 1 + rounding * np.abs(b.astype(np.float64)), 0)).max(initial=0))


def compare(ours, theirs):
    """(tensors, scales that differ by rounding, of overwritten operands, anything else in words)"""
    counts, other = {"tensors": 0, "rounded": 0, "overwritten": 0}, []
    if [op[:2] for op in ours.ops] != [op[:2] for op in theirs.ops]:
        return counts, [f"operators {[op[:2] for op in ours.ops]} instead of {[op[:2] for op in theirs.ops]}"]
    loose = overwritten(theirs)
    for at, ((name, _, p), (_, _, q)) in enumerate(zip(ours.ops, theirs.ops)):
        tainted = bool(loose & set(q.inputs)) or bool(loose & set(q.outputs))
        for position, (x, y) in enumerate(zip([*p.inputs, *p.outputs], [*q.inputs, *q.outputs])):
            if x < 0 or y < 0:
                if x != y:
                    other.append(f"operator {at} ({name}), tensor {position}: absent in one")
                continue
            counts["tensors"] += 1
            a, b = ours.tensors[x], theirs.tensors[y]
            codes = ours.codes(a), theirs.codes(b)
            (s, z), (t, w) = Net.scales(a), Net.scales(b)
            apart = s.shape != t.shape or not np.allclose(s, t, rtol=ROUNDING, atol=0) or not np.array_equal(z, w)
            # A scale that rounds otherwise moves a bias of many digits with it.
            bias = a.type == 2 and not np.array_equal(s, t)
            steps = 0 if codes[0] is None else beyond(*codes, ROUNDING if bias else 0)
            if apart or steps:
                if y in loose or (tainted and a.type == 2):
                    counts["overwritten"] += 1
                else:
                    other.append(f"operator {at} ({name}), tensor {position}: scales {s[:2]} {z[:2]}, expected {t[:2]} {w[:2]}; codes by {steps}")
            elif not np.array_equal(s, t):
                counts["rounded"] += 1
    return counts, other


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--binary", type=pathlib.Path, default=pathlib.Path("target/release/edgebench"))
    args = parser.parse_args()
    from tensorflow.lite.python.interpreter import Interpreter

    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for path in args.models:
            blob = path.read_bytes()
            shape = Interpreter(model_content=blob).get_input_details()[0]["shape"][1:]
            samples = np.random.default_rng(1).normal(size=[args.samples, *shape]).astype(np.float32)
            ours = Net(by_edgebench(args.binary, path, samples, pathlib.Path(scratch)))
            counts, other = compare(ours, Net(by_converter(blob, samples)))
            failed += bool(other)
            print(path.name, ", ".join(f"{k} {v}" for k, v in counts.items()), "FAIL" if other else "ok", flush=True)
            for line in other[:5]:
                print("   ", line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
