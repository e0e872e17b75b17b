#!/usr/bin/env python3
"""Are the outputs the same bytes for any number of threads, any batch and every instruction set?

    python -m pip install ai-edge-litert==2.3.0 numpy
    cargo build --release
    python scripts/check_determinism.py --models DIR [--samples 13]

Every `.tflite` file under DIR runs the same samples with 1, 2, 3 and 7 threads times batches of 1, 3, 8 and 64 (from 8 on,
networks of small layers compute 8 samples at once, and what is left over one by one), on the fastest instruction set, and with 2
threads and batches of 3 and 64 on each of the others; then one sample after the other, split over 2, 3 and 7 threads (2 on the
other instruction sets). Small samples are repeated until there are 19, so that batches have whole turns and a rest. Exit code 1 if
any output differs in a byte.
(LiteRT only tells the inputs' shapes here.)
"""

import argparse
import hashlib
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "oracle"))

from inputs import inputs_of

WHOLE = 19  # twice the 8 samples that are computed at once, and three
SMALL = 16 * 1024  # bytes of a sample


def store(path, samples, scratch):
    """Samples as one array file."""
    names = [name for name, _ in samples[0]]
    stacked = [np.concatenate([s[i][1] for s in samples]) for i in range(len(names))]
    if len(names) == 1:
        np.save(scratch / "x.npy", stacked[0])
        return scratch / "x.npy"
    np.savez(scratch / "x.npz", **dict(zip(names, stacked)))
    return scratch / "x.npz"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=13)
    parser.add_argument("--binary", type=Path, default=Path("target/release/edgebench"))
    parser.add_argument("--arithmetic", default="litert")
    args = parser.parse_args()
    listed = subprocess.run([args.binary, "isa", "--json"], capture_output=True, text=True, check=True)
    table = json.loads(listed.stdout)
    isas = [row["name"] for row in table["isas"] if row["runs_here"]]
    combinations = [(t, b, isas[0]) for t, b in itertools.product((1, 2, 3, 7), (1, 3, 8, 64))]
    combinations += [(t, "split", isas[0]) for t in (2, 3, 7)]
    combinations += [(2, b, isa) for isa in isas[1:] for b in (3, 64, "split")]
    files = sorted(f for f in args.models.rglob("*.tflite") if "golden" not in f.relative_to(args.models).parts)
    bad = 0
    for path in files:
        key = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        with tempfile.TemporaryDirectory() as folder:
            scratch = Path(folder)
            samples = inputs_of(path, key, (args.samples + 1) // 2)[: args.samples]
            if sum(array.nbytes for _, array in samples[0]) <= SMALL:
                samples = (samples * WHOLE)[: max(WHOLE, len(samples))]
            x = store(path, samples, scratch)
            digests = {}
            for threads, batch, isa in combinations:
                y = scratch / "y.npz"
                command = [args.binary, "run", path, "--input", x, "--output", y, "--threads", threads]
                command += ["--split"] if batch == "split" else ["--batch", batch]
                command += ["--isa", isa, "--arithmetic", args.arithmetic, "--quiet"]
                subprocess.run([str(c) for c in command], check=True)
                with np.load(y) as arrays:
                    content = b"".join(arrays[name].tobytes() for name in sorted(arrays.files))
                digests.setdefault(hashlib.sha256(content).hexdigest()[:12], []).append((threads, batch, isa))
        bad += len(digests) != 1
        print(f"{path.name[:50]:50} {'same' if len(digests) == 1 else digests}", flush=True)
    print(f"{len(files)} models, {len(combinations)} runs each on {', '.join(isas)}: {bad} with differing outputs")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
