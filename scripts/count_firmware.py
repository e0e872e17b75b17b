#!/usr/bin/env python3
"""Executed instructions of a network on a board: in QEMU, whole network, by the difference between three images and one.

    scripts/count_firmware.py MODEL… [--boards mps2-an386,mps3-an547] [--program target/release/edgebench]
                              [--at-most 1.5]

Prints instructions, instructions for each multiply-accumulate (as `edgebench inspect` counts them), and the bytes that
were linked. With --at-most: exit code 1 if a network needs more for each multiply-accumulate. Needs a C compiler (for the plugin
scripts/count_instructions.c), qemu-system-arm with plugins, and what firmware/build.sh needs.
"""
import argparse
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
MASK = (1 << 64) - 1
P = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)


def rotated(x, by):
    return (x << by | x >> (64 - by)) & MASK


def mixed(lane, word):
    return rotated((lane + word * P[1]) & MASK, 31) * P[0] & MASK


def xxh64(data):
    """As in kernels/src/digest.rs."""
    at, word = 0, lambda at, size: int.from_bytes(data[at : at + size], "little")
    if len(data) >= 32:
        lanes = [(P[0] + P[1]) & MASK, P[1], 0, -P[0] & MASK]
        while at + 32 <= len(data):
            lanes = [mixed(lane, word(at + 8 * i, 8)) for i, lane in enumerate(lanes)]
            at += 32
        value = sum(rotated(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            value = ((value ^ mixed(0, lane)) * P[0] + P[3]) & MASK
    else:
        value = P[4]
    value = (value + len(data)) & MASK
    while at + 8 <= len(data):
        value = (rotated(value ^ mixed(0, word(at, 8)), 27) * P[0] + P[3]) & MASK
        at += 8
    if at + 4 <= len(data):
        value = (rotated(value ^ (word(at, 4) * P[0] & MASK), 23) * P[1] + P[2]) & MASK
        at += 4
    for byte in data[at:]:
        value = rotated(value ^ (byte * P[4] & MASK), 11) * P[0] & MASK
    value = (value ^ value >> 33) * P[1] & MASK
    value = (value ^ value >> 29) * P[2] & MASK
    return value ^ value >> 32


def frame(kind, payload=b""):
    head = struct.pack("<II", kind, len(payload)) + payload
    return head + struct.pack("<Q", xxh64(head))


def field(board, name):
    text = (HERE.parent / "firmware" / "boards" / board / "board.toml").read_text()
    return re.search(rf'^{name} *= *"(.*)"', text, re.M).group(1)


def run(command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stderr[-2000:]}{done.stdout[-500:]}")
    return done.stdout


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
    parser.add_argument("--at-most", type=float)
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
                run([args.program, "emit", model, "--target", core, "-o", work / "plan"])
                elf = run([HERE.parent / "firmware" / "build.sh", board, work / "plan", work / board]).split("\n")[-2]
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
                missed |= args.at_most is not None and each / macs > args.at_most
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
