"""Does LiteRT load what edgebench writes, and compute the same from it?

    EDGEBENCH_REWRITTEN=/tmp/rewritten cargo test -p edgebench-models --test tflite_roundtrip
    python scripts/check_roundtrip.py MODELS /tmp/rewritten

MODELS is the folder that the test read (`$EDGEBENCH_MODELS`). Every model is run as it is, as rewritten, and as rewritten with
all constants behind the FlatBuffer (the layout of files beyond 2 GB), on the same random inputs, with LiteRT's default
resolver (XNNPACK) and its reference kernels. Outputs must be equal, bit for bit, unless LiteRT gives NaN for the original. Needs ai-edge-litert 2.3.0 and numpy.
Exit code 1 if anything differs.
"""

import collections
import pathlib
import pickle
import subprocess
import sys

import numpy as np


def outputs(path, reference, seeds):
    """Outputs of the model on random inputs."""
    from ai_edge_litert import interpreter as litert

    kind = litert.OpResolverType
    resolver = kind.BUILTIN_REF if reference else kind.AUTO
    net = litert.Interpreter(model_path=str(path), experimental_op_resolver_type=resolver, num_threads=1)
    net.allocate_tensors()
    results = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for entry in net.get_input_details():
            shape, dtype = entry["shape"], entry["dtype"]
            if np.issubdtype(dtype, np.integer):
                info = np.iinfo(dtype)
                value = rng.integers(info.min, info.max, size=shape, endpoint=True, dtype=dtype)
            elif dtype == np.bool_:
                value = rng.integers(0, 2, size=shape).astype(bool)
            else:
                value = rng.standard_normal(shape).astype(dtype)
            net.set_tensor(entry["index"], value)
        net.invoke()
        results += [net.get_tensor(entry["index"]) for entry in net.get_output_details()]
    return results


def lacks_numbers(results):
    """Whether a float output is NaN."""
    return any(y.dtype.kind == "f" and np.isnan(y).any() for y in results)


def equal(a, b):
    """Bit for bit."""
    return len(a) == len(b) and all(x.tobytes() == y.tobytes() for x, y in zip(a, b))


def attempt(path, reference):
    """The outputs, or the reason why there are none. In a process of its own, because LiteRT can abort."""
    code = (
        "import sys, pickle; sys.path.insert(0, sys.argv[1]); import check_roundtrip as c;"
        "sys.stdout.buffer.write(b'RESULT' + pickle.dumps(c.outputs(sys.argv[2], sys.argv[3] == '1', range(3))))"
    )
    here = str(pathlib.Path(__file__).resolve().parent)
    command = [sys.executable, "-c", code, here, str(path), str(int(reference))]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode == 0 and b"RESULT" in done.stdout:
        return pickle.loads(done.stdout.split(b"RESULT", 1)[1]), None
    lines = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit {done.returncode}"]
    return None, lines[-1][:100]


def main():
    models, rewritten = map(pathlib.Path, sys.argv[1:3])
    tally = collections.Counter()
    bad = 0
    print(f"{'model':58} {'default: in':>12} {'out':>9} {'reference: in':>14} {'out':>9}")
    for path in sorted(models.rglob("*.tflite")):
        name = path.relative_to(models)
        cells = []
        for reference in (False, True):
            want, why = attempt(path, reference)
            for layout in ("inside", "outside"):
                got, why_not = attempt(rewritten / layout / name, reference)
                if want is None:
                    verdict = "original" if got is None else "only ours"
                elif got is None:
                    verdict = "REFUSED"
                elif lacks_numbers(want):
                    verdict = "undefined"
                else:
                    verdict = "equal" if equal(got, want) else "DIFFERENT"
                cells.append(verdict)
                tally["reference" if reference else "default", layout, verdict] += 1
                if verdict in ("REFUSED", "DIFFERENT"):
                    bad += 1
                    print(f"  {name} {layout}: {why_not}")
            if want is None:
                print(f"  {name}: LiteRT itself fails: {why}")
        print(f"{str(name):58} {cells[0]:>12} {cells[1]:>9} {cells[2]:>14} {cells[3]:>9}", flush=True)
    print()
    for key in sorted(tally):
        print(*key, tally[key])
    print("original: LiteRT fails on the original too")
    print("undefined: LiteRT gives NaN for the original (it reads beyond float16 constants in sparse blocks), so nothing can be compared")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
