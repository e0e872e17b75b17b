#!/usr/bin/env python3
"""Makes models/train/tests/golden/train.npz: what PyTorch computes for every kind of layer, optimiser and quantiser that trains.

    python3 scripts/make_train_golden.py [--out models/train/tests/golden] [--only conv]

Enters the virtual environment of benches/training (and makes it at first). One `.npz` with `<case>/<array>`; activations are NHWC,
weights lie as in TFLite: `[O, kh, kw, I / groups]`, depthwise `[1, kh, kw, C * multiplier]`, dense `[O, I]`. The member `cases.json`
(its bytes as uint8) describes the cases; `train.json` beside the archive is the same text. Inputs are float32; PyTorch computes in
float64, and results are rounded to float32. Fake quantisation is computed in float32. The same bytes come out of every run on one kind
of CPU.
"""

import argparse
import importlib
import io
import json
import platform
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "scripts" / "train_golden"), str(ROOT / "benches" / "training")]

FAMILIES = ["linear", "elementwise", "optimisers", "quantisers", "networks"]


def write_npz(path, stored):
    """An `.npz` whose bytes do not depend on the clock."""
    import numpy as np

    with zipfile.ZipFile(path, "w") as archive:
        for name, array in stored.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array) if array.ndim else array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), buffer.getvalue(), zipfile.ZIP_DEFLATED, 9)


def description(lines):
    """JSON, one case a line."""
    import numpy
    import torch

    from networks import ALL, FORMULA, summary

    head = {
        "generator": "scripts/make_train_golden.py",
        "command": "python3 scripts/make_train_golden.py --out models/train/tests/golden",
        "versions": f"torch {torch.__version__}, numpy {numpy.__version__}, python {platform.python_version()}, {platform.machine()}",
        "formula": FORMULA,
    }
    cases = ",\n".join(json.dumps(line, separators=(",", ":")) for line in lines)
    known = ",\n".join(f"{json.dumps(name)}:{json.dumps(summary(name), separators=(',', ':'))}" for name in ALL)
    return json.dumps(head, indent=0)[:-2] + ',\n"architectures": {\n' + known + '\n},\n"cases": [\n' + cases + "\n]}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "models" / "train" / "tests" / "golden")
    parser.add_argument("--only", help="only cases whose name contains this; prints, writes nothing")
    args = parser.parse_args()
    import torch_venv

    torch_venv.enter()
    import numpy as np
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    stored, lines = {}, []
    for family in FAMILIES:
        for case in importlib.import_module(family).cases():
            if args.only and args.only not in case.name:
                continue
            for key, value in case.stored().items():
                assert key not in stored, key
                assert value.dtype.kind != "f" or np.isfinite(value).all(), f"{key} is not finite"
                stored[key] = value
            lines.append(case.entry())
    if args.only:
        for line in lines:
            print(json.dumps(line))
            for key in line["arrays"]:
                print(f"  {key}: {stored[line['name'] + '/' + key].tolist()}")
        return
    text = description(lines)
    args.out.mkdir(parents=True, exist_ok=True)
    write_npz(args.out / "train.npz", {"cases.json": np.frombuffer(text.encode(), np.uint8), **stored})
    (args.out / "train.json").write_text(text)
    size = (args.out / "train.npz").stat().st_size
    print(f"{len(lines)} cases, {len(stored)} arrays, {size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
