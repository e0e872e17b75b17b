#!/usr/bin/env python3
"""Every tensor of every model, on this machine and by other programs: instruction sets, emulated CPUs.

    cargo build --release && python3 scripts/check_parity.py target/release/edgebench --models DIR \\
        --other "qemu-aarch64 -cpu cortex-a76 edgebench-aarch64-unknown-linux-musl" --other "qemu-arm edgebench-armv7-…"

Compares `isa:scalar` of this machine with every instruction set of this machine and with what the other programs choose, in the modes
litert, reference and tflm. Prints one line a model; exit code 1 if anything differs, 2 if nothing could be compared.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

MODES = ("litert", "reference", "tflm")


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--other", action="append", default=[], help="a command that runs edgebench on another CPU")
    parser.add_argument("--samples", type=int, default=1)
    args = parser.parse_args()
    isas = [row["name"] for row in json.loads(run(args.program, "isa", "--json").stdout)["isas"] if row["runs_here"]]
    here = [([args.program], f"isa:{isa}") for isa in isas if isa != "scalar"] + [([args.program], "threads:2")]
    others = here + [(other.split(), None) for other in args.other]
    compared, differ, refused = 0, 0, []
    with tempfile.TemporaryDirectory() as work:
        trace = pathlib.Path(work) / "trace.json"
        for model in sorted(args.models.rglob("*.tflite")):
            tensors, words = 0, []
            for mode in MODES:
                about = ("--model", model, "--samples", args.samples)
                made = run(args.program, "parity", f"isa:scalar,mode:{mode}", "--record", trace, *about)
                if made.returncode:
                    refused.append(f"{model.name} ({mode}): {made.stderr.strip().splitlines()[-1]}")
                    continue
                for command, setting in others:
                    target = ",".join(filter(None, (setting, f"mode:{mode}")))
                    result = run(*command, "parity", f"trace:{trace}", target, "--model", model, "--json")
                    name = f"{' '.join(map(str, command[:-1]))} {target}".strip()
                    if result.returncode not in (0, 1):
                        words.append(f"{name}: {result.stderr.strip()[-200:]}")
                        continue
                    report = json.loads(result.stdout)
                    tensors += sum(row["compared"] for row in report["layers"])
                    compared += 1
                    if not report["same"]:
                        first = report["first"]
                        words.append(f"{name}: operator {first['operator']} {first['op']} differs")
            differ += bool(words)
            print(f"{'ok  ' if not words else 'FAIL'} {model.relative_to(args.models)}: {tensors} tensors", *words, sep="\n     ", flush=True)
    for line in refused:
        print(f"not compared: {line}")
    print(f"{compared} comparisons over {', '.join([t for _, t in here] + args.other)}; {differ} models differ")
    return 2 if not compared else 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
