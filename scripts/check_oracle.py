#!/usr/bin/env python3
"""Compares `edgebench run` with LiteRT on every `.tflite` file of a folder.

    python -m pip install ai-edge-litert==2.3.0 numpy
    cargo build --release
    python scripts/check_oracle.py --models DIR [--inputs 64] [--arithmetic litert,reference] [--isa scalar,avx2]

Each model gets N random and N structured inputs (`--inputs N`). Integer outputs, and float outputs that come out of a DEQUANTIZE,
must be identical. Other float outputs must lie within 1e-5 of LiteRT's, relative to max(|b|, max|b|/100) of each sample, and agree
in the best class. `litert-arm64` needs LiteRT's answers from an aarch64 machine (or an aarch64 Python under qemu-user): run the same
command there with `--arithmetic litert-arm64 --oracle-only` and bring the cache. Exit code 1 if any model violates that, or cannot be run. LiteRT's outputs are kept in `--cache`, so that only the
first run pays for them. Where LiteRT refuses a file with sparse constants, or gives NaN for it, it runs the same model with dense ones.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent / "oracle"))

from dense import dense_copy, has_sparse
from inputs import inputs_of
from litert import Oracle, is_exact

TOLERANCE = 1e-5


def product_outputs(binary, path, samples, arithmetic, isa, scratch):
    """Runs the product on all samples at once. Returns a list of outputs per sample, or an error text."""
    count, names = len(samples), [name for name, _ in samples[0]]
    stacked = {name: np.concatenate([s[i][1] for s in samples]) for i, name in enumerate(names)}
    x, y = scratch / ("x.npy" if len(names) == 1 else "x.npz"), scratch / "y.npy"
    if len(names) == 1:
        np.save(x, stacked[names[0]])
    else:
        np.savez(x, **stacked)
    command = [str(binary), "run", str(path), "--input", str(x), "--output", str(y), "--arithmetic", arithmetic, "--quiet"]
    if isa:
        command += ["--isa", isa]
    for old in scratch.glob("y*.np*"):
        old.unlink()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1][:200] if done.stderr.strip() else f"exit code {done.returncode}"
    found = np.load(sorted(scratch.glob("y*.np*"))[0])
    arrays = [found] if isinstance(found, np.ndarray) else [found[k] for k in found.files]
    return [[np.split(a, count)[i] for a in arrays] for i in range(count)]


def relative_error(a, b, floor):
    """max |a − b| / max(|b|, floor·max|b|), in f64. NaN where only one of both is NaN counts as infinite."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    if not np.array_equal(np.isnan(a), np.isnan(b)):
        return np.inf
    a, b = np.nan_to_num(a), np.nan_to_num(b)
    scale = np.maximum(np.abs(b), max(floor * np.abs(b).max(initial=0.0), 1e-30))
    return float(np.max(np.abs(a - b) / scale, initial=0.0))


def same_best(a, b):
    """Whether the best class agrees; a tie within the tolerance agrees with either."""
    a, b = a.ravel().astype(np.float64), b.ravel().astype(np.float64)
    return a.argmax() == b.argmax() or b.max() - b[a.argmax()] <= TOLERANCE * abs(b.max())


def compare(ours, oracle, exact):
    """Differing elements, largest differences and disagreements over all samples of one model."""
    line = {"elements": 0, "differing": 0, "max_step": 0, "relative": 0.0, "relative_strict": 0.0, "best_differs": 0}
    for sample, expected in zip(ours, oracle):
        for a, b in zip(sample, expected):
            if a.size != b.size or a.dtype != b.dtype:
                return {"error": f"shape or type: {a.shape} {a.dtype}, expected {b.shape} {b.dtype}"}
            a = a.reshape(b.shape)
            line["elements"] += b.size
            line["differing"] += int(np.sum((a != b) & ~((a != a) & (b != b))))
            line["best_differs"] += not same_best(a, b)
            if b.dtype.kind == "f":
                line["relative"] = max(line["relative"], relative_error(a, b, 1e-2))
                line["relative_strict"] = max(line["relative_strict"], relative_error(a, b, 1e-6))
            else:
                line["max_step"] = max(line["max_step"], int(np.max(np.abs(a.astype(np.int64) - b), initial=0)))
    line["pass"] = not line["differing"] if exact else line["relative"] <= TOLERANCE and not line["best_differs"]
    return line


