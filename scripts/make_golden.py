#!/usr/bin/env python3
"""Makes the golden single-operator models in tests/golden and the outputs that LiteRT gives for them.

    python -m pip install ai-edge-litert==2.3.0 tflite-micro==0.dev20261023182759 numpy
    python scripts/make_golden.py [--out tests/golden] [--only conv]

One `.npz` per family of operators with, per case, `<case>/model` (the file's bytes), `<case>/x0`… (inputs, in the order of the
model's inputs), `<case>/ref0`… (outputs of the reference kernels), `<case>/litert0`… (outputs of the default interpreter) and
`<case>/tflm0`… (outputs of TensorFlow Lite Micro, left out where they equal those of the reference kernels). `index.json` describes
the cases: in `modes` those whose outputs are known, in `exact` those that a runtime must reproduce bit for bit. The same bytes come out of every run on the same kind of CPU (float outputs of transcendental
functions depend on its instruction set).
"""

import argparse
import importlib
import importlib.metadata
import io
import json
import platform
import sys
import zipfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "golden"))

import build
import tflm

VERSIONS = {"ai-edge-litert": "2.3.0", "tflite-micro": "0.dev20261023182759"}
FAMILIES = ["linear", "elementwise", "activations", "reduce", "movement"]


def outputs(case):
    """The outputs per mode. A mode that the case expects and that fails is an error: the case is wrong."""
    found = {}
    for mode in case.modes:
        found[mode] = build.run(case.content, case.inputs, mode)
        again = build.run(case.content, case.inputs, mode)
        if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(found[mode], again)):
            raise SystemExit(f"{case.name}: {mode} gives other values the second time")
    micro = tflm.run(case.content, case.inputs)
    if micro is not None:
        found["tflm"] = micro
    return found


def same(a, b):
    return len(a) == len(b) and all(x.dtype == y.dtype and np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b))


def arrays(case, found):
    """What is stored for one case, by key."""
    stored = {"model": np.frombuffer(case.content, np.uint8)}
    bits = lambda x: x.view(np.int16) if x.dtype == np.float16 else x  # binary16 as its bits: not every reader knows the type
    stored |= {f"x{i}": bits(x) for i, x in enumerate(case.inputs)}
    for mode, values in found.items():
        if mode == "tflm" and "ref" in found and same(values, found["ref"]):
            continue
        stored |= {f"{mode}{i}": y for i, y in enumerate(values)}
    return {f"{case.name}/{key}": value for key, value in stored.items()}


def entry(case, found):
    """The case's line in the index."""
    line = {"op": case.op, "dtypes": case.dtypes, "modes": list(found), "exact": list(case.exact)}
    if "tflm" in found and ("ref" in case.exact or "float32" not in case.dtypes):
        line["exact"].append("tflm")
    if case.options:
        line["options"] = {k: v for k, v in case.options[1].items() if v}
    line["delegated"] = build.delegated(case.content)
    for a, b in (("ref", "litert"), ("ref", "tflm")):
        if a in found and b in found:
            line[f"{b}_differs"] = sum(int(np.sum(x != y)) for x, y in zip(found[a], found[b]))
    if case.note:
        line["note"] = case.note
    return line


def write_npz(path, stored):
    """An `.npz` whose bytes do not depend on the clock."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in stored.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            archive.writestr(info, buffer.getvalue(), zipfile.ZIP_DEFLATED, 9)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("tests/golden"))
    parser.add_argument("--only", help="only cases whose name contains this; prints, writes nothing")
    args = parser.parse_args()
    for package, version in VERSIONS.items():
        if (here := importlib.metadata.version(package)) != version:
            raise SystemExit(f"this needs {package} {version}, found {here}: the outputs are that version's arithmetic")
    args.out.mkdir(parents=True, exist_ok=True)
    index = {
        "generator": "scripts/make_golden.py",
        "runtime": ", ".join(f"{p} {v}" for p, v in VERSIONS.items()) + f", {platform.machine()}, 1 thread",
        "command": "python scripts/make_golden.py --out tests/golden",
        "families": {},
    }
    for family in FAMILIES:
        stored, lines = {}, {}
        for case in importlib.import_module(family).cases():
            if args.only and args.only not in case.name:
                continue
            assert case.name not in lines, case.name
            found = outputs(case)
            stored |= arrays(case, found)
            lines[case.name] = entry(case, found)
        index["families"][family] = lines
        print(f"{family}: {len(lines)} cases", file=sys.stderr)
        if args.only:
            print(json.dumps(lines, indent=1))
        else:
            write_npz(args.out / f"{family}.npz", stored)
    if not args.only:
        text = json.dumps(index, separators=(",", ":"))
        (args.out / "index.json").write_text(text.replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
