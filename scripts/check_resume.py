#!/usr/bin/env python3
"""Kills a sweep with SIGKILL at random moments and compares its report with that of one that was left alone.

    python3 scripts/check_resume.py [--binary target/release/edgebench] [--kills 10] [--seed 1] [--study study.toml]

Exit code 0 if study.json, report.html, report.md and models.csv are the same bytes.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

STUDY = """
name = "resume"
recipes = ["all"]
corruptions = "benchmark"

[training]
epochs = 6

[compression]
epochs = 2

[[network]]
arch = "digits"
"""
RESULTS = ["study.json", "report.html", "report.md", "models.csv"]


def start(binary, study, folder):
    return subprocess.Popen(
        [binary, "sweep", study, "-o", folder, "--json"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def finish(binary, study, folder):
    begin = time.monotonic()
    if start(binary, study, folder).wait() != 0:
        sys.exit(f"the sweep in {folder} failed")
    return time.monotonic() - begin


def count(folder):
    """What is there: models, and lines of ledgers."""
    models, lines = 0, 0
    for root, _, names in os.walk(folder):
        for name in names:
            if root.endswith("models") and name.endswith(".tflite"):
                models += 1
            if name.endswith(".ledger"):
                with open(os.path.join(root, name), "rb") as file:
                    lines += file.read().count(b"\n")
    return models, lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/edgebench")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--study", help="a study file of your own")
    args = parser.parse_args()
    chance = random.Random(args.seed)

    with tempfile.TemporaryDirectory() as work:
        study = args.study or os.path.join(work, "study.toml")
        if not args.study:
            with open(study, "w") as file:
                file.write(STUDY)
        whole, killed = os.path.join(work, "whole"), os.path.join(work, "killed")
        seconds = finish(args.binary, study, whole)
        print(f"left alone: {seconds:.1f} s, {count(whole)[0]} models, {count(whole)[1]} lines in ledgers")
        # Moments of the whole run, not at its very end; each attempt goes on from the one before.
        moments = sorted(chance.uniform(0, 0.8 * seconds) for _ in range(args.kills))
        before = 0.0
        for number, moment in enumerate(moments, 1):
            child = start(args.binary, study, killed)
            time.sleep(max(moment - before, 0.02))
            before = moment
            child.send_signal(signal.SIGKILL)
            killed_it = child.wait() == -signal.SIGKILL
            models, lines = count(killed)
            what = "killed" if killed_it else "was done already"
            print(f"attempt {number}: {what} at about {moment:.1f} s; {models} models, {lines} lines")
        print(f"to the end: {finish(args.binary, study, killed):.1f} s")
        different = []
        for name in RESULTS:
            with open(os.path.join(whole, name), "rb") as a, open(os.path.join(killed, name), "rb") as b:
                if a.read() != b.read():
                    different.append(name)
        if different:
            sys.exit(f"different: {', '.join(different)}")
        print(f"the same bytes: {', '.join(RESULTS)}")


if __name__ == "__main__":
    main()
