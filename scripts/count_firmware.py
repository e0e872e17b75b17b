#!/usr/bin/env python3
"""Executed instructions of a network on a board: in QEMU, whole network, by the difference between three images and one.

    scripts/count_firmware.py MODEL… [--boards mps2-an386,mps3-an547] [--program target/release/edgebench]
                              [--at-most 1.5] [--code 40960] [--ram 57344] [--weights 98304] [--mode litert]

Prints instructions, instructions for each multiply-accumulate (as `edgebench inspect` counts them), and the bytes that
were linked. With --at-most, --code, --ram, --weights: exit code 1 if a network needs more for each multiply-accumulate, or more bytes. Needs a C compiler (for the plugin
scripts/count_instructions.c), qemu-system-arm with plugins, and what firmware/build.sh needs.
"""
import argparse
import json
import pathlib
import re
import struct
import sys
import tempfile

from boards import build, field, frame, run

HERE = pathlib.Path(__file__).resolve().parent


def executed(board, elf, plugin, inputs, images):
    """Instructions of so many images, and what the program says that it used."""
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        request = frame(1, struct.pack("<I", 0) + inputs) * images + frame(2)
        (work / "request.bin").write_bytes(request)
        run(field(board, "run").split() + [elf, "-plugin", f"{plugin},out={work}/count"], cwd=work)
        used = struct.unpack("<6I", (work / "answers.bin").read_bytes()[-32:-8])
        return int((work / "count").read_text()), used


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--boards", default="mps2-an386,mps2-an505,mps3-an547")
    parser.add_argument("--program", default="target/release/edgebench")
    parser.add_argument("--mode", default="litert", help="whose integers: litert, reference, …")
    parser.add_argument("--at-most", type=float)
    parser.add_argument("--code", type=int)
    parser.add_argument("--ram", type=int)
    parser.add_argument("--weights", type=int)
    args = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        plugin = work / "count.so"
        run(["cc", "-O2", "-shared", "-fPIC", "-o", plugin, HERE / "count_instructions.c"])
        for model in args.models:
            macs = json.loads(run([args.program, "inspect", model, "--json"]))["models"][0]["macs"]
            for board in args.boards.split(","):
                core = field(board, "core")
                run([args.program, "emit", model, "--target", core, "--arithmetic", args.mode, "-o", work / "plan"])
                elf = build(board, work / "plan")
                source = (work / "plan" / "plan.rs").read_text()
                ports = source[source.index("pub static INPUTS") : source.index("pub static OUTPUTS")]
                size = sum(map(int, re.findall(r"len: (\d+)", ports)))
                inputs = bytes(i * 7 % 251 for i in range(size))
                (one, _), (three, used) = (executed(board, elf, plugin, inputs, n) for n in (1, 3))
                each = (three - one) / 2
                stack, _, arena, code, flash, statics = used
                print(
                    f"{model.name} {board}: {each:,.0f} instructions, {each / macs:.3f} per MAC; code {code}, flash {flash}, "
                    f"RAM {statics + stack} bytes ({arena} of arena)",
                    flush=True,
                )
                weights = (work / "plan" / "weights.bin").stat().st_size
                limits = [(each / macs, args.at_most), (code, args.code), (statics + stack, args.ram), (weights, args.weights)]
                missed |= any(most is not None and value > most for value, most in limits)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
