#!/usr/bin/env python3
"""Firmware against the host: every int8 model of a directory, on every board, in every arithmetic, digest by digest.

    scripts/check_firmware.py MODELS... [--program target/release/edgebench] [--boards mps2-an386,…] [--modes litert,reference]
                              [--samples 1] [--log FILE] [--seconds 3000]

MODELS: .tflite files, or directories of them (not below); of those, models that compute in int8 or uint8 count (float32 only where
they begin and end). Each is lowered for the board, built, run in QEMU, and the digests of all layers and outputs are compared with those of
the portable kernels here (`edgebench parity`). Prints a line for each model, board and mode, and a table with how many were the same, different, too large
for the board, and failed. Models that do not fit a board are no failure; one that fits no board is listed. With --log what was found is appended to
a file, and not run again. Needs qemu-system-arm, and a compiler as firmware/build.sh says. Exit code 1 if anything differs or fails.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import time

from boards import BOARDS

VERDICTS = ["same", "differs", "too large", "failed"]


def is_int8(program, path):
    """Whether a network computes in 8 bits: real numbers at most where it begins and ends."""
    done = subprocess.run([program, "inspect", path, "--json"], capture_output=True, text=True)
    if done.returncode:
        return False
    (model,) = json.loads(done.stdout)["models"]
    types = collections.Counter(tensor["dtype"] for tensor in model["tensors"])
    eight = types["int8"] + types["uint8"]
    return bool(model["runs"]) and eight > 2 and types["float32"] <= len(model["inputs"]) + len(model["outputs"]) and not types["int16"]


def models(program, paths):
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            yield from (file for file in sorted(path.glob("*.tflite")) if is_int8(program, file))
        else:
            yield path


def one(program, board, mode, model, samples):
    """(verdict, what was said)."""
    command = [program, "parity", f"qemu:{board},mode:{mode}", f"isa:scalar,mode:{mode}", "--model", model, "--samples", samples]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    said = done.stderr.strip()
    if done.returncode == 0:
        same = [line for line in done.stdout.splitlines() if line.startswith("Same")]
        note = [line for line in said.splitlines() if line.startswith("note:")]
        return "same", " ".join(same + note)
    if done.returncode == 1:
        return "differs", " ".join(done.stdout.split())
    return ("too large" if "nothing was built" in said or "will not fit" in said else "failed"), " ".join(said.split())[-400:]


def table(found):
    """How many of each verdict, for each board and mode."""
    counts = collections.Counter((board, mode, verdict) for (_, board, mode), verdict in found.items())
    lines = [f"{'board':12} {'mode':12}" + "".join(f" {verdict:>9}" for verdict in VERDICTS)]
    for board, mode in dict.fromkeys((board, mode) for _, board, mode in found):
        lines.append(f"{board:12} {mode:12}" + "".join(f" {counts[board, mode, verdict]:9}" for verdict in VERDICTS))
    totals = collections.Counter(found.values())
    return "\n".join(lines + [f"{'in all':25}" + "".join(f" {totals[verdict]:9}" for verdict in VERDICTS)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--program", default="target/release/edgebench")
    parser.add_argument("--boards", default=BOARDS)
    parser.add_argument("--modes", default="litert,reference")
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--log", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing more after so long")
    args = parser.parse_args()
    begin, found, left = time.monotonic(), {}, 0
    chosen = list(models(args.program, args.models))
    if not chosen:
        sys.exit("check_firmware.py: no int8 model among these paths; expected .tflite files")
    known = {}
    if args.log and args.log.exists():
        for line in args.log.read_text().splitlines():
            verdict, model, board, mode = line.split("\t")[:4]
            known[model, board, mode] = verdict
    for board in args.boards.split(","):
        for model in chosen:
            for mode in args.modes.split(","):
                key = (str(model), board, mode)
                if key in known and known[key] != "failed":
                    found[key] = known[key]
                    continue
                if time.monotonic() - begin > args.seconds:
                    left += 1
                    continue
                verdict, said = one(args.program, board, mode, model, args.samples)
                found[key] = verdict
                print(f"{verdict:9} {model.name} {board} {mode}: {said}", flush=True)
                if args.log:
                    with args.log.open("a") as log:
                        log.write("\t".join([verdict, *key, said]) + "\n")
    none = [model.name for model in chosen if {v for (m, _, _), v in found.items() if m == str(model)} == {"too large"}]
    print(table(found))
    print(f"{len(chosen)} models; fit no board: {', '.join(none) or 'none'}; not begun: {left}")
    verdicts = set(found.values())
    sys.exit(1 if verdicts & {"differs", "failed"} or "same" not in verdicts else 0)


if __name__ == "__main__":
    main()