def unusable(outputs):
    """Whether LiteRT refused, or gave nothing but NaN."""
    if isinstance(outputs, str):
        return True
    return all(y.dtype.kind == "f" and np.isnan(y).all() for sample in outputs for y in sample)


def check(path, arithmetic, isas, oracle, args, scratch):
    """All lines for one model in one mode of arithmetic: one per ISA."""
    key = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    samples = inputs_of(path, key, args.inputs)
    base = {"file": path.name, "arithmetic": arithmetic, "samples": len(samples), "exact": is_exact(path)}
    start = time.time()
    expected = oracle.outputs(path, key, arithmetic, samples)
    if unusable(expected) and has_sparse(path.read_bytes()):
        # LiteRT refuses some sparse files and gives NaN for others: then its answer to the same model without sparse constants.
        with tempfile.NamedTemporaryFile(suffix=".tflite") as copy:
            Path(copy.name).write_bytes(dense_copy(path.read_bytes()))
            expected = oracle.outputs(Path(copy.name), key + "-dense", arithmetic, samples)
        base["note"] = "LiteRT on the dense copy"
    base["oracle_s"] = round(time.time() - start, 1)
    if isinstance(expected, str):
        return [base | {"skipped": f"LiteRT: {expected}"}]
    lines = []
    for isa in isas:
        start = time.time()
        ours = None if args.oracle_only else product_outputs(args.binary, path, samples, arithmetic, isa, scratch)
        line = base | {"isa": isa or "default", "ours_s": round(time.time() - start, 1)}
        if args.oracle_only:
            line["skipped"] = "oracle only"
        elif isinstance(ours, str):
            line["error"] = ours
        else:
            line |= compare(ours, expected, base["exact"])
        lines.append(line)
    return lines


def describe(line):
    head = f"{line['file'][:44]:44} {line['arithmetic']:9} {line.get('isa', ''):10}"
    if "error" in line or "skipped" in line:
        return f"{head} {'ERROR ' + line['error'] if 'error' in line else 'skipped: ' + line['skipped'][:90]}"
    kind = f"{line['differing']} / {line['elements']} differ, max step {line['max_step']}"
    if not line["exact"]:
        kind = f"relative {line['relative']:.1e} (strict {line['relative_strict']:.1e}), best differs {line['best_differs']}"
    return f"{head} {'ok  ' if line['pass'] else 'FAIL'} {kind}, {line['samples']} samples, {line['oracle_s']} s / {line['ours_s']} s" + (f", {line['note']}" if "note" in line else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True, help="a folder, searched recursively (folders named 'golden' left out), or one file")
    parser.add_argument("--inputs", type=int, default=64, help="random and structured inputs, this many of each")
    parser.add_argument("--arithmetic", default="litert,reference")
    parser.add_argument("--isa", default="", help="comma-separated; default: what the program chooses")
    parser.add_argument("--binary", type=Path, default=Path("target/release/edgebench"))
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / ".cache" / "edgebench-oracle")
    parser.add_argument("--only", default="", help="models whose path contains this")
    parser.add_argument("--exclude", default="", help="comma-separated: models whose path contains none of these")
    parser.add_argument("--oracle-only", action="store_true", help="only fill the cache")
    parser.add_argument("--json", type=Path, help="write the lines there as well")
    args = parser.parse_args()
    files = [args.models] if args.models.is_file() else sorted(args.models.rglob("*.tflite"))
    excluded = [e for e in args.exclude.split(",") if e]
    files = [f for f in files if args.only in str(f) and not any(e in str(f) for e in excluded)]
    files = [f for f in files if "golden" not in f.relative_to(args.models).parts] if args.models.is_dir() else files
    if not files:
        parser.error(f"no .tflite file under {args.models}")
    oracle, lines = Oracle(args.cache), []
    with tempfile.TemporaryDirectory() as scratch:
        for path in files:
            for arithmetic in args.arithmetic.split(","):
                for line in check(path, arithmetic, args.isa.split(","), oracle, args, Path(scratch)):
                    print(describe(line), flush=True)
                    lines.append(line)
    bad = [l for l in lines if "error" in l or l.get("pass") is False]
    summary = {"models": len(files), "lines": len(lines), "violations": len(bad), "skipped": sum("skipped" in l for l in lines)}
    print(", ".join(f"{k} {v}" for k, v in summary.items()))
    if args.json:
        args.json.write_text(json.dumps({"schema": 1, "summary": summary, "lines": lines}, indent=1) + "\n")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
