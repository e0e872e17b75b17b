#!/usr/bin/env python3
"""Corruptions on boards: every kind, severity and set of constants, at every size that the tests of edgebench-corrupt have.

    scripts/check_board_corruptions.py MODEL [--boards mps2-an386,…] [--program target/release/edgebench]
                                             [--sizes 32x32x3,45x27x1,96x71x3] [--without frost,…]

The digests that are expected are those of kernels/corrupt/tests/digests.txt: `cargo test -p edgebench-corrupt` compares them on the
machine that it runs on, and `scripts/cross.sh test TARGET -p edgebench-corrupt` on aarch64 and armv7 under qemu-user, so that all of them
have the same bytes. MODEL only fills the program: the network is not asked. Requests that are cut or damaged must be refused. Prints same /
different for each board and size; exit code 1 if anything differs. Needs qemu-system-arm, and what firmware/build.sh needs.
"""
import argparse
import pathlib
import struct
import subprocess
import sys
import tempfile

from boards import BOARDS, FIRMWARE, build, field, frame, frames, run

DIGESTS = FIRMWARE.parent / "kernels" / "corrupt" / "tests" / "digests.txt"
# As the tests have them.
SEED, INDEX = 2026, 0x1_0000_0007
SETS = ["cifar", "imagenet"]
# More than any of the sizes needs.
WORKSPACE = 2 << 20


def expected():
    """Kinds in their order, and the five digests of each (set, kind, size)."""
    kinds, digests = [], {}
    for line in DIGESTS.read_text().splitlines()[1:]:
        words = line.split()
        if words[1] not in kinds:
            kinds.append(words[1])
        for at in range(2, len(words), 6):
            digests[words[0], words[1], words[at]] = words[at + 1 : at + 6]
    return kinds, digests


def picture(height, width, channels):
    """As in kernels/corrupt/tests/common/mod.rs."""
    state, data = 12345, bytearray()
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                state = (state * 1_664_525 + 1_013_904_223) % 2**32
                which = (y * 8 // height + x * 8 // width) % 4
                texture = y * 255 // height + (state >> 29) * 3
                data.append([60 * c + 20, x * 255 // width + 40 * c, state >> 24, texture][which] % 256)
    return bytes(data)


def fnv1a(data):
    value = 0xCBF2_9CE4_8422_2325
    for byte in data:
        value = (value ^ byte) * 0x0100_0000_01B3 % 2**64
    return f"{value:016x}"


def corrupted(board, elf, size, jobs):
    """Pixels that a board makes of the picture for each (set, kind, severity), by their numbers."""
    pixels = picture(*size)
    request = frame(3, struct.pack("<6I", *size, 0, 0, 1))
    for job in jobs:
        request += frame(5, struct.pack("<4I", 0, job[1], job[2], job[0]) + struct.pack("<2Q", SEED, INDEX) + pixels)
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "request.bin").write_bytes(request + frame(2))
        run(field(board, "run").split() + [elf], cwd=work)
        answers = list(frames((work / "answers.bin").read_bytes()))
    stack = struct.unpack_from("<2I", answers[-1][1])
    return [payload for kind, payload in answers if kind == 20], stack


def refuses(board, elf):
    """Whether a request that was cut or damaged on its way is refused, and with which words."""
    head = struct.pack("<4I", 0, 10, 1, 0) + struct.pack("<2Q", SEED, INDEX)
    whole = frame(3, struct.pack("<6I", 8, 8, 3, 0, 0, 1)) + frame(5, head + picture(8, 8, 3)) + frame(2)
    damaged = bytearray(whole)
    damaged[-40] ^= 4
    wanted = [(bytes(damaged), b"damaged"), (whole[:-60], b"damaged"), (whole[:-16], b"without an end")]
    for request, word in wanted:
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            (work / "request.bin").write_bytes(request)
            code = subprocess.run([*field(board, "run").split(), elf], cwd=work, stdout=subprocess.DEVNULL).returncode
            kind, said = list(frames((work / "answers.bin").read_bytes()))[-1]
        if (code, kind) != (2, 31) or word not in said:
            print(f"{board}: a request that should be refused ({word.decode()}) ended with {code}, frame {kind}: {said!r}")
            return False
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--boards", default=BOARDS)
    parser.add_argument("--program", default="target/release/edgebench")
    parser.add_argument("--sizes", default="32x32x3,45x27x1,96x71x3")
    parser.add_argument("--without", default="", help="kinds that are left out, by name")
    args = parser.parse_args()
    (kinds, digests), totals = expected(), [0, 0]
    for board in args.boards.split(","):
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            run([args.program, "emit", args.model, "--target", field(board, "core"), "-o", work / "plan"])
            elf = build(board, work / "plan", f"corrupt={WORKSPACE}")
            totals[1] += not refuses(board, elf)
            for size in args.sizes.split(","):
                chosen = [k for k, kind in enumerate(kinds) if kind not in args.without.split(",")]
                jobs = [(s, k, severity) for s in range(2) for k in chosen for severity in range(1, 6)]
                seen, (stack, of) = corrupted(board, elf, list(map(int, size.split("x"))), jobs)
                if len(seen) != len(jobs):
                    sys.exit(f"{board} {size}: {len(seen)} answers to {len(jobs)} images")
                wrong = [
                    f"{SETS[s]} {kinds[k]} {severity}"
                    for (s, k, severity), pixels in zip(jobs, seen)
                    if fnv1a(pixels) != digests[SETS[s], kinds[k], size][severity - 1]
                ]
                totals[0] += len(jobs) - len(wrong)
                totals[1] += len(wrong)
                print(f"{board:12} {size:9} same {len(jobs) - len(wrong)}, different {len(wrong)}; stack {stack} of {of}", flush=True)
                if wrong:
                    print("  " + ", ".join(wrong))
    print(f"in all: same {totals[0]}, different {totals[1]}")
    sys.exit(1 if totals[1] or not totals[0] else 0)


if __name__ == "__main__":
    main()
