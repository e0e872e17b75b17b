#!/usr/bin/env python3
"""Executed guest instructions per inference of whole networks on aarch64, counted by qemu-user.

    cargo build --profile slim -p edgebench-models --example infer --target aarch64-unknown-linux-musl
    python3 scripts/count_arm.py --binary target/aarch64-unknown-linux-musl/slim/examples/infer --models DIR-OR-FILE…
        [--cpu cortex-a72,cortex-a76,max] [--isa dotprod] [--against counts.json]

qemu's time says nothing about speed; what it executes is exact, and the same in every run. Each network runs twice and then a few
times more, on one thread: the difference leaves out start and end. Instructions are counted by a plugin (insn_count.c, compiled
here). `--against` is a JSON file {cpu: {model: millions}}: prints the ratio. Needs qemu-aarch64 (qemu-user) and a C compiler.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FEW = 2


class Counter:
    def __init__(self, args, scratch):
        self.args, self.out, self.plugin = args, scratch / "count", scratch / "insn_count.so"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", self.plugin, HERE / "insn_count.c"], check=True)

    def executed(self, cpu, model, runs):
        command = ["qemu-aarch64", *(["-L", self.args.sysroot] if self.args.sysroot else []), "-cpu", cpu]
        command += ["-plugin", f"{self.plugin},out={self.out}", self.args.binary, model, str(runs), self.args.mode]
        command += [self.args.isa] if self.args.isa else []
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{model.name} on {cpu}: {done.stderr.strip()}")
        return int(self.out.read_text())

    def per_inference(self, cpu, model):
        few, many = (self.executed(cpu, model, runs) for runs in (FEW, FEW + self.args.runs))
        return (many - few) / self.args.runs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True, help="models/examples/infer.rs for aarch64, static unless --sysroot is given")
    parser.add_argument("--models", type=Path, nargs="+", required=True)
    parser.add_argument("--cpu", default="cortex-a72,cortex-a76,max", help="qemu's CPU models; options with '+', as in max+sve=off")
    parser.add_argument("--mode", default="litert", help="whose integers: litert, reference, …")
    parser.add_argument("--isa", help="instruction set, as for edgebench run")
    parser.add_argument("--runs", type=int, default=3)
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
