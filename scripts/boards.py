"""Boards for scripts: frames, fields of board.toml, runs. `docs/boards.md` has the protocol."""
import os
import pathlib
import re
import struct
import subprocess
import sys

FIRMWARE = pathlib.Path(__file__).resolve().parent.parent / "firmware"
BOARDS = "mps2-an386,mps2-an500,mps2-an505,mps3-an547"
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
    text = (FIRMWARE / "boards" / board / "board.toml").read_text()
    return re.search(rf'^{name} *= *"(.*)"', text, re.M).group(1)


def frames(data):
    """Kind and payload of each frame; one that is cut or damaged ends the program."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        end = at + 8 + size
        if xxh64(data[at:end]) != int.from_bytes(data[end : end + 8], "little") or end + 8 > len(data):
            sys.exit(f"a frame of kind {kind} arrived damaged")
        yield kind, data[at + 8 : end]
        at = end + 8


def build(board, plan, *options):
    """The program for a plan, where edgebench builds its own: so that what they share is built once."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    out = cache / "edgebench" / "firmware" / board
    return run([FIRMWARE / "build.sh", board, plan, out, *options]).splitlines()[-1]


def run(command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    if done.returncode:
        sys.exit(f"{command[0]} failed:\n{done.stderr[-2000:]}{done.stdout[-500:]}")
    return done.stdout
