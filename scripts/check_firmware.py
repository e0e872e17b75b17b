#!/usr/bin/env python3
"""Firmware against the host: every int8 model of a directory, on every board, in every arithmetic, digest by digest.

    scripts/check_firmware.py MODELS... [--program target/release/edgebench] [--boards mps2-an386,…] [--modes litert,tflm]
                              [--samples 1] [--seconds 3000]

MODELS: .tflite files, or directories of them (int8 and uint8 ones are taken by their names). Each is lowered for the board, built,
run in QEMU, and the digests of all layers are compared with those of the portable kernels here (`edgebench parity`). Models that do not
fit a board are told, and are no failure; a model that fits no board at all is listed again at the end. Needs qemu-system-arm, and a
compiler as firmware/build.sh says. Exit code 1 if anything differs or fails.
"""
import argparse
import pathlib
import subprocess
import sys
import time

BOARDS = "mps2-an386,mps2-an500,mps2-an505,mps3-an547"


def models(paths):
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            yield from sorted(p for p in path.glob("*.tflite") if "int8" in p.name)
        else:
            yield path


def one(program, board, mode, model, samples):
    """(verdict, what was said): verdict is same, differs, too large or failed."""
    command = [program, "parity", f"qemu:{board},mode:{mode}", f"isa:scalar,mode:{mode}", "--model", model, "--samples", samples]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    said = done.stderr.strip()
    if done.returncode == 0:
        same = [line for line in done.stdout.splitlines() if line.startswith("Same")]
        note = [line for line in said.splitlines() if line.startswith("note:")]
        return "same", " ".join(same + note)
    if done.returncode == 1:
        return "differs", done.stdout.strip()
    return ("too large" if "nothing was built" in said or "will not fit" in said else "failed"), said[-400:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--program", default="target/release/edgebench")
    parser.add_argument("--boards", default=BOARDS)
    parser.add_argument("--modes", default="litert")
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin nothing more after so long")
    args = parser.parse_args()
    begin, bad, fits, left = time.monotonic(), 0, {}, 0
    chosen = list(models(args.models))
    if not chosen:
        sys.exit("check_firmware.py: no model among these paths; expected .tflite files with int8 in their names")
    for model in chosen:
        for board in args.boards.split(","):
            for mode in args.modes.split(","):
                if time.monotonic() - begin > args.seconds:
                    left += 1
                    continue
                verdict, said = one(args.program, board, mode, model, args.samples)
                fits[model] = fits.get(model, False) or verdict != "too large"
                bad += verdict in ("differs", "failed")
                print(f"{verdict:9} {model.name} {board} {mode}: {said}", flush=True)
    none = [model.name for model, fit in fits.items() if not fit]
    print(f"{len(fits)} models; {bad} failures; fit no board: {', '.join(none) or 'none'}; not begun: {left}")
    sys.exit(1 if bad or not any(fits.values()) else 0)


if __name__ == "__main__":
    main()
