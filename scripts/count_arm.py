#!/usr/bin/env python3
"""Executed guest instructions per inference of whole networks on aarch64, counted by qemu-user.

    scripts/cross.sh build aarch64-unknown-linux-musl
    python3 scripts/count_arm.py --binary BINARY --models DIR-OR-FILE… [--cpu cortex-a72,cortex-a76,max] [--isa dotprod]
        [--against counts.json]

qemu's time says nothing about speed; what it executes is exact, and the same in every run. Each network runs a few samples and then more of
them, on one thread and one sample at a time: the difference leaves out start and end. Instructions are counted by a plugin
(insn_count.c, compiled here). `--against` is a JSON file {cpu: {model: millions}}: prints the ratio. Needs qemu-aarch64 (qemu-user), a C
compiler and numpy.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def plugin(scratch):
    to = scratch / "insn_count.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", to, HERE / "insn_count.c"], check=True)
    return to


class Counter:
    def __init__(self, args, scratch):
        self.args, self.scratch, self.plugin = args, scratch, plugin(scratch)

    def executed(self, cpu, model, shape, dtype, samples):
        x, out = self.scratch / "x.npy", self.scratch / "count"
        low, high = {"int8": (-128, 128), "uint8": (0, 256)}.get(dtype, (0, 1))
        rng = np.random.default_rng(1)
        shape = [samples, *shape[1:]]
        np.save(x, rng.random(shape, np.float32) if dtype == "float32" else rng.integers(low, high, shape).astype(dtype))
        command = ["qemu-aarch64", *(["-L", self.args.sysroot] if self.args.sysroot else []), "-cpu", cpu, "-plugin", f"{self.plugin},out={out}"]
        command += [self.args.binary, "run", model, "--input", x, "--output", self.scratch / "y.npy", "--threads", "1", "--batch", "1", "--quiet"]
        command += ["--isa", self.args.isa] if self.args.isa else []
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{model.name} on {cpu}: {done.stderr.strip()}")
        return int(out.read_text())

    def per_inference(self, cpu, model):
        report = json.loads(subprocess.run([self.args.inspect, "inspect", model, "--json"], capture_output=True, text=True, check=True).stdout)
        tensor = report["models"][0]["tensors"][report["models"][0]["inputs"][0]]
        few = 2
        many = few + self.args.samples
        counts = [self.executed(cpu, model, tensor["shape"], tensor["dtype"], n) for n in (few, many)]
        return (counts[1] - counts[0]) / self.args.samples


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True, help="edgebench for aarch64, static unless --sysroot is given")
    parser.add_argument("--inspect", type=Path, default=Path("target/release/edgebench"), help="edgebench for this machine")
    parser.add_argument("--models", type=Path, nargs="+", required=True)
    parser.add_argument("--cpu", default="cortex-a72,cortex-a76,max", help="qemu's CPU models; options with '+', as in max+sve=off")
    parser.add_argument("--isa", help="instruction set, as for edgebench run")
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--sysroot")
    parser.add_argument("--against", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    models = [file for path in args.models for file in ([path] if path.is_file() else sorted(path.rglob("*_int8.tflite")))]
    against = json.loads(args.against.read_text()) if args.against else {}
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        counter = Counter(args, Path(scratch))
        for cpu in args.cpu.split(","):
            for model in models:
                millions = counter.per_inference(cpu.replace("+", ","), model) / 1e6
                found.setdefault(cpu, {})[model.stem] = round(millions, 4)
                other = against.get(cpu, {}).get(model.stem)
                ratio = f"  {millions / other:6.3f} of {other}" if other else ""
                print(f"{cpu:12} {model.stem:28} {millions:10.3f} M instructions{ratio}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
